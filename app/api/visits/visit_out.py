"""A visit on the wire: its models, an example, and how it is written with its corrections and its note."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.api.http.access import Caller
from app.api.http.shapes import AnyRef, Day, Instant, OneOf, Wire
from app.domain.closed_sets import AnomalyState, Category, CorrectionKind, Evidence, Level, Profession, Severity, Status
from app.domain.taps.judging import ManualReason
from app.domain.visits.correction import Reason
from app.domain.visits.evidence import on_the_wire, weakest
from app.domain.visits.repair import repair_of
from app.domain.visits.split import REASONS
from app.domain.visits.visit import ANOMALIES
from app.store.connection import Reading, Writing
from app.store.visits import corrections as store_corrections
from app.store.visits import visits as store_visits
from app.store.visits.corrections import CorrectionShown
from app.store.visits.visit_row import StoredVisit

AnomalyCode = Annotated[str, OneOf(ANOMALIES)]
NOTE_READERS = frozenset({"staff", "planner"})
"""Roles that read the carer's note on a visit. Others, for pay or figures, do not need it."""


class TapsOfVisit(Wire):
    """The taps that begin and end the visit."""

    in_: Annotated[UUID | None, Field(alias="in")]
    out: UUID | None


class EvidenceOfVisit(Wire):
    """The evidence of each end: `sun_online`, `sun_late`, `static` or `manual`.

    It is `disputed` until it is settled.
    """

    in_: Annotated[Evidence | None, Field(alias="in")]
    out: Evidence | None


class ShareOut(Wire):
    """The part of the visit's time that belongs to one intervention, and the rule that gave it."""

    category: Category | None
    intervention: AnyRef | None
    order_line: str | None
    seconds: int
    payable: bool
    reason: Annotated[
        str,
        OneOf((*REASONS, *ANOMALIES)),
        Field(description="The rule that gave the time, or the reason why it is not paid."),
    ]


class AnomalyOut(Wire):
    """Something about the visit that must be repaired (`fix`) or seen (`acknowledge`)."""

    code: AnomalyCode
    severity: Severity
    state: AnomalyState
    suggestion: dict[str, Any] | None


class CorrectionOut(Wire):
    """A correction by a person. `before` and `after` hold the corrected values; null means that there was no value.

    `by` is a staff ref, the id of a client (`188.ekonomi`), or `operator/…` if the token names neither.
    """

    id: UUID
    kind: CorrectionKind
    reason: Reason | ManualReason
    note: str | None
    by: str
    at: Instant
    before: dict[str, Any]
    after: dict[str, Any]


class VisitOut(Wire):
    """A whole visit. The shares add up to `seconds`, and the visits of a presence add up to its `presence_seconds`."""

    id: UUID
    group: UUID
    taps: TapsOfVisit
    recipient: AnyRef
    provider: AnyRef | None
    staff: AnyRef
    role: Profession | None
    household: AnyRef
    started_at: Instant | None
    ended_at: Instant | None
    provisional: bool
    local_date: Day
    presence: list[Annotated[list[Instant], Field(min_length=2, max_length=2)]]
    presence_seconds: int
    seconds: int
    status: Status
    payable: bool
    evidence: EvidenceOfVisit
    counted_as: Annotated[
        Level | None,
        Field(description="The level under which figures of evidence count the visit. Null if it is not complete."),
    ]
    shares: list[ShareOut]
    anomalies: list[AnomalyOut]
    corrections: list[CorrectionOut]
    version: int
    note: Annotated[
        str | None,
        Field(description="The carer's note in the report that counts. Only the provider's planners and staff see it."),
    ] = None


EXAMPLE = {
    "id": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "group": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
    "taps": {"in": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10", "out": "019a0f77-90d2-7f61-a1b0-2b6f1c9be2aa"},
    "recipient": "B-001",
    "provider": "P-norr",
    "staff": "S-07",
    "role": "care_assistant",
    "household": "B-001",
    "started_at": "2026-10-24T08:31:02Z",
    "ended_at": "2026-10-24T09:01:02Z",
    "provisional": False,
    "local_date": "2026-10-24",
    "presence": [["2026-10-24T08:31:02Z", "2026-10-24T09:01:02Z"]],
    "presence_seconds": 1800,
    "seconds": 1800,
    "status": "complete",
    "payable": True,
    "evidence": {"in": "static", "out": "static"},
    "counted_as": "static",
    "shares": [
        {
            "category": "CARE",
            "intervention": "dusch",
            "order_line": "O-001/1",
            "seconds": 1800,
            "payable": True,
            "reason": "reported",
        }
    ],
    "anomalies": [],
    "corrections": [],
    "version": 2,
    "note": "Ville duscha före frukost.",
}


async def corrections_of(reading: Reading, visits: Iterable[StoredVisit]) -> dict[UUID, CorrectionShown]:
    """The corrections of these visits, by id."""
    ids = [id_ for stored in visits for id_ in stored.visit.corrections]
    return await store_corrections.shown(reading, ids) if ids else {}


async def notes_for(
    caller: Caller, reading: Reading | Writing, visits: Iterable[StoredVisit]
) -> Mapping[UUID, str] | None:
    """The notes of carers about these visits, by report; None for a caller who may not read them."""
    if caller.role not in NOTE_READERS:
        return None
    ids = [stored.visit.noted for stored in visits if stored.visit.noted]
    return await store_visits.notes(reading, ids) if ids else {}


def visit_json(
    stored: StoredVisit, corrections: Mapping[UUID, CorrectionShown], notes: Mapping[UUID, str] | None = None
) -> dict[str, Any]:
    """A visit in the shape of `VisitOut`, with its own ones of `corrections`.

    Without `notes` it has no `note`, which is another thing than a carer who wrote nothing.
    """
    visit = stored.visit
    note = {} if notes is None else {"note": notes.get(visit.noted) if visit.noted else None}
    performed = visit.status == "complete" and visit.took_place
    body = {
        "id": visit.id,
        "group": visit.group,
        "taps": {"in": visit.in_tap, "out": visit.out_tap},
        "recipient": visit.recipient,
        "provider": visit.provider,
        "staff": visit.staff,
        "role": visit.role,
        "household": visit.household,
        "started_at": visit.started_at,
        "ended_at": visit.ended_at,
        "provisional": visit.provisional,
        "local_date": visit.local_date,
        "presence": visit.spans,
        "presence_seconds": visit.presence_seconds,
        "seconds": visit.seconds,
        "status": visit.status,
        "payable": visit.payable,
        "evidence": {"in": on_the_wire(visit.evidence_in), "out": on_the_wire(visit.evidence_out)},
        "counted_as": weakest(visit.evidence_in, visit.evidence_out) if performed else None,
        "shares": [
            {
                "category": share.category,
                "intervention": share.intervention,
                "order_line": share.order_line,
                "seconds": share.seconds,
                "payable": share.payable,
                "reason": share.reason,
            }
            for share in visit.shares
        ],
        "anomalies": [
            {
                "code": code,
                "severity": ANOMALIES[code],
                "state": visit.anomaly_states.get(code, "open"),
                "suggestion": None if code in visit.anomaly_states else repair_of(visit, code),
            }
            for code in visit.anomalies
        ],
        "corrections": [corrections[id_]._asdict() for id_ in visit.corrections],
        "version": stored.version,
    }
    return body | note
