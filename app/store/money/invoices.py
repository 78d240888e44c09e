"""What an invoice stands on beside its lines: who sells and buys, what was billed before, the ledger."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from app.domain.money.invoice import in_force
from app.store.ledger import ledger, tree

VERSIONS = "SELECT seq, body FROM record WHERE municipality_id = $1 AND kind = $2 AND ref = $3 ORDER BY version"
NAME = "SELECT name FROM municipality WHERE municipality_id = $1"
BILLED = """
SELECT DISTINCT l.month, c.closed_at FROM period_line AS l
JOIN period_close AS c ON c.municipality_id = $1 AND c.provider = l.provider AND c.month = l.month
WHERE l.municipality_id = $1 AND l.provider = $2 AND l.of_month = ANY($3) AND l.month < $4 AND l.amount_ore >= 0
ORDER BY l.month
"""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the ledger something stands: the size and root of the tree whose last leaf it is."""

    size: int
    root: bytes


async def municipality_name(sql: Any, municipality_id: int) -> str:
    """The tenant's name."""
    return str(await sql.fetchval(NAME, municipality_id))


async def versions(
    sql: Any, municipality_id: int, kind: str, ref: str, at_seq: int
) -> list[tuple[int, Mapping[str, Any]]]:
    """The version of a record in force when master data had come so far, and those that came after it, numbered."""
    found = [(row["seq"], from_json(row["body"])) for row in await sql.fetch(VERSIONS, municipality_id, kind, ref)]
    return list(in_force(found, at_seq))


async def billed_before(
    sql: Any, municipality_id: int, provider: str, of_months: Collection[dt.date], before: dt.date
) -> list[tuple[str, dt.datetime]]:
    """The earlier closed months whose invoices have lines of these months, and when each was closed."""
    found = await sql.fetch(BILLED, municipality_id, provider, list(of_months), before)
    return [(f"{row['month']:%Y-%m}", row["closed_at"]) for row in found]


async def position_of(sql: Any, municipality_id: int, fact: UUID) -> Position | None:
    """The tree that ends with the leaf of a close; None while it waits to be sealed."""
    leaf = await ledger.find(sql, municipality_id, fact, "period_close")
    head = await tree.head(sql, municipality_id)
    if leaf is None or head is None or leaf.index >= head.size:
        return None
    size = leaf.index + 1
    [root] = await tree.roots(sql, municipality_id, [(0, size)])
    return Position(size, root)
