"""Check the invariants of the database, and the ledger against its signed head."""

from app.actions.access.fit_keys import fit_keys
from app.actions.ledger.seal import ledger_fault
from app.domain.ledger.merkle import TILE_WIDTH, Frontier, grow
from app.domain.money.month_lines import lines_hash
from app.store import invariants, key_samples, typed_tables
from app.store.access import access_log
from app.store.connection import Reading
from app.store.database import Database
from app.store.ledger import ledger, macs, tree
from app.store.ledger.tree import StoredHead, Tiles
from app.store.money import closed_months
from app.store.typed_tables import UnreadableRecordsError

LEAVES_AT_ONCE = 8 * TILE_WIDTH
FAULTS_SHOWN = 5


async def check(database: Database, municipality_id: int) -> list[str]:
    """A line for each invariant that is broken; none on a healthy database."""
    lines = _reported("the keys are those the data was written with", await fit_keys(database, municipality_id))
    async with database.write(municipality_id, with_master=False) as writing:
        lines += await invariants.broken(writing)
    lines += await _mistyped(database, municipality_id)
    async with database.snapshot(municipality_id) as reading:
        lines += await _not_ours(database, reading)
    async with database.snapshot(municipality_id) as reading:
        torn = await access_log.torn_blocks(reading)
        lines += _reported("the entries of the access log are those that its blocks sealed", torn)
    async with database.read(municipality_id) as reading:
        lines += _reported("the lines of a closed month are those that were closed", await _rewritten(reading))
        head = await tree.head(reading)
        if head is not None:
            lines += await _broken_ledger(database, reading, head)
    fault = await ledger_fault(database, municipality_id)
    lines += _reported("the ledger is the one that was sealed here", [fault] if fault else [])
    return lines


async def missing(database: Database) -> list[str]:
    """A line for each municipality that is gone, though this machine has seen its ledger."""
    there = await database.municipalities()
    gone = [one for one in database.marks.municipalities() if one not in there]
    return [f"{one}: not so: the municipality is there (its ledger was seen here)" for one in gone]


async def _mistyped(database: Database, municipality_id: int) -> list[str]:
    """A line for each table of master data that differs from its records."""
    try:
        async with database.scratch(municipality_id) as changing:
            wrong = await typed_tables.differing(changing)
    except UnreadableRecordsError as error:
        return _reported("the records can be read", [str(error)])
    return [f"not so: {name} is what its records say ({many}: {', '.join(rows)})" for name, many, rows in wrong]


async def _not_ours(database: Database, reading: Reading) -> list[str]:
    """A line for each table with rows or encrypted values that the service's keys did not make."""
    lines = []
    if database.encryption is not None:
        unsound = await key_samples.unsound(reading, database.encryption)
        lines += _reported("what is encrypted opens where it stands", unsound)
    for table, many, keys in await macs.forged(reading, database.macs):
        lines.append(f"not so: {table} is as the service wrote it ({many}: {', '.join(keys)})")
    return lines


async def _rewritten(reading: Reading) -> list[str]:
    """Closed months whose lines do not have the hash in the close, which the ledger holds."""
    found = []
    for close in await closed_months.closes(reading):
        try:
            lines = await closed_months.lines_of(reading, close.provider, close.month)
            intact = lines_hash(lines) == close.lines_hash
        except (KeyError, TypeError, ValueError):  # not even lines any more
            intact = False
        if not intact:
            found.append(f"{close.provider} {close.month:%Y-%m}")
    return found


async def _broken_ledger(database: Database, reading: Reading, head: StoredHead) -> list[str]:
    """A line for each kind of fault of the ledger. Sealed leaves never change, so they are read without the lock."""
    lines = []
    faults, tiles, frontier = [], Tiles(), Frontier()
    for first in range(0, head.size, LEAVES_AT_ONCE):
        end = min(first + LEAVES_AT_ONCE, head.size)
        sealed = await tree.sealed(reading, first, end)
        if len(sealed) < end - first:
            faults.append(f"index {first + len(sealed)}: the tree has a hole")
            break
        found = await ledger.entries(reading, database.ledger_keys, first, sealed)
        faults += [f"index {one.index}: {fault}" for one in found if (fault := one.fault())]
        for place in grow(tiles, first, sealed):
            # Of the tiles of leaves only the last, partial one is needed to go on.
            if place[0] == 0 and place[1] < end // TILE_WIDTH:
                del tiles[place]
        for leaf in sealed:
            frontier.add(leaf)
    strays = [f"{kind} {fact}" for kind, fact in await ledger.outside(reading)]
    stored = await tree.upper_tiles(reading)  # which may have grown meanwhile
    upper = all(stored.get(place, b"").startswith(tile) for place, tile in tiles.items() if place[0])
    torn = frontier.root() != head.root or not upper
    lines += _reported("every sealed fact is as it was sealed", faults)
    lines += _reported("every fact stands in the ledger", strays)
    lines += _reported("the tree of the ledger has the root that was signed", [f"head of {head.size}"] if torn else [])
    return lines


def _reported(name: str, found: list[str]) -> list[str]:
    return [f"not so: {name} ({len(found)}: {', '.join(found[:FAULTS_SHOWN])})"] if found else []
