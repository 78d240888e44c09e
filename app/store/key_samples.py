"""What is encrypted: a value for each key, so that keys can be tried before they are needed, and what does not open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.store.access.field_encryption import Place, SealBrokenError, Vault
from app.store.register.register import identity_place
from app.store.taps import keysets
from app.store.taps.keysets import COLUMNS, keyset_place

READ_AT_ONCE = 1000
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
ALL_NUMBERS = "SELECT ref, number_sealed, number_digest FROM recipient_identity WHERE municipality_id = $1"
# Without its keys a keyset verifies nothing, and keys without a keyset are nobody's.
UNPAIRED = """
SELECT coalesce(k.keyset, r.ref) FROM (SELECT keyset FROM keyset_key WHERE municipality_id = $1) AS k
FULL JOIN (SELECT DISTINCT ref FROM record WHERE municipality_id = $1 AND kind = 'keysets') AS r ON r.ref = k.keyset
WHERE k.keyset IS NULL OR r.ref IS NULL
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


async def unsound(sql: Any, municipality_id: int, vault: Vault) -> list[str]:
    """Encrypted values that no key opens where they stand, or that are found by another digest than their own."""
    found = []
    async for ref, sealed, digest in sql.cursor(ALL_NUMBERS, municipality_id, prefetch=READ_AT_ONCE):
        number = _opened(vault, sealed, identity_place(municipality_id, ref))
        if number is None or vault.digest(number, municipality_id) != digest:
            found.append(f"recipient_identity {ref}")
    for row in await sql.fetch(keysets.ALL, municipality_id):
        places = [(row[column], keyset_place(municipality_id, row["keyset"], column)) for column in COLUMNS]
        if None in [_opened(vault, sealed, place) for sealed, place in places]:
            found.append(f"keyset_key {row['keyset']}")
    return found + [f"keyset_key {row[0]}" for row in await sql.fetch(UNPAIRED, municipality_id)]


def _opened(vault: Vault, sealed: bytes, place: Place) -> str | None:
    try:
        return vault.open(sealed, place)
    except SealBrokenError:
        return None
