"""What a provider's month comes to today: lines by the facts, and what earlier closed months still have coming."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

from app.domain.rating import Agreement, rate
from app.domain.settlement import Row, adjustments, row_of
from app.domain.time import Days, month_days
from app.store import compensation, periods


async def rated(
    sql: Any,
    municipality_id: int,
    provider: str,
    form: str,
    days: Days,
    agreements: Sequence[Agreement] | None = None,
) -> list[Row]:
    """The lines of days within one month, by the provider's contracts or by other agreements.

    Computed in a thread of its own: a large provider's month takes seconds, in which taps are to be answered.
    """
    if agreements is None:
        agreements = await compensation.agreements_of(sql, municipality_id, provider, days)
    if not agreements:
        return []
    facts = await compensation.facts_of(sql, municipality_id, provider, form, days, agreements)
    lines = await asyncio.to_thread(rate, facts, agreements, days)
    return [row_of(line, provider, f"{days[0]:%Y-%m}") for line in lines]


async def with_adjustments(
    sql: Any, municipality_id: int, provider: str, form: str, month: dt.date, *, closing: bool
) -> list[Row]:
    """The lines of an open month, with adjustments of closed ones where it comes after them.

    Told before it is closed only in the first month after them, so that no two open months tell the same ones.
    """
    name = f"{month:%Y-%m}"
    lines = await rated(sql, municipality_id, provider, form, month_days(name))
    closed = [close.month for close in await periods.closes(sql, municipality_id, provider)]
    if not closed or month < max(closed) or (month > _following(max(closed)) and not closing):
        return lines
    for earlier in closed:
        now = await rated(sql, municipality_id, provider, form, month_days(f"{earlier:%Y-%m}"))
        before = await periods.settled(sql, municipality_id, provider, earlier)
        lines += adjustments(before, now, name)
    return lines


def _following(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)
