"""Absence by the calendar: which paused days still pay, and the two clocks of notice.

The pay clock counts calendar days of notice before an absence, the fee clock hours before a visit. They are different
clocks: what the provider gets says nothing of what the recipient pays.
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
    """Inclusive days on which a recipient is not there, without a gap."""

    first_on: dt.date
    last_on: dt.date
    reason: str
    notified_at: dt.datetime | None = None


def absences_of(orders: Sequence[Order], died_on: dt.date | None) -> list[Absence]:
    """The pauses of an order, in its parts, as absences, and the days after a death.

    Pauses that meet or overlap for the same reason are one absence, so telling one month at a time, or the order from a
    day on, counts as telling it whole; its notice is that of the first.
    """
    found: list[Absence] = []
    for first, last, pause in sorted(_paused(orders, died_on), key=lambda told: told[:2]):
        before = found[-1] if found else None
        if before and before.reason == pause.reason and (first - before.last_on) <= ONE_DAY:
            found[-1] = Absence(before.first_on, max(before.last_on, last), before.reason, before.notified_at)
        else:
            found.append(Absence(first, last, pause.reason, pause.notified_at))
    after = [order for order in orders if died_on and died_on < (order.valid_to or LAST_DAY)]
    if died_on and after:
        first = min(max(died_on + ONE_DAY, order.valid_from) for order in after)
        found.append(Absence(first, max(order.valid_to or LAST_DAY for order in after), DEATH))
    return found


def _paused(orders: Iterable[Order], died_on: dt.date | None) -> Iterator[tuple[dt.date, dt.date, Pause]]:
    for order in orders:
        alive_to = min(order.valid_to or LAST_DAY, died_on or LAST_DAY)
        for pause in order.pauses:
            first, last = max(pause.first_on, order.valid_from), min(pause.last_on or LAST_DAY, alive_to)
            if first <= last:
                yield first, last, pause


def is_planned(absence: Absence, planned_days: int | None) -> bool:
    """Whether notice came so many calendar days ahead, or more. Without any notice it did not."""
    if planned_days is None or absence.notified_at is None:
        return False
    return (absence.first_on - local_date(absence.notified_at)).days >= planned_days


def paid_days(
    absence: Absence, pay: AbsencePay, visited: Collection[dt.date], days: Days
) -> Iterator[tuple[dt.date, AbsenceStep]]:
    """The days of an absence within `days` that still pay, with the step that says how much.

    `visited` are the days with a performed visit: on them nobody was absent, so a hospital stay that began after the
    morning's visit has its first day tomorrow. The count runs on over month ends, whatever `days` are asked for.
    """
    if is_planned(absence, pay.planned_days) or (pay.reasons and absence.reason not in pay.reasons):
        return
    longest = ONE_DAY * max((step.last for step in pay.steps), default=0)
    before = max((day for day in visited if day < absence.first_on), default=None)
    counted = before + ONE_DAY if before and pay.counted_from == "last_visit" else absence.first_on
    # A visit in the middle begins the count anew, however long ago it ran out.
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
    """Whether a visit was cancelled early enough for the recipient not to pay for it."""
    return starts_at - notified_at >= dt.timedelta(hours=hours)
