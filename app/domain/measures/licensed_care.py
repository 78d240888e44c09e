"""Two measures: licensed health care with the recipients enrolled for it, and answered alarms."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.register.order import ONE_DAY, Order, in_force
from app.domain.time import Days
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit

LICENSED = "LICENSED_HSL"
ALARM = "ALARM"
CategoryOf = Callable[[str, dt.date], str | None]
"""The category of an intervention that day."""


@dataclass(frozen=True, slots=True)
class Licensed:
    """Numbers of performed visits with licensed health care, of its seconds and its recipients, and of those enrolled.

    Enrolled is a recipient with such an order in force on any of the days, visited or not. `unordered` are the visits
    in which a share of it had no order line in force.
    """

    visits: int
    seconds: int
    recipients: int
    unordered: int
    enrolled: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """Numbers of performed visits with an answered alarm, of their seconds and their recipients.

    `with_other_orders` are the visits on a day with another order in force than alarms; `alarm_only` the recipients
    without such a visit.
    """

    visits: int
    seconds: int
    recipients: int
    with_other_orders: int
    alarm_only: int

    @property
    def without_other_orders(self) -> int:
        """Number of visits on a day with no other order in force."""
        return self.visits - self.with_other_orders


@dataclass(frozen=True, slots=True)
class Ordered:
    """Orders by recipient, categories of interventions and days of death; a death ends every order the day after."""

    orders: Mapping[str, Sequence[Order]]
    category_of: CategoryOf
    died_on: Mapping[str, dt.date]

    def in_force(self, recipient: str, on: dt.date) -> list[Order]:
        """The recipient's orders in force that day."""
        if on > self.died_on.get(recipient, on):
            return []
        return [order for order in self.orders.get(recipient, ()) if in_force(order, on)]

    def categories(self, recipient: str, on: dt.date) -> set[str | None]:
        """The categories ordered for the recipient and in force that day."""
        return {
            self.category_of(line.intervention, on) for order in self.in_force(recipient, on) for line in order.lines
        }


def licensed(visits: Iterable[Visit], ordered: Ordered, days: Days) -> Licensed:
    """The measure by its definition, for visits that start on inclusive local days.

    Only recipients in `ordered` can be enrolled.
    """
    done = [(visit, _of(visit, LICENSED)) for visit in visits if _performed(visit, days)]
    found = [(visit, shares) for visit, shares in done if shares]
    every_day = [days[0] + ONE_DAY * number for number in range((days[1] - days[0]).days + 1)]
    return Licensed(
        len(found),
        sum(share.seconds for _, shares in found for share in shares),
        len({visit.recipient for visit, _ in found}),
        sum(any(share.order_line is None for share in shares) for _, shares in found),
        sum(any(LICENSED in ordered.categories(ref, on) for on in every_day) for ref in ordered.orders),
    )


def alarms(visits: Iterable[Visit], ordered: Ordered, days: Days) -> Alarms:
    """The measure by its definition. `ordered` has the orders of every provider."""
    found = [visit for visit in visits if _performed(visit, days) and _of(visit, ALARM)]
    beside = [visit for visit in found if ordered.categories(visit.recipient, visit.local_date) - {ALARM}]
    recipients = {visit.recipient for visit in found}
    return Alarms(
        len(found),
        sum(share.seconds for visit in found for share in _of(visit, ALARM)),
        len(recipients),
        len(beside),
        len(recipients - {visit.recipient for visit in beside}),
    )


def _performed(visit: Visit, days: Days) -> bool:
    return visit.status == "complete" and days[0] <= visit.local_date <= days[1]


def _of(visit: Visit, category: str) -> list[Share]:
    return [share for share in visit.shares if share.category == category]
