"""Samples of encrypted values, one for each key, so that keys can be tried before they are needed."""

from dataclasses import dataclass

from app.store.access import issuer_secrets, sealed_fields
from app.store.access.field_encryption import DecryptionError, FieldEncryption, Place
from app.store.connection import Reading, Row, Writing
from app.store.taps import keysets
from app.store.taps.keysets import COLUMNS, keyset_place

READ_AT_ONCE = 1000
# The name of the key stands before the value, behind its own length.
KEY_OF = "convert_from(substring({column} FROM 3 FOR get_byte({column}, 1)), 'UTF8')"
FIELDS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column="sealed")} AS key, kind, ref, field, sealed AS encrypted
FROM sealed_field WHERE municipality_id = $1 ORDER BY 1, kind, ref, field
"""
KEYSETS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column=COLUMNS[0])} AS key, keyset AS ref, {COLUMNS[0]} AS encrypted
FROM keyset_key WHERE municipality_id = $1 ORDER BY 1, keyset
"""
SECRETS = f"""
SELECT DISTINCT ON (1) {KEY_OF.format(column="secret_sealed")} AS key, issuer AS ref, secret_sealed AS encrypted
FROM issuer_secret WHERE municipality_id = $1 ORDER BY 1, issuer
"""
# Each field beside the mark of it in the newest version of its record.
ALL_FIELDS = """
SELECT kind, ref, field, f.sealed, f.digest, m.mark
FROM (SELECT * FROM sealed_field WHERE municipality_id = $1) AS f FULL JOIN (
    SELECT kind, ref, marks.field, marks.mark FROM (
        SELECT DISTINCT ON (kind, ref) kind, ref, body FROM record
        WHERE municipality_id = $1 AND kind IN ('recipients', 'staff', 'providers') ORDER BY kind, ref, version DESC
    ) AS newest CROSS JOIN LATERAL jsonb_each_text(body -> 'sealed') AS marks(field, mark)
) AS m USING (kind, ref, field)
"""
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
    fields = [_field(reading.municipality_id, row) for row in await reading.fetch(FIELDS)]
    secrets = [_secret(reading.municipality_id, row) for row in await reading.fetch(SECRETS)]
    return fields + secrets + [_keyset(reading.municipality_id, row) for row in await reading.fetch(KEYSETS)]


def _field(municipality_id: int, row: Row) -> Sample:
    place = sealed_fields.place_of(municipality_id, row["kind"], row["ref"], row["field"])
    return Sample(row["key"], "personal data", place, row["encrypted"])


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
    """A line for each encrypted value that no key decrypts in its place, or that is not the one that was put last."""
    found = [
        "sealed_field {} {} {}".format(*field)
        async for field in reading.cursor(ALL_FIELDS, prefetch=READ_AT_ONCE)
        if not _is_as_put(encryption, reading.municipality_id, *field)
    ]
    for row in await reading.fetch(keysets.ALL):
        places = [(row[column], keyset_place(reading.municipality_id, row["keyset"], column)) for column in COLUMNS]
        if None in [_opened(encryption, encrypted, place) for encrypted, place in places]:
            found.append(f"keyset_key {row['keyset']}")
    for issuer, encrypted in await issuer_secrets.stored(reading):
        if _opened(encryption, encrypted, issuer_secrets.secret_place(reading.municipality_id, issuer)) is None:
            found.append(f"issuer_secret {issuer}")
    return found + [f"keyset_key {row[0]}" for row in await reading.fetch(UNPAIRED)]


def _is_as_put(  # noqa: PLR0913, PLR0917 - the columns of one row
    encryption: FieldEncryption,
    municipality_id: int,
    kind: str,
    ref: str,
    field: str,
    encrypted: bytes | None,
    digest: bytes,
    mark: str | None,
) -> bool:
    if encrypted is None:
        return False
    # The first numbers were put before their records had marks.
    unmarked = mark is None and (kind, field) == ("recipients", sealed_fields.NUMBER)
    text = _opened(encryption, encrypted, sealed_fields.place_of(municipality_id, kind, ref, field))
    return (
        text is not None
        and (unmarked or digest.hex() == mark)
        and sealed_fields.digest_of(encryption, municipality_id, kind, ref, field, text) == digest
    )


def _opened(encryption: FieldEncryption, encrypted: bytes, place: Place) -> str | None:
    try:
        return encryption.decrypt(encrypted, place)
    except DecryptionError:
        return None
