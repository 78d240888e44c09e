"""Granted time: the time that an order line allows over days, with its only definition and rounding.

A day grants by the minutes and category of the catalogue that day. Parts are exact; the sum of a line over the days
asked for is rounded half up to whole seconds once, and divided between its categories.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from app.domain.closed_sets import Category
from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY, Order, OrderLine, active_days, granted_minutes, until_death
from app.domain.rounding import half_up
from app.domain.time import Days


class GrantedPart(NamedTuple):
    """Exact seconds of a line over days on which its catalogue entry stays the same."""

    days: Days
    category: Category | None
    seconds: Fraction


def granted_parts(master: MasterData, order: Order, line: OrderLine, days: Days) -> Iterator[GrantedPart]:
    """The granted parts of a line, cut where the catalogue changes; none for parts in which its order is not in force.

    A part may have zero seconds.
    """
    timeline = master.interventions.get(line.intervention)
    turns = [one.valid_from for one in timeline.versions] if timeline else []
    edges = [days[0], *(day for day in turns if days[0] < day <= days[1]), days[1] + ONE_DAY]
    for first_on, following in pairwise(edges):
        minutes = master.minutes_of(line.intervention, line, first_on)
        span = first_on, following - ONE_DAY
        granted = granted_minutes(order, line, minutes, span)
        if granted or active_days(order, span):
            yield GrantedPart(span, master.category_of(line.intervention, first_on), granted * 60)


def lines_of(orders: Iterable[Order]) -> Iterable[Sequence[tuple[Order, OrderLine]]]:
    """For each recipient's line, its versions in the parts of its order."""
    parts: defaultdict[tuple[str, str, str, str], list[tuple[Order, OrderLine]]] = defaultdict(list)
    for order in orders:
        for line in order.lines:
            parts[order.recipient, order.provider, order.ref, line.ref].append((order, line))
    return parts.values()


def granted_seconds(master: MasterData, line: Iterable[tuple[Order, OrderLine]], days: Days) -> dict[str | None, int]:
    """Whole seconds of a line over the days, to the recipient's death, by category; their sum is rounded half up.

    Each category, in sorted order, gets the rounded sum up to it less that before it, so none is off by more than a
    second.
    """
    exact: defaultdict[str | None, Fraction] = defaultdict(Fraction)
    for order, version in line:
        alive = until_death(order, master.died_on(order.recipient))
        for part in granted_parts(master, alive, version, days) if alive else ():
            exact[part.category] += part.seconds
    parts: dict[str | None, int] = {}
    total, before = Fraction(0), 0
    for category in sorted(exact, key=lambda category: category or ""):
        total += exact[category]
        parts[category] = half_up(total) - before
        before = half_up(total)
    return parts
