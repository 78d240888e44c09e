"""Orders in force and performed visits, as the measures need them."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.closed_sets import Category
from app.domain.register.order import Order, in_force
from app.domain.time import Days
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit

CategoryOf = Callable[[str, dt.date], Category | None]
"""The category of an intervention that day."""


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

    def categories(self, recipient: str, on: dt.date) -> set[Category | None]:
        """The categories ordered for the recipient and in force that day."""
        return {
            self.category_of(line.intervention, on) for order in self.in_force(recipient, on) for line in order.lines
        }


def performed(visits: Iterable[Visit], category: Category, days: Days) -> list[tuple[Visit, list[Share]]]:
    """The complete visits that start on inclusive local days and have shares of the category, with these."""
    complete = (visit for visit in visits if visit.status == "complete" and days[0] <= visit.local_date <= days[1])
    of_category = ((visit, [share for share in visit.shares if share.category == category]) for visit in complete)
    return [(visit, shares) for visit, shares in of_category if shares]
