"""Absence by the calendar: the paused days that still pay, and the two clocks of notice.

The pay clock counts calendar days of notice before an absence, the fee clock hours before a visit. They do not depend
on each other: the provider's pay says nothing about the recipient's fee.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.money.terms import AbsencePay, AbsenceStep
from app.domain.register.order import LAST_DAY, ONE_DAY, Order, Pause
from app.domain.time import Days, local_date

DEATH = "death"
FEE_NOTICE_HOURS = 48


@dataclass(frozen=True, slots=True)
class Absence:
    """Inclusive consecutive days on which a recipient is absent."""

    first_on: dt.date
    last_on: dt.date
    reason: str
    notified_at: dt.datetime | None = None


def absences_of(orders: Sequence[Order], died_on: dt.date | None) -> list[Absence]:
    """The pauses of an order, in its parts, as absences, and the days after a death.

    Pauses that meet or overlap for the same reason are one absence, with the notice of the first: a pause entered month
    by month, or an order put again from a day on, gives the same as one entered whole.
    """
    absences: list[Absence] = []
    for first, last, pause in sorted(_paused(orders, died_on), key=lambda pause: pause[:2]):
        before = absences[-1] if absences else None
        if before and before.reason == pause.reason and (first - before.last_on) <= ONE_DAY:
            absences[-1] = Absence(before.first_on, max(before.last_on, last), before.reason, before.notified_at)
        else:
            absences.append(Absence(first, last, pause.reason, pause.notified_at))
    after = [order for order in orders if died_on and died_on < (order.valid_to or LAST_DAY)]
    if died_on and after:
        first = min(max(died_on + ONE_DAY, order.valid_from) for order in after)
        absences.append(Absence(first, max(order.valid_to or LAST_DAY for order in after), DEATH))
    return absences


def _paused(orders: Iterable[Order], died_on: dt.date | None) -> Iterator[tuple[dt.date, dt.date, Pause]]:
    for order in orders:
        alive_to = min(order.valid_to or LAST_DAY, died_on or LAST_DAY)
        for pause in order.pauses:
            first, last = max(pause.first_on, order.valid_from), min(pause.last_on or LAST_DAY, alive_to)
            if first <= last:
                yield first, last, pause


def is_planned(absence: Absence, planned_days: int | None) -> bool:
    """True when notice came at least `planned_days` calendar days ahead; False without notice."""
    if planned_days is None or absence.notified_at is None:
        return False
    return (absence.first_on - local_date(absence.notified_at)).days >= planned_days


def paid_days(
    absence: Absence, pay: AbsencePay, visited: Collection[dt.date], days: Days
) -> Iterator[tuple[dt.date, AbsenceStep]]:
    """The days of an absence within `days` that still pay, each with its step.

    `visited` are the days with a performed visit, on which the recipient was not absent: a hospital stay that began
    after the morning's visit has its first day tomorrow. The count runs on over month ends, whatever `days` are.
    """
    if is_planned(absence, pay.planned_days) or (pay.reasons and absence.reason not in pay.reasons):
        return
    longest = ONE_DAY * max((step.last for step in pay.steps), default=0)
    before = max((day for day in visited if day < absence.first_on), default=None)
    counted = before + ONE_DAY if before and pay.counted_from == "last_visit" else absence.first_on
    # A visit in the middle restarts the count, even long after the last paid day.
    latest = max(visited, default=absence.first_on)
    day = absence.first_on
    while day <= min(absence.last_on, days[1]) and ((day - counted) < longest or day <= latest):
        if day in visited:
            if pay.counted_from == "last_visit" or counted == day:
                counted = day + ONE_DAY
        elif day >= days[0]:
            number = (day - counted).days + 1
            step = next((step for step in pay.steps if step.first <= number <= step.last), None)
            if step:
                yield day, step
        day += ONE_DAY


def is_free_of_fee(notified_at: dt.datetime, starts_at: dt.datetime, hours: int = FEE_NOTICE_HOURS) -> bool:
    """True when a visit was cancelled so many hours before its start that the recipient does not pay for it."""
    return starts_at - notified_at >= dt.timedelta(hours=hours)
