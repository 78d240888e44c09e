"""A provider's month is closed: its lines are frozen, and what comes later becomes adjustments."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import uuid4

from app.domain.settlement import lines_hash
from app.domain.time import UTC, local_date, month_days
from app.store import compensation, periods, settlement
from app.store.database import Writing
from app.store.periods import Close


@dataclass(frozen=True, slots=True)
class Closed:
    """The close, or why there is none: `code` of a refusal, and `visit:code` of what blocks it."""

    close: Close | None
    created: bool = False
    code: str = ""
    blocking: list[str] = field(default_factory=list)


async def close_period(
    writing: Writing, provider: str, month: str, *, by: str, accept: bool | Collection[str], now: dt.datetime
) -> Closed:
    """Close a month (`YYYY-MM`) of a provider, once; a second time gives the first close.

    Everything is read under the municipality's lock, so a fact is either in the close or comes after it. Refused:
    `unknown_ref`; `month_to_come`; `anomalies_open`, unless all of them, or each by its name, are accepted.
    """
    sql, municipality_id = writing.sql, writing.municipality_id
    known = await compensation.providers(sql, municipality_id, provider)
    if not known:
        return Closed(None, code="unknown_ref")
    days = month_days(month)
    found = await periods.closes(sql, municipality_id, provider, days[0])
    if found:
        return Closed(found[0])
    if days[0] > local_date(now):
        return Closed(None, code="month_to_come")
    still_open = await periods.open_anomalies(sql, municipality_id, provider, days)
    blocking = [] if accept is True else [one for one in still_open if accept is False or one not in accept]
    if blocking:
        return Closed(None, code="anomalies_open", blocking=blocking)
    lines = await settlement.with_adjustments(sql, municipality_id, provider, known[0][1], days[0], closing=True)
    close = Close(
        uuid4(),
        provider,
        days[0],
        now.astimezone(UTC),
        by,
        writing.change_no,
        writing.master.seq,
        tuple(still_open),
        len(lines),
        sum(line["amount_ore"] for line in lines),
        lines_hash(lines),
    )
    await periods.append(sql, municipality_id, writing.leaves, close, lines)
    return Closed(close, created=True)
