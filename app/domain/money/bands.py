"""Price bands: hours of the day, of the week or around holidays; visits are cut at their edges."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.domain.money.holidays import HOLIDAYS, is_public_holiday, is_workday
from app.domain.register.order import ONE_DAY
from app.domain.time import STOCKHOLM, UTC, Days, Span, day_start, local_date, seconds_between

MIDNIGHT = dt.time(0)
PublicHolidays = Literal["only", "never"]
LONGEST_BAND = 14 * ONE_DAY
"""The longest time between the start of a band's span and any day in it."""


@dataclass(frozen=True, slots=True)
class BandTime:
    """One recurring span of a band, half-open, local.

    It begins at `opens` and ends at the next `closes` (a whole day when they are equal): every day, on `weekdays` (ISO
    numbers), on public holidays alone or never on them; with `until_weekday` at the first such day after it began. With
    a `holiday` it begins so many `days_before` it instead, and ends on `until_holiday`, with `until_workday` on the
    first workday after that.
    """

    opens: dt.time
    closes: dt.time
    weekdays: frozenset[int] = frozenset()
    until_weekday: int | None = None
    public_holidays: PublicHolidays | None = None
    holiday: str | None = None
    days_before: int = 0
    until_holiday: str | None = None
    until_workday: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A named price band. Where bands overlap, the first in the list applies."""

    name: str
    times: tuple[BandTime, ...]


class Piece(NamedTuple):
    """Seconds of a visit on one local day in one band (None: in no band)."""

    on: dt.date
    band: str | None
    seconds: int


class Bands:
    """The bands of inclusive days, prepared to cut spans. Instants outside these days give wrong answers."""

    def __init__(self, bands: Sequence[Band], days: Days) -> None:
        first, last = days
        edges = {day_start(first + ONE_DAY * number) for number in range((last - first).days + 2)}
        spans = [(band.name, sorted(_spans(band, days))) for band in bands]
        for _, times in spans:
            edges.update(edge for span in times for edge in span)
        self.edges = sorted(edges)
        self._names = [_name_at(spans, edge) for edge in self.edges]

    def at(self, instant: dt.datetime) -> str | None:
        """The band of an instant; None in no band."""
        place = bisect_right(self.edges, instant) - 1
        return self._names[place] if place >= 0 else None

    def cut(self, spans: Iterable[Span]) -> Iterator[Piece]:
        """The spans cut at local midnights and at the edges of bands; the pieces add up to them."""
        for begun, end in spans:
            start = begun
            place = bisect_right(self.edges, start)
            while start < end:
                until = min(end, self.edges[place]) if place < len(self.edges) else end
                band = self._names[place - 1] if place else None
                yield Piece(local_date(start), band, seconds_between(start, until))
                start, place = until, place + 1


def _name_at(spans: Sequence[tuple[str, Sequence[Span]]], instant: dt.datetime) -> str | None:
    for name, times in spans:
        if any(start <= instant < end for start, end in times):
            return name
    return None


def _spans(band: Band, days: Days) -> Iterator[Span]:
    first, last = days
    for time in band.times:
        day = first - LONGEST_BAND
        while day <= last:
            if _begins(time, day):
                yield _instant(day, time.opens), _instant(*_end(time, day))
            day += ONE_DAY


def _begins(time: BandTime, day: dt.date) -> bool:
    if time.holiday is not None:
        eve = day + ONE_DAY * time.days_before
        return HOLIDAYS[time.holiday](eve.year) == eve
    if time.weekdays and day.isoweekday() not in time.weekdays:
        return False
    return time.public_holidays is None or is_public_holiday(day) is (time.public_holidays == "only")


def _end(time: BandTime, day: dt.date) -> tuple[dt.date, dt.time]:
    if time.until_weekday is not None:
        day += ONE_DAY * ((time.until_weekday - day.isoweekday() - 1) % 7 + 1)
    elif time.until_holiday is not None:
        find = HOLIDAYS[time.until_holiday]
        day = find(day.year) if find(day.year) >= day else find(day.year + 1)
        if time.until_workday:
            day += ONE_DAY
            while not is_workday(day):
                day += ONE_DAY
        elif time.closes == MIDNIGHT:
            day += ONE_DAY
    elif time.closes <= time.opens:
        day += ONE_DAY
    return day, time.closes


def _instant(day: dt.date, clock: dt.time) -> dt.datetime:
    return dt.datetime.combine(day, clock, STOCKHOLM).astimezone(UTC)


def clock_band(bands: Bands, day: dt.date, clock: dt.time) -> str | None:
    """The band of a local clock time of a day."""
    return bands.at(_instant(day, clock))
