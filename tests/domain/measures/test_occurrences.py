"""What orders promise, who came for it, and what nobody came for."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import MONDAY, at, derive, order, recipient, report, staff, taps, world

from app.domain.measures.expected import attended, expected, occurrences, reach
from app.domain.register.notices import Notice
from app.domain.register.order import Order, OrderLine, Pause, until_death

WEEK = (MONDAY, MONDAY + dt.timedelta(days=6))
MARCH = (dt.date(2026, 3, 1), dt.date(2026, 3, 31))


def told_days(due):
    """`02` for the second, `02-08` for any day of these, `x3` where several fall there, `!` for a paused one."""
    counted = Counter((one.days, one.paused) for one in due)
    return " ".join(
        f"{days[0]:%d}{'' if days[0] == days[1] else f'-{days[1]:%d}'}{f'x{count}' if count > 1 else ''}{'!' * paused}"
        for (days, paused), count in sorted(counted.items())
    )


@pytest.mark.parametrize(
    ("text", "days", "told", "due"),
    [
        ("dusch", WEEK, {}, "02 03 04 05 06 07 08"),
        ("dusch 2/d", WEEK, {}, "02x2 03x2 04x2 05x2 06x2 07x2 08x2"),
        ("dusch 1/2d", WEEK, {"first": "2026-03-02"}, "02-03 04-05 06-07 08-09"),
        ("dusch 3/2d", WEEK, {"first": "2026-03-02"}, "02x2 03 04x2 05 06x2 07 08x2"),
        ("dusch on:1,4", WEEK, {}, "02 05"),
        ("städ 1/wk", WEEK, {}, "02-08"),
        ("städ 2/wk", WEEK, {}, "02-08x2"),
        ("städ 2/wk on:1,4", WEEK, {}, "02 05"),
        ("städ 3/wk on:1,4", WEEK, {}, "02x2 05"),
        ("städ 1/wk on:1,4", WEEK, {}, "02-05"),
        ("städ 1/2wk", MARCH, {"first": "2026-03-04"}, "04-15 16-29 30-12"),
        ("städ 1/mo", MARCH, {}, "01-31"),
        ("städ 2/mo", WEEK, {}, "01-31x2"),
        ("städ 1/3mo", (dt.date(2026, 4, 1), dt.date(2026, 4, 30)), {}, "01-30"),
        # only days on which the order holds
        ("dusch", WEEK, {"first": "2026-03-05"}, "05 06 07 08"),
        ("dusch", WEEK, {"last": "2026-03-03"}, "02 03"),
        ("dusch", WEEK, {"first": "2026-04-01"}, ""),
        # a part of a period, rounded half up
        ("städ 7/wk", WEEK, {"first": "2026-03-07"}, "07-08x2"),
        ("städ 1/wk", WEEK, {"first": "2026-03-05"}, "05-08"),
        ("städ 1/wk", WEEK, {"first": "2026-03-06"}, ""),
        # paused days
        ("dusch", WEEK, {"pauses": [("2026-03-03", "2026-03-04")]}, "02 03! 04! 05 06 07 08"),
        ("dusch", WEEK, {"pauses": [("2026-03-06", None)]}, "02 03 04 05 06! 07! 08!"),
        ("städ 1/wk", WEEK, {"pauses": [("2026-03-01", "2026-03-09")]}, "02-08!"),
        ("städ 2/wk", WEEK, {"pauses": [("2026-03-05", "2026-03-08")]}, "02-08 02-08!"),
        ("städ 1/wk", WEEK, {"pauses": [("2026-03-08", "2026-03-08")]}, "02-08"),
    ],
)
def test_when_a_line_is_due(text, days, told, due):
    assert told_days(occurrences(order("O-1", "B-1", text, **told), days)) == due


def test_nothing_is_due_after_a_death():
    died = until_death(order("O-1", "B-1", "dusch"), dt.date(2026, 3, 3))
    assert told_days(occurrences(died, WEEK)) == "02 03"


LIVING = (recipient("B-1"), staff("S-1"), staff("S-2"))


def outcome(text, visits, *reports, days=(MONDAY, MONDAY), now="23:30", notices=(), lines=None):
    """`1 done, 2 missed`: each line with what came of it, in their order."""
    told = order("O-1", "B-1", lines or text)
    found = derive(world(*LIVING, told), taps(visits) if visits else [], list(reports))
    given_notices = [Notice("B-1", "P-norr", about, at(when), at("2026-03-01T20:00")) for about, when in notices]
    listed = expected([told], map(attended, found), given_notices, days, at(now))
    return ", ".join(f"{one.occurrence.line.ref} {one.state}" for one in listed)


@pytest.mark.parametrize(
    ("text", "visits", "now", "came"),
    [
        ("dusch", "", "12:00", "1 due"),
        ("dusch", "", "21:00", "1 late"),
        ("dusch", "", "00:00+1", "1 missed"),
        ("dusch 07:00-10:00", "", "09:59", "1 due"),
        ("dusch 07:00-10:00", "", "10:00", "1 late"),
        ("dusch 07:00-10:00", "", "00:00+1", "1 missed"),
        ("dusch 22:00-02:00", "", "01:59+1", "1 due"),
        ("dusch 22:00-02:00", "", "02:00+1", "1 missed"),
        ("dusch", "08:00 in A | 08:30 out A", "23:30", "1 done"),
        # by its window; a visit that stands in no window serves what has none
        ("dusch 07:00-10:00; tillsyn 16:00-20:00", "08:00 in A | 08:30 out A", "23:30", "1 done, 2 late"),
        ("dusch 07:00-10:00", "12:00 in A | 12:30 out A", "23:30", "1 done"),
        ("dusch 22:00-02:00", "00:30+1 in A | 01:00+1 out A", "03:00+1", "1 done"),
        # each occurrence once
        ("dusch 2/d", "08:00 in A | 08:30 out A", "23:30", "1 done, 1 late"),
        ("dusch 2/d", "08:00 in A | 08:30 out A | 16:00 in A | 16:30 out A", "23:30", "1 done, 1 done"),
        ("dusch", "08:00 in A | 08:30 out A | 16:00 in A | 16:30 out A", "23:30", "1 done"),
        # two who come together serve one
        ("dusch 2/d", "08:00 in A | 08:30 out A | 08:05 in A by S-2 | 08:30 out A by S-2", "23:30", "1 done, 1 late"),
        # somebody is there, or forgot to say that she left
        ("dusch", "08:00 in A", "08:20", "1 done"),
        ("dusch", "08:00 in A", "12:00+1", "1 done"),
    ],
)
def test_who_came(text, visits, now, came):
    assert outcome(text, visits, now=now) == came


HALF_HOUR = "08:00 in A | 08:30 out A"


def test_what_was_reported_serves_its_line_wherever_it_was():
    assert outcome("dusch 07:00-10:00; tillsyn 16:00-20:00", HALF_HOUR, report(1, "tillsyn")) == "1 done, 2 done"


def test_help_without_a_time_is_done_by_nobody_who_came_for_other_help():
    assert outcome("dusch; städ 1/wk", HALF_HOUR, report(1, "dusch"), now="00:00+7") == "1 done, 2 missed"
    assert outcome("dusch; städ 1/wk", "08:00 in A", now="08:20") == "1 done, 2 done"


def test_a_no_is_told_from_nobody_who_came():
    assert outcome("dusch; tillsyn", HALF_HOUR, report(1, "dusch; tillsyn declined")) == "1 done, 2 declined"
    assert outcome("dusch; tillsyn", HALF_HOUR, report(1, "", outcome="declined")) == "1 declined, 2 declined"
    assert outcome("dusch", HALF_HOUR, report(1, "", outcome="no_answer")) == "1 declined"
    assert outcome("dusch; tillsyn", "", notices=[(None, "08:00")]) == "1 declined, 2 declined"
    assert outcome("dusch; tillsyn", "", notices=[("dusch", "08:00")]) == "1 declined, 2 late"
    assert outcome("dusch 07:00-10:00", "", notices=[(None, "16:00")]) == "1 late"


def test_a_period_is_served_on_any_of_its_days():
    friday = "08:00+4 in A | 08:30+4 out A"
    assert outcome("städ 1/wk", friday, days=(MONDAY, MONDAY), now="12:00+5") == "1 done"
    assert outcome("städ 1/wk", "", days=(MONDAY, MONDAY), now="12:00+5") == "1 due"
    assert outcome("städ 1/wk", "", days=(MONDAY, MONDAY), now="21:00+6") == "1 late"
    assert outcome("städ 1/wk", "", days=(MONDAY, MONDAY), now="00:00+7") == "1 missed"


def test_the_night_without_an_hour_has_its_end():
    night = dt.date(2026, 3, 29)
    assert (
        outcome("dusch 22:00-03:00", "", days=(night - dt.timedelta(days=1),) * 2, now="2026-03-29T03:00") == "1 missed"
    )


LINES = st.builds(
    OrderLine,
    ref=st.just("1"),
    intervention=st.just("dusch"),
    standard_minutes=st.just(20),
    frequency=st.integers(1, 5),
    period=st.integers(1, 3),
    period_unit=st.sampled_from(["d", "wk", "mo"]),
    weekdays=st.sets(st.integers(1, 7), max_size=3).map(lambda some: tuple(sorted(some))),
    window=st.sampled_from([None, (dt.time(7), dt.time(10)), (dt.time(22), dt.time(2))]),
)
DAYS = st.integers(0, 60).map(lambda number: dt.date(2026, 2, 1) + dt.timedelta(days=number))


@st.composite
def promised(draw):
    first, pause = draw(DAYS), draw(DAYS)
    pauses = (Pause(pause, pause + dt.timedelta(days=draw(st.integers(0, 9)))),) if draw(st.booleans()) else ()
    return Order(
        "O-1", "B-1", "P-norr", first, draw(st.none() | st.just(first + dt.timedelta(days=20))), (draw(LINES),), pauses
    )


@given(promised(), DAYS, st.integers(0, 20))
def test_days_together_promise_what_they_promise_alone(one, first, more):
    """An occurrence is the same whichever span is asked for, and lies on days on which the order holds."""
    span = (first, first + dt.timedelta(days=more))
    whole = occurrences(one, span)
    assert len(set(whole)) == len(whole)
    alone = {each for number in range(more + 1) for each in occurrences(one, (first + dt.timedelta(days=number),) * 2)}
    assert set(whole) == alone
    for each in whole:
        assert one.valid_from <= each.days[0] <= each.days[1] <= (one.valid_to or each.days[1])
        assert each.days[0] <= span[1]
        assert span[0] <= each.days[1]


@given(promised(), st.lists(st.tuples(DAYS, st.integers(0, 23), st.integers(5, 90)), max_size=6), st.randoms())
def test_each_occurrence_is_served_once_whatever_the_order_of_visits(one, visits, dice):
    told = []
    for on, hour, minutes in sorted(visits):
        start = f"{on}T{hour:02}:00"
        end = (dt.datetime.fromisoformat(start) + dt.timedelta(minutes=minutes)).isoformat(timespec="minutes")
        told.append(f"{start} in A | {end} out A")
    found = [attended(each) for each in derive(world(*LIVING, one), taps(" | ".join(told)) if told else [], [])]
    days = (dt.date(2026, 2, 1), dt.date(2026, 3, 31))
    now = at("2026-04-10T12:00")
    listed = expected([one], found, [], days, now)
    served = [each.visit for each in listed if each.visit]
    assert len(served) == len(set(served)) <= len(found)
    assert [each.occurrence for each in listed] == occurrences(one, days)
    again = dice.sample(found, len(found))
    assert expected([one], again, [], days, now) == listed
    wide = reach([one], days)
    assert wide[0] <= days[0]
    assert days[1] <= wide[1]
