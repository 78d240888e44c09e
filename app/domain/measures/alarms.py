"""The measure of answered alarms."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.closed_sets import ALARM
from app.domain.measures.ordered import Ordered, performed
from app.domain.time import Days
from app.domain.visits.visit import Visit


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


def alarms(visits: Iterable[Visit], ordered: Ordered, days: Days) -> Alarms:
    """The measure by its definition. `ordered` has the orders of every provider."""
    answered = performed(visits, ALARM, days)
    recipients = {visit.recipient for visit, _ in answered}
    beside = [visit for visit, _ in answered if ordered.categories(visit.recipient, visit.local_date) - {ALARM}]
    return Alarms(
        len(answered),
        sum(share.seconds for _, shares in answered for share in shares),
        len(recipients),
        len(beside),
        len(recipients - {visit.recipient for visit in beside}),
    )
