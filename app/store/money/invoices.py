"""The input of an invoice beside its lines: seller and buyer, earlier invoices, the position in the ledger."""

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
    """A position in the ledger: the size and root of the tree that ends with a certain leaf."""

    size: int
    root: bytes


async def municipality_name(reading: Reading) -> str:
    """The name of the municipality."""
    return str(await reading.fetchval(NAME))


async def versions(reading: Reading, kind: str, ref: str, at_seq: int) -> list[tuple[int, Mapping[str, Any]]]:
    """The version of a record as of record number `at_seq`, and all later ones, each with its number."""
    stored = [(row["seq"], from_json(row["body"])) for row in await reading.fetch(VERSIONS, kind, ref)]
    return list(in_force(stored, at_seq))


async def billed_before(
    reading: Reading, provider: str, of_months: Collection[dt.date], before: dt.date
) -> list[tuple[str, dt.datetime]]:
    """The earlier closed months with lines of these months in their invoices, each with the instant of its close."""
    billed = await reading.fetch(BILLED, provider, list(of_months), before)
    return [(f"{row['month']:%Y-%m}", row["closed_at"]) for row in billed]


async def position_of(reading: Reading, fact: UUID) -> LedgerPosition | None:
    """The position of a close in the ledger; None while it waits to be sealed."""
    leaf = await ledger.find(reading, fact, "period_close")
    head = await tree.head(reading)
    if leaf is None or head is None or leaf.index >= head.size:
        return None
    size = leaf.index + 1
    [root] = await tree.roots(reading, [(0, size)])
    return LedgerPosition(size, root)
