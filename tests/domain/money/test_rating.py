"""Every word of the compensation language by itself; every amount was computed by hand."""

import dataclasses

import pytest
from paid import EVER, declined, order, rated, shown, total, visit, world
from told import day

from app.domain.money.document import terms_of, whole
from app.domain.money.rating import Agreement
from app.domain.register.intervention import Intervention
from app.domain.register.recipient import Recipient

URBAN = {"B-1": "URBAN"}
NIGHT = {"band": "night", "times": [{"from": "22:00", "to": "07:00"}]}


def rule(basis="executed", ore=36_000, **more):
    """An hour at 360 kr is a second at 10 öre."""
    return {"ref": "r", "basis": basis, "categories": ["CARE"], "rates": [{"ore": ore}], **more}


def pays(document, *visits, orders=(), form="external", month="2026-11", areas=URBAN, turned_down=()):
    master = world(areas, *orders)
    if "rules" not in document:
        document = {"rules": [document]}
    return shown(rated(document, master, visits, form=form, month=month, turned_down=turned_down))


def at_eight(number, minutes, on="2026-11-02", what="dusch", **more):
    return visit(number, "B-1", f"{on}T08:00", f"{8 + minutes // 60:02}:{minutes % 60:02}", what, **more)


def test_nothing_said_pays_nothing():
    assert pays({"rules": []}, at_eight(1, 30)) == []
    assert rated({}, world(URBAN), [at_eight(1, 30)]) == []


def test_only_complete_payable_time_of_the_rules_help_is_paid():
    visits = [
        at_eight(1, 30, what="dusch 20;städ 10"),
        at_eight(2, 30, held=("dusch",)),
        at_eight(3, 30, status="declined"),
        at_eight(4, 30, on="2026-12-01"),
    ]
    assert pays(rule(), *visits) == ["B-1 r URBAN executed 0.333 hour x 36000 = 12000"]


def test_some_interventions_or_all_but_some():
    what = at_eight(1, 30, what="dusch 20;tillsyn 10")
    assert pays(rule(interventions=["tillsyn"]), what) == ["B-1 r URBAN executed 0.167 hour x 36000 = 6000"]
    assert pays(rule(except_interventions=["tillsyn"]), what) == ["B-1 r URBAN executed 0.333 hour x 36000 = 12000"]


def test_a_line_is_rounded_once_and_half_upwards():
    # 3 times 1 s at 360.18 kr an hour is 30.015 öre; rounded each time it would be 30.
    seconds = [
        visit(number, "B-1", f"2026-11-0{number}T08:00:00", f"2026-11-0{number}T08:00:01", "dusch")
        for number in (1, 2, 3)
    ]
    assert [text[-5:] for text in pays(rule(ore=36_018), *seconds)] == [" = 30"]
    assert [text[-4:] for text in pays(rule(ore=1800), *seconds[:1])] == [" = 1"]  # 0.5 öre
    assert [text[-4:] for text in pays(rule(ore=1799), *seconds[:1])] == [" = 0"]


def test_twenty_minutes_are_a_third_of_an_hour():
    assert pays(rule(ore=39_400), at_eight(1, 20)) == ["B-1 r URBAN executed 0.333 hour x 39400 = 13133"]


@pytest.mark.parametrize(
    ("rates", "area", "form", "ore"),
    [
        ([{"area": "RURAL", "ore": 2}, {"ore": 1}], "RURAL", "external", 2),
        ([{"area": "RURAL", "ore": 2}, {"ore": 1}], "URBAN", "external", 1),
        ([{"form": "in_house", "ore": 2}, {"ore": 1}], "URBAN", "in_house", 2),
        ([{"form": "in_house", "area": "RURAL", "ore": 2}, {"ore": 1}], "URBAN", "in_house", 1),
        ([{"ore": 1}, {"area": "RURAL", "ore": 2}], "RURAL", "external", 1),
    ],
)
def test_the_first_rate_that_fits_holds(rates, area, form, ore):
    found = pays(rule("per_visit", rates=rates), at_eight(1, 20), areas={"B-1": area}, form=form)
    assert found == [f"B-1 r {area} visit 1 visit x {ore} = {ore}"]


