"""Reading of visits: a list by filter, one by id, and one that was withdrawn."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_, type_coerce
from sqlalchemy.types import NULLTYPE

from app.domain.time import day_start
from app.store.connection import Reading
from app.store.schema import visit, withdrawn_visit
from app.store.visits.visibility import Visibility, visible_ids
from app.store.visits.visit_row import COLUMNS, StoredVisit, visit_of


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """A filter of the list of visits; days are local and inclusive."""

    first_on: dt.date | None = None
    last_on: dt.date | None = None
    recipient: str | None = None
    provider: str | None = None
    staff: str | None = None
    status: str | None = None
    anomaly: str | None = None


# Values stay as the driver gives them, and `visit_of` reads them so: to look for values to convert in every array is a
# fifth of the cost of a page.
WHOLE: list[ColumnElement[Any]] = [type_coerce(visit.c[name], NULLTYPE) for name in COLUMNS]
Cursor = tuple[dt.datetime, UUID]


async def page(
    reading: Reading, visibility: Visibility, wanted: VisitFilter, after: Cursor | None, limit: int
) -> list[StoredVisit]:
    """At most `limit` visits after the cursor, in order of `anchor_at` and id."""
    where = [visit.c.municipality_id == reading.municipality_id, *visibility.limits()]
    if wanted.first_on:
        where.append(visit.c.anchor_at >= day_start(wanted.first_on))
    if wanted.last_on:
        where.append(visit.c.anchor_at < day_start(wanted.last_on + dt.timedelta(days=1)))
    for name in ("recipient", "provider", "staff", "status"):
        value = getattr(wanted, name)
        if value is not None:
            where.append(visit.c[name] == value)
    if wanted.anomaly is not None:
        # The length is the entry to the index of visits with anomalies.
        where += [func.cardinality(visit.c.anomalies) > 0, literal(wanted.anomaly) == visit.c.anomalies.any_()]
    if after:
        # The plain bound beside the pair is the entry to the index.
        where += [visit.c.anchor_at >= after[0], tuple_(visit.c.anchor_at, visit.c.id) > after]
    query = select(*WHOLE).where(and_(*where)).order_by(visit.c.anchor_at, visit.c.id).limit(limit)
    return await visits_of(reading, query)


async def one(reading: Reading, visibility: Visibility, visit_id: UUID) -> StoredVisit | None:
    """The visit with this id; None if there is none or the caller may not see it."""
    query = select(*WHOLE).where(
        visit.c.municipality_id == reading.municipality_id, visit.c.id == visit_id, *visibility.limits()
    )
    return next(iter(await visits_of(reading, query)), None)


async def withdrawn(reading: Reading, visibility: Visibility, visit_id: UUID) -> tuple[bool, UUID | None]:
    """True if the visit was withdrawn, and the id of the visit in its place; False and None for what is not visible."""
    row = (
        await reading.composed(
            select(withdrawn_visit.c.replaced_by).where(
                withdrawn_visit.c.municipality_id == reading.municipality_id,
                withdrawn_visit.c.id == visit_id,
                *visibility.limits(withdrawn_visit),
            )
        )
    ).first()
    if row is None:
        return False, None
    return True, row[0] if row[0] in await visible_ids(reading, visibility, [row[0]]) else None


async def visits_of(reading: Reading, query: Select[Any]) -> list[StoredVisit]:
    return [visit_of(tuple(row)) for row in await reading.composed(query)]
