"""Couples, crews and changes that meet on one day: what the numbered situations give when several come together."""

import asyncio
import datetime as dt

from service import day, tap_item
from world import H1, H2, H3, PAR, codes, line, order, reasons, recipient, shares, staff


def date(offset):
    """The day as a local date."""
    return str(day(offset).date())


def by_whom(visits):
    """Visits by staff and recipient, in an order that is no chance."""
    return {(visit["staff"], visit["recipient"]): visit for visit in visits}


async def test_a_couple_with_one_order_two_carers_a_third_and_a_trainee(home):
    await home.withdraw("O-b")
    await home.put("orders", "O-a", order("B-a", line("1", "dusch", 20, staff_count=2)))
    crew = {"S-trainee": ("08:00", "08:30"), "S-3": ("08:10", "08:20"), "S-2": ("08:05", "08:35")}
    for who, (start, end) in crew.items():
        await home.visit_by(who, PAR, day(-1, start), day(-1, end))
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    visits = by_whom(await home.visits())
    assert {who for _, who in visits} == {"B-a"}
    assert len({visit["group"] for visit in visits.values()}) == 1
    told = {who: (shares(visit), codes(visit)) for (who, _), visit in visits.items()}
    assert told == {
        "S-1": ([("dusch", 1800, True)], set()),
        "S-2": ([("dusch", 1800, True)], set()),
        "S-3": ([("dusch", 600, False)], {"extra_staff"}),
        "S-trainee": ([("dusch", 1800, False)], set()),
    }
    assert reasons(visits["S-trainee", "B-a"]) == ["trainee"]


async def test_a_change_of_staff_in_the_middle_pays_the_time_they_met_once(home):
    await home.visit_by("S-3", H2, day(-1, "12:45"), day(-1, "13:00"))
    await home.visit_by("S-2", H2, day(-1, "12:15"), day(-1, "12:45"))
    await home.visit_by("S-1", H2, day(-1, "12:00"), day(-1, "12:20"))
    leaving, coming, last = await home.visits()
    assert (shares(leaving), codes(leaving)) == ([("lunch", 1200, True)], set())
    assert (shares(coming), codes(coming)) == ([("lunch", 1500, True), ("lunch", 300, False)], {"extra_staff"})
    assert (shares(last), codes(last)) == ([("lunch", 900, True)], set())
    assert leaving["group"] == coming["group"] != last["group"]


async def test_one_person_with_two_employers_is_paid_by_each_for_its_own_seconds(home):
    await home.put("staff", "S-1s", staff("S-south", person="S-1"))
    await home.put("orders", "O-3s", order("B-3", line("1", "tillsyn", 30), provider="P-syd"))
    await home.visit_by("S-1s", H3, day(-1, "08:30"), day(-1, "08:45"))
    await home.visit_by("S-1", H2, day(-1, "08:00"), day(-1, "09:00"))
    outer, inner = await home.visits()
    assert [(one["provider"], one["seconds"], one["payable"]) for one in (outer, inner)] == [
        ("P-norr", 2700, True),
        ("P-syd", 900, True),
    ]
    for provider, visit in (("P-norr", outer), ("P-syd", inner)):
        assert await home.visits(role="planner", who={"provider": provider}) == [visit | {"note": None}]


async def test_one_of_a_couple_changes_provider_and_both_come_on_the_day(home):
    await home.put("orders", "O-b", order("B-b", line("1", "tillsyn", 10), valid_to=date(-2)))
    coming = order("B-b", line("1", "tillsyn", 10), provider="P-syd", valid_from=date(-2))
    for offset in (-2, -1):
        await home.visit_by("S-1", PAR, day(offset, "08:00"), day(offset, "08:30"))
        await home.visit_by("S-south", PAR, day(offset, "18:00"), day(offset, "18:10"))
    await home.put("orders", "O-bs", coming)  # told when the evenings are long over
    told = [
        (one["local_date"], one["provider"], one["recipient"], shares(one))
        for one in sorted(await home.visits(), key=lambda one: (one["started_at"], one["recipient"]))
    ]
    assert told == [
        (date(-2), "P-norr", "B-a", [("dusch", 1200, True)]),
        (date(-2), "P-norr", "B-b", [("tillsyn", 600, True)]),
        (date(-2), "P-syd", "B-b", [("tillsyn", 600, True)]),
        (date(-1), "P-norr", "B-a", [("dusch", 1800, True)]),
        (date(-1), "P-syd", "B-b", [("tillsyn", 600, True)]),
    ]


