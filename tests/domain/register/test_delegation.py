"""What a staff ref was given and lost over time, from everything that was put of its employment."""

import datetime as dt
from itertools import count

import pytest
from told import derive, order, recipient, taps, world

from app.domain.register.delegation import Put, history
from app.domain.register.staff import Delegation, Staff
from app.domain.time import FIRST_DAY, UTC
from app.domain.visits.undelegated import done_without

SOON = dt.timedelta(days=30)


def day(text):
    return None if text in {"", "-"} else dt.date.fromisoformat(f"2026-{text}")


def puts(*told):
    """What was put in turn: `since: intervention first..last, ...`; an empty `since` is ever since."""
    numbers = count()
    found = []
    for one in told:
        since, _, given = one.partition(":")
        leave = tuple(
            Delegation(name, day(days.split("..")[0]), day(days.split("..")[1]))
            for name, days in (entry.split() for entry in given.split(",") if entry.strip())
        )
        staff = Staff("S-1", day(since) or FIRST_DAY, None, "S-1", "P-norr", "care_assistant", leave)
        found.append(Put(staff, dt.datetime(2026, 1, 1 + next(numbers), tzinfo=UTC), "188:planner:P-norr"))
    return found


def shown(given):
    end = f"{given.valid_to:%m-%d}" if given.valid_to else ""
    revoked = f" revoked {given.revoked_at.day}" if given.revoked_at else ""
    days = f"{given.valid_from:%m-%d}..{end}"
    return f"{given.intervention} {days} given {given.given_at.day}{revoked}{' gone' * given.gone}"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([":"], []),
        ([": insulin 01-01.."], ["insulin 01-01.. given 1"]),
        # The same again changes nothing, a later end prolongs, an earlier one revokes.
        ([": insulin 01-01..06-30", ": insulin 01-01..06-30"], ["insulin 01-01..06-30 given 1"]),
        ([": insulin 01-01..06-30", ": insulin 01-01..12-31"], ["insulin 01-01..12-31 given 1"]),
        ([": insulin 01-01..", ": insulin 01-01..06-30"], ["insulin 01-01..06-30 given 1 revoked 2"]),
        ([": insulin 01-01..", ": insulin 01-01..06-30", ": insulin 01-01.."], ["insulin 01-01.. given 1"]),
        # Taken out of what was said, it never was; put back, it is again.
        ([": insulin 01-01..", ":"], ["insulin 01-01.. given 1 revoked 2 gone"]),
        ([": insulin 01-01..", ":", ": insulin 01-01.."], ["insulin 01-01.. given 1"]),
        ([": insulin 01-01..", ":", ":"], ["insulin 01-01.. given 1 revoked 2 gone"]),
        # What was over is left out of what is said.
        ([": insulin 01-01..01-01", ":"], ["insulin 01-01..01-01 given 1"]),
        # An employment that says otherwise from a day on ends it the day before.
        ([": insulin 01-01..", "05-01:"], ["insulin 01-01..04-30 given 1 revoked 2"]),
        ([": insulin 01-01..", "05-01: insulin 01-01.."], ["insulin 01-01.. given 1"]),
        ([": insulin 01-01..02-28", "05-01:"], ["insulin 01-01..02-28 given 1"]),
        # A renewal is a delegation of its own.
        (
            [": insulin 01-01..06-30", ": insulin 01-01..06-30, insulin 07-01..12-31"],
            ["insulin 01-01..06-30 given 1", "insulin 07-01..12-31 given 2"],
        ),
        ([": sond 02-01.., insulin 01-01.."], ["insulin 01-01.. given 1", "sond 02-01.. given 1"]),
    ],
)
def test_what_was_given_prolonged_and_revoked(told, expected):
    assert [shown(one) for one in history(puts(*told))] == expected


@pytest.mark.parametrize(
    ("told", "on", "state"),
    [
        ([": insulin 03-01..06-30"], "02-28", "coming"),
        ([": insulin 03-01..06-30"], "03-01", "valid"),
        ([": insulin 03-01..06-30"], "05-31", "valid"),
        ([": insulin 03-01..06-30"], "06-01", "expiring"),
        ([": insulin 03-01..06-30"], "06-30", "expiring"),
        ([": insulin 03-01..06-30"], "07-01", "expired"),
        ([": insulin 03-01.."], "12-31", "valid"),
        ([": insulin 03-01..", ": insulin 03-01..04-30"], "04-30", "expiring"),
        ([": insulin 03-01..", ": insulin 03-01..04-30"], "05-01", "revoked"),
        ([": insulin 03-01..", ":"], "02-01", "revoked"),
    ],
)
def test_its_state_on_a_day(told, on, state):
    [given] = history(puts(*told))
    assert given.state(day(on), SOON) == state


@pytest.mark.parametrize(
    ("told", "lack"),
    [
        ([":"], "never_given"),
        ([": sond 01-01.."], "never_given"),
        ([": insulin 03-03.."], "not_yet"),
        ([": insulin 01-01..03-01"], "expired"),
        ([": insulin 01-01..", ": insulin 01-01..03-01"], "revoked"),
        ([": insulin 01-01..", ":"], "revoked"),
        ([": insulin 01-01..", "03-02:"], "revoked"),
        # Between two employments that both give it there is a gap.
        ([": insulin 01-01..", "03-02:", "03-03: insulin 01-01.."], "revoked"),
        ([": insulin 01-01..03-02"], None),
        ([":", ": insulin 01-01.."], None),
    ],
)
def test_what_was_lacking_when_it_was_done(told, lack):
    said = puts(*told)
    home = [recipient("B-1"), order("O-1", "B-1", "dusch 20; insulin 10")]
    [visit] = derive(world(*home, *(put.staff for put in said)), taps("08:00 in A | 08:30 out A"))
    found = [(one.intervention, one.seconds, one.state, one.lack) for one in done_without(visit, said)]
    assert found == ([("insulin", 600, "open", lack)] if lack else [])


def test_a_visit_that_is_not_performed_lacks_nothing():
    home = [recipient("B-1"), order("O-1", "B-1", "insulin 10")]
    [visit] = derive(world(*home), taps("08:00 in A"))
    assert list(done_without(visit, puts(":"))) == []
