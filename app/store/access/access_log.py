"""The access log: entries written by reads in their own transactions, the persons in them, and blocks of entries."""

import datetime as dt
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.access.access_log import AccessEntry, Dealings, block_digest, covers
from app.domain.time import Span
from app.store.connection import Reading, Row, RowHashes, Writing

COLUMNS = "id, at, subject, role, provider, route, recipients, bulk, filter, purpose"
# One statement: a read that is logged costs one round trip more.
ADD = f"""
WITH entry AS (
    INSERT INTO access_entry (municipality_id, {COLUMNS}, mac)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
)
INSERT INTO access_person (municipality_id, recipient, entry) SELECT $1, ref, $2 FROM unnest($8::text[]) AS ref
"""
OF_MUNICIPALITY = f"SELECT {COLUMNS}, block FROM access_entry AS e WHERE municipality_id = $1"
WAITING = f"SELECT {COLUMNS}, mac FROM access_entry WHERE municipality_id = $1 AND block IS NULL ORDER BY id LIMIT $2"
ADD_BLOCK = """
INSERT INTO access_block (municipality_id, id, closed_at, first_at, last_at, entries, digest)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
TAKE_IN = "UPDATE access_entry SET block = $2 WHERE municipality_id = $1 AND id = ANY($3::uuid[])"
BLOCKS = "SELECT id, entries, digest FROM access_block WHERE municipality_id = $1 ORDER BY id"
IN_BLOCKS = f"{OF_MUNICIPALITY} AND block IS NOT NULL ORDER BY block, id"
# Ids sort by time, so that a time is a range of them. The persons in an entry and the entries that may cover anybody
# have indexes of their own.
SPAN = "e.municipality_id = $1 AND e.id >= $2 AND e.id < $3"
WITHIN = f"{SPAN} AND ($4::text IS NULL OR e.subject = $4)"
PAGE = f"SELECT {COLUMNS}, block FROM access_entry AS e WHERE {WITHIN} ORDER BY id DESC LIMIT $5"
OF_SUBJECT = f"SELECT {COLUMNS}, block FROM access_entry AS e WHERE {SPAN} AND subject = $4 ORDER BY id DESC LIMIT $5"
OF_RECIPIENT = f"""
SELECT {COLUMNS}, block FROM (
    (SELECT e.* FROM access_person AS p JOIN access_entry AS e ON e.municipality_id = $1 AND e.id = p.entry
    WHERE p.municipality_id = $1 AND p.recipient = $6 AND p.entry >= $2 AND p.entry < $3 AND {WITHIN}
    ORDER BY p.entry DESC LIMIT $5)
    UNION ALL
    (SELECT e.* FROM access_entry AS e WHERE {WITHIN} AND e.bulk ORDER BY e.id DESC LIMIT $5)
) AS found ORDER BY id DESC LIMIT $5
"""
OF_IDS = f"{OF_MUNICIPALITY} AND id = ANY($2::uuid[])"
BETWEEN = "SELECT id FROM access_entry WHERE municipality_id = $1 AND id >= $2 AND id < $3"
DEALINGS = """
SELECT DISTINCT provider, local_on AS first_on, local_on AS last_on FROM visit
WHERE municipality_id = $1 AND recipient = $2
UNION
SELECT provider, lower(valid), coalesce(upper(valid) - 1, 'infinity') FROM care_order
WHERE municipality_id = $1 AND recipient = $2
"""
LIVING_AT = "SELECT DISTINCT ref FROM recipient_version WHERE municipality_id = $1 AND household = ANY($2::text[])"
AT_ONCE = 500
BLOCK_ENTRIES = 5000
TABLE = "access_entry"
NO_DEALINGS = Dealings()


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored, with the id of its block; None while it waits for one."""

    entry: AccessEntry
    block: UUID | None


def new_id(at: dt.datetime) -> UUID:
    """An id that sorts by time (RFC 9562, version 7)."""
    random = int.from_bytes(os.urandom(10))
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (random >> 68 << 64) | (2 << 62) | random % 2**62)


async def add(reading: Reading, macs: RowHashes, entry: AccessEntry) -> None:
    """Write an entry in the transaction of the read. If that fails, so does the read."""
    *values, mac = macs.add(
        TABLE,
        (
            reading.municipality_id,
            entry.id,
            entry.at,
            entry.subject,
            entry.role,
            entry.provider,
            entry.route,
            list(entry.recipients),
            entry.bulk,
            entry.filter,
            entry.purpose,
        ),
    )
    await reading.fetch(ADD, *values[1:], mac)


