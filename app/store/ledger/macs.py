"""Keyed hashes of rows that cannot be derived from facts, so that a row that somebody else wrote is found.

Such are the list of changes that others read on from, withdrawn visits, how phones' clocks stood, codes that phones are
enrolled with, PINs and work shifts, login links and sessions, and of a municipality its name and how far its time has
come.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from hmac import compare_digest
from typing import Any, NamedTuple

from app.domain.ledger.ledger import row_mac
from app.store import rows, schema
from app.store.connection import Reading, Writing

MAC = "mac"
OLDER = (
    schema.municipality,
    schema.enrolment,
    schema.pin,
    schema.work_shift,
    schema.phone_clock,
    schema.visit_change,
    schema.withdrawn_visit,
)
"""The tables whose rows may be older than the hashes."""
TABLES = (*OLDER, schema.access_entry, schema.erased_fact, schema.login_link, schema.session)
# The rest of a municipality's row is asked about elsewhere, or changes with every tap. An entry of the access log gets
# its block later, which holds a hash of its entries.
COVERED = {
    **{str(table.name): [str(name) for name in rows.names(table) if name != MAC] for table in TABLES},
    "municipality": ["municipality_id", "name", "as_of"],
    "access_entry": [name for name in rows.names(schema.access_entry) if name not in {"block", MAC}],
}
READ_AT_ONCE = 2000
SHOWN = 5
ROWS = "SELECT {columns} FROM {table} WHERE municipality_id = $1"
UNMARKED = f"{ROWS} AND mac IS NULL"
MARK = """
UPDATE {table} AS t SET mac = new.mac FROM unnest($2::{table}[]) AS new
WHERE t.municipality_id = $1 AND new.municipality_id = $1 AND {same}
"""
NAME = "SELECT name FROM municipality WHERE municipality_id = $1"
STAMP = "UPDATE municipality SET as_of = $2, mac = $3 WHERE municipality_id = $1"


class Macs:
    """Makes keyed hashes with the first key, and recognises those of all keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def add(self, table: str, row: Sequence[Any]) -> tuple[Any, ...]:
        """The row with its hash appended as the last column. Raises RuntimeError where no ledger key is known."""
        if not self._keys:
            raise RuntimeError("a row is stored without a ledger key: give Database its ledger_keys")
        return (*row, row_mac(self._keys[0], table, COVERED[table], row))

    def is_ours(self, table: str, row: Sequence[Any]) -> bool:
        """True if the hash, the last column of the row, is ours. Without keys it cannot be checked, and is True."""
        *values, mac = row
        return not self._keys or (
            mac is not None
            and any(compare_digest(mac, row_mac(key, table, COVERED[table], values)) for key in self._keys)
        )


class Forged(NamedTuple):
    """A table with rows that the service did not write: their number, and the keys of the first of them."""

    table: str
    many: int
    keys: list[str]


async def forged(reading: Reading, macs: Macs) -> list[Forged]:
    """The tables with rows that the service did not write, or that were changed afterwards."""
    tables = []
    for table in TABLES:
        many, keys = 0, []
        columns = [*COVERED[table.name], MAC]
        key = [columns.index(name) for name in rows.key_of(table)]
        async for row in _rows(reading, ROWS, table.name, columns):
            if not macs.is_ours(table.name, row):
                many += 1
                keys += [" ".join(map(_shown, (row[at] for at in key[1:] or key)))] if many <= SHOWN else []
        if many:
            tables.append(Forged(table.name, many, keys))
    return tables


async def adopt(writing: Writing) -> int:
    """Hash the rows that are older than the hashes, but for the municipality's own. Returns their number."""
    marked = 0
    for table in OLDER[1:]:
        same = " AND ".join(f"t.{name} = new.{name}" for name in rows.key_of(table)[1:])
        mark = MARK.format(table=table.name, same=same)
        batch: list[tuple[Any, ...]] = []
        async for row in _rows(writing, UNMARKED, table.name, COVERED[table.name]):
            batch.append(writing.macs.add(table.name, row))
            if len(batch) == READ_AT_ONCE:
                await writing.execute(mark, batch)
                marked, batch = marked + len(batch), []
        await writing.execute(mark, batch)
        marked += len(batch)
    return marked


async def stamp(writing: Writing, as_of: dt.datetime) -> None:
    """Set the time up to which the municipality's visits are derived."""
    name = await writing.fetchval(NAME)
    *_, mac = writing.macs.add("municipality", (writing.municipality_id, name, as_of))
    await writing.execute(STAMP, as_of, mac)


async def _rows(reading: Reading, query: str, table: str, columns: Sequence[str]) -> AsyncIterator[Sequence[Any]]:
    cursor = await reading.cursor(query.format(table=table, columns=", ".join(columns)))
    while batch := await cursor.fetch(READ_AT_ONCE):
        for row in batch:
            yield tuple(row)


def _shown(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
