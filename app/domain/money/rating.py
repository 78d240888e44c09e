"""The pay of a provider: facts and terms in, invoice lines with their reasons out.

Money is whole öre. Quantities and factors are exact until a line is complete; then it is rounded half up, once. So
lines add up to the same amount however they are grouped.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from typing import Any, NamedTuple

from app.domain.closed_sets import SOL_TIME, Area, Category
from app.domain.money.compensation_input import CompensationInput, Item
from app.domain.money.limits import limited, stepped
from app.domain.money.quantities import Counter
from app.domain.money.terms import ALL, Bonus, Rule, Terms, VatCompensation
from app.domain.register.master import MasterData
from app.domain.register.order import LAST_DAY
from app.domain.rounding import half_up
from app.domain.time import FIRST_DAY, Days

UNITS: Mapping[str, str] = {"per_visit": "visit", "per_occasion": "occasion", "per_month": "month"}
NOTES = (
    "rounded",
    "capped_visit",
    "at_most_granted",
    "capped_month",
    "capped_ratio",
    "below_threshold",
    "no_rate",
)
"""Notes on a line about the limits applied; `absence_` with the reason of a pause can stand among them."""


class Price(NamedTuple):
    """The key of a line: items that agree in all of it stand on one line."""

    contract: str
    rule: str
    title: str
    recipient: str
    category: Category | None
    area: Area | None
    band: str | None
    unit: str
    reason: str
    ore: int
    factor: Fraction
    share: Fraction
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line. `quantity` is in units of the price, hours as an exact fraction.

    `amount_ore` is `quantity x ore x factor x share`, rounded half up. `visits` is the number of visits behind it, the
    days are those of its items.
    """

    price: Price
    quantity: Fraction
    visits: int
    first_on: dt.date
    last_on: dt.date
    amount_ore: int
    key: str
    """Identifies the line within its provider and month; the same for every rating of the same facts and terms."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms of one contract and the days on which they are in force."""

    contract: str
    days: Days
    terms: Terms


def rate(facts: CompensationInput, agreements: Sequence[Agreement], days: Days) -> list[Line]:
    """The lines of a provider for inclusive days within one month, by recipient and rule.

    A limit by month applies to the days asked for, and to one contract at a time.
    """
    lines: list[Line] = []
    for agreement in sorted(agreements, key=lambda one: one.days):
        span = _within(days, *agreement.days)
        if span:
            own = [*_of_rules(facts, agreement, span), *_bonuses(facts, agreement, span)]
            lines += [*own, *_vat(facts, agreement, own)]
    order = {rule.ref: place for one in agreements for place, rule in enumerate(one.terms.rules)}
    return sorted(
        lines,
        key=lambda line: (
            line.price.recipient,
            order.get(line.price.rule, len(order)),
            line.first_on,
            line.price.category or "",
            line.key,
        ),
    )


def _within(days: Days, first: dt.date | None, last: dt.date | None) -> Days | None:
    overlap = max(days[0], first or FIRST_DAY), min(days[1], last or LAST_DAY)
    return overlap if overlap[0] <= overlap[1] else None


def _of_rules(facts: CompensationInput, agreement: Agreement, days: Days) -> Iterator[Line]:
    counter = Counter(facts, agreement.terms, days)
    for rule in (_by_catalogue(one, facts.master) for one in agreement.terms.rules):
        span = _within(days, rule.valid_from, rule.valid_to)
        if span:
            items = limited(counter, rule, counter.items(rule, span), span)
            yield from _lines(facts, agreement, rule, items)


def _by_catalogue(rule: Rule, master: MasterData) -> Rule:
    """The rule, except interventions of licensed health care of another kind in the catalogue than it pays for."""
    if rule.licensed is None:
        return rule
    others = {ref for ref in master.interventions if master.licensed_of(ref) not in {None, rule.licensed}}
    return replace(rule, except_interventions=rule.except_interventions | others)


