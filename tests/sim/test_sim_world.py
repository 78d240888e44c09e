"""The district: complete, the same for the same seed, and told in bodies that the contract knows."""

import re
from collections import Counter
from datetime import date, datetime

import pytest

from firmware_sim.people.catalogue import NEVER_ORDERED
from firmware_sim.people.district import staff_of
from firmware_sim.people.world import build_world

ON = date(2026, 10, 24)
REF = re.compile(r"[A-Za-z0-9ÅÄÖåäö][A-Za-z0-9ÅÄÖåäö._:-]{0,63}")


def day(value):
    assert date.fromisoformat(value).isoformat() == value


def instant(value):
    assert datetime.fromisoformat(value).tzinfo is not None


def is_one_of(*values):
    def check(value):
        assert value in values

    return check


def is_a(kind):
    def check(value):
        assert type(value) is kind

    return check


def ref(value):
    assert REF.fullmatch(value)
    assert not re.fullmatch(r"(\d{2})?\d{6}[-+]?\d{4}", value)


def list_of(shape):
    def check(value):
        for one in value:
            fits(one, shape)

    return check


def window(value):
    assert len(value) == 2
    assert all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", one) for one in value)


def weekdays(value):
    assert value
    assert set(value) <= set(range(1, 8))


def uid(value):
    assert re.fullmatch(r"04[0-9A-F]{12}", value)


# field: check; a name that ends in ? may be left out
LINE = {
    "ref": ref,
    "intervention": ref,
    "standard_minutes?": is_a(int),
    "frequency": is_a(int),
    "period": is_a(int),
    "period_unit": is_one_of("d", "wk", "mo"),
    "staff_count": is_one_of(1, 2),
    "weekdays?": weekdays,
    "window?": window,
}
CATEGORIES = ("SERVICE", "CARE", "DELEGATED_HSL", "ALARM", "LICENSED_HSL", "MEAL")
ROLES = ("care_assistant", "assistant_nurse", "licensed", "trainee", "night_patrol", "alarm_team")
SHAPES = {
    ("PUT", "providers"): {"name": is_a(str), "form": is_one_of("in_house", "external", "external_vat")},
    ("PUT", "recipients"): {
        "birth_date?": day,
        "household?": ref,
        "area": is_one_of("URBAN", "RURAL", "ARCHIPELAGO"),
        "protected?": is_a(bool),
    },
    ("PUT", "staff"): {
        "provider": ref,
        "role": is_one_of(*ROLES),
        "valid_from": day,
        "delegations": list_of({"intervention": ref, "valid_from": day, "valid_to": day}),
    },
    ("PUT", "interventions"): {
        "title": is_a(str),
        "category": is_one_of(*CATEGORIES),
        "standard_minutes": is_a(int),
    },
    ("PUT", "orders"): {
        "recipient": ref,
        "provider": ref,
        "valid_from": day,
        "lines": list_of(LINE),
        "pauses": list_of({"from": day, "to": day, "reason": is_a(str)}),
    },
    ("PUT", "tags"): {"kind": is_one_of("static"), "uid": uid},
    ("PUT", "contracts"): {
        "provider": ref,
        "valid_from": day,
        "split_policy": is_one_of("proportional", "hsl_first", "reported"),
        "report_required": is_a(bool),
        "compensation": is_a(dict),
    },
    ("POST", "tags"): {"household": ref, "at": instant},
}


def fits(body, shape):
    required = {name for name in shape if not name.endswith("?")}
    optional = {name[:-1] for name in shape if name.endswith("?")}
    assert required <= body.keys() <= required | optional
    for name, value in body.items():
        shape[name if name in shape else f"{name}?"](value)


@pytest.fixture(scope="module")
def world():
    return build_world(7, ON)


def test_every_body_has_the_shape_of_the_contract(world):
    seen = set()
    for call in (one for phase in world.calls() for one in phase):
        parts = call.path.split("/")
        assert parts[1] == "v1"
        assert len(parts) == (4 if call.method == "PUT" else 5)
        ref(parts[3])
        fits(call.body, SHAPES[call.method, parts[2]])
        seen.add((call.method, parts[2]))
    assert seen == set(SHAPES)


