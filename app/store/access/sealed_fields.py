"""Names, contacts and personal numbers: encrypted field by field, the newest value of each alone.

The record of whom they are about holds a mark of each, a keyed digest from which no value is found, so that a value
that somebody takes away, or puts back an older one of, is missed.
"""

from collections.abc import Mapping, Sequence

from app.store.access.field_encryption import FieldEncryption, Place
from app.store.connection import Changing, Reading

NUMBER = "personal_number"
NAME = "name"
READ_AT_ONCE = 1000

PUT = """
INSERT INTO sealed_field (municipality_id, kind, ref, field, sealed, digest) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (municipality_id, kind, ref, field) DO UPDATE SET sealed = excluded.sealed, digest = excluded.digest
"""
DROP = "DELETE FROM sealed_field WHERE municipality_id = $1 AND kind = $2 AND ref = $3 AND field = ANY($4::text[])"
OF_REFS = """
SELECT ref, field, sealed FROM sealed_field
WHERE municipality_id = $1 AND kind = $2 AND ref = ANY($3::text[]) AND field = ANY($4::text[])
"""
NAMES = "SELECT ref, sealed FROM sealed_field WHERE municipality_id = $1 AND kind = $2 AND field = 'name'"
ALL = "SELECT kind, ref, field, sealed FROM sealed_field WHERE municipality_id = $1 ORDER BY kind, ref, field"
REENCRYPT = """
UPDATE sealed_field AS f SET sealed = new.encrypted
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[]) AS new(kind, ref, field, encrypted)
WHERE f.municipality_id = $1 AND (f.kind, f.ref, f.field) = (new.kind, new.ref, new.field)
"""


def place_of(municipality_id: int, kind: str, ref: str, field: str) -> Place:
    """The place of a field: its kind, its name and its ref are authenticated with it."""
    if (kind, field) == ("recipients", NUMBER):
        # Under this name the first ones were encrypted, when they had a table of their own.
        return Place("recipient_identity", "number_sealed", municipality_id, ref)
    return Place("sealed_field", f"{kind}.{field}", municipality_id, ref)


def digest_of(encryption: FieldEncryption, municipality_id: int, kind: str, ref: str, field: str, text: str) -> bytes:
    """The keyed digest of a value. That of a number finds the number; those of two equal names differ."""
    return encryption.digest(text if field == NUMBER else f"{kind}|{ref}|{field}|{text}", municipality_id)


async def put(
    changing: Changing, encryption: FieldEncryption, kind: str, ref: str, values: Mapping[str, str | None]
) -> None:
    """Write the values of some fields of a record, by field; None deletes a value."""
    code = changing.municipality_id
    for field, text in values.items():
        if text is not None:
            encrypted = encryption.encrypt(text, place_of(code, kind, ref, field))
            await changing.execute(
                PUT, kind, ref, field, encrypted, digest_of(encryption, code, kind, ref, field, text)
            )
    await changing.execute(DROP, kind, ref, [field for field, text in values.items() if text is None])


async def opened(
    reading: Reading, encryption: FieldEncryption, kind: str, refs: Sequence[str], fields: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The values of these fields by ref and field, where there are any. Raises DecryptionError."""
    found: dict[str, dict[str, str]] = {}
    for ref, field, encrypted in await reading.fetch(OF_REFS, kind, refs, fields):
        place = place_of(reading.municipality_id, kind, ref, field)
        found.setdefault(ref, {})[field] = encryption.decrypt(encrypted, place)
    return found


async def names(reading: Reading, encryption: FieldEncryption, kind: str) -> dict[str, str]:
    """Every name of a kind, by ref. Raises DecryptionError."""
    return {
        ref: encryption.decrypt(encrypted, place_of(reading.municipality_id, kind, ref, NAME))
        async for ref, encrypted in reading.cursor(NAMES, kind, prefetch=READ_AT_ONCE)
    }


async def rewrap(changing: Changing, encryption: FieldEncryption) -> int:
    """Encrypt with the newest key what was encrypted with another. Returns the number of fields."""
    older = []
    for kind, ref, field, encrypted in await changing.fetch(ALL):
        if not encryption.is_encrypted_with_newest(encrypted):
            place = place_of(changing.municipality_id, kind, ref, field)
            older.append((kind, ref, field, encryption.encrypt(encryption.decrypt(encrypted, place), place)))
    await changing.execute(REENCRYPT, *(zip(*older, strict=True) if older else ([], [], [], [])))
    return len(older)
