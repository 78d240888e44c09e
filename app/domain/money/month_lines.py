"""Settled lines: what a month comes to, frozen when it is closed, and the adjustments by later facts.

A closed month never changes. The amounts its facts give today, less those settled for it so far, go to the next month
that is closed. Caps and thresholds are not linear, so the whole month is computed anew, not the change.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any

from app.domain.closed_sets import Area, Category
from app.domain.money.holidays import is_workday
from app.domain.money.rating import Line
from app.domain.money.terms import Closing
from app.domain.register.order import ONE_DAY
from app.domain.time import STOCKHOLM, UTC

DECIMALS = 8


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line of a provider's month. The fields are in the order in which a line is shown and stored.

    `quantity` is in units of the price, rounded for display; `amount_ore` is not computed from it. `index` and
    `percent` are factors of the price. `adjusts` is the closed month (`2026-10`) whose line `key` this one adjusts;
    quantity and amount are then the difference.
    """

    provider: str
    month: str
    recipient: str
    contract: str
    rule: str
    title: str
    category: Category | None
    area: Area | None
    band: str | None
    reason: str
    notes: tuple[str, ...]
    first_on: dt.date
    last_on: dt.date
    visits: int
    unit: str
    quantity: float
    price_ore: int
    index: float
    percent: float
    amount_ore: int
    adjusts: str | None
    key: str


FIELDS = tuple(field.name for field in fields(SettledLine))
NAMED = {"first_on": "from", "last_on": "to", "key": "line"}
COLUMNS = tuple(NAMED.get(name, name) for name in FIELDS)
"""The names of the fields in JSON."""
_values = attrgetter(*FIELDS)


def as_json(line: SettledLine) -> dict[str, Any]:
    """The line as it is shown and stored: plain values by `COLUMNS`, in their order."""
    plain = dict(zip(COLUMNS, _values(line), strict=True))
    days = {"from": line.first_on.isoformat(), "to": line.last_on.isoformat()}
    return plain | {"notes": list(line.notes)} | days


def of_json(body: Mapping[str, Any]) -> SettledLine:
    """The line of its JSON, whose keys may have any order. Raises KeyError for one that is missing."""
    values = dict(zip(FIELDS, (body[column] for column in COLUMNS), strict=True))
    days = {name: dt.date.fromisoformat(values[name]) for name in ("first_on", "last_on")}
    return SettledLine(**values | {"notes": tuple(values["notes"])} | days)


def settled_line(line: Line, provider: str, month: str) -> SettledLine:
    """A rated line as one of a provider's month."""
    price = line.price
    index, percent = _factors(price.factor, price.share)
    return SettledLine(
        provider, month, price.recipient, price.contract, price.rule, price.title, price.category, price.area,
        price.band, price.reason, price.notes, line.first_on, line.last_on, line.visits, price.unit,
        _number(line.quantity), price.ore, index, percent, line.amount_ore, None, line.key,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _factors(factor: Fraction, share: Fraction) -> tuple[float, float]:
    return _number(factor), _number(share * 100)


def _number(value: Fraction) -> int | float:
    """A whole number as int, any other as float with `DECIMALS` decimals."""
    return int(value) if value.denominator == 1 else round(float(value), DECIMALS)


def adjustments(settled: Iterable[SettledLine], now: Iterable[SettledLine], month: str) -> list[SettledLine]:
    """The lines to add in `month` so that an earlier month adds up to the lines that its facts give `now`.

    `settled` are the lines of its close and of every adjustment since. A line with the same amount is left alone, even
    if other values differ.
    """
    differences: dict[str, SettledLine] = {}
    for sign, lines in ((-1, settled), (1, now)):
        for line in lines:
            differences[line.key] = _added(differences.get(line.key), line, sign)
    return [
        replace(line, month=month, adjusts=line.adjusts or line.month)
        for line in sorted(differences.values(), key=lambda line: (line.recipient, line.key))
        if line.amount_ore
    ]


def _added(total: SettledLine | None, line: SettledLine, sign: int) -> SettledLine:
    """The total with a line added or taken away. Other values are those of the last line added, or else the first."""
    visits, quantity, amount_ore = (total.visits, total.quantity, total.amount_ore) if total else (0, 0, 0)
    return replace(
        line if total is None or sign > 0 else total,
        visits=visits + sign * line.visits,
        quantity=round(quantity + sign * line.quantity, DECIMALS),
        amount_ore=amount_ore + sign * line.amount_ore,
    )


def lines_hash(lines: Iterable[SettledLine]) -> bytes:
    """SHA-256 of the lines as JSON with sorted keys, joined by newlines in the order given."""
    text = "\n".join(
        json.dumps(as_json(line), sort_keys=True, ensure_ascii=False, separators=(",", ":")) for line in lines
    )
    return sha256(text.encode()).digest()


def closes_at(closing: Closing, month: dt.date) -> dt.datetime:
    """The instant at which a month, given by its first day, is to be closed."""
    day = (month + ONE_DAY * 31).replace(day=1)
    left = closing.workday - is_workday(day)
    while left:
        day += ONE_DAY
        left -= is_workday(day)
    return dt.datetime.combine(day, closing.clock, STOCKHOLM).astimezone(UTC)
