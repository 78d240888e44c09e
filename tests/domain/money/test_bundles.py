"""Visits that are rated together come to the same lines as one by one, whatever a document asks."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paid import EVER, order, visit, world
from test_rating_reference import AREAS, made_orders, made_visits, orders, visits
from told import day

from app.domain.money.bundles import bundled, classes_of, moving, singles_only
from app.domain.money.compensation_input import CompensationInput
from app.domain.money.document import terms_of
from app.domain.money.presets import PRESETS
from app.domain.money.rating import Agreement, rate
from app.domain.register.recipient import Recipient
from app.domain.time import month_days

DAYS = month_days("2026-11")
NIGHT = {"band": "night", "times": [{"from": "22:00", "to": "07:00"}]}
WEEKEND = {"band": "weekend", "times": [{"weekdays": [5], "from": "19:00", "until_weekday": 1, "to": "07:00"}]}
ALL_HELP = ["SERVICE", "CARE", "DELEGATED_HSL"]
RATES = [{"band": "weekend", "ore": 50_000}, {"area": "RURAL", "ore": 40_000}, {"ore": 36_017}]
MORE = [
    {},
    {"bands": ["night"]},
    {"flat_minutes": {"dusch": 17}},
    {"valid_from": "2026-11-09", "valid_to": "2026-11-20"},
    {"caps": {"month_hours": 5}},
    {"caps": {"ratio": {"of": ["SERVICE"], "percent": 50}}},
    {"threshold": {"percent": 80, "pay_percent": 50, "per": "recipient"}},
    {"rounding": {"step_minutes": 15, "per": "month"}},
    {"rounding": {"step_minutes": 15, "per": "line", "mode": "up"}},
    {"interventions": ["dusch", "städ"]},
]
COUNTED = [{}, {"bands": ["night"]}, {"valid_from": "2026-11-09"}, {"except_interventions": ["dusch"]}]
BONUS = {"title": "b", "ore": 1000, "from": "2026-10-30", "to": "2026-11-12", "paid_in": "2026-11"}


def rule(number, basis, more):
    return {"ref": f"r{number}", "basis": basis, "categories": ALL_HELP, "rates": RATES, **more}


rules = st.one_of(
    st.tuples(st.sampled_from(["executed", "executed_at_most_granted"]), st.sampled_from(MORE)),
    st.tuples(st.sampled_from(["per_visit", "per_occasion"]), st.sampled_from(COUNTED)),
)
documents = st.fixed_dictionaries(
    {
        "bands": st.just([WEEKEND, NIGHT]),
        "rules": st.lists(rules, min_size=1, max_size=3).map(
            lambda told: [rule(number, *one) for number, one in enumerate(told)]
        ),
    },
    optional={
        "index": st.just([{"from": "2026-11-05", "factor": "1.021"}]),
        "bonuses": st.just([BONUS]),
        "vat_compensation": st.just({"percent": "2.5"}),
    },
)


def both(agreements, master, found, days=DAYS):
    """Rated one by one, and together; and how many bundles there were."""
    facts = CompensationInput(
        "P-norr", "external", master, [part for parts in master.orders.values() for part in parts], found
    )
    first_on = min([days[0], *(bonus.first_on for one in agreements for bonus in one.terms.bonuses)])
    apart = moving(master, list(master.recipients), (first_on, days[1]))
    singles, bundles = bundled(found, classes_of(agreements, days, first_on), apart)
    together = dataclasses.replace(facts, visits=singles, bundles=bundles)
    return rate(facts, agreements, days), rate(together, agreements, days), bundles


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents, visits, orders, st.booleans(), st.booleans())
def test_together_is_as_one_by_one(document, told_visits, told_orders, moves, changes):
    master = world(AREAS, *made_orders(told_orders))
    if moves:
        master.put_recipient(Recipient("B-1", day("2026-11-11"), "B-1", "RURAL"))
    agreements = [Agreement("K-1", EVER, terms_of(document))]
    if changes:
        dearer = terms_of(document | {"index": [{"from": "2026-01-01", "factor": 2}]})
        agreements = [
            Agreement("K-1", (EVER[0], day("2026-11-15")), terms_of(document)),
            Agreement("K-2", (day("2026-11-16"), EVER[1]), dearer),
        ]
    one_by_one, together, _ = both(agreements, master, made_visits(told_visits))
    assert together == one_by_one


def test_a_months_visits_are_one_bundle_and_those_over_an_edge_stay_alone():
    daily = [visit(number, "B-1", f"2026-11-{number:02}T08:00", "08:30", "dusch 20;städ 10") for number in range(2, 20)]
    midnight = visit(30, "B-1", "2026-11-02T23:50", "2026-11-03T00:20", "dusch 20;städ 10")
    evening = visit(31, "B-1", "2026-11-03T21:50", "22:20", "dusch 20;städ 10")
    night = visit(32, "B-1", "2026-11-04T23:00", "23:20", "dusch")
    document = {"bands": [NIGHT], "rules": [rule(1, "executed", {"rates": [{"band": "night", "ore": 2}, {"ore": 1}]})]}
    agreements = [Agreement("K-1", EVER, terms_of(document))]
    one_by_one, together, bundles = both(agreements, world(AREAS), [*daily, midnight, evening, night])
    assert together == one_by_one
    assert [(bundle.visits, [share.seconds for share in bundle.shares]) for bundle in bundles] == [
        (18, [18 * 1200, 18 * 600]),
        (1, [1200]),
    ]
    assert [(line.visits, f"{line.first_on:%d}", f"{line.last_on:%d}") for line in together if not line.price.band] == [
        (19, "02", "19"),
        (19, "02", "19"),
    ]


@pytest.mark.parametrize(
    ("more", "alone"),
    [
        ({}, False),
        ({"caps": {"visit_minutes": 60}}, True),
        ({"double_staffing": "once"}, True),
        ({"rounding": {"step_minutes": 15, "per": "visit"}}, True),
        ({"rounding": {"step_minutes": 15, "per": "month"}, "caps": {"month_hours": 5}}, False),
    ],
)
def test_what_looks_at_each_visit(more, alone):
    assert singles_only(terms_of({"rules": [rule(1, "executed", more)]})) is alone


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_pays_the_same_for_visits_together(preset):
    master = world(AREAS, order("O-1", "B-1", "dusch 20;städ 45 1/wk;insulin 10"))
    found = [
        visit(number, "B-1", f"2026-11-{number:02}T{8 + number % 14:02}:30", f"{8 + number % 14:02}:55", what)
        for number, what in zip(
            range(1, 31), ["dusch", "dusch 20;insulin 10", "städ", "larm", "sårvård"] * 6, strict=True
        )
    ]
    one_by_one, together, bundles = both([Agreement("K-1", EVER, terms_of({"preset": preset}))], master, found)
    assert together == one_by_one
    assert 1 < len(bundles) < len(found)
