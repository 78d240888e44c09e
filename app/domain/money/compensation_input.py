"""What compensation looks at, and the items it counts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from app.domain.money.terms import ALL
from app.domain.register.master import MasterData
from app.domain.register.order import Order
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit


@dataclass(frozen=True, slots=True)
class Declined:
    """One ordered intervention that was turned down, how, and the standard minutes it would have had."""

    recipient: str
    at: dt.datetime
    category: str
    intervention: str
    minutes: int
    how: str
    notified_at: dt.datetime | None = None
    visit: UUID | None = None


class Bundle(NamedTuple):
    """Complete visits of one recipient that no rule tells apart. `shares` hold their sums, `at` lies in their band."""

    id: int
    recipient: str
    visits: int
    first_on: dt.date
    last_on: dt.date
    at: dt.datetime
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class CompensationInput:
    """What one provider is paid for: its orders, visits and what was declined, with everybody's master data.

    `visits` reach back as far as the rules look: the day before the first, the last visit before an absence, the
    days of a bonus. Those in `bundles` are none of them.
    """

    provider: str
    form: str
    master: MasterData
    orders: Sequence[Order]
    visits: Sequence[Visit]
    declined: Sequence[Declined] = ()
    bundles: Sequence[Bundle] = ()


class Item(NamedTuple):
    """Something a rule pays for: seconds where its rates are per hour, else a count. `share` is how much of it.

    It is of the day `on`, or of the days from then to `last_on`. `visit` names the visit or the bundle it is of, which
    holds so many `visits`.
    """

    recipient: str
    category: str
    on: dt.date
    band: str | None
    quantity: Fraction | int
    reason: str
    visit: UUID | int | None = None
    share: Fraction = ALL
    notes: tuple[str, ...] = ()
    visits: int = 1
    last_on: dt.date | None = None
