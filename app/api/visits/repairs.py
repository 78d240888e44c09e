"""Repair of anomalies: one by one call, or many at once."""

from asyncio import gather
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.actions.versions import Condition
from app.actions.visits.correct_visit import Submitted
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.api.http.access import Caller, database
from app.api.http.json_bodies import Batch, Unread, read_items, read_json
from app.api.http.problems import PROBLEMS, FieldError, Problem
from app.api.http.records import Seen, author_of
from app.api.http.shapes import Fault, OneOf, Wire, answer_of, body_of
from app.api.visits.corrections import (
    CorrectionQueue,
    Corrector,
    Done,
    Note,
    NoteBesideReason,
    Written,
    submit,
)
from app.api.visits.visit_out import EXAMPLE, VisitOut, notes_for, visit_json
from app.domain.closed_sets import ItemVerdict
from app.domain.visits.correction import Reason
from app.language import wanted

router = APIRouter(tags=["anomalies"])

MOST = 500
SEEN = "Sett"
Named = Annotated[str, Field(max_length=200, description="The name of the anomaly in the list, `visit:code`.")]


class Answer(Wire):
    """Optional additions to the repair. `interventions` says what was done, if only the carer knows."""

    id: UUID | None = None
    interventions: Annotated[list[Done], Field(min_length=1, max_length=100)] | None = None
    note: Note | None = None

    def asked(self, code: str) -> CorrectionRequest:
        """The correction that the item asks for."""
        done = None if self.interventions is None else [one.model_dump() for one in self.interventions]
        return CorrectionRequest(self.id or uuid4(), "apply", {"anomaly": code, "interventions": done}, "", self.note)


class AppliedIn(Answer):
    """One anomaly to repair. `id` becomes the id of the correction."""

    id: UUID
    anomaly: Named


class AppliedAllIn(Wire):
    """Several anomalies to repair."""

    anomalies: Annotated[list[AppliedIn], Field(min_length=1, max_length=MOST)]


class AcknowledgedIn(Wire):
    """One anomaly that has been seen. `id` becomes the id of the correction. The reason is optional."""

    id: UUID
    anomaly: Named
    reason: Reason | None = None
    note: NoteBesideReason = None

    def asked(self, code: str) -> CorrectionRequest:
        """The correction that the item asks for."""
        note = self.note if self.reason else self.note or SEEN
        return CorrectionRequest(self.id, "acknowledge", {"anomaly": code}, self.reason or "other", note)


class AcknowledgedAllIn(Wire):
    """Several anomalies that have been seen."""

    anomalies: Annotated[list[AcknowledgedIn], Field(min_length=1, max_length=MOST)]


class RepairResult(Wire):
    """The result for one anomaly: the visit as it is now, or the reason why nothing was corrected."""

    id: UUID | None
    anomaly: str | None
    verdict: ItemVerdict
    code: Annotated[str, OneOf(PROBLEMS)] | None
    visit: VisitOut | None
    errors: list[Fault]


class RepairsOut(Wire):
    """One result for each anomaly, in the order in which they were sent."""

    results: list[RepairResult]


