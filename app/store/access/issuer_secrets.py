"""The secrets that identity providers know the service by, encrypted."""

from typing import Any

from app.store.access.field_encryption import FieldEncryption, Place
from app.store.connection import Reading, Writing

PUT = """
INSERT INTO issuer_secret (municipality_id, issuer, secret_sealed) VALUES ($1, $2, $3)
ON CONFLICT (municipality_id, issuer) DO UPDATE SET secret_sealed = excluded.secret_sealed
"""
GET = "SELECT secret_sealed FROM issuer_secret WHERE municipality_id = $1 AND issuer = $2"
DROP = "DELETE FROM issuer_secret WHERE municipality_id = $1 AND issuer = $2"
ALL = "SELECT issuer, secret_sealed FROM issuer_secret WHERE municipality_id = $1 ORDER BY issuer"


def secret_place(municipality_id: int, issuer: str) -> Place:
    """The place of an issuer's encrypted secret."""
    return Place("issuer_secret", "secret_sealed", municipality_id, issuer)


async def put(writing: Writing, issuer: str, secret: str, encryption: FieldEncryption) -> None:
    """Encrypt and write the secret for an issuer."""
    sealed = encryption.encrypt(secret, secret_place(writing.municipality_id, issuer))
    await writing.execute(PUT, issuer, sealed)


async def drop(writing: Writing, issuer: str) -> None:
    """Delete the secret for an issuer."""
    await writing.execute(DROP, issuer)


async def get(reading: Reading, issuer: str, encryption: FieldEncryption) -> str | None:
    """The secret for an issuer, None without one. Raises DecryptionError."""
    sealed = await reading.fetchval(GET, issuer)
    return None if sealed is None else encryption.decrypt(sealed, secret_place(reading.municipality_id, issuer))


async def stored(reading: Reading) -> list[tuple[Any, ...]]:
    """Every issuer with its encrypted secret."""
    return [tuple(row) for row in await reading.fetch(ALL)]


async def rewrap(writing: Writing, encryption: FieldEncryption) -> None:
    """Encrypt with the newest key the secrets encrypted with another. Raises DecryptionError."""
    for issuer, sealed in await stored(writing):
        if not encryption.is_encrypted_with_newest(sealed):
            secret = encryption.decrypt(sealed, secret_place(writing.municipality_id, issuer))
            await put(writing, issuer, secret, encryption)