async def test_one_of_a_couple_dies_and_the_other_has_all_the_time_from_the_day_after(home):
    for offset in (-2, -1):
        await home.visit_by("S-1", PAR, day(offset, "08:00"), day(offset, "08:30"))
    assert len(await home.visits()) == 4
    await home.put("recipients", "B-b", recipient("B-b", died_on=date(-2)))
    told = [(one["local_date"], one["recipient"], one["seconds"], one["payable"]) for one in await home.visits()]
    assert sorted(told) == [(date(-2), "B-a", 1200, True), (date(-2), "B-b", 600, True), (date(-1), "B-a", 1800, True)]


async def test_one_of_a_couple_moves_in_with_a_neighbour_and_takes_the_order_along(home):
    for offset in (-2, -1):
        await home.visit_by("S-1", PAR, day(offset, "08:00"), day(offset, "08:30"))
        await home.visit_by("S-1", H2, day(offset, "12:00"), day(offset, "12:40"))
    await home.put("recipients", "B-b", recipient("B-b", household="H-2", valid_from=date(-1)))
    told = [(one["local_date"], one["household"], one["recipient"], shares(one)) for one in await home.visits()]
    assert sorted(told) == [
        (date(-2), "H-2", "B-2", [("lunch", 2400, True)]),
        (date(-2), "H-par", "B-a", [("dusch", 1200, True)]),
        (date(-2), "H-par", "B-b", [("tillsyn", 600, True)]),
        (date(-1), "H-2", "B-2", [("lunch", 1800, True)]),
        (date(-1), "H-2", "B-b", [("tillsyn", 600, True)]),
        (date(-1), "H-par", "B-a", [("dusch", 1800, True)]),
    ]


async def test_16_a_tag_replaced_while_three_phones_are_offline(home):
    replaced_at, new = day(-2, "12:00"), "04000000000011"
    await home.put("tags", "T-new", {"kind": "static", "uid": new})
    await home.mount("T-new", "H-1", replaced_at)
    await home.tag_state("T-H-1", "retired", replaced_at)

    def queue(*taps):
        return [tap_item(tag, way, day(-2, clock)) for tag, way, clock in taps]

    queues = {
        "S-1": queue((H1, "in", "08:00"), (H1, "out", "08:30"), (new, "in", "14:00"), (new, "out", "14:30")),
        "S-2": queue((H1, "in", "11:50"), (new, "out", "12:10")),  # the change came in the middle
        "S-3": queue((H1, "in", "11:55"), (H1, "out", "12:05")),  # and this went out by the tag that was no more
    }
    await asyncio.gather(*(home.taps(who, items) for who, items in queues.items()))
    told = [(one["staff"], one["status"], one["seconds"], codes(one)) for one in await home.visits()]
    assert told == [
        ("S-1", "complete", 1800, set()),
        ("S-2", "complete", 1200, set()),
        ("S-3", "disputed", 0, {"tag_retired"}),
        ("S-1", "complete", 1800, set()),
    ]


async def test_a_crew_whose_phones_tell_in_any_order_is_one_group(home):
    await home.put("orders", "O-3", order("B-3", line("1", "dusch", 20, staff_count=3)))
    start = day(-1, "08:00")
    for who, late in (("S-3", 20), ("S-1", 0), ("S-2", 10)):
        began_at = start + dt.timedelta(minutes=late)
        await home.visit_by(who, H3, began_at, began_at + dt.timedelta(minutes=25))
    visits = await home.visits()
    assert [visit["staff"] for visit in visits] == ["S-1", "S-2", "S-3"]
    assert {visit["group"] for visit in visits} == {visits[0]["taps"]["in"]}
    assert {(visit["seconds"], visit["payable"], *codes(visit)) for visit in visits} == {(1500, True)}