async def living_at(reading: Reading, households: Iterable[str]) -> list[str]:
    """The recipients that live or have lived in these households."""
    return [row["ref"] for row in await reading.fetch(LIVING_AT, list(households))]


async def waiting(reading: Reading, macs: RowHashes) -> list[AccessEntry]:
    """The oldest entries without a block, `BLOCK_ENTRIES` at most, but for those that the service did not write."""
    rows = [tuple(row) for row in await reading.fetch(WAITING, BLOCK_ENTRIES)]
    return [_entry(row) for row in rows if macs.is_ours(TABLE, (reading.municipality_id, *row))]


async def close_block(writing: Writing, block: UUID, entries: Sequence[AccessEntry]) -> None:
    """Store a block of entries with its leaf."""
    fields = {
        "id": block,
        "closed_at": writing.now,
        "first_at": min(entry.at for entry in entries),
        "last_at": max(entry.at for entry in entries),
        "entries": len(entries),
        "digest": block_digest(entries),
    }
    writing.leaves.add("access_block", fields)
    await writing.execute(ADD_BLOCK, *fields.values())
    await writing.execute(TAKE_IN, block, [entry.id for entry in entries])


async def torn_blocks(reading: Reading) -> list[str]:
    """The blocks whose entries are not those that they were closed with, by id."""
    expected = {row["id"]: (row["entries"], row["digest"]) for row in await reading.fetch(BLOCKS)}
    found = {}
    block, entries = None, list[AccessEntry]()
    async for one in _in_blocks(reading):
        if one.block != block and block is not None:
            found[block] = (len(entries), block_digest(entries))
            entries = []
        block = one.block
        entries.append(one.entry)
    if block is not None:
        found[block] = (len(entries), block_digest(entries))
    return sorted(str(id_) for id_ in expected.keys() | found.keys() if expected.get(id_) != found.get(id_))


async def _in_blocks(reading: Reading) -> AsyncIterator[StoredEntry]:
    async for row in reading.cursor(IN_BLOCKS, prefetch=AT_ONCE):
        yield _stored(row)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A filter of the log: a time, whose looks, and looks at whom.

    `dealings` are those of the recipient: the lists that covered it are found by them.
    """

    span: Span
    subject: str | None = None
    recipient: str | None = None
    dealings: Dealings = NO_DEALINGS


async def page(reading: Reading, wanted: LogFilter, before: UUID | None, limit: int) -> list[StoredEntry]:
    """At most `limit` entries, the newest first; with `before`, those that are older than that entry."""
    first, end = map(_first_id, wanted.span)
    end = end if before is None else min(end, before)
    found: list[StoredEntry] = []
    while len(found) < limit:
        asked: list[object] = [first, end, wanted.subject, AT_ONCE]
        if wanted.recipient is not None:
            rows = await reading.fetch(OF_RECIPIENT, *asked, wanted.recipient)
        else:
            rows = await reading.fetch(PAGE if wanted.subject is None else OF_SUBJECT, *asked)
        read = [_stored(row) for row in rows]
        if wanted.recipient is not None:
            found += [one for one in read if not one.entry.bulk or covers(one.entry, wanted.dealings)]
        else:
            found += read
        if len(read) < AT_ONCE:
            break
        end = read[-1].entry.id
    return found[:limit]


async def dealings_of(reading: Reading, recipient: str) -> Dealings:
    """The days on which a recipient had to do with providers."""
    rows = await reading.fetch(DEALINGS, recipient)
    return Dealings([(row["provider"], row["first_on"], row["last_on"]) for row in rows])


async def ids_within(reading: Reading, span: Span) -> list[UUID]:
    """The ids of the entries of a time."""
    return [row["id"] for row in await reading.fetch(BETWEEN, *map(_first_id, span))]


async def of_ids(reading: Reading, ids: Sequence[UUID]) -> dict[UUID, StoredEntry]:
    """The entries with these ids."""
    return {row["id"]: _stored(row) for row in await reading.fetch(OF_IDS, ids)}


def _first_id(at: dt.datetime) -> UUID:
    """The least id of an entry at that time or later."""
    return UUID(int=max(int(at.timestamp() * 1000), 0) << 80)


def _stored(row: Row) -> StoredEntry:
    *values, block = tuple(row)
    return StoredEntry(_entry((*values, None)), block)


def _entry(row: Sequence[object]) -> AccessEntry:
    """An entry from its columns in the order of `COLUMNS`, and one more that is left out."""
    values = dict(zip(COLUMNS.split(", "), row[:-1], strict=True))
    values["recipients"] = tuple(values["recipients"])  # type: ignore[arg-type] # an array of texts
    return AccessEntry(**values)  # type: ignore[arg-type] # as the columns are
