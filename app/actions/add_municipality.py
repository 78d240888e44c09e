"""Create a tenant."""

from app.domain.time import whole_second
from app.store import municipalities
from app.store.database import Database


async def add_municipality(database: Database, municipality_id: int, name: str) -> bool:
    """Create a municipality, from now on; False if it exists already (its name stays)."""
    async with database.founding(municipality_id) as transaction:
        return await municipalities.add(transaction, name, whole_second(database.clock.now()))
