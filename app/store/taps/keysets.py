"""The keys of keysets: encrypted in the database, in clear only in the memory of processes that verify."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from app.domain.sun import KeysetKeys
from app.store.access.field_encryption import DecryptionError, FieldEncryption, Place
from app.store.connection import Reading, Writing

PUT = """
INSERT INTO keyset_key (municipality_id, keyset, meta_key_sealed, file_master_sealed) VALUES ($1, $2, $3, $4)
ON CONFLICT (municipality_id, keyset)
DO UPDATE SET meta_key_sealed = excluded.meta_key_sealed, file_master_sealed = excluded.file_master_sealed
"""
GET = """
SELECT keyset, meta_key_sealed, file_master_sealed FROM keyset_key WHERE municipality_id = $1 AND keyset = ANY($2)
"""
ALL = "SELECT keyset, meta_key_sealed, file_master_sealed FROM keyset_key WHERE municipality_id = $1 ORDER BY keyset"
COLUMNS = ("meta_key_sealed", "file_master_sealed")


def keyset_place(municipality_id: int, keyset: str, column: str) -> Place:
    """The place of an encrypted key."""
    return Place("keyset_key", column, municipality_id, keyset)


async def put(writing: Writing, keyset: str, encryption: FieldEncryption, keys: KeysetKeys) -> None:
    """Encrypt and write a keyset's keys."""
    given = (keys.meta_key, keys.file_master)
    encrypted = [
        encryption.encrypt(key.hex(), keyset_place(writing.municipality_id, keyset, column))
        for column, key in zip(COLUMNS, given, strict=True)
    ]
    await writing.execute(PUT, keyset, *encrypted)


async def load(reading: Reading, keysets: Iterable[str], encryption: FieldEncryption) -> dict[str, KeysetKeys]:
    """The keys of these keysets, by ref. Keysets that no key of the ring decrypts in their place are left out."""
    keys_of = {}
    for row in await reading.fetch(GET, list(keysets)):
        with suppress(DecryptionError):
            keys_of[row["keyset"]] = KeysetKeys(*_opened(encryption, reading.municipality_id, row))
    return keys_of


async def rewrap(writing: Writing, encryption: FieldEncryption) -> int:
    """Encrypt with the newest key the keysets encrypted with another. Returns their number."""
    old = [
        row
        for row in await writing.fetch(ALL)
        if not all(encryption.is_encrypted_with_newest(row[column]) for column in COLUMNS)
    ]
    for row in old:
        await put(writing, row["keyset"], encryption, KeysetKeys(*_opened(encryption, writing.municipality_id, row)))
    return len(old)


def _opened(encryption: FieldEncryption, municipality_id: int, row: Any) -> list[bytes]:
    return [
        bytes.fromhex(encryption.decrypt(row[column], keyset_place(municipality_id, row["keyset"], column)))
        for column in COLUMNS
    ]
