"""Repairing what stands in the inbox: one anomaly by one call, and many at once."""

from asyncio import gather
from collections.abc import Sequence
from typing import Annotated, Any, Literal
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
from app.api.http.records import Seen
from app.api.http.shapes import Fault, OneOf, Wire, answer_of, body_of
from app.api.visits.corrections import (
    CorrectionQueue,
    Corrector,
    Done,
    Note,
    NoteBesideReason,
    Written,
    author_of,
    submit,
)
from app.api.visits.visits import EXAMPLE, VisitOut, notes_for, visit_json
from app.domain.visits.correction import Reason
from app.language import wanted

router = APIRouter(tags=["anomalies"])

MOST = 500
SEEN = "Sett"
Named = Annotated[str, Field(max_length=200, description="`visit:code`, as the inbox names it")]


class Answer(Wire):
    """What may be said beside the repair. `interventions` are what was done, where only the carer can say."""

    id: UUID | None = None
    interventions: Annotated[list[Done], Field(min_length=1, max_length=100)] | None = None
    note: Note | None = None

    def asked(self, code: str) -> CorrectionRequest:
        """As a correction that is asked for."""
        done = None if self.interventions is None else [one.model_dump() for one in self.interventions]
        return CorrectionRequest(self.id or uuid4(), "apply", {"anomaly": code, "interventions": done}, "", self.note)


class AppliedIn(Answer):
    """One anomaly whose repair is to be made; `id` is what the correction will be called."""

    id: UUID
    anomaly: Named


class AppliedAllIn(Wire):
    """Many anomalies to repair."""

    anomalies: Annotated[list[AppliedIn], Field(min_length=1, max_length=MOST)]


class AcknowledgedIn(Wire):
    """One anomaly that has been seen; `id` is what the correction will be called. Without a reason it was only seen."""

    id: UUID
    anomaly: Named
    reason: Reason | None = None
    note: NoteBesideReason = None

    def asked(self, code: str) -> CorrectionRequest:
        """As a correction that is asked for."""
        note = self.note if self.reason else self.note or SEEN
        return CorrectionRequest(self.id, "acknowledge", {"anomaly": code}, self.reason or "other", note)


class AcknowledgedAllIn(Wire):
    """Many anomalies that have been seen."""

    anomalies: Annotated[list[AcknowledgedIn], Field(min_length=1, max_length=MOST)]


class RepairResult(Wire):
    """The answer to one anomaly: the visit as it then is, or why nothing was corrected."""

    id: UUID | None
    anomaly: str | None
    verdict: Literal["accepted", "refused"]
    code: Annotated[str, OneOf(PROBLEMS)] | None
    visit: VisitOut | None
    errors: list[Fault]


class RepairsOut(Wire):
    """What became of each anomaly, in the order of the call."""

    results: list[RepairResult]


ANSWERED = {"interventions": ["dusch", "insulin"], "note": "Bekräftat per telefon"}
ONE = {"id": "019a0f80-12aa-7b02-8a7b-5d8b7a0c1e22", "anomaly": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1:missing_out"}
RESULT: dict[str, Any] = {**ONE, "verdict": "accepted", "code": None, "visit": EXAMPLE, "errors": []}


@router.post(
    "/v1/anomalies/{anomaly_id}/apply",
    operation_id="apply_anomaly",
    summary="Apply an anomaly's repair",
    status_code=201,
    openapi_extra=body_of(Answer, example=ANSWERED, required=False),
    responses=answer_of(VisitOut, example=EXAMPLE, status=201, text="Corrected", headers=["ETag"]),
)
async def apply_anomaly(request: Request, caller: Corrector, anomaly_id: str, seen: Seen) -> Response:
    """Make the suggested correction, and answer with the visit. `If-Match`, where it is given, names its version.

    A body is needed where the suggestion has `ordered`: that health care was given is for a person to say. Without
    `interventions` it is then 422 `answer_required`. With an `id` it can be sent again, and is answered the same.

    404 where the visit has no such anomaly any more, 409 where a person has settled it already.
    """
    answer = await read_json(request, Answer) if await request.body() else Answer()
    submitted = _submitted(caller, anomaly_id, answer, seen or Condition())
    if submitted is None:
        raise Problem("not_found")
    return await submit(request, caller, submitted)


@router.post(
    "/v1/anomalies:apply",
    operation_id="apply_anomalies",
    summary="Apply many anomalies' repairs",
    openapi_extra=body_of(AppliedAllIn, example={"anomalies": [ONE]}),
    responses=answer_of(RepairsOut, example={"results": [RESULT]}),
)
async def apply_anomalies(request: Request, caller: Corrector) -> Response:
    """Make the suggested corrections of 1 to 500 anomalies, each with an answer of its own: none stops the others.

    Each is made as by itself, of the visit as it then stands, so one may have taken the next one's cause away
    (`not_found`). Sent again with the same ids it answers the same. The list may also be sent bare.
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
    """Say of 1 to 500 anomalies that they have been seen, each with an answer of its own: none stops the others.

    Sent again with the same ids it answers the same. The list may also be sent bare.
    """
    batch = await read_items(request, AcknowledgedAllIn, "anomalies", AcknowledgedIn, most=MOST)
    return await _all(request, caller, batch)


def _submitted(
    caller: Caller, anomaly_id: str, told: Answer | AcknowledgedIn, condition: Condition
) -> Submitted | None:
    """What is to be written; None for a name that no anomaly has."""
    visit, _, code = anomaly_id.partition(":")
    try:
        return Submitted(UUID(visit), told.asked(code), author_of(caller), condition)
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
