"""Encrypt all encrypted fields anew with the newest key of the ring, so that an older one can be dropped from it."""

from app.store.access import issuer_secrets, sealed_fields
from app.store.access.field_encryption import FieldEncryption
from app.store.database import Database
from app.store.taps import keysets


async def rewrap(database: Database, municipality_id: int, encryption: FieldEncryption) -> tuple[int, int]:
    """The numbers of personal fields and of keysets that were encrypted with an older key, and no longer are.

    The secrets of identity providers are encrypted anew too.

    Raises DecryptionError, having changed nothing, for a value that no key of the ring has encrypted.
    """
    async with database.write(municipality_id) as writing:
        await issuer_secrets.rewrap(writing, encryption)
        fields = await sealed_fields.rewrap(writing, encryption)
        return fields, await keysets.rewrap(writing, encryption)
