"""Corrections and manual visits: appending them, and reading them by the taps they apply to, in sets."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.author import who
from app.domain.register.master import MasterData
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import Window
from app.domain.visits.correction import Correction
from app.domain.visits.evidence import by_hand
from app.domain.visits.presence import Presence
from app.store import rows, schema
from app.store.connection import Reading, Row, Writing
from app.store.fragments import arrays, windows
from app.store.ledger import ledger
from app.store.visits.presences import of_staff

READ = "id, seq, tap, recipient, kind, body, seen, reason"
NEAR_COLUMNS = (*READ.split(", "), "staff")
# By staff ref and time of the tap: both are facts, so the result does not depend on which person a ref belongs to.


def near_from(wanted: str) -> str:
    """The query of corrections and manual visits within windows, a FROM item `wanted(staff, first_at, last_at)`."""
    return f"""
SELECT c.* FROM {wanted}
CROSS JOIN LATERAL (
    SELECT {", ".join(NEAR_COLUMNS)} FROM correction
    WHERE municipality_id = $1 AND staff = wanted.staff AND at >= wanted.first_at AND at <= wanted.last_at
    ORDER BY at
) AS c
UNION ALL
SELECT m.* FROM {wanted}
CROSS JOIN LATERAL (
    SELECT id, 0, presence, household, 'manual', to_jsonb(ARRAY[started_at, ended_at]), NULL::uuid[],
        reason, staff
    FROM manual_visit
    WHERE municipality_id = $1 AND staff = wanted.staff
      AND started_at >= wanted.first_at AND started_at <= wanted.last_at
    ORDER BY started_at
) AS m
"""


NEAR = near_from(windows(2, "staff"))
MANUAL_OF = """
SELECT presence, id, staff, recipient, started_at, interventions FROM manual_visit
WHERE municipality_id = $1 AND presence = ANY($2::uuid[])
"""
KNOWN = "SELECT id, body_hash, tap, recipient FROM correction WHERE municipality_id = $1 AND id = ANY($2::uuid[])"
NEXT = "SELECT 1 + coalesce(max(seq), 0) FROM correction WHERE municipality_id = $1"
APPEND = f"WITH leaves AS ({ledger.insert(2)}) INSERT INTO correction {rows.given(schema.correction, 1)}"
APPEND_MANUAL = f"WITH leaves AS ({ledger.insert(2)}) INSERT INTO manual_visit {rows.given(schema.manual_visit, 1)}"
KNOWN_MANUAL = "SELECT id, body_hash, presence, recipient FROM manual_visit WHERE municipality_id = $1 AND id = ANY($2)"
REGISTERED_BY = "SELECT recorded_by FROM manual_visit WHERE municipality_id = $1 AND presence = $2"
SHOWN = """
SELECT id, kind, body, before, reason, note, recorded_by, recorded_at FROM correction
WHERE municipality_id = $1 AND id = ANY($2::uuid[]) ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class CorrectionsNear:
    """The corrections that concern one person's taps, by the tap they name, and the person's manual presences."""

    chains: dict[UUID, list[Correction]]
    by_hand: list[Presence]

    def set_aside(self) -> set[UUID]:
        """Disputed taps that were rejected before they had a visit: they never make one."""
        return {tap for tap, chain in self.chains.items() for one in chain if one.recipient is None and not one.accept}


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A correction to append. `staff` and `at` are of its tap; `body` holds the new values, `before` the old ones."""

    id: UUID
    tap: UUID
    staff: str
    at: dt.datetime
    recipient: str | None
    kind: str
    body: Mapping[str, Any]
    seen: Sequence[UUID]
    before: Mapping[str, Any]
    reason: str
    note: str | None
    by: str
    recorded_at: dt.datetime
    body_hash: bytes


class NewManualVisit(NamedTuple):
    """A visit entered by hand to append: every column of its row but the municipality."""

    id: UUID
    presence: UUID
    staff: str
    recipient: str
    household: str
    started_at: dt.datetime
    ended_at: dt.datetime
    interventions: Sequence[tuple[str, int | None]]
    reason: str
    note: str | None
    recorded_by: str
    recorded_at: dt.datetime
    body_hash: bytes


class CorrectionShown(NamedTuple):
    """A correction for display."""

    id: UUID
    kind: str
    reason: str
    note: str | None
    by: str
    at: dt.datetime
    before: dict[str, Any]
    after: dict[str, Any]


async def near(reading: Reading, master: MasterData, windows: Sequence[Window]) -> dict[str, CorrectionsNear]:
    """The corrections near the taps of persons within their windows, by person; persons without any are left out."""
    return corrections_near(master, await reading.fetch(NEAR, *arrays(of_staff(master, windows))))


def corrections_near(master: MasterData, rows: Iterable[Row]) -> dict[str, CorrectionsNear]:
    """The corrections in rows of `NEAR`, by person."""
    by_person: dict[str, CorrectionsNear] = {}
    seen: set[UUID] = set()
    for row in sorted(rows, key=lambda row: row["seq"]):
        if row["id"] in seen:  # windows of one person may overlap
            continue
        seen.add(row["id"])
        person = master.person_of(row["staff"])
        near = by_person.setdefault(person, CorrectionsNear({}, []))
        if row["kind"] == "manual":
            near.by_hand.append(_by_hand(row, person))
        else:
            near.chains.setdefault(row["tap"], []).append(correction_of(row))
    return by_person


def _by_hand(row: Any, person: str) -> Presence:
    started_at, ended_at = map(dt.datetime.fromisoformat, from_json(row["body"]))
    return Presence(
        id=row["tap"],
        person=person,
        staff=row["staff"],
        household=row["recipient"],
        started_at=started_at,
        ended_at=ended_at,
        closed_at=ended_at,
        state="complete",
        in_tap=None,
        out_tap=None,
        evidence_in=by_hand(row["reason"]),
        evidence_out=by_hand(row["reason"]),
    )


async def manual_reports(reading: Reading, presences: Sequence[UUID]) -> dict[UUID, list[Report]]:
    """The contents of manual visits as reports, by presence."""
    return {
        row["presence"]: [
            Report(
                row["id"],
                row["staff"],
                row["presence"],
                row["started_at"],
                row["started_at"],
                "performed",
                tuple(
                    ReportedIntervention(intervention, row["recipient"], minutes, "done")
                    for intervention, minutes in from_json(row["interventions"])
                ),
            )
        ]
        for row in await reading.fetch(MANUAL_OF, presences)
    }


def correction_of(row: Any) -> Correction:
    """A correction from its stored row."""
    body = from_json(row["body"])
    at = body.get("started_at") or body.get("ended_at")
    return Correction(
        row["id"],
        row["seq"],
        row["tap"],
        row["recipient"],
        row["kind"],
        frozenset(row["seen"]),
        dt.datetime.fromisoformat(at) if at else None,
        body.get("staff") or body.get("recipient") or body.get("anomaly"),
        tuple(
            ReportedIntervention(one["intervention"], None, one.get("minutes"), "done")
            for one in body.get("interventions", ())
        ),
        body.get("accept", True),
        body.get("whole", False),
        body.get("cause", ""),
        row["reason"],
        _named(body, "correction"),
        _named(body, "repair"),
    )


def _named(body: Mapping[str, Any], name: str) -> UUID | None:
    return UUID(body[name]) if name in body else None


async def known(reading: Reading, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Body hash, tap and recipient of the stored corrections with these ids."""
    return {row["id"]: row for row in await reading.fetch(KNOWN, ids)}


