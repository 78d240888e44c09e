"""Reading and replacing derived visits, in sets, with the month's sums and the list of changes beside them.

All of it happens under the municipality's lock, so a change number is given once and no reader ever skips one.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.domain.report import Report, ReportedIntervention
from app.domain.split import Share
from app.domain.visit import Visit
from app.store.presences import flat_spans, spans_of

COLUMNS = """
    id, presence, recipient, version, group_id, provider, staff, person, role, household, in_tap, out_tap, started_at,
    ended_at, provisional, local_on, status, payable, evidence_in, evidence_out, presence_seconds, seconds, spans,
    share_category, share_intervention, share_line, share_seconds, share_payable, share_reason, anomalies, suggestions
"""
OF_PRESENCES = f"""
SELECT {COLUMNS} FROM visit WHERE municipality_id = $1 AND presence = ANY($2::uuid[])
"""
ORPHANS = f"""
SELECT {COLUMNS} FROM visit AS v WHERE municipality_id = $1
  AND NOT EXISTS (SELECT FROM presence AS p WHERE p.municipality_id = $1 AND p.id = v.presence)
"""
REPORTS = """
SELECT id, staff, tap, reported_at, outcome, interventions FROM report
WHERE municipality_id = $1 AND tap = ANY($2::uuid[])
"""
# A visit that comes back after it was withdrawn goes on counting its versions.
UPSERT = """
WITH new AS (
    SELECT * FROM json_to_recordset($2::json) AS r(
        presence uuid, recipient text, id uuid, version int, group_id uuid, provider text, staff text, person text,
        role text, household text, in_tap uuid, out_tap uuid, sort_at timestamptz, started_at timestamptz,
        ended_at timestamptz, provisional boolean, local_on date, status text, payable boolean, evidence_in text,
        evidence_out text, presence_seconds int, seconds int, spans timestamptz[], share_category text[],
        share_intervention text[], share_line text[], share_seconds int[], share_payable boolean[],
        share_reason text[], anomalies text[], suggestions jsonb)
), back AS (
    DELETE FROM withdrawn_visit AS w USING new
    WHERE w.municipality_id = $1 AND w.id = new.id AND new.version = 1 RETURNING w.id, w.version
)
INSERT INTO visit
SELECT $1, presence, recipient, new.id, new.version + coalesce(back.version, 0), group_id, provider, staff, person,
    role, household, in_tap, out_tap, sort_at, started_at, ended_at, provisional, local_on, status, payable,
    evidence_in, evidence_out, presence_seconds, seconds, spans, share_category, share_intervention, share_line,
    share_seconds, share_payable, share_reason, anomalies, suggestions
FROM new LEFT JOIN back ON back.id = new.id
ON CONFLICT (municipality_id, presence, recipient) DO UPDATE SET
    version = excluded.version, group_id = excluded.group_id, provider = excluded.provider, staff = excluded.staff,
    person = excluded.person, role = excluded.role, household = excluded.household, in_tap = excluded.in_tap,
    out_tap = excluded.out_tap, sort_at = excluded.sort_at, started_at = excluded.started_at,
    ended_at = excluded.ended_at, provisional = excluded.provisional, local_on = excluded.local_on,
    status = excluded.status, payable = excluded.payable, evidence_in = excluded.evidence_in,
    evidence_out = excluded.evidence_out, presence_seconds = excluded.presence_seconds, seconds = excluded.seconds,
    spans = excluded.spans, share_category = excluded.share_category,
    share_intervention = excluded.share_intervention, share_line = excluded.share_line,
    share_seconds = excluded.share_seconds, share_payable = excluded.share_payable,
    share_reason = excluded.share_reason, anomalies = excluded.anomalies, suggestions = excluded.suggestions
