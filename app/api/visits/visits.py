"""Visits as people and machines read them: `GET /v1/visits`, one visit, and the feed of changes."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from app.api.http.access import Caller, allow
from app.api.http.paging import Limit, cursor_of, moment_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.pulls import PULLERS
from app.api.http.shapes import AnyRef, Day, IdInPath, Instant, OneOf, Wire, answer_of, sent
from app.api.http.visibility import require_employed, require_known, visibility_of
from app.api.register.register import Role
from app.domain.category import Category
from app.domain.taps.judging import ManualReason
from app.domain.visits.correction import CorrectionKind, Reason
from app.domain.visits.evidence import Evidence, Level, on_the_wire, weakest
from app.domain.visits.repair import repair_of
from app.domain.visits.split import REASONS
from app.domain.visits.visit import ANOMALIES, AnomalyState, Severity, Status
from app.store.connection import Reading, Writing
from app.store.visits import changes, visit_list
from app.store.visits import corrections as store_corrections
from app.store.visits import visits as store_visits
from app.store.visits.corrections import CorrectionShown
from app.store.visits.visit_list import VisitFilter
from app.store.visits.visit_row import StoredVisit

router = APIRouter(tags=["visits"])

AnomalyCode = Annotated[str, OneOf(ANOMALIES)]
Reader = Annotated[Caller, Depends(allow("staff", "planner", "system", "controller", "admin", scope="visits:read"))]
NOTE_READERS = frozenset({"staff", "planner"})
"""Who, of those who may read a visit, reads the carer's words about it: it is no matter of pay or of figures."""
Puller = Annotated[Caller, Depends(allow(*PULLERS, scope="visits:read"))]


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
    role: Role | None
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


class VisitsOut(Wire):
    """A page of visits."""

    items: list[VisitOut]
    next: str | None


class VisitQuery(BaseModel):
    """The filters of a list; days are local and inclusive."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    recipient: AnyRef | None = None
    provider: AnyRef | None = None
    staff: AnyRef | None = None
    status: Status | None = None
    anomaly: AnomalyCode | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: str | None = None


class ChangedOut(Wire):
    """A visit that is new or has changed."""

    visit: VisitOut


class WithdrawnOut(Wire):
    """A visit that no longer exists, and the visit that took its place."""

    withdrawn: UUID
    replaced_by: UUID | None


class ChangesOut(Wire):
    """Changes in order, each with the whole visit as it is now."""

    items: list[ChangedOut | WithdrawnOut]
    next: str


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

MOVED: dict[int | str, dict[str, Any]] = {301: {"description": "Another visit took its place"} | sent("Location")}


async def corrections_of(reading: Reading, found: Iterable[StoredVisit]) -> dict[UUID, CorrectionShown]:
    """The corrections of these visits, by id."""
    ids = [id_ for stored in found for id_ in stored.visit.corrections]
    return await store_corrections.shown(reading, ids) if ids else {}


async def notes_for(
    caller: Caller, reading: Reading | Writing, found: Iterable[StoredVisit]
) -> Mapping[UUID, str] | None:
    """What carers wrote about these visits, by the report; None where it is not the caller's to read."""
    if caller.role not in NOTE_READERS:
        return None
    ids = [stored.visit.noted for stored in found if stored.visit.noted]
    return await store_visits.notes(reading, ids) if ids else {}


def visit_json(
    stored: StoredVisit, corrections: Mapping[UUID, CorrectionShown], notes: Mapping[UUID, str] | None = None
) -> dict[str, Any]:
    """A visit in the shape of `VisitOut`, with those of `corrections` that are its own.

    Without `notes` it has no `note`, which is another thing than a carer who wrote nothing.
    """
    visit = stored.visit
    note = {} if notes is None else {"note": notes.get(visit.noted) if visit.noted else None}
    performed = visit.status == "complete" and visit.took_place
    told = {
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
                "state": visit.settled.get(code, "open"),
                "suggestion": None if code in visit.settled else repair_of(visit, code),
            }
            for code in visit.anomalies
        ],
        "corrections": [corrections[id_]._asdict() for id_ in visit.corrections],
        "version": stored.version,
    }
    return told | note


