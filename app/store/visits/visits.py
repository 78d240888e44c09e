"""Reading of derived visits, and of the reports and corrections they follow from, in sets."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from app.domain.taps.report import NOT_OWN, Report, ReportedIntervention
from app.domain.visits.correction import Correction
from app.domain.visits.evidence import EVIDENCE_LEVELS
from app.store.connection import Reading
from app.store.visits.corrections import correction_of
from app.store.visits.presences import AROUND
from app.store.visits.visit_row import COLUMNS, StoredVisit, visit_of

OF_PRESENCES = f"""
SELECT {", ".join(COLUMNS)} FROM visit WHERE municipality_id = $1 AND presence = ANY($2::uuid[])
"""
# The presence that a tap `t` bounds: one of the person who tapped, as it stands, or as it was paired where a correction
# has moved it or given it to somebody else. A person may have opened it under another staff ref.
BOUND = f"""(
    WITH who AS (SELECT coalesce((
        SELECT s.person FROM staff_version AS s WHERE s.municipality_id = $1 AND s.ref = t.staff
        ORDER BY s.valid DESC LIMIT 1), t.staff) AS person)
    SELECT own.id, own.in_tap, own.dispute_in, own.dispute_out
    FROM who JOIN presence AS own ON own.municipality_id = $1 AND own.person = who.person
        AND own.anchor_at BETWEEN t.at - {AROUND} AND t.at AND t.id IN (own.in_tap, own.out_tap)
    UNION
    SELECT moved.id, moved.in_tap, moved.dispute_in, moved.dispute_out
    FROM who JOIN presence AS moved ON moved.municipality_id = $1 AND moved.paired_by = who.person
        AND moved.paired_at BETWEEN t.at - {AROUND} AND t.at AND t.id IN (moved.in_tap, moved.out_tap)
)"""
HOLDS = "CASE t.id WHEN p.in_tap THEN p.dispute_in ELSE p.dispute_out END IS NOT NULL AND v.status = 'disputed'"
"""SQL: true if the visit `v` of that presence waits for a decision on that tap."""
OF_TAP = f"""
SELECT v.id, {HOLDS} AS held FROM tap AS t CROSS JOIN LATERAL {BOUND} AS p
JOIN visit AS v ON v.municipality_id = $1 AND v.presence = p.id
WHERE t.municipality_id = $1 AND t.id = $2 ORDER BY held DESC, v.recipient LIMIT 1
"""
ORPHANS = f"""
SELECT {", ".join(COLUMNS)} FROM visit AS v WHERE municipality_id = $1
  AND NOT EXISTS (SELECT FROM presence AS p WHERE p.municipality_id = $1 AND p.id = v.presence)
"""
NOTES = "SELECT id, note FROM report WHERE municipality_id = $1 AND id = ANY($2::uuid[]) AND note IS NOT NULL"
NOT_SET_ASIDE = f"""NOT EXISTS (
    SELECT FROM attempt AS a WHERE a.municipality_id = $1 AND a.kind = 'report' AND a.item_id = r.id
      AND a.body_hash = r.body_hash AND a.code = '{NOT_OWN}')"""
# One statement, as each is a round trip: rows whole, each kind in a column of its own. A report that was set aside when
# its tap showed whose presence it was stays so, whoever the presence is given to later: one that comes then counts.
STANDING = f"""
SELECT v AS visit, NULL::report AS report, NULL::correction AS correction
FROM visit AS v WHERE municipality_id = $1 AND presence = ANY($2::uuid[])
UNION ALL
SELECT NULL, r, NULL FROM report AS r WHERE municipality_id = $1 AND tap = ANY($3::uuid[]) AND {NOT_SET_ASIDE}
UNION ALL
SELECT NULL, NULL, c FROM correction AS c WHERE municipality_id = $1 AND tap = ANY($3::uuid[])
"""


WEAKEST = " ".join(
    f"WHEN '{level}' IN (v.evidence_in, v.evidence_out) THEN '{level}'" for level in reversed(EVIDENCE_LEVELS[1:])
)
WEAKEST_END = f"CASE {WEAKEST} ELSE '{EVIDENCE_LEVELS[0]}' END"
"""SQL of the evidence of a performed visit `v`, the same as `domain.visits.evidence.weakest`."""


class Standing(NamedTuple):
    """The stored visits of presences and, by tap, the reports on it and the corrections of it in order."""

    visits: list[StoredVisit]
    reports: dict[UUID, list[Report]]
    chains: dict[UUID, list[Correction]]


async def of_presences(reading: Reading, presences: Sequence[UUID]) -> list[StoredVisit]:
    """The stored visits of presences."""
    return [visit_of(tuple(row)) for row in await reading.fetch(OF_PRESENCES, presences)]


async def of_tap(reading: Reading, tap: UUID) -> tuple[UUID, bool] | None:
    """A visit that the tap bounds, and whether it waits for a decision on that tap; None where it bounds none."""
    row = await reading.fetchrow(OF_TAP, tap)
    return None if row is None else (row["id"], row["held"])


async def notes(reading: Reading, reports: Sequence[UUID]) -> dict[UUID, str]:
    """The notes in reports, by the report's id."""
    return {row["id"]: row["note"] for row in await reading.fetch(NOTES, reports)}


async def orphans(reading: Reading) -> list[StoredVisit]:
    """Visits whose presence does not exist; there are none unless somebody changed the tables."""
    return [visit_of(tuple(row)) for row in await reading.fetch(ORPHANS)]


async def standing(reading: Reading, presences: Sequence[UUID], taps: Sequence[UUID]) -> Standing:
    """The stored visits of presences, and the reports and corrections of taps."""
    return standing_of(await reading.fetch(STANDING, presences, taps))


def standing_of(rows: Iterable[Iterable[Any]]) -> Standing:
    """The content of rows of `STANDING`."""
    visits: list[StoredVisit] = []
    reports: defaultdict[UUID, list[Report]] = defaultdict(list)
    corrections: list[Correction] = []
    for visit, report, correction in rows:
        if visit is not None:
            visits.append(visit_of(visit))
        elif report is not None:
            reports[report["tap"]].append(_report(report))
        else:
            corrections.append(correction_of(correction))
    chains: defaultdict[UUID, list[Correction]] = defaultdict(list)
    for one in sorted(corrections, key=lambda correction: correction.seq):
        chains[one.tap].append(one)
    return Standing(visits, reports, chains)


def _report(row: Any) -> Report:
    interventions = tuple(ReportedIntervention(*one) for one in from_json(row["interventions"]))
    return Report(
        id=row["id"],
        staff=row["staff"],
        tap=row["tap"],
        reported_at=row["reported_at"],
        received_at=row["received_at"],
        outcome=row["outcome"],
        interventions=interventions,
        note=row["note"],
        sent_at=row["sent_at"],
    )