def test_nothing_is_named_before_it_was_put(world):
    put = {kind: set() for kind in ("providers", "recipients", "staff", "interventions", "orders", "tags", "contracts")}
    households = set()
    for phase in world.calls():
        for call in phase:
            body = call.body
            assert body.get("provider") in {None, *put["providers"]}
            assert body.get("recipient") in {None, *put["recipients"]}
            named = [one["intervention"] for one in [*body.get("lines", []), *body.get("delegations", [])]]
            assert set(named) <= put["interventions"]
            if call.method == "POST":
                assert call.path.split("/")[3] in put["tags"]
                assert body["household"] in households
        for call in phase:
            if call.method == "PUT":
                kind, name = call.path.split("/")[2:]
                assert name not in put[kind]
                put[kind].add(name)
                if kind == "recipients":
                    households.add(call.body.get("household", name))
    assert len(put["orders"]) == len(world.orders)


def test_the_municipality_of_the_demo(world):
    assert (len(world.recipients), len(world.staff)) == (60, 25)
    assert Counter(one.form for one in world.providers.values())["in_house"] == 1
    assert len(world.providers) == 5
    assert {one.split_policy for one in world.providers.values()} == {"proportional", "hsl_first", "reported"}
    assert {one.report_required for one in world.providers.values()} == {True, False}
    assert {one.area for one in world.recipients} == {"URBAN", "RURAL", "ARCHIPELAGO"}
    assert Counter(one.role for one in world.staff) >= Counter(night_patrol=2, alarm_team=2, licensed=1, trainee=1)
    day_staff = [one for one in world.staff if one.role in {"care_assistant", "assistant_nurse"}]
    assert sum(not one.delegations for one in day_staff) == 1
    assert {one.provider for one in day_staff} == set(world.providers)
    assert sum(one.protected for one in world.recipients) == 1
    assert [order.paused(ON) for order in world.orders].count(True) == 1
    lines = [line for order in world.orders for line in order.lines]
    ordered = {
        one.body["category"] for one in world.calls()[0] if one.path.split("/")[3] in {x.intervention for x in lines}
    }
    assert ordered == set(CATEGORIES)
    assert {line.staff_count for line in lines} == {1, 2}
    assert {line.period_unit for line in lines} == {"d", "wk", "mo"}
    assert 2 in {line.period for line in lines}
    assert NEVER_ORDERED not in {line.intervention for line in lines}


def test_couples_share_a_door_in_every_way(world):
    couples = [home for home in world.households.values() if len(home) == 2]
    assert len(couples) == 6
    main = [
        [{o.provider for o in world.orders_of[one.ref] if o.ref == f"O{one.ref[1:]}"} for one in home]
        for home in couples
    ]
    assert any(first and not second for first, second in main)
    assert any(first and first == second for first, second in main)
    assert any(first and second and first != second for first, second in main)


def test_every_door_has_one_tag_of_its_own(world):
    assert Counter(tag.household for tag in world.tags) == Counter(world.households.keys())
    assert len({tag.uid for tag in world.tags}) == len(world.tags)


def test_the_same_seed_is_the_same_district_and_another_one_is_not(world):
    assert build_world(7, ON).calls() == world.calls()
    assert build_world(8, ON).calls() != world.calls()


def test_the_next_day_changes_nothing_within_a_week(world):
    assert build_world(7, date(2026, 10, 25)).calls() == world.calls()
    assert build_world(7, date(2026, 10, 26)).tags == world.tags


def test_staff_do_not_need_the_rest_of_the_world(world):
    assert staff_of(7, 25) == world.staff


def test_a_large_district_keeps_the_proportions():
    large = build_world(7, ON, recipients=2000, staff=400)
    roles = Counter(one.role for one in large.staff)
    assert (len(large.recipients), len(large.staff)) == (2000, 400)
    assert (roles["night_patrol"], roles["alarm_team"], roles["licensed"], roles["trainee"]) == (32, 32, 16, 16)
    assert len({one.ref for one in large.staff}) == 400
    assert len({tag.uid for tag in large.tags}) == len(large.households) == 1800
    assert 20 < sum(order.paused(ON) for order in large.orders) < 60


def test_too_few_staff_are_refused():
    with pytest.raises(ValueError, match="at least 20"):
        build_world(7, ON, staff=19)