@router.get(
    "/v1/visits",
    operation_id="list_visits",
    summary="List visits",
    responses=answer_of(VisitsOut, example={"items": [EXAMPLE], "next": None}, headers=["Link"]),
)
async def list_visits(
    request: Request,
    caller: Reader,
    query: Annotated[VisitQuery, Query()],
) -> Response:
    """List visits by their start, the oldest first. A visit without a known start is listed by its end.

    The answer is always JSON, whatever `Accept` says. A ref that does not exist gives 404 `unknown_ref`. Staff see
    their own visits of the last 48 hours while they are employed. Planners see the visits of their provider.
    """
    after = moment_of(words_of(query.cursor)) if query.cursor else None
    wanted = VisitFilter(
        query.from_, query.to, query.recipient, query.provider, query.staff, query.status, query.anomaly
    )
    async with request.app.state.database.read(caller.municipality_id) as reading:
        await require_employed(reading, caller)
        await require_known(reading, caller, recipient=query.recipient, provider=query.provider, staff=query.staff)
        found = await visit_list.page(reading, visibility_of(caller, reading.now), wanted, after, query.limit + 1)
        corrections = await corrections_of(reading, found)
        notes = await notes_for(caller, reading, found)
    following = cursor_of(found[-2].visit.anchor_at, found[-2].visit.id) if len(found) > query.limit else None
    return paged(request, [visit_json(stored, corrections, notes) for stored in found[: query.limit]], following)


@router.get(
    "/v1/visits/{visit_id}",
    operation_id="get_visit",
    summary="Get a visit",
    responses=answer_of(VisitOut, example=EXAMPLE, headers=["ETag"]) | MOVED,
)
async def get_visit(request: Request, caller: Reader, visit_id: IdInPath) -> Response:
    """Get one visit. Its `ETag` is its version.

    The answer is 301 if another visit has taken its place, and 410 if it no longer exists. A visit that you may not see
    gives 404.
    """
    try:
        id_ = UUID(visit_id)
    except ValueError as error:
        raise Problem("not_found") from error
    async with request.app.state.database.read(caller.municipality_id) as reading:
        visibility = visibility_of(caller, reading.now)
        await require_employed(reading, caller)
        stored = await visit_list.one(reading, visibility, id_)
        if stored is None:
            gone, replaced_by = await visit_list.withdrawn(reading, visibility, id_)
            if not gone:
                raise Problem("not_found")
            if replaced_by is None:
                raise Problem("visit_withdrawn")
            return Response(status_code=301, headers={"Location": f"/v1/visits/{replaced_by}"})
        corrections = await corrections_of(reading, [stored])
        notes = await notes_for(caller, reading, [stored])
    headers = {"ETag": f'"{stored.version}"'}
    return Response(to_json(visit_json(stored, corrections, notes)), media_type="application/json", headers=headers)


@router.get(
    "/v1/changes",
    operation_id="list_changes",
    summary="List changed visits",
    responses=answer_of(ChangesOut, example={"items": [{"visit": EXAMPLE}], "next": "5f0c9d1e7ab3.1"}),
)
async def list_changes(
    request: Request,
    caller: Puller,
    after: Annotated[str, Query(max_length=40)] = "0",
    limit: Limit = 100,
) -> Response:
    """List every visit that changed after the cursor, as it is now. No committed change is ever skipped.

    Ask again with `next` until it equals the cursor that you sent. A page may be empty for you although more follows. A
    visit that no longer exists comes as `{"withdrawn": id, "replaced_by": id or null}`. `replaced_by` is also null if
    you may not see the visit that took its place. After a restore of the database, older cursors give 410
    `cursor_of_another_epoch`. So does a cursor beyond the newest change. Then pull everything again from `0`.
    """
    async with request.app.state.database.read(caller.municipality_id) as reading:
        visibility = visibility_of(caller, reading.now)
        epoch, newest = await changes.epoch(reading)
        last = _last_seen(after, epoch, newest)
        found = await changes.page(reading, visibility, last, limit)
        changed = [change.visit for change in found if change.visit]
        corrections = await corrections_of(reading, changed)
        notes = await notes_for(caller, reading, changed)
    items: list[dict[str, Any]] = []
    for change in found:
        if change.visit is not None:
            items.append({"visit": visit_json(change.visit, corrections, notes)})
        elif change.withdrawn:
            items.append({"withdrawn": change.visit_id, "replaced_by": change.replaced_by})
    following = f"{epoch}.{found[-1].no if found else last}"
    return Response(to_json({"items": items, "next": following}), media_type="application/json")


def _last_seen(cursor: str, epoch: str, newest: int) -> int:
    """The number of the change a cursor stands at. Raises Problem `invalid_cursor`, `cursor_of_another_epoch`."""
    found = re.fullmatch(r"(?:([0-9a-f]{12})\.)?(0|[1-9][0-9]{0,17})", cursor)
    if found is None:
        raise Problem("invalid_cursor")
    last = int(found[2])
    # Beyond the newest is a database that had more: one that was restored without anybody telling.
    if (found[1] != epoch and cursor != "0") or last > newest:
        raise Problem("cursor_of_another_epoch")
    return last
