"""What an invoice stands on beside its lines: who sells and buys, what was billed before, the ledger."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from app.domain.money.invoice import in_force
from app.store.connection import Reading
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
class LedgerPosition:
    """Where in the ledger something stands: the size and root of the tree whose last leaf it is."""

    size: int
    root: bytes


async def municipality_name(reading: Reading) -> str:
    """The tenant's name."""
    return str(await reading.fetchval(NAME))


async def versions(reading: Reading, kind: str, ref: str, at_seq: int) -> list[tuple[int, Mapping[str, Any]]]:
    """The version of a record in force when master data had come so far, and those that came after it, numbered."""
    found = [(row["seq"], from_json(row["body"])) for row in await reading.fetch(VERSIONS, kind, ref)]
    return list(in_force(found, at_seq))


async def billed_before(
    reading: Reading, provider: str, of_months: Collection[dt.date], before: dt.date
) -> list[tuple[str, dt.datetime]]:
    """The earlier closed months whose invoices have lines of these months, and when each was closed."""
    found = await reading.fetch(BILLED, provider, list(of_months), before)
    return [(f"{row['month']:%Y-%m}", row["closed_at"]) for row in found]


async def position_of(reading: Reading, fact: UUID) -> LedgerPosition | None:
    """The tree that ends with the leaf of a close; None while it waits to be sealed."""
    leaf = await ledger.find(reading, fact, "period_close")
    head = await tree.head(reading)
    if leaf is None or head is None or leaf.index >= head.size:
        return None
    size = leaf.index + 1
    [root] = await tree.roots(reading, [(0, size)])
    return LedgerPosition(size, root)
