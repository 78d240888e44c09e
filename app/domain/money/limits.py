"""The limits of a rule: items are rounded, capped and reduced, each time in proportion.

In proportion, so that the order of visits decides nothing and every line of a limited month is limited alike. The order
of the limits is fixed: rounding of visits, their cap, granted time, the month's cap, the ratio, the threshold, rounding
of months.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from math import ceil, floor

from app.domain.closed_sets import Category
from app.domain.money.compensation_input import Item
from app.domain.money.quantities import Counter
from app.domain.money.terms import Rounding, Rule, Terms
from app.domain.rounding import half_up
from app.domain.time import Days

Total = Callable[[Hashable, Fraction], Fraction]


def stepped(rounding: Rounding, seconds: Fraction) -> Fraction:
    """Seconds rounded to whole steps."""
    step = rounding.step_minutes * 60
    modes: dict[str, Callable[[Fraction], int]] = {"up": ceil, "down": floor, "half_up": half_up}
    return Fraction(modes[rounding.mode](seconds / step) * step)


def of_provider(terms: Terms) -> bool:
    """True when a limit considers all recipients together, so that one's visit may change another's line."""
    return any(
        rule.caps.ratio is not None or (rule.threshold is not None and rule.threshold.per == "provider")
        for rule in terms.rules
    )


def limited(counter: Counter, rule: Rule, items: Sequence[Item], days: Days) -> list[Item]:
    """The items of one rule with its limits applied."""
    kept = list(items)
    per = rule.rounding.per if rule.rounding else None
    if rule.rounding and per == "visit":
        rounding = rule.rounding
        kept = _scaled(kept, _visit, lambda _, total: stepped(rounding, total), "rounded")
    if rule.caps.visit_minutes is not None:
        most = Fraction(rule.caps.visit_minutes * 60)
        kept = _scaled(kept, _visit, lambda _, total: min(total, most), "capped_visit")
    if rule.basis == "executed_at_most_granted":
        kept = _at_most_granted(counter, rule, kept, days)
    if rule.caps.month_hours is not None:
        hours = rule.caps.month_hours * 3600
        kept = _scaled(kept, _recipient, lambda _, total: min(total, hours), "capped_month")
    if rule.caps.ratio is not None:
        ratio = rule.caps.ratio
        other = sum((counter.executed(ratio.of, recipient, days) for recipient in counter.visited), start=Fraction(0))
        kept = _scaled(kept, lambda _: "", lambda _, total: min(total, other * ratio.share), "capped_ratio")
    if rule.threshold is not None:
        kept = _below_threshold(counter, rule, kept, days)
    if rule.rounding and per == "month":
        rounding = rule.rounding
        kept = _scaled(kept, _recipient, lambda _, total: stepped(rounding, total), "rounded")
    return kept


def _visit(item: Item) -> Hashable:
    return item.visit


def _recipient(item: Item) -> Hashable:
    return item.recipient


def _scaled(items: Iterable[Item], group: Callable[[Item], Hashable], new: Total, note: str) -> list[Item]:
    """The items scaled in proportion so that each group's total becomes `new(group, total)`.

    Items of no visit (absence, start-up hours) have None as their group when grouped by visit, and are left alone.
    """
    items = list(items)
    totals: defaultdict[Hashable, Fraction] = defaultdict(Fraction)
    for item in items:
        totals[group(item)] += item.quantity
    wanted = {key: new(key, total) if key is not None else total for key, total in totals.items()}
    return [
        item
        if wanted[group(item)] == totals[group(item)]
        else item._replace(
            quantity=item.quantity * wanted[group(item)] / totals[group(item)], notes=(*item.notes, note)
        )
        for item in items
    ]


def _at_most_granted(counter: Counter, rule: Rule, items: Sequence[Item], days: Days) -> list[Item]:
    """Executed time of each recipient and pool limited to the granted; absence and start-up hours are left alone."""
    executed = [item for item in items if item.reason not in {"absence", "startup"}]
    beside = [item for item in items if item.reason in {"absence", "startup"}]
    granted = _granted(counter, rule, {item.recipient for item in executed}, days)

    def pool(item: Item) -> Hashable:
        return item.recipient, rule.pool_of(item.category)

    return _scaled(executed, pool, lambda key, total: min(total, granted[key]), "at_most_granted") + beside


def _granted(counter: Counter, rule: Rule, recipients: Iterable[str], days: Days) -> defaultdict[Hashable, Fraction]:
    """Granted seconds by recipient and pool of the rule."""
    sums: defaultdict[Hashable, Fraction] = defaultdict(Fraction)
    for recipient in recipients:
        for item in counter.granted(rule, recipient, days):
            sums[recipient, rule.pool_of(item.category)] += item.quantity
    return sums


def _below_threshold(counter: Counter, rule: Rule, items: Sequence[Item], days: Days) -> list[Item]:
    """The items with reduced pay if less than the threshold of a pool's granted time was executed.

    With nothing granted, nothing is reduced.
    """
    threshold = rule.threshold
    if threshold is None:
        return list(items)
    everybody = counter.orders.keys() | counter.visited
    groups = [{one} for one in everybody] if threshold.per == "recipient" else [everybody]
    granted = _granted(counter, rule, everybody, days)
    pools: defaultdict[str, set[Category]] = defaultdict(set)
    for category in rule.categories:
        pools[rule.pool_of(category)].add(category)
    below: set[Hashable] = set()
    for group in groups:
        for pool, categories in pools.items():
            most = sum((granted[one, pool] for one in group), start=Fraction(0))
            done = sum((counter.executed(frozenset(categories), one, days) for one in group), start=Fraction(0))
            if done < most * threshold.share:
                below |= {(one, pool) for one in group}
    return [
        item._replace(share=item.share * threshold.pay, notes=(*item.notes, "below_threshold"))
        if (item.recipient, rule.pool_of(item.category)) in below
        else item
        for item in items
    ]