ANSWERED = {"interventions": ["dusch", "insulin"], "note": "Bekräftat per telefon"}
ONE = {"id": "019a0f80-12aa-7b02-8a7b-5d8b7a0c1e22", "anomaly": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1:missing_out"}
RESULT: dict[str, Any] = {**ONE, "verdict": "accepted", "code": None, "visit": EXAMPLE, "errors": []}


@router.post(
    "/v1/anomalies/{anomaly_id}/apply",
    operation_id="repair_anomaly",
    summary="Repair an anomaly",
    status_code=201,
    openapi_extra=body_of(Answer, example=ANSWERED, required=False),
    responses=answer_of(VisitOut, example=EXAMPLE, status=201, text="Corrected", headers=["ETag"]),
)
async def repair_anomaly(request: Request, caller: Corrector, anomaly_id: str, seen: Seen) -> Response:
    """Make the suggested correction of an anomaly. The answer is the visit. `If-Match` is optional.

    A body is needed if the suggestion has `ordered`, because only a person can say that health care was given. Without
    `interventions` the answer is then 422 `answer_required`. If the body has an `id`, the call can be sent again and
    gets the same answer.

    The answer is 404 if the visit no longer has the anomaly, and 409 if a person has already settled it.
    """
    answer = await read_json(request, Answer) if await request.body() else Answer()
    submitted = _submitted(caller, anomaly_id, answer, seen or Condition())
    if submitted is None:
        raise Problem("not_found")
    return await submit(request, caller, submitted)


@router.post(
    "/v1/anomalies:apply",
    operation_id="repair_anomalies",
    summary="Repair many anomalies",
    openapi_extra=body_of(AppliedAllIn, example={"anomalies": [ONE]}),
    responses=answer_of(RepairsOut, example={"results": [RESULT]}),
)
async def repair_anomalies(request: Request, caller: Corrector) -> Response:
    """Make the suggested corrections of 1 to 500 anomalies.

    Each gets its own result; a failed one does not stop the others.

    They are corrected one by one. An earlier correction may remove the cause of a later anomaly, which then gets
    `not_found`. The same ids get the same results when they are sent again. The body may also be the list alone.
    """
    return await _all(request, caller, await read_items(request, AppliedAllIn, "anomalies", AppliedIn, most=MOST))


@router.post(
    "/v1/anomalies:acknowledge",
    operation_id="acknowledge_anomalies",
    summary="Acknowledge many anomalies",
    openapi_extra=body_of(AcknowledgedAllIn, example={"anomalies": [ONE]}),
    responses=answer_of(RepairsOut, example={"results": [RESULT]}),
)
async def acknowledge_anomalies(request: Request, caller: Corrector) -> Response:
    """Say that 1 to 500 anomalies have been seen. Each gets its own result; a failed one does not stop the others.

    The same ids get the same results when they are sent again. The body may also be the list alone.
    """
    batch = await read_items(request, AcknowledgedAllIn, "anomalies", AcknowledgedIn, most=MOST)
    return await _all(request, caller, batch)


def _submitted(
    caller: Caller, anomaly_id: str, given: Answer | AcknowledgedIn, condition: Condition
) -> Submitted | None:
    """The correction to write; None for a name that no anomaly has."""
    visit, _, code = anomaly_id.partition(":")
    try:
        return Submitted(UUID(visit), given.asked(code), author_of(caller), condition)
    except ValueError:
        return None


async def _all(request: Request, caller: Caller, batch: Batch[Any, AppliedIn] | Batch[Any, AcknowledgedIn]) -> Response:
    queue: CorrectionQueue = request.app.state.corrections

    async def written(item: AppliedIn | AcknowledgedIn) -> Written | CorrectionRefusedError:
        submitted = _submitted(caller, item.anomaly, item, Condition())
        if submitted is None:
            return CorrectionRefusedError("not_found")
        return await queue.submit(caller.municipality_id, submitted)

    answered = await gather(*(written(item) for item in batch.items if not isinstance(item, Unread)))
    corrected = [one.stored for one in answered if not isinstance(one, CorrectionRefusedError)]
    async with database(request).read(caller.municipality_id) as reading:
        notes = await notes_for(caller, reading, corrected)
    answers = iter(answered)
    results = []
    for place, item in enumerate(batch.items):
        if isinstance(item, Unread):
            results.append(_refused(request, place, item.uuid, None, item.code, item.errors))
            continue
        answer = next(answers)
        if isinstance(answer, CorrectionRefusedError):
            faults = [FieldError(answer.pointer, answer.code)] if answer.pointer else []
            results.append(_refused(request, place, item.id, item.anomaly, answer.code, faults))
            continue
        named = {"id": item.id, "anomaly": item.anomaly}
        visit = visit_json(answer.stored, answer.shown, notes)
        results.append({**named, "verdict": "accepted", "code": None, "visit": visit, "errors": []})
    return Response(to_json({"results": results}), media_type="application/json")


def _refused(
    request: Request, place: int, id_: UUID | None, anomaly: str | None, code: str, faults: Sequence[FieldError]
) -> dict[str, Any]:
    language = wanted(request.headers.get("accept-language", ""))
    errors = [FieldError(f"/anomalies/{place}{fault.pointer}", fault.code).to_json(language) for fault in faults]
    return {"id": id_, "anomaly": anomaly, "verdict": "refused", "code": code, "visit": None, "errors": errors}
