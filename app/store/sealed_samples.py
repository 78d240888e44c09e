"""One value for each key that anything is encrypted or found with, so that keys can be tried before they are needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.store.keysets import COLUMNS, keyset_place
from app.store.people import identity_place
from app.store.vault import Place

# The name of the key stands before the value, behind its own length.
KEY_OF = "convert_from(substring({column} FROM 3 FOR get_byte({column}, 1)), 'UTF8')"
NUMBERS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column="number_sealed")} AS key, ref, number_sealed AS sealed
FROM recipient_identity WHERE municipality_id = $1 ORDER BY 1, ref
"""
KEYSETS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column=COLUMNS[0])} AS key, keyset AS ref, {COLUMNS[0]} AS sealed
FROM keyset_key WHERE municipality_id = $1 ORDER BY 1, keyset
"""
MARK = "SELECT lookup_mark FROM municipality WHERE municipality_id = $1"
PUT_MARK = "UPDATE municipality SET lookup_mark = $2 WHERE municipality_id = $1"


@dataclass(frozen=True, slots=True)
class Sample:
    """A stored value, the name of the key that encrypted it and what it is."""

    key: str
    what: str
    place: Place
    sealed: bytes


async def samples(sql: Any, municipality_id: int) -> list[Sample]:
    """A value for each key and each kind of value."""
    numbers = [_number(municipality_id, row) for row in await sql.fetch(NUMBERS, municipality_id)]
    return numbers + [_keyset(municipality_id, row) for row in await sql.fetch(KEYSETS, municipality_id)]


def _number(municipality_id: int, row: Mapping[str, Any]) -> Sample:
    return Sample(row["key"], "personal numbers", identity_place(municipality_id, row["ref"]), row["sealed"])


def _keyset(municipality_id: int, row: Mapping[str, Any]) -> Sample:
    return Sample(row["key"], "keys of tags", keyset_place(municipality_id, row["ref"], COLUMNS[0]), row["sealed"])


async def lookup_mark(sql: Any, municipality_id: int) -> bytes | None:
    """What the key for look-ups made of the municipality when it was first served; None before."""
    mark: bytes | None = await sql.fetchval(MARK, municipality_id)
    return mark


async def put_lookup_mark(sql: Any, municipality_id: int, mark: bytes) -> None:
    """Keep what the key for look-ups makes of the municipality."""
    await sql.execute(PUT_MARK, municipality_id, mark)
