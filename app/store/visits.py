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

COLUMNS = (
    "id", "presence", "recipient", "version", "group_id", "provider", "staff", "person", "role", "household", "in_tap",
    "out_tap", "started_at", "ended_at", "provisional", "local_on", "status", "payable", "evidence_in", "evidence_out",
    "presence_seconds", "seconds", "spans", "share_category", "share_intervention", "share_line", "share_seconds",
    "share_payable", "share_reason", "anomalies", "suggestions", "settled", "corrections",
)  # fmt: skip
OF_PRESENCES = f"""
SELECT {", ".join(COLUMNS)} FROM visit WHERE municipality_id = $1 AND presence = ANY($2::uuid[])
"""
ONE = f"SELECT {', '.join(COLUMNS)} FROM visit WHERE municipality_id = $1 AND id = $2"
ORPHANS = f"""
SELECT {", ".join(COLUMNS)} FROM visit AS v WHERE municipality_id = $1
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
    return [visit_of(row) for row in await sql.fetch(OF_PRESENCES, municipality_id, presences)]


async def one(sql: Any, municipality_id: int, id_: UUID) -> StoredVisit | None:
    """The visit with this id."""
    row = await sql.fetchrow(ONE, municipality_id, id_)
    return visit_of(row) if row else None


async def orphans(sql: Any, municipality_id: int) -> list[StoredVisit]:
    """Visits whose presence does not exist; there are none unless somebody has meddled."""
    return [visit_of(row) for row in await sql.fetch(ORPHANS, municipality_id)]


async def reports_naming(sql: Any, municipality_id: int, taps: Sequence[UUID]) -> dict[UUID, list[Report]]:
    """Every report that names one of the taps, by tap."""
    found: defaultdict[UUID, list[Report]] = defaultdict(list)
    for row in await sql.fetch(REPORTS, municipality_id, taps):
        id_, staff, tap, reported_at, outcome, interventions = row
        told = tuple(ReportedIntervention(*one) for one in from_json(interventions))
        found[tap].append(Report(id_, staff, tap, reported_at, outcome, told))
    return found


def visit_of(row: Sequence[Any]) -> StoredVisit:
    """A visit from its stored row, the columns of `COLUMNS` in their order."""
    (
        id_, presence, recipient, version, group, provider, staff, person, role, household, in_tap, out_tap, started_at,
        ended_at, provisional, local_on, status, payable, evidence_in, evidence_out, presence_seconds, seconds, spans,
        categories, interventions, lines, share_seconds, share_payable, reasons, anomalies, suggestions,
        settled, corrections,
    ) = row  # fmt: skip
    visit = Visit(
        id_,
        presence,
        recipient,
        group,
        provider,
        staff,
        person,
        role,
        household,
        in_tap,
        out_tap,
        started_at,
        ended_at,
        provisional,
        local_on,
        status,
        payable,
        evidence_in,
        evidence_out,
        presence_seconds,
        seconds,
        spans_of(spans, started_at, ended_at) if status == "complete" else (),
        tuple(map(Share, categories, interventions, lines, share_seconds, share_payable, reasons)),
        tuple(anomalies),
        _suggestions(suggestions),
        from_json(settled) if settled else {},
        tuple(corrections) if corrections else (),
    )
    return StoredVisit(visit, version)


def _suggestions(stored: str | None) -> Mapping[str, Any]:
    if stored is None:
        return {}
    told: dict[str, dict[str, Any]] = from_json(stored)
    for suggestion in told.values():
        for name in ("started_at", "ended_at"):
            if name in suggestion:
                suggestion[name] = dt.datetime.fromisoformat(suggestion[name])
    return told
