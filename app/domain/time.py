"""Instants, spans and the Swedish calendar.

Inside the service time is UTC, spans are half-open `[start, end)` and cut to whole seconds. The calendar
(Europe/Stockholm) matters only where a span is cut: days, months, time windows.
"""

import datetime as dt
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC = dt.UTC
STOCKHOLM = ZoneInfo("Europe/Stockholm")
ZERO = dt.timedelta(0)
FIRST_DAY = dt.date(1900, 1, 1)
"""The first day of a version that gives none."""

Span = tuple[dt.datetime, dt.datetime]
Days = tuple[dt.date, dt.date]
"""An inclusive span of local dates: 1–30 April."""


def whole_second(instant: dt.datetime) -> dt.datetime:
    """The instant in UTC, cut down to its whole second."""
    return instant.astimezone(UTC).replace(microsecond=0)


def written(instant: dt.datetime) -> str:
    """The instant, to the second, in a form in which the texts sort and compare like the instants."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(start: dt.datetime, end: dt.datetime) -> int:
    """Whole seconds from `start` to `end`; both are whole seconds already."""
    delta = end - start
    return delta.days * 86400 + delta.seconds


def total_seconds(spans: Iterable[Span]) -> int:
    """The sum of the seconds of spans, which must not overlap."""
    return sum(seconds_between(start, end) for start, end in spans)


def subtract(span: Span, taken: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of `span` that are left when every span of `taken` is cut out of it, in order."""
    left: list[Span] = []
    start, end = span
    for cut_start, cut_end in sorted(taken):
        if cut_end <= start or cut_start >= end or cut_start >= cut_end:
            continue
        if cut_start > start:
            left.append((start, cut_start))
        start = max(start, cut_end)
    if start < end:
        left.append((start, end))
    return tuple(left)


def covered_by(spans: Sequence[Span], layers: Sequence[Sequence[Span]], depth: int) -> int:
    """Seconds of `spans` during which at least `depth` of the `layers` are present.

    The spans of one layer do not overlap each other.
    """
    edges: list[tuple[dt.datetime, int, int]] = []
    for start, end in spans:
        edges += [(start, 1, 0), (end, -1, 0)]
    for layer in layers:
        for start, end in layer:
            edges += [(start, 0, 1), (end, 0, -1)]
    edges.sort(key=lambda edge: edge[0])
    inside = above = seconds = 0
    before: dt.datetime | None = None
    for at, own, other in edges:
        if before is not None and inside and above >= depth:
            seconds += seconds_between(before, at)
        inside += own
        above += other
        before = at
    return seconds


def local(instant: dt.datetime) -> dt.datetime:
    """The instant on a Swedish clock."""
    return instant.astimezone(STOCKHOLM)


def local_date(instant: dt.datetime) -> dt.date:
    """The Swedish calendar day of the instant."""
    return instant.astimezone(STOCKHOLM).date()


def day_start(day: dt.date) -> dt.datetime:
    """The first instant (UTC) of a Swedish calendar day."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM).astimezone(UTC)


def days_span(first: dt.date, last: dt.date) -> Span:
    """The half-open UTC span of the inclusive local days `first` to `last`.

    The last day of the calendar, which many systems write for "until further notice", has no day after it: the span
    then ends where that day starts.
    """
    return day_start(first), day_start(last if last == dt.date.max else last + dt.timedelta(days=1))


def month_days(month: str) -> Days:
    """First and last day of a month written `YYYY-MM`. Raises ValueError on anything else."""
    first = dt.datetime.strptime(month + "-01", "%Y-%m-%d").replace(tzinfo=UTC).date()
    if month != f"{first:%Y-%m}":
        raise ValueError("a month is written YYYY-MM")
    following = (first + dt.timedelta(days=31)).replace(day=1)
    return first, following - dt.timedelta(days=1)


def hull(days: Days, holds: Callable[[dt.date], object]) -> Days | None:
    """The days from the first to the last of the inclusive days for which `holds` is true; None if it never is."""
    count = (days[1] - days[0]).days + 1
    first = next((on for number in range(count) if holds(on := days[0] + dt.timedelta(days=number))), None)
    if first is None:
        return None
    last = next((on for number in range(count) if holds(on := days[1] - dt.timedelta(days=number))), first)
    return first, last


@lru_cache(maxsize=8192)
def days_in_month(day: dt.date) -> int:
    """The number of days in the month of `day`."""
    return monthrange(day.year, day.month)[1]


CLOCK_TOLERANCE = dt.timedelta(seconds=30)
"""A phone's clock is taken as right while it is no further off."""
LONGEST_PRESENCE = dt.timedelta(hours=16)


Window = tuple[str, dt.datetime, dt.datetime]
"""Name of a person, a staff ref, a recipient or a household; first and last instant, both included."""


def merged_windows(windows: Iterable[Window], gap: dt.timedelta = ZERO) -> list[Window]:
    """Windows of the same name that lie closer than `gap` as one."""
    merged: list[Window] = []
    for name, first, last in sorted(windows):
        if merged and merged[-1][0] == name and first - merged[-1][2] <= gap:
            merged[-1] = (name, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((name, first, last))
    return merged