def test_without_a_rate_the_line_says_so():
    found = pays(rule(rates=[{"area": "RURAL", "ore": 2}]), at_eight(1, 20))
    assert found == ["B-1 r URBAN executed 0.333 hour x 0 = 0 [no_rate]"]


def test_a_move_changes_the_price_from_its_day():
    master = world(URBAN, order("O-1", "B-1", "dusch 60"))
    master.put_recipient(Recipient("B-1", day("2026-11-11"), "B-1", "RURAL"))
    document = {"rules": [rule("granted", rates=[{"area": "RURAL", "ore": 20_000}, {"ore": 10_000}])]}
    assert shown(rated(document, master)) == [
        "B-1 r URBAN granted 10 hour x 10000 = 100000",
        "B-1 r RURAL granted 20 hour x 20000 = 400000",
    ]


def test_granted_time_follows_the_catalogue_of_the_day():
    master = world(URBAN, order("O-1", "B-1", "dusch"))
    master.put_intervention(Intervention("dusch", day("2026-11-16"), "CARE", 40))
    assert shown(rated({"rules": [rule("granted", 10_000)]}, master)) == [
        "B-1 r URBAN granted 15 hour x 10000 = 150000"  # 15 days of 20 minutes, 15 of 40
    ]


def test_granted_time_ends_with_a_death_and_counts_every_ordered_pair_of_hands():
    master = world(URBAN, order("O-1", "B-1", "dusch 30 staff:2"))
    master.put_recipient(Recipient("B-1", day("2026-01-02"), "B-1", "URBAN", died_on=day("2026-11-10")))
    assert shown(rated({"rules": [rule("granted", 100)]}, master)) == ["B-1 r URBAN granted 10 hour x 100 = 1000"]
    once = {"rules": [rule("granted", 100, double_staffing="once")]}
    assert shown(rated(once, master)) == ["B-1 r URBAN granted 5 hour x 100 = 500"]


def test_a_visit_is_cut_at_the_edge_of_a_band_and_of_the_month():
    night = visit(1, "B-1", "2026-10-31T21:30", "2026-11-01T00:30", "dusch 20;städ 10")
    document = {"bands": [NIGHT], "rules": [rule(rates=[{"band": "night", "ore": 7200}, {"ore": 3600}])]}
    assert pays(document, night, month="2026-10") == [
        "B-1 r URBAN executed 0.333 hour x 3600 = 1200",
        "B-1 r URBAN night executed 1.333 hour x 7200 = 9600",
    ]
    assert pays(document, night) == ["B-1 r URBAN night executed 0.333 hour x 7200 = 2400"]


def test_a_rule_that_names_no_band_is_not_cut_by_bands():
    document = {"bands": [NIGHT], "rules": [rule()]}
    late = visit(1, "B-1", "2026-11-02T21:30", "22:30", "dusch")
    assert pays(document, late) == ["B-1 r URBAN executed 1 hour x 36000 = 36000"]


@pytest.mark.parametrize(
    ("rounding", "seconds"),
    [
        ({"step_minutes": 15, "per": "visit", "mode": "up"}, 3 * 900),
        ({"step_minutes": 15, "per": "visit", "mode": "down"}, 900),
        ({"step_minutes": 15, "per": "visit"}, 2 * 900),
        ({"step_minutes": 15, "per": "line"}, 2 * 900),
        ({"step_minutes": 15, "per": "month", "mode": "up"}, 3 * 900),
        ({"step_minutes": 1, "per": "month"}, 32 * 60),
    ],
)
def test_rounding_of_visits_of_lines_and_of_months(rounding, seconds):
    visits = [at_eight(1, 20), at_eight(2, 12, on="2026-11-03")]
    document = {"rules": [rule(rounding=rounding)]}
    [line] = rated(document, world(URBAN), visits)
    assert line.amount_ore == seconds * 10
    assert line.price.notes == (() if seconds == 32 * 60 else ("rounded",))


