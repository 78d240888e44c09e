"""Everything sealed is sealed with the newest key of the ring, so that an older one can be dropped from it."""

from app.store.access.field_encryption import FieldEncryption
from app.store.database import Database
from app.store.register import register
from app.store.taps import keysets


async def rewrap(database: Database, municipality_id: int, encryption: FieldEncryption) -> tuple[int, int]:
    """How many personal numbers and how many keysets had been sealed with another key, and no longer are.

    Raises SealBrokenError, having changed nothing, for a value that no key of the ring has sealed.
    """
    async with database.write(municipality_id) as writing:
        numbers = await register.rewrap_identities(writing, encryption)
        return numbers, await keysets.rewrap(writing, encryption)
