"""Pairing told as tables: one person's taps above, the presences that come of them below."""

import datetime as dt

import pytest
from told import LATER, at, clock, presences, show_presence, table, tap_id, taps

from app.domain.time import total_seconds
from app.domain.visits.pairing import own_spans, pair, presence_order, quiet_before, reopen, tap_order
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.presence_plan import provisional_end

RULES = """
one in, one out
08:00 in A | 08:30 out A
-> A 08:00-08:30 complete

the order told does not matter, only the time
08:30 out A | 08:00 in A
-> A 08:00-08:30 complete

two visits at the same door
08:00 in A | 08:30 out A | 12:00 in A | 12:20 out A
-> A 08:00-08:30 complete
-> A 12:00-12:20 complete

open within 16 hours, to the second
08:00 in A
now = 00:00+1
-> A 08:00-? open

a second later it lacks its out
08:00 in A
now = 00:00:01+1
-> A 08:00-? incomplete

an in elsewhere does not close it
08:00 in A | 09:00 in B | 09:10 out B
now = 10:00
-> A 08:00-? open
-> B 09:00-09:10 complete

a second in within a minute is a bounce, inclusive
08:00 in A | 08:01 in A | 08:30 out A
-> A 08:00-08:30 complete beside A 08:01

a second later it is a visit of its own
08:00 in A | 08:01:01 in A | 08:30 out A
-> A 08:00-? incomplete
-> A 08:01:01-08:30 complete

bounces are counted from the last tap that was none
08:00 in A | 08:00:40 in A | 08:01:20 in A | 08:30 out A
-> A 08:00-? incomplete beside A 08:00:40
-> A 08:01:20-08:30 complete

next morning's in is no out
17:00 in A | 07:00+1 in A | 07:20+1 out A
-> A 17:00-? incomplete
-> A 07:00+1-07:20+1 complete

an out at 16 hours to the second completes
08:00 in A | 00:00+1 out A
-> A 08:00-00:00+1 complete

a second later it lacks its in, and the other its out
08:00 in A | 00:00:01+1 out A
-> A 08:00-? incomplete
-> A ?-00:00:01+1 incomplete

only an out
08:30 out A
-> A ?-08:30 incomplete

a second out within a minute is a bounce
08:00 in A | 08:30 out A | 08:31 out A
-> A 08:00-08:30 complete beside A 08:31

a second later it lacks its in
08:00 in A | 08:30 out A | 08:31:01 out A
-> A 08:00-08:30 complete
-> A ?-08:31:01 incomplete

bounces of a stray out go with it
08:30 out A | 08:30:20 out A | 08:30:50 out A
-> A ?-08:30 incomplete beside A 08:30:20 beside A 08:30:50

an explicit out closes, however soon
08:00 in A | 08:00:05 out A
-> A 08:00-08:00:05 complete

an explicit in opens, however soon after an out
08:00 in A | 08:30 out A | 08:30:05 in A | 09:00 out A
-> A 08:00-08:30 complete
-> A 08:30:05-09:00 complete

out at the neighbour's door
08:00 in A | 08:30 out B
now = 09:00
-> A 08:00-? open beside B 08:30

out at the neighbour's, then at the right one
08:00 in A | 08:30 out B | 08:31 out A
-> A 08:00-08:31 complete beside B 08:30

bounce at the neighbour's goes the same way, also when the visit has closed meanwhile
08:00 in A | 08:30 out B | 08:30:10 out A | 08:30:40 out B
-> A 08:00-08:30:10 complete beside B 08:30 beside B 08:30:40

a bounce never goes to an older visit of the door
07:00 in B | 07:20 out B | 08:00 in A | 08:30 out B | 08:30:30 out B
-> B 07:00-07:20 complete
-> A 08:00-? incomplete beside B 08:30 beside B 08:30:30

two open elsewhere: nobody knows whose
08:00 in A | 08:10 in B | 08:30 out C
-> A 08:00-? incomplete
-> B 08:10-? incomplete
-> C ?-08:30 incomplete

open elsewhere, but 16 hours ago
08:00 in A | 00:00:01+1 out B
-> A 08:00-? incomplete
-> B ?-00:00:01+1 incomplete

alarm during a visit: its minutes leave the visit
08:00 in A | 08:20 in B | 08:35 out B | 09:00 out A
-> A 08:00-09:00 complete own 08:00-08:20,08:35-09:00
-> B 08:20-08:35 complete

an alarm in an alarm
08:00 in A | 08:10 in B | 08:20 in C | 08:25 out C | 08:40 out B | 09:00 out A
-> A 08:00-09:00 complete own 08:00-08:10,08:40-09:00
-> B 08:10-08:40 complete own 08:10-08:20,08:25-08:40
-> C 08:20-08:25 complete

crossing: each second to the one opened last
08:00 in A | 08:20 in B | 08:40 out A | 09:00 out B
-> A 08:00-08:40 complete own 08:00-08:20 overlap
-> B 08:20-09:00 complete overlap

three in a chain
08:00 in A | 08:20 in B | 08:30 out A | 08:40 in C | 08:50 out B | 09:00 out C
-> A 08:00-08:30 complete own 08:00-08:20 overlap
-> B 08:20-08:50 complete own 08:20-08:40 overlap
-> C 08:40-09:00 complete overlap

nested to the same end does not cross
08:00 in A | 08:20 in B | 09:00 out B | 09:00 out A
-> A 08:00-09:00 complete own 08:00-08:20
-> B 08:20-09:00 complete

end to start does not overlap
08:00 in A | 08:30 out A | 08:30 in B | 09:00 out B
-> A 08:00-08:30 complete
-> B 08:30-09:00 complete

what is not confirmed takes no seconds
08:00 in A | 08:20 in B | 09:00 out A
-> A 08:00-09:00 complete
-> B 08:20-? incomplete

what is disputed takes none and has none
08:00 in A | 08:20 in B !tag_retired | 08:35 out B | 09:00 out A
-> A 08:00-09:00 complete
-> B 08:20-08:35 complete !tag_retired

a dispute of the out holds too
08:00 in A | 08:30 out A !received_too_late
-> A 08:00-08:30 complete !received_too_late

an inner visit of no seconds does not cut the outer
08:00 in A | 08:20 in B #1 | 08:20 out B #2 | 09:00 out A
-> A 08:00-09:00 complete
-> B 08:20-08:20 complete own none

auto is in, then out
08:00 auto A | 08:30 auto A
-> A 08:00-08:30 complete

auto within a minute is a bounce, after in and after out
08:00 auto A | 08:01 auto A | 08:30 auto A | 08:31 auto A
-> A 08:00-08:30 complete beside A 08:01 beside A 08:31

auto at 16 hours is out
08:00 in A | 00:00+1 auto A
-> A 08:00-00:00+1 complete

auto a second later is in
08:00 in A | 00:00:01+1 auto A | 00:20+1 out A
-> A 08:00-? incomplete
-> A 00:00:01+1-00:20+1 complete

auto elsewhere is in, never an out at the wrong door
08:00 in A | 08:30 auto B
now = 09:00
-> A 08:00-? open
-> B 08:30-? open

out before in within a second
08:00 in A | 08:30 in A | 08:30 out A | 09:00 out A
-> A 08:00-08:30 complete
-> A 08:30-09:00 complete

the tag's counter comes before that
08:30 out A #2 | 08:30 in A #1
-> A 08:30-08:30 complete own none

over midnight
23:40 in A | 00:20+1 out A
-> A 23:40-00:20+1 complete

the hour that is skipped
2026-03-29T01:40 in A | 2026-03-29T03:20 out A
-> A 03-29T01:40-03-29T03:20 complete

the hour that comes twice
2026-10-25T01:40 in A | 2026-10-25T02:20b out A
-> A 10-25T01:40-10-25T02:20b complete

sixteen hours are sixteen hours on a short day too
2026-03-28T20:00 in A | 2026-03-29T13:00 out A
-> A 03-28T20:00-03-29T13:00 complete

and on a long one
2026-10-24T20:00 in A | 2026-10-25T11:00:01 out A
-> A 10-24T20:00-? incomplete
-> A ?-10-25T11:00:01 incomplete
"""


