"""The input of compensation, and the items that rules count."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from app.domain.closed_sets import Category, ProviderForm
from app.domain.money.terms import ALL, DeclinedHow
from app.domain.register.master import MasterData
from app.domain.register.order import Order
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit


@dataclass(frozen=True, slots=True)
class Declined:
    """One ordered intervention that was declined; `minutes` are its standard minutes."""

    recipient: str
    at: dt.datetime
    category: Category | None
    intervention: str
    minutes: int
    how: DeclinedHow
    notified_at: dt.datetime | None = None
    visit: UUID | None = None


class Bundle(NamedTuple):
    """Complete visits of one recipient that no rule distinguishes. `shares` hold sums, `at` lies in their band."""

    id: int
    recipient: str
    visits: int
    first_on: dt.date
    last_on: dt.date
    at: dt.datetime
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class CompensationInput:
    """Facts that one provider is paid for: orders, visits and declined interventions, with everybody's master data.

    `visits` reach back as far as the rules need: the day before the first, the last visit before an absence, the days
    of a bonus. Visits in `bundles` are not among them.
    """

    provider: str
    form: ProviderForm
    master: MasterData
    orders: Sequence[Order]
    visits: Sequence[Visit]
    declined: Sequence[Declined] = ()
    bundles: Sequence[Bundle] = ()


class Item(NamedTuple):
    """One quantity that a rule pays for: seconds if its rates are per hour, else a count. `share` of it is paid.

    It is for the day `on`, or the days from `on` to `last_on`. `visit` is the id of its visit or bundle, `visits` the
    number of visits in it.
    """

    recipient: str
    category: Category
    on: dt.date
    band: str | None
    quantity: Fraction | int
    reason: str
    visit: UUID | int | None = None
    share: Fraction = ALL
    notes: tuple[str, ...] = ()
    visits: int = 1
    last_on: dt.date | None = None
