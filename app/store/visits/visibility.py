"""The visits that a caller may see, and the refs that it may ask about."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Table, select, union_all

from app.store.connection import Reading
from app.store.schema import care_order, provider, recipient_version, staff_version, visit, withdrawn_visit

RefKind = Literal["recipient", "provider", "staff"]
TABLES = {"recipient": recipient_version, "provider": provider, "staff": staff_version}


@dataclass(frozen=True, slots=True)
class Visibility:
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
            limits.append(visit.c.anchor_at >= self.since)
        return limits


async def visible_ids(reading: Reading, visibility: Visibility, ids: Sequence[UUID | None]) -> set[UUID]:
    """The visits among these, withdrawn or not, that the caller may see: other ids must not be disclosed."""
    chosen = [
        select(of.c.id).where(of.c.municipality_id == reading.municipality_id, of.c.id.in_(ids), *visibility.limits(of))
        for of in (visit, withdrawn_visit)
    ]
    return set((await reading.composed(union_all(*chosen))).scalars())


async def known_refs(reading: Reading, visibility: Visibility, wanted: Sequence[tuple[RefKind, str]]) -> bool:
    """True if every ref exists and is visible: to a provider itself, its staff and its recipients.

    Staff see themselves, their present and former employers, and the recipients they visited lately.
    """
    return all([await _known(reading, visibility, kind, ref) for kind, ref in wanted])


async def _known(reading: Reading, visibility: Visibility, kind: RefKind, ref: str) -> bool:
    if (kind == "provider" and visibility.provider not in {None, ref}) or (
        kind == "staff" and visibility.staff not in {None, ref}
    ):
        return False
    table = TABLES[kind]
    where = [table.c.municipality_id == reading.municipality_id, table.c.ref == ref]
    if visibility.provider is not None and kind == "staff":
        where.append(table.c.provider == visibility.provider)
    if visibility.staff is not None and kind == "provider":
        employed = select(staff_version.c.ref).where(
            staff_version.c.municipality_id == reading.municipality_id,
            staff_version.c.ref == visibility.staff,
            staff_version.c.provider == ref,
        )
        where.append(employed.exists())
    exists = (await reading.composed(select(table.c.ref).where(*where).limit(1))).scalar() is not None
    # Asked of a recipient who does not exist too: the time would be a hint.
    serves = kind != "recipient" or await _serves(reading, visibility, ref)
    return exists and serves


async def _serves(reading: Reading, visibility: Visibility, recipient: str) -> bool:
    """True if the caller serves or has served the recipient."""
    if visibility == Visibility():
        return True
    visited = select(visit.c.id).where(
        visit.c.municipality_id == reading.municipality_id, visit.c.recipient == recipient, *visibility.limits()
    )
    ordered = select(care_order.c.ref).where(
        care_order.c.municipality_id == reading.municipality_id,
        care_order.c.recipient == recipient,
        care_order.c.provider == visibility.provider,
    )
    return (await reading.composed(select(visited.exists() | ordered.exists()))).scalar() is True
