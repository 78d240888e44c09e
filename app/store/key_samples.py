"""Samples of encrypted values, one for each key, so that keys can be tried before they are needed."""

from dataclasses import dataclass

from app.store.access import issuer_secrets
from app.store.access.field_encryption import DecryptionError, FieldEncryption, Place
from app.store.connection import Reading, Row, Writing
from app.store.register.register import identity_place
from app.store.taps import keysets
from app.store.taps.keysets import COLUMNS, keyset_place

READ_AT_ONCE = 1000
# The name of the key stands before the value, behind its own length.
KEY_OF = "convert_from(substring({column} FROM 3 FOR get_byte({column}, 1)), 'UTF8')"
NUMBERS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column="number_sealed")} AS key, ref, number_sealed AS encrypted
FROM recipient_identity WHERE municipality_id = $1 ORDER BY 1, ref
"""
KEYSETS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column=COLUMNS[0])} AS key, keyset AS ref, {COLUMNS[0]} AS encrypted
FROM keyset_key WHERE municipality_id = $1 ORDER BY 1, keyset
"""
SECRETS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column="secret_sealed")} AS key, issuer AS ref, secret_sealed AS encrypted
FROM issuer_secret WHERE municipality_id = $1 ORDER BY 1, issuer
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
    """A stored value, the name of the key that encrypted it and its meaning."""

    key: str
    what: str
    place: Place
    encrypted: bytes


async def samples(reading: Reading) -> list[Sample]:
    """One stored value for each key and each kind of value."""
    numbers = [_number(reading.municipality_id, row) for row in await reading.fetch(NUMBERS)]
    secrets = [_secret(reading.municipality_id, row) for row in await reading.fetch(SECRETS)]
    return numbers + secrets + [_keyset(reading.municipality_id, row) for row in await reading.fetch(KEYSETS)]


def _number(municipality_id: int, row: Row) -> Sample:
    return Sample(row["key"], "personal numbers", identity_place(municipality_id, row["ref"]), row["encrypted"])


def _keyset(municipality_id: int, row: Row) -> Sample:
    return Sample(row["key"], "keys of tags", keyset_place(municipality_id, row["ref"], COLUMNS[0]), row["encrypted"])


def _secret(municipality_id: int, row: Row) -> Sample:
    place = issuer_secrets.secret_place(municipality_id, row["ref"])
    return Sample(row["key"], "secrets of identity providers", place, row["encrypted"])


async def lookup_mark(reading: Reading) -> bytes | None:
    """The stored fingerprint of the key for look-ups; None before the municipality is first served."""
    mark: bytes | None = await reading.fetchval(MARK)
    return mark


async def put_lookup_mark(writing: Writing, mark: bytes) -> None:
    """Store the fingerprint of the key for look-ups."""
    await writing.execute(PUT_MARK, mark)


async def unsound(reading: Reading, encryption: FieldEncryption) -> list[str]:
    """A line for each encrypted value that no key decrypts in its place, or whose digest for look-ups is wrong."""
    found = []
    async for ref, encrypted, digest in reading.cursor(ALL_NUMBERS, prefetch=READ_AT_ONCE):
        number = _opened(encryption, encrypted, identity_place(reading.municipality_id, ref))
        if number is None or encryption.digest(number, reading.municipality_id) != digest:
            found.append(f"recipient_identity {ref}")
    for row in await reading.fetch(keysets.ALL):
        places = [(row[column], keyset_place(reading.municipality_id, row["keyset"], column)) for column in COLUMNS]
        if None in [_opened(encryption, encrypted, place) for encrypted, place in places]:
            found.append(f"keyset_key {row['keyset']}")
    for issuer, encrypted in await issuer_secrets.stored(reading):
        if _opened(encryption, encrypted, issuer_secrets.secret_place(reading.municipality_id, issuer)) is None:
            found.append(f"issuer_secret {issuer}")
    return found + [f"keyset_key {row[0]}" for row in await reading.fetch(UNPAIRED)]


def _opened(encryption: FieldEncryption, encrypted: bytes, place: Place) -> str | None:
    try:
        return encryption.decrypt(encrypted, place)
    except DecryptionError:
        return None
