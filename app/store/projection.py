"""Writing what the projection derived: presences, visits, withdrawn visits, the month's sums and the list of changes.

All of it is one statement, whatever comes out differently. It runs under the municipality's lock, so a change number is
given once and no reader of changes ever skips one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from app.domain.pairing import Presence
from app.domain.visit import Visit
from app.store import rows
from app.store.presences import flat_spans
from app.store.rows import array
from app.store.visits import StoredVisit

PRESENCE = {
    "id": "uuid",
    "person": "text",
    "staff": "text",
    "household": "text",
    "anchor_at": "timestamptz",
    "reach_at": "timestamptz",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "closed_at": "timestamptz",
    "state": "text",
    "in_tap": "uuid",
    "out_tap": "uuid",
    "evidence_in": "text",
    "evidence_out": "text",
    "dispute_in": "text",
    "dispute_out": "text",
    "flags_in": "text[]",
    "flags_out": "text[]",
    "side_taps": "jsonb",
    "next_in_at": "timestamptz",
    "spans": "timestamptz[]",
    "overlap": "boolean",
}
VISIT = {
    "presence": "uuid",
    "recipient": "text",
    "id": "uuid",
    "version": "int",
    "group_id": "uuid",
    "provider": "text",
    "staff": "text",
    "person": "text",
    "role": "text",
    "household": "text",
    "in_tap": "uuid",
    "out_tap": "uuid",
    "sort_at": "timestamptz",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "provisional": "boolean",
    "local_on": "date",
    "status": "text",
    "payable": "boolean",
    "evidence_in": "text",
    "evidence_out": "text",
    "presence_seconds": "int",
    "seconds": "int",
    "spans": "timestamptz[]",
    "share_category": "text[]",
    "share_intervention": "text[]",
    "share_line": "text[]",
    "share_seconds": "int[]",
    "share_payable": "boolean[]",
    "share_reason": "text[]",
    "anomalies": "text[]",
    "suggestions": "jsonb",
}
GONE = {"id": "uuid", "version": "int", "provider": "text", "staff": "text", "replaced_by": "uuid"}
SUM_KEY = {
    "month": "date",
    "recipient": "text",
    "provider": "text",
    "category": "text",
    "intervention": "text",
    "order_line": "text",
}
SUMS = {
    "executed_seconds": "bigint",
    "payable_seconds": "bigint",
    "visits": "int",
    "visits_category": "int",
    "visits_intervention": "int",
    "visits_line": "int",
    "manual": "int",
    "manual_category": "int",
    "manual_intervention": "int",
    "manual_line": "int",
}
SUM_ROW = SUM_KEY | SUMS


def _numbered() -> dict[str, int]:
    """The first parameter of each set of rows; `$1` to `$4` are the municipality, its changes and what is removed."""
    first, at = {}, 5
    for name, columns in (("presence", PRESENCE), ("visit", VISIT), ("gone", GONE), ("sums", SUM_ROW)):
        first[name] = at
        at += len(columns)
    return first


FIRST = _numbered()


def _excluded(columns: Iterable[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in columns)


VISIT_COLUMNS = ", ".join(
    "new_visit.version + coalesce(back.version, 0)" if name == "version" else f"new_visit.{name}" for name in VISIT
)
# A visit that comes back after it was withdrawn goes on counting its versions.
WRITE = f"""
WITH new_presence AS ({rows.given(PRESENCE, FIRST["presence"])}
), new_visit AS ({rows.given(VISIT, FIRST["visit"])}
), gone AS ({rows.given(GONE, FIRST["gone"])}
), new_sum AS ({rows.given(SUM_ROW, FIRST["sums"])}
), removed_presence AS (
    DELETE FROM presence WHERE municipality_id = $1 AND id = ANY($4::uuid[])
), removed_visit AS (
    DELETE FROM visit AS v USING gone WHERE v.municipality_id = $1 AND v.id = gone.id
), withdrawn AS (
    INSERT INTO withdrawn_visit (municipality_id, id, version, provider, staff, replaced_by)
    SELECT $1, id, version, provider, staff, replaced_by FROM gone
), back AS (
    DELETE FROM withdrawn_visit AS w USING new_visit
    WHERE w.municipality_id = $1 AND w.id = new_visit.id AND new_visit.version = 1 RETURNING w.id, w.version
), presences AS (
    INSERT INTO presence SELECT $1, * FROM new_presence
    ON CONFLICT (municipality_id, id) DO UPDATE SET {_excluded(name for name in PRESENCE if name != "id")}
), visits AS (
    INSERT INTO visit SELECT $1, {VISIT_COLUMNS} FROM new_visit LEFT JOIN back ON back.id = new_visit.id
    ON CONFLICT (municipality_id, presence, recipient) DO UPDATE SET
        {_excluded(name for name in VISIT if name not in {"presence", "recipient", "id"})}
), summed AS (
    INSERT INTO month_sum AS m SELECT $1, * FROM new_sum
    ON CONFLICT (municipality_id, {", ".join(SUM_KEY)}) DO UPDATE SET
        {", ".join(f"{name} = m.{name} + excluded.{name}" for name in SUMS)}
), moved AS (
    UPDATE municipality SET change_no = $2 + cardinality($3::uuid[])
    WHERE municipality_id = $1 AND cardinality($3::uuid[]) > 0
)
INSERT INTO visit_change (municipality_id, no, visit)
SELECT $1, $2 + nr, visit FROM unnest($3::uuid[]) WITH ORDINALITY AS changed(visit, nr)
"""


async def write(
    sql: Any,
    municipality_id: int,
    change_no: int,
    *,
    presences: Iterable[Presence] = (),
    removed: Collection[UUID] = (),
    visits: Sequence[StoredVisit] = (),
    gone: Sequence[tuple[StoredVisit, UUID | None]] = (),
    before: Iterable[Visit] = (),
) -> int:
    """Write presences and visits as they now are, take away what is no more. Returns the last change number given.

    `gone` carries each withdrawn visit's successor; `before` are the changed and gone visits as they were, for sums.
    """
    new_presences = [_presence(presence) for presence in presences]
    ids = [stored.visit.id for stored in visits] + [stored.visit.id for stored, _ in gone]
    if new_presences or removed or ids:
        await sql.execute(
            WRITE,
            municipality_id,
            change_no,
            ids,
            list(removed),
            *rows.arguments(PRESENCE, new_presences),
            *rows.arguments(VISIT, [_visit(stored) for stored in visits]),
            *rows.arguments(GONE, [_gone(stored, successor) for stored, successor in gone]),
            *rows.arguments(SUM_ROW, month_sums([stored.visit for stored in visits], before)),
        )
    return change_no + len(ids)


def month_sums(after: Iterable[Visit], before: Iterable[Visit] = ()) -> list[tuple[Any, ...]]:
    """What the visits change in the month's sums, from before to after: a row of `SUM_ROW` for each key that moves."""
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for told, sign in ((after, 1), (before, -1)):
        for visit in told:
            if visit.shares:
                _add(sums, visit, sign)
    return [(*key, *sums[key]) for key in sorted(sums) if any(sums[key])]


