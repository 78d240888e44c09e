"""The items that a rule counts, before limits and prices, each with a quantity and a reason."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, partial
from uuid import UUID

from app.domain.closed_sets import SOL_TIME, Category
from app.domain.money.absence import absences_of, paid_days
from app.domain.money.bands import Bands, Piece, clock_band
from app.domain.money.compensation_input import Bundle, CompensationInput, Declined, Item
from app.domain.money.terms import ALL, DeclinedPay, Rule, Terms
from app.domain.register.granted import granted_parts
from app.domain.register.order import LAST_DAY, ONE_DAY, Order, OrderLine, active_days, in_force, until_death
from app.domain.time import Days, days_in_month, hull, local_date
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit

NOON = dt.time(12)

Timed = tuple[Category, int]
"""Seconds of a category."""
Counted = tuple[Category, int, str]
"""A category, a quantity and its reason."""


class Counter:
    """Counts the items of one document's rules in the facts of inclusive days."""

    def __init__(self, facts: CompensationInput, terms: Terms, days: Days) -> None:
        self.facts, self.terms, self.days = facts, terms, days
        self.master = facts.master
        self._bands = Bands(terms.bands, (days[0] - ONE_DAY, days[1] + ONE_DAY))
        self._pieces: dict[UUID, Sequence[Piece]] = {}
        self._categories: dict[tuple[str, dt.date], Category | None] = {}

    @cached_property
    def orders(self) -> Mapping[str, Sequence[Order]]:
        """The provider's orders by recipient, each ended by a death."""
        orders: defaultdict[str, list[Order]] = defaultdict(list)
        for order in self.facts.orders:
            alive = until_death(order, self.master.died_on(order.recipient))
            if alive:
                orders[order.recipient].append(alive)
        return orders

    @cached_property
    def visits(self) -> Mapping[str, Sequence[Visit]]:
        """The complete visits given, by recipient, sorted by start."""
        visits: defaultdict[str, list[Visit]] = defaultdict(list)
        for visit in sorted(self.facts.visits, key=lambda visit: (visit.anchor_at, visit.id)):
            if visit.status == "complete":
                visits[visit.recipient].append(visit)
        return visits

    @cached_property
    def bundles(self) -> Mapping[str, Sequence[Bundle]]:
        """The bundles of visits, by recipient."""
        bundles: defaultdict[str, list[Bundle]] = defaultdict(list)
        for bundle in self.facts.bundles:
            bundles[bundle.recipient].append(bundle)
        return bundles

    @property
    def visited(self) -> AbstractSet[str]:
        """The recipients with any visit or bundle."""
        return self.visits.keys() | self.bundles.keys()

    def items(self, rule: Rule, days: Days) -> list[Item]:
        """All items of the rule within the days, before its limits."""
        return list(self._items(rule, days))

    def _items(self, rule: Rule, days: Days) -> Iterator[Item]:
        if rule.basis == "granted":
            for recipient in self.orders:
                if self._included(rule, recipient, days):
                    yield from self.granted(rule, recipient, days)
        elif rule.basis == "per_month":
            yield from self._enrolled(rule, days)
        else:
            for recipient in self.visited:
                if self._included(rule, recipient, days):
                    yield from self._of_recipient(rule, recipient, days)
            yield from self._declined(rule, days)
        if rule.absence:
            yield from self._absent(rule, days)
        if rule.startup_hours:
            yield from self._started(rule, days)

    def _included(self, rule: Rule, recipient: str, days: Days) -> bool:
        """True when the recipient's orders of SERVICE and CARE fit `only_ordered` and `except_only_ordered`."""
        if not rule.only_ordered and not rule.except_only_ordered:
            return True
        ordered = SOL_TIME & {
            self._category(line, max(days[0], order.valid_from))
            for order in self.orders.get(recipient, ())
            if active_days(order, days)
            for line in order.lines
        }
        # With nothing ordered in these days, but a visit that reaches into them, only `except_only_ordered` fits.
        if rule.only_ordered and not (ordered and ordered <= rule.only_ordered):
            return False
        return not (rule.except_only_ordered and ordered and ordered <= rule.except_only_ordered)

    # Visits

    def _of_recipient(self, rule: Rule, recipient: str, days: Days) -> Iterator[Item]:
        for bundle in self.bundles.get(recipient, ()):
            yield from self._of_bundle(rule, bundle, days)
        for visit in _paid_once(rule, self.visits.get(recipient, ())):
            yield from self._of_visit(rule, visit, days)

    def _of_visit(self, rule: Rule, visit: Visit, days: Days) -> Iterator[Item]:
        """The items of one visit: its payable shares that the rule takes, by day and band."""
        if not days[0] - ONE_DAY <= visit.local_date <= days[1]:
            return
        timed, begun = _taken(rule, visit.shares)
        for category, whole in timed:
            for on, band, seconds in self._cut(rule, visit, whole, days):
                yield Item(visit.recipient, category, on, band, seconds, "executed", visit.id)
        if begun and days[0] <= visit.local_date <= days[1]:
            band = self._bands.at(visit.anchor_at) if rule.cut else None
            if not rule.bands or band in rule.bands:
                for category, quantity, reason in begun:
                    yield Item(visit.recipient, category, visit.local_date, band, quantity, reason, visit.id)

    def _of_bundle(self, rule: Rule, bundle: Bundle, days: Days) -> Iterator[Item]:
        """The items of one bundle: its visits lie in one band, and all within the days or all outside."""
        if not days[0] <= bundle.first_on <= days[1]:
            return
        band = self._bands.at(bundle.at) if rule.cut else None
        if rule.bands and band not in rule.bands:
            return
        timed, begun = _taken(rule, bundle.shares)
        counted = [(category, seconds, "executed") for category, seconds in timed]
        for category, quantity, reason in (*counted, *((one, many * bundle.visits, why) for one, many, why in begun)):
            yield Item(
                bundle.recipient, category, bundle.first_on, band, quantity, reason, bundle.id, visits=bundle.visits,
                last_on=bundle.last_on,
            )  # fmt: skip

    def _cut(
        self, rule: Rule, visit: Visit, seconds: int, days: Days
    ) -> Iterator[tuple[dt.date, str | None, Fraction | int]]:
        """(day, band, seconds) of a share, cut in proportion to its presence.

        The time of an intervention within its visit is not known.
        """
        pieces = self._pieces.get(visit.id)
        if pieces is None:  # every share and rule asks, and most visits are in one piece
            pieces = self._pieces[visit.id] = list(self._bands.cut(visit.spans))
        cut = rule.cut
        for on, band, piece in pieces:
            if days[0] <= on <= days[1] and (not rule.bands or band in rule.bands):
                whole = piece == visit.presence_seconds
                yield on, band if cut else None, seconds if whole else Fraction(seconds * piece, visit.presence_seconds)

    def executed(self, categories: frozenset[Category], recipient: str, days: Days) -> Fraction:
        """Payable executed seconds of a recipient in categories within the days."""
        everything = Rule("", "executed", categories, ())
        return Fraction(sum(item.quantity for item in self._of_recipient(everything, recipient, days)))

    def _declined(self, rule: Rule, days: Days) -> Iterator[Item]:
        seen: set[tuple[UUID | None, str]] = set()
        for one in self.facts.declined:
            on = local_date(one.at)
            if not days[0] <= on <= days[1] or not rule.takes(one.category, one.intervention):
                continue
            if not self._included(rule, one.recipient, days):
                continue
            band = self._bands.at(one.at) if rule.cut else None
            pay = next((pay for pay in rule.declined if _fits(pay, one)), None)
            key = (one.visit, one.recipient if rule.basis == "per_visit" else one.intervention)
            if pay is None or (rule.bands and band not in rule.bands) or (one.visit and key in seen):
                continue
            seen.add(key)
            minutes = (rule.flat_minutes or {}).get(one.intervention, one.minutes)
            quantity = minutes * 60 if rule.timed else 1
            reason = f"declined_{one.how}"
            yield Item(one.recipient, one.category, on, band, quantity, reason, one.visit, pay.share)

    # Orders

    def granted(self, rule: Rule, recipient: str, days: Days) -> Iterator[Item]:
        """Granted seconds of the lines that the rule takes, on days on which their order is in force."""
        for order in self.orders.get(recipient, ()):
            for part in self._parts(rule, order, days):
                paid = hull(part, partial(in_force, order))
                if paid:
                    yield from self._granted_lines(rule, order, paid)

    def _granted_lines(self, rule: Rule, order: Order, part: Days, share: Fraction = ALL) -> Iterator[Item]:
        """Granted seconds of each line that the rule takes, for a part with one price."""
        for line in order.lines:
            ordered = replace(line, staff_count=1) if rule.double_staffing == "once" else line
            for (on, last_on), category, seconds in granted_parts(self.master, order, ordered, part):
                band = clock_band(self._bands, on, line.window[0] if line.window else NOON) if rule.cut else None
                if seconds and rule.takes(category, line.intervention) and (not rule.bands or band in rule.bands):
                    reason = "granted" if share == ALL else "absence"
                    yield Item(
                        order.recipient, category, on, band, seconds, reason, None, share, last_on=last_on
                    )  # fmt: skip

    def _parts(self, rule: Rule, order: Order, days: Days) -> Iterator[Days]:
        """The order's days, cut where area, catalogue, price or band may change."""
        first, last = max(days[0], order.valid_from), min(days[1], order.valid_to or LAST_DAY)
        if rule.cut:
            edges = {first + ONE_DAY * number for number in range((last - first).days + 1)}
        else:
            edges = {first, *self.terms.edges()}
            edges |= {one.valid_from for one in self.master.recipients[order.recipient].versions}
            for line in order.lines:
                edges |= {one.valid_from for one in self.master.interventions[line.intervention].versions}
        ordered = sorted(edge for edge in edges if first <= edge <= last)
        for start, following in zip(ordered, [*ordered[1:], last + ONE_DAY], strict=False):
            yield start, following - ONE_DAY

    def _category(self, line: OrderLine, on: dt.date) -> Category | None:
        key = line.intervention, on
        if key not in self._categories:
            self._categories[key] = self.master.category_of(*key)
        return self._categories[key]

    def _enrolled(self, rule: Rule, days: Days) -> Iterator[Item]:
        """Recipients with an order in force: 1 for a month, or with `by_days` the fraction of its days."""
        month = days[0].replace(day=1), days[0].replace(day=days_in_month(days[0]))
        for recipient in self.orders:
            if not self._included(rule, recipient, days):
                continue
            enrolled = partial(self._enrolled_on, rule, recipient)
            if rule.by_days:
                for number in range((days[1] - days[0]).days + 1):
                    on = days[0] + ONE_DAY * number
                    if category := enrolled(on):
                        yield Item(recipient, category, on, None, Fraction(1, month[1].day), "enrolled")
            elif (span := hull(month, enrolled)) and days[0] <= span[0] <= days[1] and (category := enrolled(span[0])):
                yield Item(recipient, category, span[0], None, 1, "enrolled", last_on=span[1])

    def _enrolled_on(self, rule: Rule, recipient: str, on: dt.date) -> Category | None:
        """The category, of those the rule pays for, that has an order in force that day; None without one."""
        taken = (
            category
            for order in self.orders[recipient]
            if in_force(order, on)
            for line in order.lines
            if rule.takes(category := self._category(line, on), line.intervention)
        )
        return min(taken, default=None)

    def _absent(self, rule: Rule, days: Days) -> Iterator[Item]:
        """Granted time of paused days that still pay; with basis `granted` also of paused days with a visit."""
        parts: defaultdict[tuple[str, str], list[Order]] = defaultdict(list)
        for order in self.facts.orders:
            parts[order.ref, order.recipient].append(order)
        for (_, recipient), orders in parts.items():
            absences = absences_of(orders, self.master.died_on(recipient))
            if not any(one.first_on <= days[1] and days[0] <= one.last_on for one in absences) or rule.absence is None:
                continue
            visited = self._visited(rule, recipient)
            for absence in absences:
                for on, step in paid_days(absence, rule.absence, visited, days):
                    for item in self._unpaused(rule, orders, on, step.share):
                        yield item._replace(reason="absence", notes=(f"absence_{absence.reason}",))
                if rule.basis == "granted":
                    for on in sorted(visited):
                        if max(absence.first_on, days[0]) <= on <= min(absence.last_on, days[1]):
                            yield from self._unpaused(rule, orders, on)

    def _unpaused(self, rule: Rule, orders: Sequence[Order], on: dt.date, share: Fraction = ALL) -> Iterator[Item]:
        """The granted items of the order that day, as if it had no pauses."""
        for order in orders:
            yield from self._granted_lines(rule, replace(order, pauses=()), (on, on), share)

    def _visited(self, rule: Rule, recipient: str) -> set[dt.date]:
        """Days with a performed visit with help that this rule pays for, starting in one of its bands if it has any."""
        return {
            visit.local_date
            for visit in self.visits.get(recipient, ())
            if any(share.category is None or rule.takes(share.category, share.intervention) for share in visit.shares)
            and (not rule.bands or self._clock_band(visit) in rule.bands)
        }

    def _clock_band(self, visit: Visit) -> str | None:
        """The band at the visit's start. For a visit outside the days its band is computed when needed."""
        if self.days[0] <= visit.local_date <= self.days[1]:
            return self._bands.at(visit.anchor_at)
        on = visit.local_date
        return Bands(self.terms.bands, (on, on)).at(visit.anchor_at)

    def _started(self, rule: Rule, days: Days) -> Iterator[Item]:
        """Start-up hours, if the provider's first order of the rule's help begins within the days."""
        for recipient, orders in self.orders.items():
            begun = [
                (order.valid_from, category)
                for order in orders
                for line in order.lines
                if rule.takes(category := self._category(line, order.valid_from), line.intervention)
            ]
            if begun and days[0] <= min(begun)[0] <= days[1]:
                on, category = min(begun)
                yield Item(recipient, category, on, None, rule.startup_hours * 3600, "startup")


