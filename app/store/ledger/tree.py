"""The Merkle tree of a municipality as it is stored: its tiles, and its head with the signed note."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.domain.ledger.merkle import HASH_BYTES, TILE_WIDTH, Place, Span, root_of, tiles_of
from app.store import rows, schema
from app.store.connection import Changing, Reading

HEAD = "SELECT size, root, note FROM ledger_head WHERE municipality_id = $1"
# A second sealer has nothing to do: the first is sealing what there is.
HEAD_TO_MOVE = f"{HEAD} FOR UPDATE SKIP LOCKED"
BEGIN = "INSERT INTO ledger_head (municipality_id, size, root, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
MOVE = "UPDATE ledger_head SET size = $2, root = $3, note = $4 WHERE municipality_id = $1"
TILES = """
SELECT t.level, t.no, t.hashes FROM unnest($2::int[], $3::bigint[]) AS wanted(level, no)
JOIN ledger_tile AS t ON t.municipality_id = $1 AND t.level = wanted.level AND t.no = wanted.no
"""
UPPER_TILES = "SELECT level, no, hashes FROM ledger_tile WHERE municipality_id = $1 AND level > 0"
PUT_TILES = f"INSERT INTO ledger_tile {rows.given(schema.ledger_tile, 1)} {rows.replacing(schema.ledger_tile)}"

Tiles = dict[Place, bytes]


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The last signed head."""

    size: int
    root: bytes
    note: str


async def head(reading: Reading, *, to_move: bool = False) -> StoredHead | None:
    """The last head, None without one. `to_move` locks it, and gives None also while another sealer holds the lock."""
    row = await reading.fetchrow(HEAD_TO_MOVE if to_move else HEAD)
    return StoredHead(*row) if row else None


async def begin(changing: Changing, first: StoredHead) -> None:
    """Store the first head, unless there is one."""
    await changing.execute(BEGIN, first.size, first.root, first.note)


async def move(changing: Changing, new: StoredHead, tiles: Mapping[Place, bytes]) -> None:
    """Store the next head and the tiles that changed."""
    await changing.insert(PUT_TILES, [(changing.municipality_id, *place, hashes) for place, hashes in tiles.items()])
    await changing.execute(MOVE, new.size, new.root, new.note)


async def tiles(reading: Reading, places: Collection[Place]) -> Tiles:
    """The stored ones among these tiles."""
    levels, numbers = [level for level, _ in places], [no for _, no in places]
    rows = await reading.fetch(TILES, levels, numbers)
    return {(level, no): hashes for level, no, hashes in rows}


async def upper_tiles(reading: Reading) -> Tiles:
    """All tiles above the level of the leaves."""
    return {(level, no): hashes for level, no, hashes in await reading.fetch(UPPER_TILES)}


async def roots(reading: Reading, spans: Sequence[Span]) -> list[bytes]:
    """The roots over spans. Raises ValueError where tiles are missing."""
    hashes_of = await tiles(reading, tiles_of(spans))
    return [root_of(hashes_of, span) for span in spans]


async def sealed(reading: Reading, first: int, end: int) -> list[bytes]:
    """The leaf hashes of the tree from index `first` up to, not including, `end`; fewer where tiles are missing."""
    places = [(0, no) for no in range(first // TILE_WIDTH, (end - 1) // TILE_WIDTH + 1)]
    hashes_of = await tiles(reading, places)
    joined = b"".join(hashes_of.get(place, b"") for place in places)
    skipped = first % TILE_WIDTH
    return [
        joined[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        for at in range(skipped, min(skipped + end - first, len(joined) // HASH_BYTES))
    ]