def test_the_caps_of_a_visit_and_of_a_month():
    visits = [at_eight(1, 90, what="dusch 60;tillsyn 30"), at_eight(2, 30, on="2026-11-03")]
    assert pays(rule(caps={"visit_minutes": 60}), *visits) == [
        "B-1 r URBAN executed 1 hour x 36000 = 36000 [capped_visit]",
        "B-1 r URBAN executed 0.5 hour x 36000 = 18000",
    ]
    assert pays(rule(caps={"month_hours": "1.5"}), *visits) == [
        "B-1 r URBAN executed 1.5 hour x 36000 = 54000 [capped_month]"
    ]
    assert pays(rule(caps={"month_hours": 2, "visit_minutes": 90}), *visits) == [
        "B-1 r URBAN executed 2 hour x 36000 = 72000"
    ]


def test_the_ratio_counts_all_recipients_and_no_more_than_there_is():
    hsl = rule(categories=["DELEGATED_HSL"], caps={"ratio": {"of": ["CARE"], "percent": 50}})
    care = at_eight(1, 60)
    assert pays(hsl, care, at_eight(2, 20, what="insulin")) == ["B-1 r URBAN executed 0.333 hour x 36000 = 12000"]
    assert pays(hsl, at_eight(2, 20, what="insulin")) == ["B-1 r URBAN executed 0 hour x 36000 = 0 [capped_ratio]"]


def test_the_threshold_of_each_recipient():
    orders = [order("O-1", "B-1", "dusch 60"), order("O-2", "B-2", "dusch 60")]
    visits = [
        visit(1, "B-1", "2026-11-02T00:00", "2026-11-02T23:00", "dusch"),  # 23 of 30 h
        visit(2, "B-2", "2026-11-03T00:00", "2026-11-04T00:00", "dusch"),  # 24 of 30 h
        visit(3, "B-3", "2026-11-03T00:00", "01:00", "dusch"),  # nothing granted
    ]
    document = rule(ore=100, threshold={"percent": 80, "pay_percent": 50, "per": "recipient"})
    assert pays(document, *visits, orders=orders, areas=dict.fromkeys(("B-1", "B-2", "B-3"), "URBAN")) == [
        "B-1 r URBAN executed 23 hour x 100 x 50 % = 1150 [below_threshold]",
        "B-2 r URBAN executed 24 hour x 100 = 2400",
        "B-3 r URBAN executed 1 hour x 100 = 100",
    ]


@pytest.mark.parametrize(
    ("pool", "below"),
    [
        ({}, {"CARE"}),  # each by itself, unless it says otherwise
        ({"pool": "category"}, {"CARE"}),
        ({"pool": "law"}, {"SERVICE", "CARE"}),  # 35 of 60 h under the Social Services Act
        ({"pool": "all"}, set()),  # 85 of 90 h
    ],
)
def test_a_threshold_looks_at_what_is_pooled(pool, below):
    """Of 30 h each, 5 h of care, 30 h of service and 50 h of insulin were executed."""
    ordered = order("O-1", "B-1", "dusch 60;städ 60;insulin 60")
    visits = [
        visit(1, "B-1", "2026-11-02T00:00", "05:00", "dusch"),
        visit(2, "B-1", "2026-11-03T00:00", "2026-11-04T06:00", "städ"),
        visit(3, "B-1", "2026-11-05T00:00", "2026-11-07T02:00", "insulin"),
    ]
    one = {
        "ref": "r", "basis": "executed", "categories": ["SERVICE", "CARE", "DELEGATED_HSL"], "rates": [{"ore": 100}],
        "threshold": {"percent": 80, "pay_percent": 50}, **pool,
    }  # fmt: skip
    lines = rated({"rules": [one]}, world({"B-1": "URBAN"}, ordered), visits)
    assert {line.price.category for line in lines if "below_threshold" in line.price.notes} == below


