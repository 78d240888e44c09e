"""Close a block of the access log: its entries get one leaf together. One for each would cost more than the reads."""

from app.store.access import access_log
from app.store.database import Database


async def close_block(database: Database, municipality_id: int) -> int:
    """Put the entries that wait into a block, as a fact. Returns their number; without any, nothing is written.

    A caller that gets `access_log.BLOCK_ENTRIES` calls again. The entries that the service did not write go on waiting.
    """
    async with database.read(municipality_id, "writes") as reading:
        if not await access_log.waiting(reading, database.macs):
            return 0
    async with database.write(municipality_id, with_master=False) as writing:
        entries = await access_log.waiting(writing, database.macs)  # another process may have closed them meanwhile
        if entries:
            await access_log.close_block(writing, access_log.new_id(writing.now), entries)
        return len(entries)