"""
WITHDRAW = """
WITH gone AS (
    SELECT * FROM json_to_recordset($2::json) AS r(
        id uuid, version int, provider text, staff text, replaced_by uuid)
), removed AS (
    DELETE FROM visit AS v USING gone WHERE v.municipality_id = $1 AND v.id = gone.id
)
INSERT INTO withdrawn_visit (municipality_id, id, version, provider, staff, replaced_by)
SELECT $1, id, version, provider, staff, replaced_by FROM gone
"""
NOTE_CHANGES = """
WITH moved AS (
    UPDATE municipality SET change_no = $2 + cardinality($3::uuid[]) WHERE municipality_id = $1
), summed AS (
    INSERT INTO month_sum AS m
    SELECT $1, r.* FROM json_to_recordset($4::json) AS r(
        month date, recipient text, provider text, category text, intervention text, order_line text,
        executed_seconds bigint, payable_seconds bigint, visits int, visits_category int, visits_intervention int,
        visits_line int, manual int, manual_category int, manual_intervention int, manual_line int)
    ON CONFLICT (municipality_id, month, recipient, provider, category, intervention, order_line) DO UPDATE SET
        executed_seconds = m.executed_seconds + excluded.executed_seconds,
        payable_seconds = m.payable_seconds + excluded.payable_seconds,
        visits = m.visits + excluded.visits,
        visits_category = m.visits_category + excluded.visits_category,
        visits_intervention = m.visits_intervention + excluded.visits_intervention,
        visits_line = m.visits_line + excluded.visits_line,
        manual = m.manual + excluded.manual,
        manual_category = m.manual_category + excluded.manual_category,
        manual_intervention = m.manual_intervention + excluded.manual_intervention,
        manual_line = m.manual_line + excluded.manual_line
)
INSERT INTO visit_change (municipality_id, no, visit)
SELECT $1, $2 + nr, visit FROM unnest($3::uuid[]) WITH ORDINALITY AS changed(visit, nr)
"""


@dataclass(frozen=True, slots=True)
class StoredVisit:
    """A visit with the version it is stored under."""

    visit: Visit
    version: int


async def of_presences(sql: Any, municipality_id: int, presences: Sequence[UUID]) -> list[StoredVisit]:
    """The stored visits of presences."""
    rows = await sql.fetch(OF_PRESENCES, municipality_id, presences)
    return [StoredVisit(visit_of(row), row["version"]) for row in rows]


async def orphans(sql: Any, municipality_id: int) -> list[StoredVisit]:
    """Visits whose presence does not exist; there are none unless somebody has meddled."""
    return [StoredVisit(visit_of(row), row["version"]) for row in await sql.fetch(ORPHANS, municipality_id)]


async def reports_naming(sql: Any, municipality_id: int, taps: Sequence[UUID]) -> dict[UUID, list[Report]]:
    """Every report that names one of the taps, by tap."""
    found: defaultdict[UUID, list[Report]] = defaultdict(list)
    for row in await sql.fetch(REPORTS, municipality_id, taps):
        id_, staff, tap, reported_at, outcome, interventions = row
        told = tuple(ReportedIntervention(*one) for one in from_json(interventions))
        found[tap].append(Report(id_, staff, tap, reported_at, outcome, told))
    return found


async def replace(
    sql: Any,
    municipality_id: int,
    change_no: int,
    changed: Sequence[StoredVisit],
    gone: Sequence[tuple[StoredVisit, UUID | None]],
    before: Iterable[Visit],
) -> int:
    """Write changed visits with their new versions, withdraw the gone ones; returns the last change number given.

    `gone` carries each visit's successor; `before` are the changed and gone visits as they were, for the sums.
    """
    ids = [stored.visit.id for stored in changed] + [stored.visit.id for stored, _ in gone]
    if not ids:
        return change_no
    if gone:
        rows = [
            {
                "id": stored.visit.id,
                "version": stored.version,
                "provider": stored.visit.provider,
                "staff": stored.visit.staff,
                "replaced_by": successor,
            }
            for stored, successor in gone
        ]
        await sql.execute(WITHDRAW, municipality_id, to_json(rows).decode())
    if changed:
        await sql.execute(UPSERT, municipality_id, to_json([_row(stored) for stored in changed]).decode())
    sums = month_sums([stored.visit for stored in changed], before)
    await sql.execute(NOTE_CHANGES, municipality_id, change_no, ids, to_json(sums).decode())
    return change_no + len(ids)


def month_sums(after: Iterable[Visit], before: Iterable[Visit] = ()) -> list[dict[str, Any]]:
    """The change of the month's sums from visits as they were to visits as they are, a row for each key that moves."""
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * 10)
    for visits, sign in ((after, 1), (before, -1)):
        for visit in visits:
            if visit.shares:
                _add(sums, visit, sign)
    names = (
        "month", "recipient", "provider", "category", "intervention", "order_line", "executed_seconds",
        "payable_seconds", "visits", "visits_category", "visits_intervention", "visits_line", "manual",
        "manual_category", "manual_intervention", "manual_line",
    )  # fmt: skip
    return [dict(zip(names, (*key, *sums[key]), strict=True)) for key in sorted(sums) if any(sums[key])]