def _taken(rule: Rule, shares: Iterable[Share]) -> tuple[list[Timed], Collection[Counted]]:
    """The payable shares that the rule takes, by their time or, if counted flat, one by one."""
    flat = rule.flat_minutes or {}
    timed: list[Timed] = []
    begun: dict[str, Counted] = {}
    for share in shares:
        if not share.payable or not rule.takes(share.category, share.intervention):
            continue
        category, intervention = share.category, str(share.intervention)
        if rule.basis == "per_visit":
            begun.setdefault("", (category, 1, "visit"))
        elif rule.basis == "per_occasion":
            begun.setdefault(intervention, (category, 1, "occasion"))
        elif intervention in flat:
            begun.setdefault(intervention, (category, flat[intervention] * 60, "flat_minutes"))
        else:
            timed.append((category, share.seconds))
    return timed, begun.values()


def _paid_once(rule: Rule, visits: Sequence[Visit]) -> Sequence[Visit]:
    """All visits or, if double staffing pays once, the first of each group with a payable share."""
    if rule.double_staffing == "each":
        return visits
    first: dict[UUID, Visit] = {}
    for visit in visits:
        if any(share.payable and rule.takes(share.category, share.intervention) for share in visit.shares):
            first.setdefault(visit.group, visit)
    return list(first.values())


def _fits(pay: DeclinedPay, one: Declined) -> bool:
    if one.how not in pay.how or (pay.interventions and one.intervention not in pay.interventions):
        return False
    if pay.notice_hours is None or one.notified_at is None:
        return True
    return one.at - one.notified_at < dt.timedelta(hours=pay.notice_hours)