def _add(sums: defaultdict[tuple[Any, ...], list[int]], visit: Visit, sign: int) -> None:
    month = visit.local_date.replace(day=1)
    manual = visit.evidence_in == "manual" or visit.evidence_out == "manual"
    seen: set[tuple[int, str]] = set()
    for share in visit.shares:
        category, intervention, line = share.category or "", share.intervention or "", share.order_line or ""
        row = sums[month, visit.recipient, visit.provider or "", category, intervention, line]
        row[0] += sign * share.seconds
        row[1] += sign * share.seconds * share.payable
        # A visit is counted on its first share of each kind, so that sums over any grouping count it once.
        for kind in ((2, ""), (3, category), (4, intervention), (5, line)):
            if kind not in seen:
                seen.add(kind)
                row[kind[0]] += sign
                row[kind[0] + 4] += sign * manual


def _presence(presence: Presence) -> tuple[Any, ...]:
    spans = flat_spans(presence.spans, presence.started_at, presence.ended_at, whole=presence.confirmed)
    sides = [[side.tap, side.at, side.household] for side in presence.side_taps]
    return (
        presence.id,
        presence.person,
        presence.staff,
        presence.household,
        presence.anchor_at,
        presence.reach_at,
        presence.started_at,
        presence.ended_at,
        presence.closed_at,
        presence.state,
        presence.in_tap,
        presence.out_tap,
        presence.evidence_in,
        presence.evidence_out,
        presence.dispute_in,
        presence.dispute_out,
        array(presence.flags_in),
        array(presence.flags_out),
        to_json(sides).decode() if sides else None,
        presence.next_in_at,
        None if spans is None else array(spans),
        presence.overlap,
    )


def _visit(stored: StoredVisit) -> tuple[Any, ...]:
    visit, shares = stored.visit, stored.visit.shares
    spans = flat_spans(visit.spans, visit.started_at, visit.ended_at, whole=visit.status == "complete")
    return (
        visit.presence,
        visit.recipient,
        visit.id,
        stored.version,
        visit.group,
        visit.provider,
        visit.staff,
        visit.person,
        visit.role,
        visit.household,
        visit.in_tap,
        visit.out_tap,
        visit.sort_at,
        visit.started_at,
        visit.ended_at,
        visit.provisional,
        visit.local_date,
        visit.status,
        visit.payable,
        visit.evidence_in,
        visit.evidence_out,
        visit.presence_seconds,
        visit.seconds,
        None if spans is None else array(spans),
        array([share.category for share in shares]),
        array([share.intervention for share in shares]),
        array([share.order_line for share in shares]),
        array([share.seconds for share in shares]),
        array(["t" if share.payable else "f" for share in shares]),
        array([share.reason for share in shares]),
        array(visit.anomalies),
        to_json(visit.suggestions).decode() if visit.suggestions else None,
    )


def _gone(stored: StoredVisit, successor: UUID | None) -> tuple[Any, ...]:
    return stored.visit.id, stored.version, stored.visit.provider, stored.visit.staff, successor
