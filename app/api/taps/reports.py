"""Phones send reports: `POST /v1/reports`. What was done in a visit, told once, before or after its taps."""

import datetime as dt
from typing import Annotated, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints
from pydantic_core import to_json

from app.actions.taps.record_reports import record_reports
from app.api.http.access import Caller, allow
from app.api.http.json_bodies import Unread, read_items
from app.api.http.problems import Problem
from app.api.http.shapes import Instant, OneOf, Wire, answer_of, body_of
from app.api.taps.taps import unreadable
from app.domain.taps.report import Refusal, Report, ReportedIntervention

router = APIRouter(tags=["reports"])

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class InterventionTold(Wire):
    """One intervention; without `recipient` it is for whoever has it ordered, without `minutes` its standard time."""

    intervention: Name
    recipient: Name | None = None
    minutes: Annotated[int, Field(ge=0, le=1440)] | None = None
    outcome: Literal["done", "declined", "not_done"]


class ReportIn(Wire):
    """What was done in the caller's presence that `tap` (any of its taps) belongs to. The one told last counts.

    `reported_at` is never later than the receipt; what lies before its presence began counts as told when received.
    """

    id: UUID
    tap: UUID
    reported_at: Instant
    outcome: Literal["performed", "declined", "no_answer"]
    interventions: Annotated[list[InterventionTold], Field(max_length=100)]
    note: Annotated[str, StringConstraints(max_length=2000)] | None = None


class ReportsIn(Wire):
    """A phone's waiting reports; `sent_at` is its clock at sending, and shifts them as it shifts taps."""

    sent_at: Instant | None = None
    reports: Annotated[list[ReportIn], Field(min_length=1, max_length=1000)]


class ReportResult(Wire):
    """The answer to one report, in the order of the reports."""

    id: UUID | None
    verdict: Literal["accepted", "refused"]
    code: Annotated[str, OneOf(get_args(Refusal))] | None
    duplicate: bool


class ReportsOut(Wire):
    """What became of each report."""

    results: list[ReportResult]


EXAMPLE = {
    "sent_at": "2026-10-24T09:02:15Z",
    "reports": [
        {
            "id": "019a0f60-77aa-7b02-8a7b-5d8b7a0c1e22",
            "tap": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
            "reported_at": "2026-10-24T09:02:11Z",
            "outcome": "performed",
            "interventions": [{"intervention": "dusch", "minutes": 20, "outcome": "done"}],
        }
    ],
}
EXAMPLE_OUT = {
    "results": [{"id": "019a0f60-77aa-7b02-8a7b-5d8b7a0c1e22", "verdict": "accepted", "code": None, "duplicate": False}]
}


@router.post(
    "/v1/reports",
    operation_id="post_reports",
    summary="Send reports",
    openapi_extra=body_of(ReportsIn, example=EXAMPLE),
    responses=answer_of(ReportsOut, example=EXAMPLE_OUT),
)
async def post_reports(request: Request, caller: Annotated[Caller, Depends(allow("staff", scope="taps"))]) -> Response:
    """Reports from one phone, 1 to 1000 at a time. One whose tap has not come yet is kept and applied when it does.

    A report of another person's presence is refused `not_own_presence`; one that came before its tap is set aside when
    the tap shows whose it is. What is refused for want of master data is judged anew when it is sent again. How much of
    what is refused is kept, and of whom nothing is taken, is as for taps; of a day is what was told then, or of a tap.
    """
    if caller.staff is None:
        raise Problem("forbidden_role")
    batch = await read_items(request, ReportsIn, "reports", ReportIn)
    received_at, sent_at = request.app.state.now(), batch.envelope.sent_at
    items = [
        unreadable(request, item) if isinstance(item, Unread) else _told(item, caller.staff, received_at, sent_at)
        for item in batch.items
    ]
    async with request.app.state.database.write(caller.municipality_id) as writing:
        answers = await record_reports(writing, caller.staff, caller.device, received_at, items)
    if answers is None:
        raise Problem("not_employed")
    results = [
        {"id": answer.id, "verdict": answer.verdict, "code": answer.code, "duplicate": answer.duplicate}
        for answer in answers
    ]
    return Response(to_json({"results": results}), media_type="application/json")


def _told(item: ReportIn, staff: str, received_at: dt.datetime, sent_at: dt.datetime | None) -> Report:
    told = tuple(
        ReportedIntervention(one.intervention, one.recipient, one.minutes, one.outcome) for one in item.interventions
    )
    return Report(
        item.id, staff, item.tap, item.reported_at, received_at, item.outcome, told, note=item.note, sent_at=sent_at
    )