def _lines(facts: CompensationInput, agreement: Agreement, rule: Rule, items: Sequence[Item]) -> Iterator[Line]:
    """The lines of a rule: items of the same price are one line."""
    together: defaultdict[Price, list[Item]] = defaultdict(list)
    # Finding a price costs more than all else here, so it is found once for items that cannot differ in it.
    same: dict[Any, list[Item]] = {}
    first_on = min((item.on for item in items), default=LAST_DAY)
    moving = {ref for ref, known in facts.master.recipients.items() if known.versions[-1].valid_from > first_on}
    for item in items:
        on = item.on if agreement.terms.index or item.recipient in moving else None
        share = None if item.share is ALL else item.share
        key = (item.recipient, item.category, on, item.band, item.reason, share, item.notes)
        if key not in same:
            same[key] = together[_price(facts, agreement, rule, item)]
        same[key].append(item)
    for price, alike in together.items():
        quantity = Fraction(sum(item.quantity for item in alike))
        if rule.rounding and rule.rounding.per == "line":
            rounded = stepped(rule.rounding, quantity)
            shown = price._replace(notes=(*price.notes, "rounded")) if rounded != quantity else price
            quantity = rounded
        else:
            shown = price
        last_on = max(item.last_on or item.on for item in alike)
        quantity = quantity / 3600 if rule.timed else quantity
        yield _line(shown, quantity, _visits(alike), min(item.on for item in alike), last_on)


def _visits(items: Iterable[Item]) -> int:
    """The number of visits behind the items."""
    return sum({item.visit: item.visits for item in items if item.visit is not None}.values())


def _price(facts: CompensationInput, agreement: Agreement, rule: Rule, item: Item) -> Price:
    recipient = facts.master.recipient_on(item.recipient, item.on)
    area = recipient.area if recipient else None
    rate = rule.rate(area, facts.form, item.band)
    return Price(
        agreement.contract,
        rule.ref,
        rule.title,
        item.recipient,
        item.category,
        area,
        item.band,
        UNITS.get(rule.basis, "hour"),
        item.reason,
        rate.ore if rate else 0,
        agreement.terms.factor(rule.ref, item.on),
        item.share,
        item.notes if rate else (*item.notes, "no_rate"),
    )


def _line(price: Price, quantity: Fraction, visits: int, first_on: dt.date, last_on: dt.date) -> Line:
    exact = quantity * price.ore
    if price.factor is not ALL or price.share is not ALL:
        exact = exact * price.factor * price.share
    key = sha256("\x1f".join(map(str, price)).encode()).hexdigest()[:32]
    return Line(price, quantity, visits, first_on, last_on, half_up(exact), key)


def _bonuses(facts: CompensationInput, agreement: Agreement, days: Days) -> Iterator[Line]:
    """Bonuses paid in the month of these days, by the contract in force on its first day."""
    if days[0].day != 1:
        return
    for bonus in agreement.terms.bonuses:
        if bonus.paid_in == f"{days[0]:%Y-%m}":
            yield from _bonus(facts, agreement, bonus)


def _bonus(facts: CompensationInput, agreement: Agreement, bonus: Bonus) -> Iterator[Line]:
    categories = bonus.categories or SOL_TIME
    rule = Rule("bonus", "executed", categories, (), bonus.title)
    counter = Counter(facts, Terms(), (bonus.first_on, bonus.last_on))
    by_recipient: defaultdict[str, list[Item]] = defaultdict(list)
    for item in counter.items(rule, (bonus.first_on, bonus.last_on)):
        by_recipient[item.recipient].append(item)
    for recipient, items in by_recipient.items():
        price = Price(
            agreement.contract, "bonus", bonus.title, recipient, None, None, None, "hour", "bonus", bonus.ore, ALL, ALL,
            (),
        )  # fmt: skip
        quantity = Fraction(sum(item.quantity for item in items)) / 3600
        yield _line(price, quantity, _visits(items), bonus.first_on, bonus.last_on)


def _vat(facts: CompensationInput, agreement: Agreement, lines: Sequence[Line]) -> Iterator[Line]:
    """Compensation for VAT: a share of the sum of each recipient's rounded amounts, on top of them."""
    vat: VatCompensation | None = agreement.terms.vat
    if vat is None or (vat.forms and facts.form not in vat.forms):
        return
    by_recipient: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_recipient[line.price.recipient].append(line)
    for recipient, own in by_recipient.items():
        price = Price(
            agreement.contract, "vat_compensation", "", recipient, None, None, None, "ore", "vat_compensation", 1, ALL,
            vat.share, (),
        )  # fmt: skip
        total = Fraction(sum(line.amount_ore for line in own))
        first, last = min(line.first_on for line in own), max(line.last_on for line in own)
        yield _line(price, total, 0, first, last)