def _add(sums: defaultdict[tuple[Any, ...], list[int]], visit: Visit, sign: int) -> None:
    month = visit.local_date.replace(day=1)
    manual = visit.evidence_in == "manual" or visit.evidence_out == "manual"
    seen: set[tuple[str, str | None]] = set()
    for share in visit.shares:
        key = (
            month,
            visit.recipient,
            visit.provider or "",
            share.category or "",
            share.intervention or "",
            share.order_line or "",
        )
        row = sums[key]
        row[0] += sign * share.seconds
        row[1] += sign * share.seconds * share.payable
        # A visit is counted on its first share of each kind, so that sums over any grouping count it once.
        kinds = (
            ("visit", None),
            ("category", share.category),
            ("intervention", share.intervention),
            ("line", share.order_line or ""),
        )
        for index, kind in enumerate(kinds, 2):
            if kind not in seen:
                seen.add(kind)
                row[index] += sign
                row[index + 4] += sign * manual


def visit_of(row: Any) -> Visit:
    """A visit from its stored row (the columns of `COLUMNS`)."""
    started_at, ended_at = row["started_at"], row["ended_at"]
    complete = row["status"] == "complete"
    return Visit(
        id=row["id"],
        presence=row["presence"],
        recipient=row["recipient"],
        group=row["group_id"],
        provider=row["provider"],
        staff=row["staff"],
        person=row["person"],
        role=row["role"],
        household=row["household"],
        in_tap=row["in_tap"],
        out_tap=row["out_tap"],
        started_at=started_at,
        ended_at=ended_at,
        provisional=row["provisional"],
        local_date=row["local_on"],
        status=row["status"],
        payable=row["payable"],
        evidence_in=row["evidence_in"],
        evidence_out=row["evidence_out"],
        presence_seconds=row["presence_seconds"],
        seconds=row["seconds"],
        spans=spans_of(row["spans"], started_at, ended_at) if complete else (),
        shares=tuple(
            map(
                Share,
                row["share_category"],
                row["share_intervention"],
                row["share_line"],
                row["share_seconds"],
                row["share_payable"],
                row["share_reason"],
            )
        ),
        anomalies=tuple(row["anomalies"]),
        suggestions=_suggestions(row["suggestions"]),
    )


def _suggestions(stored: str | None) -> Mapping[str, Any]:
    if stored is None:
        return {}
    told: dict[str, dict[str, Any]] = from_json(stored)
    for suggestion in told.values():
        for name in ("started_at", "ended_at"):
            if name in suggestion:
                suggestion[name] = dt.datetime.fromisoformat(suggestion[name])
    return told


def _row(stored: StoredVisit) -> dict[str, Any]:
    visit, shares = stored.visit, stored.visit.shares
    return {
        "presence": visit.presence,
        "recipient": visit.recipient,
        "id": visit.id,
        "version": stored.version,
        "group_id": visit.group,
        "provider": visit.provider,
        "staff": visit.staff,
        "person": visit.person,
        "role": visit.role,
        "household": visit.household,
        "in_tap": visit.in_tap,
        "out_tap": visit.out_tap,
        "sort_at": visit.sort_at,
        "started_at": visit.started_at,
        "ended_at": visit.ended_at,
        "provisional": visit.provisional,
        "local_on": visit.local_date,
        "status": visit.status,
        "payable": visit.payable,
        "evidence_in": visit.evidence_in,
        "evidence_out": visit.evidence_out,
        "presence_seconds": visit.presence_seconds,
        "seconds": visit.seconds,
        "spans": flat_spans(visit.spans, visit.started_at, visit.ended_at, whole=visit.status == "complete"),
        "share_category": [share.category for share in shares],
        "share_intervention": [share.intervention for share in shares],
        "share_line": [share.order_line for share in shares],
        "share_seconds": [share.seconds for share in shares],
        "share_payable": [share.payable for share in shares],
        "share_reason": [share.reason for share in shares],
        "anomalies": visit.anomalies,
        "suggestions": visit.suggestions or None,
    }