@pytest.mark.parametrize(("given", "expected", "settings"), [pytest.param(*row[1:], id=row[0]) for row in table(RULES)])
def test_taps_become_presences(given: list[str], expected: list[str], settings: dict[str, str]) -> None:
    now = at(settings["now"]) if "now" in settings else LATER
    found = presences(taps("|".join(given)), now)
    assert [show_presence(presence) for presence in found] == expected
    assert [show_presence(presence) for presence in presences(reversed(taps("|".join(given))), now)] == expected


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2026-03-29T01:40 in A | 2026-03-29T03:20 out A", 40 * 60),
        ("2026-10-25T01:40 in A | 2026-10-25T02:20 out A", 40 * 60),
        ("2026-10-25T01:40 in A | 2026-10-25T02:20b out A", 100 * 60),
        ("2026-03-01T23:50 in A | 2026-03-02T00:10 out A", 20 * 60),
    ],
)
def test_a_night_has_the_seconds_that_passed(given: str, seconds: int) -> None:
    [presence] = presences(taps(given))
    assert total_seconds(presence.spans) == seconds


PROVISIONAL = """
the ordered minutes
08:00 in A
ordered = 30
-> 08:30

the next in elsewhere, when that is earlier
08:00 in A | 08:20 in B
ordered = 30
-> 08:20

the ordered minutes, when they are earlier
08:00 in A | 08:40 in B
ordered = 30
-> 08:30

16 hours, when nothing is ordered
08:00 in A
ordered = 0
-> 00:00+1

16 hours, when more is ordered
08:00 in A
ordered = 2000
-> 00:00+1

the first in elsewhere counts, not the last
08:00 in A | 08:10 in B | 08:15 out B | 08:20 in C
ordered = 0
-> 08:10

an in elsewhere that bounces was no in
08:00 in B | 08:00:30 in A | 08:00:50 in B
ordered = 0
-> 00:00:30+1

the new visit at the same door
08:00 in A | 09:00 in A
ordered = 0
-> 09:00

an out elsewhere is none
08:00 in A | 08:20 out B
ordered = 0
-> 00:00+1
"""


