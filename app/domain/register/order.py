"""Orders of a municipality for a recipient: lines, pauses, and the time they grant."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.domain.closed_sets import PeriodUnit
from app.domain.time import FIRST_DAY, Days, days_in_month, local

LAST_DAY = dt.date.max
ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One granted intervention: its length, its frequency, the number of staff, and the times it fits.

    `standard_minutes` is None for the catalogue's; `frequency` times per `period` `period_unit`. `weekdays` are ISO
    numbers, empty for any; a `window` is half-open, may wrap midnight and then counts to its start day; one that ends
    where it starts is a whole day.
    """

    ref: str
    intervention: str
    standard_minutes: int | None
    frequency: int
    period: int
    period_unit: PeriodUnit
    staff_count: int = 1
    weekdays: tuple[int, ...] = ()
    window: tuple[dt.time, dt.time] | None = None
    answered_by: tuple[str, ...] = ()
    """Other providers whose staff may come for it; for alarms."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Inclusive local days without the order in force; open-ended when `last_on` is None.

    `notified_at` is the instant at which the provider was notified; the pay of a paused day depends on it and on the
    `reason`.
    """

    first_on: dt.date
    last_on: dt.date | None
    reason: str = ""
    notified_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order from the municipality to one provider for one recipient. Days are inclusive and local.

    An order that was put again from a day on is several of these with one ref, each with its own days.
    """

    ref: str
    recipient: str
    provider: str
    valid_from: dt.date
    valid_to: dt.date | None
    lines: tuple[OrderLine, ...]
    pauses: tuple[Pause, ...] = ()


def until_death(order: Order, died_on: dt.date | None) -> Order | None:
    """The order, ended with its recipient's death; None if it would begin after that."""
    if died_on is None or (order.valid_to is not None and order.valid_to <= died_on):
        return order
    return replace(order, valid_to=died_on) if order.valid_from <= died_on else None


def of_provider(order: Order, provider: str) -> Order | None:
    """The order with the lines that a provider's staff may come for: all of its own, else those it answers.

    None without such a line.
    """
    if order.provider == provider:
        return order
    lines = tuple(line for line in order.lines if provider in line.answered_by)
    return replace(order, lines=lines) if lines else None


def providers_of(order: Order) -> set[str]:
    """The providers whose staff may come for any line of the order."""
    return {order.provider}.union(*(line.answered_by for line in order.lines))


def in_force(order: Order, on: dt.date) -> bool:
    """True when the order is valid and not paused that day."""
    return _valid(order, on) and not any(_paused(pause, on) for pause in order.pauses)


def _valid(order: Order, on: dt.date) -> bool:
    return order.valid_from <= on and (order.valid_to is None or on <= order.valid_to)


def _paused(pause: Pause, on: dt.date) -> bool:
    return pause.first_on <= on and (pause.last_on is None or on <= pause.last_on)


def fits(line: OrderLine, start_at: dt.datetime) -> bool:
    """True when a visit that starts at this instant falls in the line's weekdays and window, by local time."""
    if line.window is not None:
        opens, closes = line.window
        clock = local(start_at).time()
        if not (opens <= clock < closes if opens < closes else clock < closes or opens <= clock):
            return False
    return not line.weekdays or day_of(line, start_at).isoweekday() in line.weekdays


def day_of(line: OrderLine, start_at: dt.datetime) -> dt.date:
    """The day that a visit counts to: its local one, or in the second half of a window over midnight the day before."""
    moment = local(start_at)
    over = line.window is not None and line.window[1] <= line.window[0] and moment.time() < line.window[1]
    return moment.date() - ONE_DAY if over else moment.date()


def active_days(order: Order, days: Days) -> int:
    """Number of days of the inclusive span on which the order is in force."""
    first, last = max(days[0], order.valid_from), min(days[1], order.valid_to or LAST_DAY)
    if last < first:
        return 0
    active = (last - first).days + 1
    counted_to = first - ONE_DAY
    for pause in sorted(order.pauses, key=lambda pause: pause.first_on):
        start = max(pause.first_on, counted_to + ONE_DAY)
        end = min(pause.last_on or LAST_DAY, last)
        if start <= end:
            active -= (end - start).days + 1
            counted_to = end
    return active


def months(days: Days) -> Iterator[Days]:
    """The inclusive span cut at month ends."""
    first, last = days
    while first <= last:
        end = min(last, first.replace(day=days_in_month(first)))
        yield first, end
        first = end + ONE_DAY


def granted_minutes(order: Order, line: OrderLine, standard_minutes: int, days: Days) -> Fraction:
    """Exact minutes granted by one line within inclusive local days on which the catalogue stays the same.

    `domain.register.granted` has the definition of granted time.
    """
    rate = Fraction(standard_minutes * line.staff_count * line.frequency, line.period)
    if line.period_unit == "mo":
        return sum(
            (rate * active_days(order, part) / days_in_month(part[0]) for part in months(days)), start=Fraction(0)
        )
    return rate * active_days(order, days) / (1 if line.period_unit == "d" else 7)


def weekly_minutes(line: OrderLine, standard_minutes: int, on: dt.date) -> Fraction:
    """The minutes the line grants in seven active days of the month of `on`: its weight if no line fits the moment."""
    rate = Fraction(standard_minutes * line.staff_count * line.frequency * 7, line.period)
    return rate / {"d": 1, "wk": 7, "mo": days_in_month(on)}[line.period_unit]


def changed_days(old: Sequence[Order], new: Sequence[Order]) -> Days | None:
    """The hull of days whose derivation may differ between two versions of an order; None if no day may.

    If an order appears or goes, or its interventions change, visits of days outside it change too (not ordered, or
    ordered but not in force), so every day may differ.
    """
    if _ordered(old) != _ordered(new):
        return FIRST_DAY, LAST_DAY
    changed = list(_differing(old, new, in_force))
    return (changed[0][0], changed[-1][1]) if changed else None


def first_change(old: Sequence[Order], new: Sequence[Order]) -> dt.date | None:
    """The first day on which two versions of an order differ, a pause's reason and notice included; None if equal."""
    return next((days[0] for days in _differing(old, new, _valid)), None)


def _differing(old: Sequence[Order], new: Sequence[Order], counts: Callable[[Order, dt.date], bool]) -> Iterator[Days]:
    edges = sorted({day for order in (*old, *new) for day in turns(order)})
    for start, following in zip(edges, [*edges[1:], None], strict=True):
        before, after = ([_content(order, start) for order in one if counts(order, start)] for one in (old, new))
        if before != after:
            yield start, following - ONE_DAY if following else LAST_DAY


def _content(order: Order, on: dt.date) -> tuple[object, ...]:
    pauses = [(pause.reason, pause.notified_at) for pause in order.pauses if _paused(pause, on)]
    return order.recipient, order.provider, order.lines, pauses


def _ordered(orders: Sequence[Order]) -> set[tuple[str, str, str | None]]:
    return {
        (order.recipient, provider, intervention)
        for order in orders
        for intervention, providers in ((None, ()), *((line.intervention, line.answered_by) for line in order.lines))
        for provider in (order.provider, *providers)
    }


def turns(order: Order) -> Sequence[dt.date]:
    """The days on which the order may begin or cease to be in force, unsorted."""
    days = [order.valid_from]
    if order.valid_to and order.valid_to < LAST_DAY:
        days.append(order.valid_to + ONE_DAY)
    for pause in order.pauses:
        days.append(pause.first_on)
        if pause.last_on and pause.last_on < LAST_DAY:
            days.append(pause.last_on + ONE_DAY)
    return days
