"""Reading derived visits and the reports they follow, in sets."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from app.domain.report import Report, ReportedIntervention
from app.domain.split import Share
from app.domain.visit import Visit
from app.store.presences import spans_of

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


class StoredVisit(NamedTuple):
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
