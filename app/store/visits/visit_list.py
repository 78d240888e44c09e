"""Reading of visits: lists by filter, one by id, the list of changes."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, func, literal, select, tuple_, type_coerce, union_all
from sqlalchemy.types import NULLTYPE

from app.domain.time import day_start
from app.store.connection import Reading
from app.store.schema import (
    care_order,
    provider,
    recipient_version,
    staff_version,
    visit,
    visit_change,
    withdrawn_visit,
)
from app.store.visits.visit_row import COLUMNS, StoredVisit, visit_of

EPOCH = "SELECT epoch, change_no FROM municipality WHERE municipality_id = $1"

RefKind = Literal["recipient", "provider", "staff"]


@dataclass(frozen=True, slots=True)
class Reach:
    """The visits that a caller may see: all, one provider's, or one staff's own since an instant."""

    provider: str | None = None
    staff: str | None = None
    since: dt.datetime | None = None

    def limits(self, of: Table = visit) -> list[ColumnElement[bool]]:
        """The conditions on visits, or on withdrawn ones, which have no time."""
        limits: list[ColumnElement[bool]] = []
        if self.provider is not None:
            limits.append(of.c.provider == self.provider)
        if self.staff is not None:
            limits.append(of.c.staff == self.staff)
        if self.since is not None and of is visit:
            limits.append(visit.c.sort_at >= self.since)
        return limits


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
    reading: Reading, reach: Reach, wanted: VisitFilter, after: Cursor | None, limit: int
) -> list[StoredVisit]:
    """At most `limit` visits after the cursor, in order of `sort_at` and id."""
    where = [visit.c.municipality_id == reading.municipality_id, *reach.limits()]
    if wanted.first_on:
        where.append(visit.c.sort_at >= day_start(wanted.first_on))
    if wanted.last_on:
        where.append(visit.c.sort_at < day_start(wanted.last_on + dt.timedelta(days=1)))
    for name in ("recipient", "provider", "staff", "status"):
        value = getattr(wanted, name)
        if value is not None:
            where.append(visit.c[name] == value)
    if wanted.anomaly is not None:
        # The length is the entry to the index of visits with anomalies.
        where += [func.cardinality(visit.c.anomalies) > 0, literal(wanted.anomaly) == visit.c.anomalies.any_()]
    if after:
        # The plain bound beside the pair is the entry to the index.
        where += [visit.c.sort_at >= after[0], tuple_(visit.c.sort_at, visit.c.id) > after]
    query = select(*WHOLE).where(and_(*where)).order_by(visit.c.sort_at, visit.c.id).limit(limit)
    return await _stored(reading, query)


async def one(reading: Reading, reach: Reach, visit_id: UUID) -> StoredVisit | None:
    """The visit with this id; None if there is none or it is out of reach."""
    query = select(*WHOLE).where(
        visit.c.municipality_id == reading.municipality_id, visit.c.id == visit_id, *reach.limits()
    )
    return next(iter(await _stored(reading, query)), None)


async def withdrawn(reading: Reading, reach: Reach, visit_id: UUID) -> tuple[bool, UUID | None]:
    """True if the visit was withdrawn, and the id of the visit in its place, both only within reach."""
    row = (
        await reading.composed(
            select(withdrawn_visit.c.replaced_by).where(
                withdrawn_visit.c.municipality_id == reading.municipality_id,
                withdrawn_visit.c.id == visit_id,
                *reach.limits(withdrawn_visit),
            )
        )
    ).first()
    if row is None:
        return False, None
    return True, row[0] if row[0] in await _within(reading, reach, [row[0]]) else None


async def _within(reading: Reading, reach: Reach, ids: Sequence[UUID | None]) -> set[UUID]:
    """The visits among these, withdrawn or not, that are within reach: other ids must not be disclosed."""
    found = [
        select(of.c.id).where(of.c.municipality_id == reading.municipality_id, of.c.id.in_(ids), *reach.limits(of))
        for of in (visit, withdrawn_visit)
    ]
    return set((await reading.composed(union_all(*found))).scalars())


@dataclass(frozen=True, slots=True)
class VisitChange:
    """A changed visit in its newest state. Without a state it is `withdrawn`, or out of the caller's reach."""

    no: int
    visit_id: UUID
    visit: StoredVisit | None
    withdrawn: bool
    replaced_by: UUID | None
    """Also None where the replacement is out of the caller's reach."""


async def epoch(reading: Reading) -> tuple[str, int]:
    """The id of the database's epoch, which a restore changes, and the number of its last change.

    Each epoch numbers its changes anew.
    """
    found, last = await reading.one(EPOCH)
    return found.hex[:12], last


async def changes(reading: Reading, reach: Reach, after: int, limit: int) -> list[VisitChange]:
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
        *reach.limits(),
    )
    found = {stored.visit.id: stored for stored in await _stored(reading, query)}
    replacing = await _within(reading, reach, [replaced_by for *_, replaced_by in numbered if replaced_by])
    return [
        VisitChange(
            no,
            visit_id,
            found.get(visit_id),
            withdrawn and reach.provider in {None, whose},
            replaced_by if replaced_by in replacing else None,
        )
        for no, visit_id, withdrawn, whose, replaced_by in numbered
    ]


async def _stored(reading: Reading, query: Select[Any]) -> list[StoredVisit]:
    return [visit_of(tuple(row)) for row in await reading.composed(query)]


TABLES = {"recipient": recipient_version, "provider": provider, "staff": staff_version}


async def known_refs(reading: Reading, reach: Reach, wanted: Sequence[tuple[RefKind, str]]) -> bool:
    """True if every ref exists and is within reach: a provider reaches itself, its staff and its recipients.

    Staff reach themselves, their present and former employers, and the recipients they visited lately.
    """
    return all([await _known(reading, reach, kind, ref) for kind, ref in wanted])


async def _known(reading: Reading, reach: Reach, kind: RefKind, ref: str) -> bool:
    if (kind == "provider" and reach.provider not in {None, ref}) or (
        kind == "staff" and reach.staff not in {None, ref}
    ):
        return False
    table = TABLES[kind]
    where = [table.c.municipality_id == reading.municipality_id, table.c.ref == ref]
    if reach.provider is not None and kind == "staff":
        where.append(table.c.provider == reach.provider)
    if reach.staff is not None and kind == "provider":
        employed = select(staff_version.c.ref).where(
            staff_version.c.municipality_id == reading.municipality_id,
            staff_version.c.ref == reach.staff,
            staff_version.c.provider == ref,
        )
        where.append(employed.exists())
    found = (await reading.composed(select(table.c.ref).where(*where).limit(1))).scalar()
    if found is None or kind != "recipient":
        return found is not None
    return await _serves(reading, reach, ref)


async def _serves(reading: Reading, reach: Reach, recipient: str) -> bool:
    """True if the caller serves or has served the recipient."""
    if reach == Reach():
        return True
    visited = select(visit.c.id).where(
        visit.c.municipality_id == reading.municipality_id, visit.c.recipient == recipient, *reach.limits()
    )
    ordered = select(care_order.c.ref).where(
        care_order.c.municipality_id == reading.municipality_id,
        care_order.c.recipient == recipient,
        care_order.c.provider == reach.provider,
    )
    return (await reading.composed(select(visited.exists() | ordered.exists()))).scalar() is True
