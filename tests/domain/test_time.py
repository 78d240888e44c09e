"""Instants, spans and the Swedish calendar, by known answers."""

import datetime as dt

import pytest
from told import at, clock, day

from app.domain.time import (
    UTC,
    Span,
    covered_by,
    day_start,
    days_in_month,
    days_span,
    local,
    local_date,
    month_days,
    seconds_between,
    subtract,
    total_seconds,
    whole_second,
)

HOUR = 3600


def spans(text: str) -> list[Span]:
    """`08:00-08:30 09:00-09:10`."""
    pairs = [one.split("-") for one in text.split()]
    return [(at(start), at(end)) for start, end in pairs]


def shown(found: tuple[Span, ...]) -> str:
    return " ".join(f"{clock(start)}-{clock(end)}" for start, end in found)


def test_an_instant_is_cut_down_to_its_whole_second_in_utc() -> None:
    summer = dt.datetime(2026, 7, 1, 10, 0, 59, 999_999, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert whole_second(summer) == dt.datetime(2026, 7, 1, 8, 0, 59, tzinfo=UTC)
    assert whole_second(summer).tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("08:00", "08:00", 0),
        ("08:00", "08:00:01", 1),
        ("08:00", "08:00+3", 3 * 24 * HOUR),
        ("2026-03-29T01:40", "2026-03-29T03:20", 40 * 60),
        ("2026-10-25T01:40", "2026-10-25T02:20", 40 * 60),
        ("2026-10-25T01:40", "2026-10-25T02:20b", 100 * 60),
        ("2026-10-25T02:59:59", "2026-10-25T02:00b", 1),
    ],
)
def test_seconds_are_those_that_passed(start: str, end: str, seconds: int) -> None:
    assert seconds_between(at(start), at(end)) == seconds
    assert total_seconds([(at(start), at(end))]) == seconds


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ("", "08:00-09:00"),
        ("07:00-08:00 09:00-10:00", "08:00-09:00"),
        ("08:00-09:00", ""),
        ("07:00-10:00", ""),
        ("08:00-08:10", "08:10-09:00"),
        ("08:50-09:30", "08:00-08:50"),
        ("08:20-08:30", "08:00-08:20 08:30-09:00"),
        ("08:40-08:50 08:10-08:20", "08:00-08:10 08:20-08:40 08:50-09:00"),
        ("08:10-08:40 08:20-08:30", "08:00-08:10 08:40-09:00"),
        ("08:10-08:30 08:20-08:40", "08:00-08:10 08:40-09:00"),
        ("08:30-09:30 08:40-08:50", "08:00-08:30"),
        ("08:30-08:30", "08:00-09:00"),
    ],
)
def test_what_is_left_of_an_hour(taken: str, left: str) -> None:
    [hour] = spans("08:00-09:00")
    assert shown(subtract(hour, spans(taken))) == left


@pytest.mark.parametrize(
    ("own", "layers", "depth", "minutes"),
    [
        ("08:00-09:00", [], 1, 0),
        ("08:00-09:00", ["07:00-08:00", "09:00-10:00"], 1, 0),
        ("08:00-09:00", ["07:00-08:20"], 1, 20),
        ("08:00-09:00", ["07:00-08:20", "08:10-08:30"], 1, 30),
        ("08:00-09:00", ["07:00-08:20", "08:10-08:30"], 2, 10),
        ("08:00-09:00", ["07:00-10:00", "07:00-10:00"], 2, 60),
        ("08:00-09:00", ["07:00-10:00", "07:00-10:00"], 3, 0),
        ("08:00-08:20 08:40-09:00", ["08:10-08:50"], 1, 20),
        ("08:00-08:20 08:40-09:00", ["08:10-08:15 08:35-08:50"], 1, 15),
        ("08:00-09:00", ["08:00-08:30 08:30-09:00"], 1, 60),
        ("", ["08:00-09:00"], 1, 0),
    ],
)
def test_seconds_others_cover(own: str, layers: list[str], depth: int, minutes: int) -> None:
    assert covered_by(spans(own), [spans(layer) for layer in layers], depth) == minutes * 60


@pytest.mark.parametrize(
    ("instant", "on"),
    [
        ("2026-03-01T22:59:59+00:00", "2026-03-01"),
        ("2026-03-01T23:00:00+00:00", "2026-03-02"),
        ("2026-07-01T21:59:59+00:00", "2026-07-01"),
        ("2026-07-01T22:00:00+00:00", "2026-07-02"),
        ("2026-07-01T23:30:00+02:00", "2026-07-01"),
    ],
)
def test_a_day_is_a_swedish_day(instant: str, on: str) -> None:
    assert local_date(dt.datetime.fromisoformat(instant)) == day(on)
    assert local(dt.datetime.fromisoformat(instant)).date() == day(on)


@pytest.mark.parametrize(
    ("on", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_a_day_has_the_hours_it_has(on: str, hours: int) -> None:
    start, end = days_span(day(on), day(on))
    assert seconds_between(start, end) == hours * HOUR
    assert (start, end) == (day_start(day(on)), day_start(day(on) + dt.timedelta(days=1)))


def test_the_last_day_of_the_calendar_is_a_day_as_any() -> None:
    start, end = days_span(day("2026-01-01"), dt.date.max)
    assert start < day_start(day("9999-12-30")) < end


@pytest.mark.parametrize(
    ("month", "first", "last"),
    [
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
    ],
)
def test_a_month(month: str, first: str, last: str) -> None:
    assert month_days(month) == (day(first), day(last))
    assert days_in_month(day(first)) == days_in_month(day(last)) == day(last).day


@pytest.mark.parametrize("written", ["2026-1", "2026-13", "2026", "2026-01-01", "26-01", " 2026-01", "2026-01\n", ""])
def test_a_month_is_written_one_way(written: str) -> None:
    with pytest.raises(ValueError, match=r"month|format|unconverted"):
        month_days(written)