def test_two_at_once_paid_once():
    together = [at_eight(1, 30, group=1), at_eight(2, 60, group=1, staff="S-2"), at_eight(3, 30, on="2026-11-03")]
    assert pays(rule("per_visit", 100), *together) == ["B-1 r URBAN visit 3 visit x 100 = 300"]
    assert pays(rule("per_visit", 100, double_staffing="once"), *together) == ["B-1 r URBAN visit 2 visit x 100 = 200"]
    first_held = [at_eight(1, 30, group=1, held=("dusch",)), at_eight(2, 60, group=1, staff="S-2")]
    assert pays(rule(double_staffing="once"), *first_held) == ["B-1 r URBAN executed 1 hour x 36000 = 36000"]


def test_an_intervention_cut_in_two_is_one_occasion():
    cut = at_eight(1, 30)
    share = cut.shares[0]._replace(seconds=900)
    cut = cut._replace(shares=(share, share._replace(payable=False, reason="extra_staff")))
    assert pays(rule("per_occasion", 100), cut) == ["B-1 r URBAN occasion 1 occasion x 100 = 100"]
    assert pays(rule(flat_minutes={"dusch": 40}), cut) == ["B-1 r URBAN flat_minutes 0.667 hour x 36000 = 24000"]


def test_declined_by_how_by_intervention_and_by_notice():
    table = [
        {"how": ["in_advance"], "notice_hours": 24, "percent": 100},
        {"how": ["at_door", "single"], "interventions": ["dusch"], "percent": 50},
        {"how": ["at_door", "single"], "percent": 25},
    ]
    turned_down = [
        declined("B-1", "2026-11-02T08:00", "dusch", "in_advance", notified="2026-11-01T08:01"),
        declined("B-1", "2026-11-03T08:00", "dusch", "in_advance", notified="2026-11-02T08:00"),  # in time
        declined("B-1", "2026-11-04T08:00", "dusch", "at_door"),
        declined("B-1", "2026-11-04T08:00", "tillsyn", "single"),
        declined("B-1", "2026-11-05T08:00", "tillsyn", "no_answer"),  # not in the table
        declined("B-1", "2026-11-06T08:00", "städ", "at_door"),  # not the rule's
        declined("B-1", "2026-12-06T08:00", "dusch", "at_door"),
    ]
    assert pays(rule(declined=table), turned_down=turned_down) == [
        "B-1 r URBAN declined_in_advance 0.333 hour x 36000 = 12000",
        "B-1 r URBAN declined_at_door 0.333 hour x 36000 x 50 % = 6000",
        "B-1 r URBAN declined_single 0.167 hour x 36000 x 25 % = 1500",
    ]


def test_a_declined_visit_is_one_visit_and_its_interventions_as_many_occasions():
    table = [{"how": ["at_door"], "percent": 50}]
    both = [declined("B-1", "2026-11-04T08:00", what, "at_door", number=9) for what in ("dusch", "tillsyn")]
    assert total(rated({"rules": [rule("per_visit", 100, declined=table)]}, world(URBAN), turned_down=both)) == 50
    assert total(rated({"rules": [rule("per_occasion", 100, declined=table)]}, world(URBAN), turned_down=both)) == 100


def test_a_visited_day_of_a_pause_pays_its_granted_time():
    away = order("O-1", "B-1", "dusch 60", pauses=[("2026-11-10", "2026-11-12", "hospital")])
    granted = rule("granted", 100, absence={"days": [{"first": 1, "last": 1, "percent": 50}]})
    assert pays(granted, at_eight(1, 30, on="2026-11-10"), orders=[away]) == [
        "B-1 r URBAN granted 28 hour x 100 = 2800",  # 27 days, and the visited one
        "B-1 r URBAN absence 1 hour x 100 x 50 % = 50 [absence_hospital]",
    ]
    stopped = dataclasses.replace(away)
    assert pays(rule("granted", 100), orders=[stopped]) == ["B-1 r URBAN granted 27 hour x 100 = 2700"]


