"""Closed months: the close, a fact, with its lines; and the anomalies that keep a month from being closed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.domain.money.month_lines import SettledLine, as_json, of_json
from app.domain.time import Days, days_span
from app.domain.visits.visit import ANOMALIES
from app.store import rows, schema
from app.store.connection import Reading, Writing

CLOSES = f"""
SELECT {", ".join(rows.names(schema.period_close))}, (
    SELECT leaf_index FROM ledger_leaf AS l WHERE l.municipality_id = $1 AND l.kind = 'period_close' AND l.fact = c.id)
FROM period_close AS c
WHERE municipality_id = $1 AND ($2::text IS NULL OR provider = $2) AND ($3::date IS NULL OR month = $3)
ORDER BY month, provider
"""
LINES = "SELECT body FROM period_line WHERE municipality_id = $1 AND provider = $2 AND month = $3 ORDER BY line_no"
SETTLED = "SELECT body FROM period_line WHERE municipality_id = $1 AND provider = $2 AND of_month = $3"
# Of what was purged nothing more is known than what was settled.
FINAL = """
SELECT DISTINCT l.of_month FROM period_line AS l
WHERE l.municipality_id = $1 AND l.provider = $2
    AND EXISTS (SELECT FROM erased_fact WHERE municipality_id = $1 AND kind = 'record')
    AND EXISTS (SELECT FROM record AS r WHERE r.municipality_id = $1 AND r.kind = 'recipients'
        AND r.ref = l.body->>'recipient' AND r.removed AND r.body = '{}')
"""
OPEN_ANOMALIES = """
SELECT id, code FROM visit CROSS JOIN unnest(anomalies) AS code
WHERE municipality_id = $1 AND provider = $2 AND anchor_at >= $3 AND anchor_at < $4 AND status <> 'omitted'
  AND cardinality(anomalies) > 0 AND code = ANY($5::text[]) AND NOT coalesce(anomaly_states ? code, false)
ORDER BY anchor_at, id, code
"""
FIXES = sorted(code for code, severity in ANOMALIES.items() if severity == "fix")


@dataclass(frozen=True, slots=True)
class Close:
    """A closed month of a provider, computed from the facts whose leaves come before its own in the ledger.

    `position` is the number of these leaves; `change_no` and `master_seq` are the last change of a visit and the last
    record at that time.
    """

    id: UUID
    provider: str
    month: dt.date
    closed_at: dt.datetime
    closed_by: str
    change_no: int
    master_seq: int
    accepted: tuple[str, ...]
    line_count: int
    total_ore: int
    lines_hash: bytes
    position: int


async def closes(reading: Reading, provider: str | None = None, month: dt.date | None = None) -> list[Close]:
    """All closes, or those of a provider or a month, in order of the month."""
    closes = await reading.fetch(CLOSES, provider, month)
    return [_close(row) for row in closes]


def _close(row: Any) -> Close:
    _, *before, accepted, line_count, total_ore, lines_hash, position = row
    fact, provider, month, closed_at, closed_by, change_no, master_seq = before
    return Close(
        fact,
        provider,
        month,
        closed_at,
        closed_by,
        change_no,
        master_seq,
        tuple(accepted),
        line_count,
        total_ore,
        lines_hash,
        position,
    )


async def lines_of(reading: Reading, provider: str, month: dt.date) -> list[SettledLine]:
    """The frozen lines of a closed month, including its adjustments of earlier months."""
    return [of_json(from_json(row["body"])) for row in await reading.fetch(LINES, provider, month)]


async def settled(reading: Reading, provider: str, month: dt.date) -> list[SettledLine]:
    """All lines settled for a month: its own and later adjustments of it."""
    return [of_json(from_json(row["body"])) for row in await reading.fetch(SETTLED, provider, month)]


async def final(reading: Reading, provider: str) -> set[dt.date]:
    """The months with lines of recipients who were purged since: no later fact adjusts them."""
    return {row["of_month"] for row in await reading.fetch(FINAL, provider)}


async def open_anomalies(reading: Reading, provider: str, days: Days) -> list[str]:
    """`visit:code` of each open anomaly to be fixed in the provider's visits of these days."""
    anomalies = await reading.fetch(OPEN_ANOMALIES, provider, *days_span(*days), FIXES)
    return [f"{row['id']}:{row['code']}" for row in anomalies]


async def append(writing: Writing, close: Close, lines: Sequence[SettledLine]) -> None:
    """Store a close with its lines. They are never changed; the ledger's leaf of the close holds their hash."""
    writing.leaves.add("period_close", asdict(close))
    stored = (
        writing.municipality_id, close.id, close.provider, close.month, close.closed_at, close.closed_by,
        close.change_no, close.master_seq, close.accepted, close.line_count, close.total_ore, close.lines_hash,
    )  # fmt: skip
    await writing.insert(f"INSERT INTO period_close {rows.given(schema.period_close, 1)}", [stored])
    kept = [
        (
            writing.municipality_id,
            close.provider,
            close.month,
            number,
            dt.date.fromisoformat((line.adjusts or line.month) + "-01"),
            line.amount_ore,
            to_json(as_json(line)).decode(),
        )
        for number, line in enumerate(lines, 1)
    ]
    await writing.insert(f"INSERT INTO period_line {rows.given(schema.period_line, 1)}", kept)
