"""Clocks that were wrong: which visits tell of it, whatever came first, and what stands with the phone alone."""

import datetime as dt
import itertools

import pytest
from service import day, tap_item
from world import H1, H2, ago, at, codes

HOUR = dt.timedelta(hours=1)


async def send(home, *taps, ahead=dt.timedelta(0), device=None):
    """What a phone made, door by door, whose clock is so far ahead and still is when it sends."""
    items = [tap_item(door, way, instant + ahead) for door, way, instant in taps]
    return await home.taps("S-1", items, sent_at=dt.datetime.now(dt.UTC) + ahead, device=device)


async def told_of(home):
    """What each visit says of itself, by its recipient."""
    return {visit["recipient"]: codes(visit) for visit in await home.visits()}


MORNING = [(H1, "in", day(-1, "08:00")), (H1, "out", day(-1, "08:30"))]
NEXT = [(H2, "in", day(-1, "08:40")), (H2, "out", day(-1, "09:00"))]


@pytest.mark.parametrize("ahead", [2 * HOUR, -2 * HOUR], ids=str)
async def test_a_phone_that_is_wrong_all_day_troubles_nobody(home, ahead):
    """Every tap is moved alike: no visit is longer for it, and all stand in the order in which they were made."""
    results = await send(home, *MORNING, *NEXT, ahead=ahead)
    assert {one["code"] for one in results} == {"clock_adjusted"}
    assert await told_of(home) == {"B-1": set(), "B-2": set()}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_a_tap_that_changes_places_with_another_says_so_whatever_came_first(home, order):
    """A clock two hours ahead said 10:00 and 10:30; the next visit, by a right one, was at 08:40.

    By the phones' words that one came first. What the first visit was wrong by is told with it, not with the other.
    """
    batches = [(MORNING, 2 * HOUR), (NEXT[:1], 0 * HOUR), (NEXT[1:], 0 * HOUR)]
    for number in order:
        taps, ahead = batches[number]
        await send(home, *taps, ahead=ahead)
    assert await told_of(home) == {"B-1": {"clock_adjusted"}, "B-2": set()}


async def test_what_lies_further_away_than_anybody_is_anywhere_changes_no_places(home):
    """A phone that has lost its time begins in 1970: by its words, everything was before the day before."""
    lost = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - dt.datetime.now(dt.UTC)
    await send(home, *NEXT, ahead=lost)
    await send(home, (H1, "in", day(-2, "15:00")), (H1, "out", day(-2, "16:00")))
    assert await told_of(home) == {"B-1": set(), "B-2": set()}
    await send(home, *MORNING)
    assert set().union(*[codes(visit) for visit in await home.visits() if visit["recipient"] == "B-2"]) == {
        "clock_adjusted"
    }


async def test_one_end_that_was_moved_says_so_until_a_person_tells_when_it_was(home):
    await send(home, MORNING[0], ahead=-2 * HOUR)
    assert await told_of(home) == {"B-1": {"missing_out"}}
    await send(home, MORNING[1])
    [visit] = await home.visits()
    assert (visit["seconds"], codes(visit)) == (1800, {"clock_adjusted"})
    visit = await home.correct(visit, "set_start", started_at=day(-1, "07:55"))
    assert codes(await home.visit(visit["id"])) == set()


async def clock(home, device, expect=200, **who):
    """The findings of a phone's clock."""
    who = {"role": "admin"} | who
    return (await home.ask("GET", f"/v1/devices/{device}/clock", expect=expect, **who)).json()


async def test_the_phone_keeps_a_finding_a_day(home):
    device, _ = await home.enrol("S-1")
    assert await clock(home, device) == {"items": [], "next": None}
    await send(home, *MORNING, ahead=-2 * HOUR, device=device)
    await send(home, *NEXT, device=device)
    now = ago(seconds=0)
    await send(home, (H1, "in", now - HOUR / 2), (H1, "out", now + HOUR), device=device)
    found = (await clock(home, device))["items"]
    assert [(one["taps"], one["codes"]) for one in found] == [(2, ["clock_adjusted"]), (1, ["claim_in_future"])]
    first, last = found
    assert (first["local_date"], at(first["first_at"])) == (str(day(-1).date()), day(-1, "08:00"))
    assert abs(first["ahead_seconds"] + 7200) < 30
    assert abs(last["ahead_seconds"] - 3600) < 30
    answer = await home.ask("GET", f"/v1/devices/{device}/clock", params={"limit": 1}, expect=200)
    assert answer.json()["items"] == [first]
    more = {"limit": 1, "cursor": answer.json()["next"]}
    answer = await home.ask("GET", f"/v1/devices/{device}/clock", params=more, expect=200)
    assert (answer.json()["items"], answer.json()["next"]) == ([last], None)
    await home.ask("GET", f"/v1/devices/{device}/clock", params={"cursor": "x"}, expect=422)


async def test_only_the_phones_own_planner_and_the_admin_read_its_clock(home):
    device, _ = await home.enrol("S-1")
    assert await clock(home, device, role="planner", provider="P-norr") == {"items": [], "next": None}
    assert (await clock(home, device, expect=404, role="planner", provider="P-syd"))["code"] == "unknown_ref"
    assert (await clock(home, "D-none", expect=404))["code"] == "unknown_ref"
    await clock(home, device, expect=403, role="controller")