async def append(writing: Writing, corrections: Sequence[NewCorrection]) -> None:
    """Store corrections with their leaves, numbered next in the municipality's order."""
    first: int = await writing.fetchval(NEXT)
    stored = []
    for seq, new in enumerate(corrections, first):
        fields = {
            "id": new.id,
            "seq": seq,
            "tap": new.tap,
            "staff": new.staff,
            "at": new.at,
            "recipient": new.recipient,
            "kind": new.kind,
            "body": dict(new.body),
            "seen": list(new.seen),
            "before": dict(new.before),
            "reason": new.reason,
            "note": new.note,
            "recorded_by": new.by,
            "recorded_at": new.recorded_at,
            "body_hash": new.body_hash,
        }
        writing.leaves.add("correction", fields)
        stored.append(_row(schema.correction, writing.municipality_id, fields))
    await writing.insert(APPEND, stored, writing.leaves.take())


def _row(table: Table, municipality_id: int, fields: Mapping[str, Any]) -> tuple[Any, ...]:
    values = {"municipality_id": municipality_id, **fields}
    return tuple(
        to_json(values[name]).decode() if isinstance(column.type, JSONB) else values[name]
        for name, column in table.columns.items()
    )


async def known_by_hand(reading: Reading, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Body hash, presence and recipient of the stored manual visits with these ids."""
    return {row["id"]: row for row in await reading.fetch(KNOWN_MANUAL, ids)}


async def append_by_hand(writing: Writing, visits: Sequence[NewManualVisit]) -> None:
    """Store manual visits with their leaves."""
    stored = []
    for new in visits:
        fields = new._asdict()
        writing.leaves.add("manual_visit", fields)
        stored.append(_row(schema.manual_visit, writing.municipality_id, fields))
    await writing.insert(APPEND_MANUAL, stored, writing.leaves.take())


async def registered_by(reading: Reading, presence: UUID) -> str:
    """The author of the manual visit of this presence."""
    return who(await reading.fetchval(REGISTERED_BY, presence))


INTERNAL = frozenset({"whole", "cause", "repair"})


async def shown(reading: Reading, ids: Sequence[UUID]) -> dict[UUID, CorrectionShown]:
    """Corrections for display, by id."""
    return {
        row["id"]: CorrectionShown(
            row["id"],
            row["kind"],
            row["reason"],
            row["note"],
            who(row["recorded_by"]),
            row["recorded_at"],
            from_json(row["before"]),
            {name: value for name, value in from_json(row["body"]).items() if name not in INTERNAL},
        )
        for row in await reading.fetch(SHOWN, ids)
    }
