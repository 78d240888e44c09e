"""Ask the database whether its invariants hold."""

from app.store import invariants
from app.store.database import Database


async def check(database: Database, municipality_id: int) -> list[str]:
    """A line for each named invariant that is broken, none on a healthy database."""
    async with database.write(municipality_id) as writing:
        # These questions are about whole tables.
        await writing.sql.execute("SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = auto")
        return await invariants.broken(writing.sql, municipality_id)
