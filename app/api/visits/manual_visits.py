"""Visits entered by hand: `POST /v1/visits`, and many at once when a system has been down."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.actions.visits.register_visits import Manual, register_visits
from app.actions.visits.validate_correction import CorrectionRefusedError
from app.api.http.access import Caller, database
from app.api.http.json_bodies import Unread, read_items, read_json
from app.api.http.problems import PROBLEMS, FieldError, Problem
from app.api.http.records import author_of
from app.api.http.shapes import Fault, Instant, OneOf, Wire, answer_of, body_of
from app.api.visits.corrections import Corrector, Done, Name, NoteBesideReason, corrected
from app.api.visits.visit_out import EXAMPLE, NOTE_READERS, VisitOut, visit_json
from app.domain.closed_sets import ItemVerdict
from app.domain.taps.judging import ManualReason
from app.domain.visits.correction import Reason
from app.language import wanted
from app.store.visits import corrections as store

router = APIRouter(tags=["visits"])


class ManualIn(Wire):
    """A visit without a tap. The reason is `visit_outside_home` for errands and `system_down` if nothing worked."""

    id: UUID
    recipient: Name
    staff: Name
    started_at: Instant
    ended_at: Instant
    interventions: Annotated[list[Done], Field(min_length=1, max_length=100)]
    reason: ManualReason | Reason
    note: NoteBesideReason = None

    def by_hand(self) -> Manual:
        """The visit as the action takes it."""
        done = tuple((one.intervention, one.minutes) for one in self.interventions)
        return Manual(self.id, self.recipient, self.staff, self.started_at, self.ended_at, done, self.reason, self.note)


class ManualsIn(Wire):
    """Visits without taps, to be registered together."""

    visits: Annotated[list[ManualIn], Field(min_length=1, max_length=1000)]


class ManualResult(Wire):
    """The result for one visit."""

    id: UUID | None
    verdict: ItemVerdict
    code: Annotated[str, OneOf(PROBLEMS)] | None
    duplicate: bool
    visit: VisitOut | None
    errors: list[Fault]


class ManualsOut(Wire):
    """The results of registering visits by hand."""

    results: list[ManualResult]


MANUAL = {
    "id": "019a0f80-12aa-7b02-8a7b-5d8b7a0c1e23",
    "recipient": "B-001",
    "staff": "S-07",
    "started_at": "2026-10-24T08:31:00Z",
    "ended_at": "2026-10-24T09:01:00Z",
    "interventions": ["dusch"],
    "reason": "system_down",
}


@router.post(
    "/v1/visits",
    operation_id="register_visit",
    summary="Register a visit by hand",
    status_code=201,
    openapi_extra=body_of(ManualIn, example=MANUAL),
    responses=answer_of(VisitOut, example=EXAMPLE, status=201, text="Registered", headers=["ETag"]),
)
async def post_visit(request: Request, caller: Corrector) -> Response:
    """Register a visit that has no taps. Its evidence is `manual`. No tap is ever joined to it.

    The same `id` with the same body changes nothing when it is sent again.
    """
    item = await read_json(request, ManualIn)
    [(answer, shown)] = await _register(request, caller, [item])
    if isinstance(answer, CorrectionRefusedError):
        raise Problem(answer.code, pointer=answer.pointer)
    return corrected(answer.stored, shown, _no_notes(caller))


@router.post(
    "/v1/visits:batch",
    operation_id="register_visits",
    summary="Register many visits by hand",
    openapi_extra=body_of(ManualsIn, example={"visits": [MANUAL]}),
    responses=answer_of(
        ManualsOut,
        example={
            "results": [
                {
                    "id": MANUAL["id"],
                    "verdict": "accepted",
                    "code": None,
                    "duplicate": False,
                    "visit": EXAMPLE,
                    "errors": [],
                }
            ]
        },
    ),
)
async def post_visits(request: Request, caller: Corrector) -> Response:
    """Register 1 to 1000 visits that have no taps, in one transaction. Each gets its own result.

    The body may also be the list alone.
    """
    batch = await read_items(request, ManualsIn, "visits", ManualIn)
    answers = iter(await _register(request, caller, [one for one in batch.items if isinstance(one, ManualIn)]))
    results = []
    for place, item in enumerate(batch.items):
        if isinstance(item, Unread):
            results.append(_refused(request, place, item.uuid, item.code, item.errors))
            continue
        answer, shown = next(answers)
        if isinstance(answer, CorrectionRefusedError):
            faults = [FieldError(answer.pointer, answer.code)] if answer.pointer else []
            results.append(_refused(request, place, item.id, answer.code, faults))
            continue
        results.append(
            {
                "id": item.id,
                "verdict": "accepted",
                "code": None,
                "duplicate": answer.duplicate,
                "visit": visit_json(answer.stored, shown, _no_notes(caller)),
                "errors": [],
            }
        )
    return Response(to_json({"results": results}), media_type="application/json")


def _no_notes(caller: Caller) -> dict[UUID, str] | None:
    """A visit entered by hand has no report, so for whoever may read notes its note is null."""
    return {} if caller.role in NOTE_READERS else None


async def _register(request: Request, caller: Caller, items: Sequence[ManualIn]) -> list[tuple[Any, Any]]:
    async with database(request).write(caller.municipality_id) as writing:
        answers = await register_visits(writing, [item.by_hand() for item in items], author_of(caller))
        stored = [answer.stored for answer in answers if not isinstance(answer, CorrectionRefusedError)]
        ids = [id_ for one in stored for id_ in one.visit.corrections]
        shown = await store.shown(writing, ids) if ids else {}
    return [(answer, shown) for answer in answers]


def _refused(request: Request, place: int, id_: UUID | None, code: str, faults: Sequence[FieldError]) -> dict[str, Any]:
    language = wanted(request.headers.get("accept-language", ""))
    errors = [FieldError(f"/visits/{place}{fault.pointer}", fault.code).to_json(language) for fault in faults]
    return {"id": id_, "verdict": "refused", "code": code, "duplicate": False, "visit": None, "errors": errors}