@pytest.mark.parametrize(
    ("given", "expected", "settings"), [pytest.param(*row[1:], id=row[0]) for row in table(PROVISIONAL)]
)
def test_a_forgotten_out_gets_a_provisional_end(
    given: list[str], expected: list[str], settings: dict[str, str]
) -> None:
    presence = next(one for one in presences(taps("|".join(given))) if one.household == "A")
    assert presence.state == "incomplete"
    assert provisional_end(presence, int(settings["ordered"])) == at(expected[0])
    assert presence.spans == ()


def test_only_what_lacks_its_out_has_a_provisional_end() -> None:
    [complete] = presences(taps("08:00 in A | 08:30 out A"))
    [still_open] = presences(taps("08:00 in A"), at("09:00"))
    [without_in] = presences(taps("08:00 out A"))
    assert [provisional_end(one, 30) for one in (complete, still_open, without_in)] == [None, None, None]


def test_a_presence_is_named_and_described_by_its_opening_tap() -> None:
    [presence] = presences(taps("08:00 in A by S-1 ~clock_adjusted | 08:30 out A by S-9 ~claim_in_future"))
    assert (presence.id, presence.in_tap, presence.out_tap) == (tap_id(1), tap_id(1), tap_id(2))
    assert (presence.staff, presence.flags_in, presence.flags_out) == ("S-1", ("clock_adjusted",), ("claim_in_future",))
    [without_in] = presences(taps("08:30 out A by S-9"))
    assert (without_in.id, without_in.staff, without_in.in_tap) == (tap_id(1), "S-9", None)


