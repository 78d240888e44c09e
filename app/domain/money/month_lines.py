"""Closed months: frozen lines, and the adjustments by later facts.

A closed month never changes. The amounts its facts give today, less those settled for it so far, go to the next month
that is closed. Caps and thresholds are not linear, so the whole month is computed anew, not the change.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from typing import Any

from app.domain.money.holidays import is_workday
from app.domain.money.rating import Line
from app.domain.money.terms import Closing
from app.domain.register.order import ONE_DAY
from app.domain.time import STOCKHOLM, UTC

Row = dict[str, Any]
"""A line as it is shown and stored: plain values, keys of `ROW` in their order."""

ROW = (
    "provider", "month", "recipient", "contract", "rule", "title", "category", "area", "band", "reason", "notes",
    "from", "to", "visits", "unit", "quantity", "price_ore", "index", "percent", "amount_ore", "adjusts", "line",
)  # fmt: skip
SUMMED = ("visits", "quantity", "amount_ore")
DECIMALS = 8


def row_of(line: Line, provider: str, month: str) -> Row:
    """A line of a month as a row. `quantity` is rounded for display; the amount is not computed from it."""
    price = line.price
    values = (
        provider, month, price.recipient, price.contract, price.rule, price.title, price.category, price.area,
        price.band, price.reason, list(price.notes), line.first_on.isoformat(), line.last_on.isoformat(), line.visits,
        price.unit, _number(line.quantity), price.ore, *_factors(price.factor, price.share),
        line.amount_ore, None, line.key,
    )  # fmt: skip
    return dict(zip(ROW, values, strict=True))


@lru_cache(maxsize=256)
def _factors(factor: Fraction, share: Fraction) -> tuple[int | float, int | float]:
    return _number(factor), _number(share * 100)


def _number(value: Fraction) -> int | float:
    """A whole number as int, any other as float with `DECIMALS` decimals."""
    return int(value) if value.denominator == 1 else round(float(value), DECIMALS)


def adjustments(settled: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]], month: str) -> list[Row]:
    """The rows to add in `month` so that an earlier month adds up to the rows that its facts give `now`.

    `settled` are the rows of its close and of every adjustment since. A line with the same amount is left alone, even
    if other values differ.
    """
    difference: dict[str, Row] = {}
    for sign, rows in ((-1, settled), (1, now)):
        for row in rows:
            found = difference.setdefault(row["line"], {**row, **dict.fromkeys(SUMMED, 0)})
            if sign > 0:
                found |= {key: value for key, value in row.items() if key not in SUMMED}
            for key in SUMMED:
                found[key] = round(found[key] + sign * row[key], DECIMALS)
    return [
        {**row, "month": month, "adjusts": row["adjusts"] or row["month"]}
        for _, row in sorted(difference.items(), key=lambda item: (item[1]["recipient"], item[0]))
        if row["amount_ore"]
    ]


def lines_hash(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """SHA-256 of the rows as JSON with sorted keys, joined by newlines in the order given."""
    text = "\n".join(json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return sha256(text.encode()).digest()


def closes_at(closing: Closing, month: dt.date) -> dt.datetime:
    """The instant at which a month, given by its first day, is to be closed."""
    day = (month + ONE_DAY * 31).replace(day=1)
    left = closing.workday - is_workday(day)
    while left:
        day += ONE_DAY
        left -= is_workday(day)
    return dt.datetime.combine(day, closing.clock, STOCKHOLM).astimezone(UTC)