def test_months_whole_and_by_days():
    late = order("O-1", "B-1", "larm", first="2026-11-16")
    alarm = rule("per_month", 3000, categories=["ALARM"])
    assert pays(alarm, orders=[late]) == ["B-1 r URBAN enrolled 1 month x 3000 = 3000"]
    assert pays(alarm | {"by_days": True}, orders=[late]) == ["B-1 r URBAN enrolled 0.5 month x 3000 = 1500"]
    assert pays(alarm, orders=[late], month="2026-10") == []
    paused = order("O-1", "B-1", "larm", pauses=[("2026-11-01", "2026-11-30", "hospital")])
    assert pays(alarm, orders=[paused]) == []


HALF = {"days": [{"first": 1, "last": 3, "percent": 50}]}
DEARER = [{"from": "2026-11-15", "factor": "1.02"}]
DAYS_PAID = [
    # A whole month, and an order that begins or ends within it.
    ({}, {"rules": [rule("granted")]}, ["01-30"]),
    ({"first": "2026-11-10"}, {"rules": [rule("granted")]}, ["10-30"]),
    ({"last": "2026-11-09"}, {"rules": [rule("granted")]}, ["01-09"]),
    # Days in a pause are not paid for: at the ends they stand outside, within they part no line.
    ({"pauses": [("2026-11-01", "2026-11-09", "hospital")]}, {"rules": [rule("granted")]}, ["10-30"]),
    ({"pauses": [("2026-11-25", None, "hospital")]}, {"rules": [rule("granted")]}, ["01-24"]),
    ({"pauses": [("2026-11-10", "2026-11-12", "hospital")]}, {"rules": [rule("granted")]}, ["01-30"]),
    # A new price begins a line of its own, and absence is paid day by day.
    ({}, {"rules": [rule("granted")], "index": DEARER}, ["01-14", "15-30"]),
    ({"pauses": [("2026-11-10", None, "hospital")]}, {"rules": [rule("granted", absence=HALF)]}, ["01-09", "10-12"]),
    # A month is paid for the days on which somebody is enrolled in it.
    ({}, {"rules": [rule("per_month")]}, ["01-30"]),
    ({"first": "2026-11-10", "last": "2026-11-19"}, {"rules": [rule("per_month")]}, ["10-19"]),
    ({"pauses": [("2026-11-28", None, "hospital")]}, {"rules": [rule("per_month")]}, ["01-27"]),
    ({"first": "2026-11-10"}, {"rules": [rule("per_month", by_days=True)]}, ["10-30"]),
]


@pytest.mark.parametrize(("ordered", "document", "days"), DAYS_PAID)
def test_a_line_of_what_was_ordered_covers_the_days_it_pays_for(ordered, document, days):
    lines = rated(document, world(URBAN, order("O-1", "B-1", "dusch 1/d", **ordered)))
    assert sorted(f"{one.first_on:%d}-{one.last_on:%d}" for one in lines) == days


def test_a_month_that_two_contracts_share_is_paid_by_the_first():
    terms = terms_of({"rules": [rule("per_month", 3000, categories=["ALARM"])]})
    agreements = [
        Agreement("K-1", (EVER[0], day("2026-11-10")), terms),
        Agreement("K-2", (day("2026-11-11"), EVER[1]), terms),
    ]
    lines = rated({}, world(URBAN, order("O-1", "B-1", "larm")), agreements=agreements)
    assert [(line.price.contract, line.amount_ore) for line in lines] == [("K-1", 3000)]


def test_start_up_hours_in_the_month_of_the_first_order():
    orders = [order("O-1", "B-1", "dusch", first="2026-11-20"), order("O-2", "B-1", "dusch", first="2026-12-01")]
    assert pays(rule(startup_hours="1.5"), orders=orders) == ["B-1 r URBAN startup 1.5 hour x 36000 = 54000"]
    assert pays(rule(startup_hours=4), orders=orders, month="2026-12") == []