def test_every_tap_of_a_presence_is_known_to_it() -> None:
    [presence] = presences(taps("08:00 in A | 08:00:10 in A | 08:20 out B | 08:30 out A | 08:30:20 out A"))
    assert sorted(presence.taps) == [tap_id(number) for number in range(1, 6)]


def test_order_is_time_counter_out_before_in_id() -> None:
    told = taps("08:00 in A #1 | 08:00 out A #2 | 08:00 auto A | 08:00 out A | 07:59:59 in A #9 | 08:00 in A")
    assert [tap.id.int for tap in sorted(told, key=tap_order)] == [5, 4, 3, 6, 1, 2]


@pytest.mark.parametrize(
    ("before", "quiet"),
    [
        ("08:00", "08:00"),
        ("08:30", "08:30"),
        ("08:31", "08:30"),
        ("08:31:01", "08:31:01"),
        ("09:01:20", "09:00"),
        ("09:30", "09:30"),
    ],
)
def test_a_quiet_moment_has_no_tap_within_the_minute_before(before: str, quiet: str) -> None:
    told = sorted(taps("08:00 in A | 08:30 out A | 09:00 in B | 09:00:50 in B | 09:01:10 out C"), key=tap_order)
    assert quiet_before(at(before), told) == at(quiet)


def _stays(open_from: str, closed_at: str | None = None) -> Presence:
    [presence] = presences(taps(f"{open_from} in A" + (f" | {closed_at} out A" if closed_at else "")))
    return presence


@pytest.mark.parametrize(
    ("presence", "moment", "is_open"),
    [
        (_stays("08:00", "08:30"), "08:00", False),  # its own IN is yet to come
        (_stays("08:00", "08:30"), "08:00:01", True),
        (_stays("08:00", "08:30"), "08:30", True),  # its OUT is yet to come
        (_stays("08:00", "08:30"), "08:30:01", False),
        (_stays("08:00"), "00:00+1", True),
        (_stays("08:00"), "00:00:01+1", False),
        (_stays("08:00"), "07:00", False),
    ],
)
def test_open_just_before_a_moment(presence: Presence, moment: str, is_open: bool) -> None:
    assert presence.open_at(at(moment)) is is_open


def test_nobody_without_a_start_is_open() -> None:
    [presence] = presences(taps("08:30 out A"))
    assert not presence.open_at(at("08:30"))
    assert (presence.anchor_at, presence.reach_at) == (at("08:30"), at("08:30"))


def test_reopening_takes_back_what_came_later() -> None:
    told = taps("08:00 in A | 08:00:30 in A | 08:20 in B | 08:25 out B | 08:40 out C | 09:00 out A !tag_lost")
    whole = presences(told)
    reopened = reopen(whole[0], at("08:10"))
    assert show_presence(reopened) == "A 08:00-? open beside A 08:00:30"
    assert reopened.next_in_at is None
    rest = [tap for tap in told if tap.at >= at("08:10")]
    assert own_spans(pair("S-1", [reopened], rest, LATER)) == whole


