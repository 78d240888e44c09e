"""Repair the visits of a municipality after its clock was ahead."""

from app.actions.visits.rebuild import rebuild
from app.domain.time import whole_second
from app.store.database import Database
from app.store.ledger import macs
from app.store.register import records
from app.store.register.records import Stored

KIND = "clock"
"""Kind of the records of how far a municipality's time was moved back, and when."""
OPERATOR = "operator"


async def mend_clock(database: Database, municipality_id: int) -> list[str]:
    """Move the time up to which visits are derived back to now, as a fact.

    Returns a line for it and for each visit that changes; none if it is not ahead. Presences that became incomplete
    because of it are open again. The stored instants of receipt stay.
    """
    async with database.write(municipality_id) as writing:
        now = whole_second(writing.now)
        if writing.as_of <= now:
            return []
        known = await records.latest(writing, KIND, "as_of")
        body = {"before": writing.as_of.isoformat(), "after": now.isoformat()}
        record = Stored("as_of", known.version + 1 if known else 1, removed=False, body=body)
        seq = writing.master.seq
        await records.append(writing, KIND, seq, OPERATOR, [record])
        await macs.stamp(writing, now)
        line = f"the time was moved back from {body['before']} to {body['after']}"
    return [line, *[one async for one in rebuild(database, municipality_id)]]