def test_the_index_from_its_day_and_for_its_rules():
    document = {
        "rules": [rule(ore=36_000), rule(ore=36_000) | {"ref": "s", "categories": ["SERVICE"]}],
        "index": [
            {"from": "2026-01-01", "factor": "1.5", "rules": ["r"]},
            {"from": "2026-11-03", "factor": "1.021", "rules": ["r"]},
        ],
    }
    visits = [at_eight(1, 60), at_eight(2, 60, on="2026-11-03"), at_eight(3, 60, on="2026-11-04", what="städ")]
    assert pays(document, *visits) == [
        "B-1 r URBAN executed 1 hour x 36000 x 1.5 = 54000",
        "B-1 r URBAN executed 1 hour x 36000 x 1.021 = 36756",
        "B-1 s URBAN executed 1 hour x 36000 = 36000",
    ]


def test_a_rule_holds_within_its_days():
    limited = rule(valid_from="2026-11-02", valid_to="2026-11-03")
    visits = [at_eight(number, 60, on=f"2026-11-0{number}") for number in (1, 2, 3, 4)]
    assert pays(limited, *visits) == ["B-1 r URBAN executed 2 hour x 36000 = 72000"]


@pytest.mark.parametrize(("form", "amount"), [("external", 2), ("external_vat", 0)])
def test_vat_compensation_of_the_recipients_amount(form, amount):
    document = {"rules": [rule(ore=5000)], "vat_compensation": {"forms": ["external"], "percent": "2.5"}}
    found = pays(document, at_eight(1, 1), form=form)  # 1 minute: 83.33 öre, 83; 2.5 % of 83 is 2.075
    vat = [f"B-1 vat_compensation vat_compensation 83 ore x 1 x 2.5 % = {amount}"]
    assert found == ["B-1 r URBAN executed 0.017 hour x 5000 = 83", *(vat if amount else [])]


def test_only_service_ordered():
    orders = [order("O-1", "B-1", "städ;insulin"), order("O-2", "B-2", "städ;dusch")]
    both = {"B-1": "URBAN", "B-2": "URBAN"}
    only = rule("granted", 100, categories=["SERVICE"], only_ordered=["SERVICE"])
    assert pays(only, orders=orders, areas=both) == ["B-1 r URBAN granted 30 hour x 100 = 3000"]
    others = rule("granted", 100, categories=["SERVICE"], except_only_ordered=["SERVICE"])
    assert pays(others, orders=orders, areas=both) == ["B-2 r URBAN granted 30 hour x 100 = 3000"]


def test_a_night_after_the_last_ordered_day_is_paid_once():
    ended = order("O-1", "B-1", "städ", last="2026-10-31")
    night = visit(1, "B-1", "2026-10-31T23:30", "2026-11-01T00:30", "städ")
    rules = [
        rule(ore=3600, categories=["SERVICE"], only_ordered=["SERVICE"]) | {"ref": "only"},
        rule(ore=7200, categories=["SERVICE"], except_only_ordered=["SERVICE"]) | {"ref": "others"},
    ]
    assert pays({"rules": rules}, night, orders=[ended]) == ["B-1 others URBAN executed 0.5 hour x 7200 = 3600"]


def test_what_a_document_says_itself_stands_in_place_of_its_presets():
    told = whole({"preset": "hsl-included", "rates": {"executed": [{"ore": 1}]}, "index": [{"from": "2026-01-01"}]})
    assert [rule["rates"] for rule in told["rules"]] == [[{"ore": 1}], [{"ore": 0}]]
    assert told["index"] == [{"from": "2026-01-01"}]


def test_a_lines_key_is_its_own():
    visits = [at_eight(1, 60), at_eight(2, 60, on="2026-11-03", what="tillsyn;städ")]
    lines = rated({"rules": [rule(), rule(categories=["SERVICE"]) | {"ref": "s"}]}, world(URBAN), visits)
    again = rated({"rules": [rule(), rule(categories=["SERVICE"]) | {"ref": "s"}]}, world(URBAN), visits[::-1])
    assert len({line.key for line in lines}) == len(lines) == 2
    assert again == lines
