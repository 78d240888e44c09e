"""The measure of licensed health care, with the recipients enrolled for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.closed_sets import LICENSED
from app.domain.measures.ordered import Ordered, performed
from app.domain.register.order import ONE_DAY
from app.domain.time import Days
from app.domain.visits.visit import Visit


@dataclass(frozen=True, slots=True)
class LicensedCare:
    """Numbers of performed visits with licensed health care, of its seconds and its recipients, and of those enrolled.

    Enrolled is a recipient with such an order in force on any of the days, visited or not. `unordered` are the visits
    in which a share of it had no order line in force.
    """

    visits: int
    seconds: int
    recipients: int
    unordered: int
    enrolled: int


def licensed_care(visits: Iterable[Visit], ordered: Ordered, days: Days) -> LicensedCare:
    """The measure by its definition, for visits that start on inclusive local days.

    Only recipients in `ordered` can be enrolled.
    """
    visited = performed(visits, LICENSED, days)
    every_day = [days[0] + ONE_DAY * number for number in range((days[1] - days[0]).days + 1)]
    return LicensedCare(
        len(visited),
        sum(share.seconds for _, shares in visited for share in shares),
        len({visit.recipient for visit, _ in visited}),
        sum(any(share.order_line is None for share in shares) for _, shares in visited),
        sum(any(LICENSED in ordered.categories(ref, on) for on in every_day) for ref in ordered.orders),
    )