def test_cutting_spans_anew_forgets_what_was_cut_before() -> None:
    outer, inner = presences(taps("08:00 in A | 08:20 in B | 08:40 out A | 09:00 out B"))
    assert outer.overlap
    [alone] = own_spans([outer])
    assert show_presence(alone) == "A 08:00-08:40 complete"
    assert own_spans([reopen(inner, at("08:30"))]) == [reopen(inner, at("08:30"))]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    ("tapped", "by_hand", "left", "overlap"),
    [
        ("08:00-08:40", "08:00-08:40", "none", True),
        ("08:00-08:40", "08:10-08:30", "none", True),
        ("08:00-08:40", "07:50-08:50", "07:50-08:00,08:40-08:50", True),
        ("08:00-08:40", "08:00-08:50", "08:40-08:50", True),
        ("08:00-08:40", "07:50-08:40", "07:50-08:00", True),
        ("08:00-08:40", "07:50-08:10", "07:50-08:00", True),
        ("08:00-08:40", "08:30-08:50", "08:40-08:50", True),
        # what only meets at an end, or has no length, contradicts nothing
        ("08:00-08:40", "08:40-08:50", "08:40-08:50", False),
        ("08:00-08:40", "07:50-08:00", "07:50-08:00", False),
        ("08:00-08:40", "08:20-08:20", "none", False),
        ("08:20-08:20", "08:00-08:40", "08:00-08:40", False),
    ],
)
def test_what_was_tapped_keeps_its_seconds_from_what_was_told_by_hand(
    tapped: str, by_hand: str, left: str, overlap: bool, number: int
) -> None:
    """Whichever opened last, and whatever their ids."""
    start, end = map(at, tapped.split("-"))
    [shown] = presences([Tap(tap_id(2), "S-1", "A", "in", start, 1), Tap(tap_id(4), "S-1", "A", "out", end, 2)])
    first, last = map(at, by_hand.split("-"))
    told = shown._replace(
        id=tap_id(number), household="B", started_at=first, ended_at=last, closed_at=last, in_tap=None, out_tap=None
    )
    found = {one.id: one for one in own_spans(sorted([shown, told], key=presence_order))}
    assert found[shown.id].spans == (((start, end),) if start < end else ())
    spans = ",".join(f"{clock(one)}-{clock(other)}" for one, other in found[told.id].spans)
    assert (spans or "none") == left
    assert {one.overlap for one in found.values()} == {overlap}
    # Of two told by hand the one opened last keeps them, as of two tapped ones.
    other = shown._replace(in_tap=None, out_tap=None)
    by_opening = own_spans(sorted([other, told], key=presence_order))
    tapped_both = own_spans(sorted([shown, told._replace(in_tap=shown.in_tap)], key=presence_order))
    assert [(one.spans, one.overlap) for one in by_opening] == [(one.spans, one.overlap) for one in tapped_both]


@pytest.mark.parametrize(
    ("inner", "overlap"),
    [
        ("08:10-08:30", True),
        ("08:00-08:40", True),
        ("08:40-08:50", False),
        ("08:20-08:20", False),
        ("07:50-08:00", False),
    ],
)
def test_what_one_person_was_at_for_two_providers_is_told_to_both(inner: str, overlap: bool) -> None:
    """Neither sees what takes its seconds, so an inner visit says so too; for one provider that is everyday work."""
    whole = [
        Tap(tap_id(2), "S-1", "A", "in", at("08:00"), 1),
        Tap(tap_id(4), "S-1", "A", "out", at("08:40"), 2),
        *(
            Tap(tap_id(number), "S-1b", "B", way, at(told), number)
            for number, way, told in zip((6, 8), ("in", "out"), inner.split("-"), strict=True)
        ),
    ]
    found = presences(whole)
    assert {one.overlap for one in found} == {False}
    told = own_spans(found, lambda staff, _: {"S-1": "P-norr", "S-1b": "P-syd"}[staff])
    assert {one.overlap for one in told} == {overlap}
    assert [one.spans for one in told] == [one.spans for one in found]


def test_a_life_of_visits_is_cut_in_one_go() -> None:
    hour = dt.timedelta(hours=1)
    start = at("08:00")
    told = [
        Tap(tap_id(2 * number + leaving), "S-1", "A", "out" if leaving else "in", start + (2 * number + leaving) * hour)
        for number in range(3000)
        for leaving in (0, 1)
    ]
    found = presences(told, start + 10_000 * hour)
    assert len(found) == 3000
    assert all(total_seconds(presence.spans) == 3600 for presence in found)
