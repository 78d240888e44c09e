"""Orders: when they are in force, which line fits the moment, what they grant."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest
from told import at, day, line, order

from app.domain.register.order import (
    Order,
    OrderLine,
    Pause,
    active_days,
    changed_days,
    fits,
    granted_minutes,
    in_force,
    months,
    weekly_minutes,
)
from app.domain.time import FIRST_DAY


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-03-01", False),
        ("2026-03-02", True),
        ("2026-03-09", True),
        ("2026-03-10", False),
        ("2026-03-12", False),
        ("2026-03-13", True),
        ("2026-03-19", True),
        ("2026-03-20", False),
        ("2026-03-31", False),
        ("2026-04-01", False),
    ],
)
def test_an_order_is_in_force_on_its_days_less_its_pauses(on: str, expected: bool) -> None:
    told = order(
        "O-1",
        "B-1",
        "dusch",
        first="2026-03-02",
        last="2026-03-31",
        pauses=[("2026-03-10", "2026-03-12"), ("2026-03-20", None)],
    )
    assert in_force(told, day(on)) is expected


@pytest.mark.parametrize(
    ("when", "moment", "expected"),
    [
        ("", "03:00", True),
        ("07:00-10:00", "06:59:59", False),
        ("07:00-10:00", "07:00", True),
        ("07:00-10:00", "09:59:59", True),
        ("07:00-10:00", "10:00", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "21:59:59", False),
        ("22:00-07:00", "06:59:59+1", True),
        ("22:00-07:00", "07:00+1", False),
        ("18:00-00:00", "23:59:59", True),
        ("18:00-00:00", "00:00", False),
        ("on:1", "00:00", True),  # Monday
        ("on:1", "23:59:59", True),
        ("on:1", "00:00+1", False),
        ("on:6,7", "12:00+5", True),
        ("on:1 07:00-10:00", "08:00", True),
        ("on:2 07:00-10:00", "08:00", False),
        ("on:1 22:00-07:00", "23:00", True),
        ("on:1 22:00-07:00", "03:00+1", True),  # Monday's night, though it is Tuesday
        ("on:2 22:00-07:00", "03:00+1", False),
        ("on:7 22:00-07:00", "03:00", True),
        ("on:7 22:00-07:00", "23:00", False),
        ("06:00-06:00", "03:00", True),  # all the way round
        ("on:1 06:00-06:00", "05:59:59+1", True),
        ("on:1 06:00-06:00", "06:00+1", False),
        ("00:00-00:00", "00:00", True),
        ("01:00-03:00", "2026-03-29T03:00", False),  # the clock went from 2 to 3
        ("01:00-03:00", "2026-10-25T02:30", True),
        ("01:00-03:00", "2026-10-25T02:30b", True),  # and here twice
    ],
)
def test_a_line_fits_by_the_local_start(when: str, moment: str, expected: bool) -> None:
    assert fits(line("1", f"dusch {when}"), at(moment)) is expected


@pytest.mark.parametrize(
    ("pauses", "days", "expected"),
    [
        ([], ("2026-03-01", "2026-03-31"), 31),
        ([], ("2026-02-01", "2026-03-10"), 10),
        ([], ("2026-03-20", "2026-05-01"), 12),
        ([], ("2026-01-01", "2026-01-31"), 0),
        ([("2026-03-05", "2026-03-05")], ("2026-03-01", "2026-03-31"), 30),
        ([("2026-03-05", "2026-03-10"), ("2026-03-08", "2026-03-12")], ("2026-03-01", "2026-03-31"), 23),
        ([("2026-03-05", "2026-03-20"), ("2026-03-08", "2026-03-12")], ("2026-03-01", "2026-03-31"), 15),
        ([("2026-03-08", "2026-03-12"), ("2026-03-05", "2026-03-20")], ("2026-03-01", "2026-03-31"), 15),
        ([("2026-02-01", "2026-03-03")], ("2026-03-01", "2026-03-31"), 28),
        ([("2026-03-30", None)], ("2026-03-01", "2026-03-31"), 29),
        ([("2026-03-30", "9999-12-31")], ("2026-03-01", "2026-03-31"), 29),
        ([("2026-02-01", None)], ("2026-03-01", "2026-03-31"), 0),
    ],
)
def test_active_days(pauses: list[tuple[str, str | None]], days: tuple[str, str], expected: int) -> None:
    told = order("O-1", "B-1", "dusch", first="2026-03-01", last="2026-03-31", pauses=pauses)
    assert active_days(told, (day(days[0]), day(days[1]))) == expected
    counted = [
        day(days[0]) + dt.timedelta(days=number)
        for number in range((day(days[1]) - day(days[0])).days + 1)
        if in_force(told, day(days[0]) + dt.timedelta(days=number))
    ]
    assert len(counted) == expected


MARCH = ("2026-03-01", "2026-03-31")
QUARTER = ("2026-01-01", "2026-03-31")


@pytest.mark.parametrize(
    ("text", "days", "minutes"),
    [
        ("dusch 20", MARCH, 620),
        ("dusch 20 2/d", MARCH, 1240),
        ("dusch 20 1/2d", MARCH, 310),
        ("dusch 20 staff:2", MARCH, 1240),
        ("dusch 20 3/wk", MARCH, Fraction(20 * 3 * 31, 7)),
        ("städ 60 1/2wk", MARCH, Fraction(60 * 31, 14)),
        ("städ 60 1/mo", MARCH, 60),
        ("städ 60 1/mo", ("2026-03-01", "2026-03-15"), Fraction(60 * 15, 31)),
        ("städ 60 1/mo", QUARTER, 180),
        ("städ 60 1/mo", ("2026-01-31", "2026-03-01"), Fraction(60, 31) + 60 + Fraction(60, 31)),
        ("städ 60 1/3mo", QUARTER, 60),
        ("städ 60 0/mo", QUARTER, 0),
        ("dusch 20", ("2025-01-01", "2025-12-31"), 0),
    ],
)
def test_granted_time(text: str, days: tuple[str, str], minutes: Fraction | int) -> None:
    told = order("O-1", "B-1", text)
    [only] = told.lines
    span = day(days[0]), day(days[1])
    assert granted_minutes(told, only, only.standard_minutes or 0, span) == minutes


def test_a_pause_grants_nothing() -> None:
    told = order("O-1", "B-1", "städ 60 1/mo", pauses=[("2026-03-11", "2026-03-31")])
    assert granted_minutes(told, told.lines[0], 60, (day("2026-03-01"), day("2026-03-31"))) == Fraction(600, 31)


def test_a_span_is_cut_at_month_ends() -> None:
    assert list(months((day("2026-01-31"), day("2026-03-01")))) == [
        (day("2026-01-31"), day("2026-01-31")),
        (day("2026-02-01"), day("2026-02-28")),
        (day("2026-03-01"), day("2026-03-01")),
    ]
    assert list(months((day("2026-03-02"), day("2026-03-01")))) == []


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("dusch 20", 140),
        ("dusch 20 3/wk", 60),
        ("städ 60 1/2wk", 30),
        ("städ 62 1/mo", 14),
        ("dusch 20 staff:2", 280),
    ],
)
def test_weekly_minutes_are_those_of_seven_active_days(text: str, minutes: int) -> None:
    told = order("O-1", "B-1", text)
    [only] = told.lines
    week = day("2026-03-02"), day("2026-03-08")
    assert weekly_minutes(only, only.standard_minutes or 0, week[0]) == minutes
    assert granted_minutes(told, only, only.standard_minutes or 0, week) == minutes


BASE = order("O-1", "B-1", "dusch; städ 1/wk", first="2026-03-01", last="2026-03-31")
OTHER_LINES: tuple[OrderLine, ...] = (line("1", "dusch 25"), BASE.lines[1])


@pytest.mark.parametrize(
    ("new", "days"),
    [
        (BASE, None),
        (None, (FIRST_DAY, dt.date.max)),
        (replace(BASE, recipient="B-2"), (FIRST_DAY, dt.date.max)),
        (replace(BASE, lines=BASE.lines[:1]), (FIRST_DAY, dt.date.max)),
        (replace(BASE, lines=OTHER_LINES), (day("2026-03-01"), day("2026-03-31"))),
        (replace(BASE, lines=OTHER_LINES, valid_to=None), (day("2026-03-01"), dt.date.max)),
        (replace(BASE, lines=BASE.lines[::-1]), (day("2026-03-01"), day("2026-03-31"))),
        (replace(BASE, valid_to=day("2026-04-10")), (day("2026-04-01"), day("2026-04-10"))),
        (replace(BASE, valid_from=day("2026-02-20")), (day("2026-02-20"), day("2026-02-28"))),
        (replace(BASE, pauses=(Pause(day("2026-03-05"), day("2026-03-06")),)), (day("2026-03-05"), day("2026-03-06"))),
        (replace(BASE, pauses=(Pause(day("2026-03-30"), None),)), (day("2026-03-30"), day("2026-03-31"))),
        (replace(BASE, pauses=(Pause(day("2026-05-01"), day("2026-05-06")),)), None),
    ],
)
def test_the_days_a_new_version_may_change(new: Order | None, days: tuple[dt.date, dt.date] | None) -> None:
    told = [new] if new else []
    assert changed_days([BASE], told) == days
    assert changed_days(told, [BASE]) == days


def test_until_further_notice_may_be_written_as_the_last_day_of_the_calendar() -> None:
    closed, opened = replace(BASE, valid_to=dt.date.max), replace(BASE, valid_to=None)
    first, last = changed_days([BASE], [closed]) or (None, None)
    assert first == day("2026-04-01")
    assert last is not None
    assert last > day("9999-01-01")
    assert changed_days([closed], [opened]) is None
    paused = replace(opened, pauses=(Pause(day("2026-03-05"), dt.date.max),))
    assert changed_days([paused], [replace(opened, pauses=(Pause(day("2026-03-05"), None),))]) is None
    assert active_days(paused, (day("2026-03-01"), day("2026-03-31"))) == 4
