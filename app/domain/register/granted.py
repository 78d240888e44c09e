"""Granted time: what an order line allows over days, by the one definition and the one rounding that all tell it by.

A day grants by what the catalogue says that day, and by its category. Parts are exact; a line's whole over the asked
days is rounded half up to whole seconds once, and its categories share what that gives.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY, Order, OrderLine, active_days, granted_minutes, until_death
from app.domain.rounding import half_up
from app.domain.time import Days


class GrantedPart(NamedTuple):
    """Exact seconds of a line, of days in which the catalogue says the same of it."""

    days: Days
    category: str | None
    seconds: Fraction


def granted_parts(master: MasterData, order: Order, line: OrderLine, days: Days) -> Iterator[GrantedPart]:
    """What the line grants on days on which its order is in force, if only zero, cut where the catalogue changes."""
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
    """Each recipient's every line, as it stands in the parts of its order."""
    found: defaultdict[tuple[str, str, str, str], list[tuple[Order, OrderLine]]] = defaultdict(list)
    for order in orders:
        for line in order.lines:
            found[order.recipient, order.provider, order.ref, line.ref].append((order, line))
    return found.values()


def granted_seconds(master: MasterData, line: Iterable[tuple[Order, OrderLine]], days: Days) -> dict[str | None, int]:
    """Whole seconds of a line over the days, to the recipient's death, by category; together its one rounding.

    Categories come in their order, each as far as the rounded sum so far goes, so none is off by more than a second.
    """
    exact: defaultdict[str | None, Fraction] = defaultdict(Fraction)
    for order, told in line:
        alive = until_death(order, master.died_on(order.recipient))
        for part in granted_parts(master, alive, told, days) if alive else ():
            exact[part.category] += part.seconds
    found: dict[str | None, int] = {}
    total, before = Fraction(0), 0
    for category in sorted(exact, key=lambda category: category or ""):
        total += exact[category]
        found[category] = half_up(total) - before
        before = half_up(total)
    return found
