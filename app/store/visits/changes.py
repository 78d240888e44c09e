"""The list of changed visits, and the epoch that numbers it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select

from app.store.connection import Reading
from app.store.schema import visit, visit_change, withdrawn_visit
from app.store.visits.visibility import Visibility, visible_ids
from app.store.visits.visit_list import WHOLE, visits_of
from app.store.visits.visit_row import StoredVisit

EPOCH = "SELECT epoch, change_no FROM municipality WHERE municipality_id = $1"


@dataclass(frozen=True, slots=True)
class VisitChange:
    """A changed visit in its newest state. Without a state it is `withdrawn`, or not visible to the caller."""

    no: int
    visit_id: UUID
    visit: StoredVisit | None
    withdrawn: bool
    replaced_by: UUID | None
    """Also None where the replacement is not visible to the caller."""


async def epoch(reading: Reading) -> tuple[str, int]:
    """The id of the database's epoch, which a restore changes, and the number of its last change.

    Each epoch numbers its changes anew.
    """
    id_, newest = await reading.one(EPOCH)
    return id_.hex[:12], newest


async def page(reading: Reading, visibility: Visibility, after: int, limit: int) -> list[VisitChange]:
    """At most `limit` changes after a number, in order. They are numbered under the lock, so none appears later."""
    gone = and_(
        withdrawn_visit.c.municipality_id == visit_change.c.municipality_id,
        withdrawn_visit.c.id == visit_change.c.visit,
    )
    rows = await reading.composed(
        select(
            visit_change.c.no,
            visit_change.c.visit,
            withdrawn_visit.c.id.is_not(None),
            withdrawn_visit.c.provider,
            withdrawn_visit.c.replaced_by,
        )
        .outerjoin(withdrawn_visit, gone)
        .where(visit_change.c.municipality_id == reading.municipality_id, visit_change.c.no > after)
        .order_by(visit_change.c.no)
        .limit(limit)
    )
    numbered = [tuple(row) for row in rows]
    query = select(*WHOLE).where(
        visit.c.municipality_id == reading.municipality_id,
        visit.c.id.in_([visit_id for _, visit_id, *_ in numbered]),
        *visibility.limits(),
    )
    states = {stored.visit.id: stored for stored in await visits_of(reading, query)}
    replacing = await visible_ids(reading, visibility, [replaced_by for *_, replaced_by in numbered if replaced_by])
    return [
        VisitChange(
            no,
            visit_id,
            states.get(visit_id),
            withdrawn and visibility.provider in {None, whose},
            replaced_by if replaced_by in replacing else None,
        )
        for no, visit_id, withdrawn, whose, replaced_by in numbered
    ]
