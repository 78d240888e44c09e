"""Phones send reports: `POST /v1/reports`. What was done in a visit, sent once, before or after its taps."""

import datetime as dt
from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import to_json

from app.actions.taps.record_reports import record_reports
from app.api.http.access import Caller, allow
from app.api.http.clock import received
from app.api.http.json_bodies import Unread, read_items
from app.api.http.problems import Problem
from app.api.http.refs import no_personal_number
from app.api.http.shapes import Instant, OneOf, Wire, answer_of, body_of
from app.api.taps.taps import unreadable
from app.domain.closed_sets import ItemVerdict, Outcome, PartOutcome
from app.domain.taps.report import Report, ReportedIntervention, ReportRefusal

router = APIRouter(tags=["reports"])

Name = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(no_personal_number)]


class InterventionIn(Wire):
    """One intervention.

    Without `recipient` it is for whoever has it ordered; without `minutes` it took its usual time.
    """

    intervention: Name
    recipient: Name | None = None
    minutes: Annotated[int, Field(ge=0, le=1440)] | None = None
    outcome: PartOutcome


class ReportIn(Wire):
    """A report about the caller's own presence. `tap` is any tap of that presence. The last report counts.

    `reported_at` is never taken as later than the receipt. If it lies before the presence began, the time of receipt
    counts.
    """

    id: UUID
    tap: UUID
    reported_at: Instant
    outcome: Outcome
    interventions: Annotated[list[InterventionIn], Field(max_length=100)]
    note: Annotated[str, StringConstraints(max_length=2000)] | None = None


class ReportsIn(Wire):
    """The waiting reports of a phone. `sent_at` corrects the phone's clock in the same way as for taps."""

    sent_at: Instant | None = None
    reports: Annotated[list[ReportIn], Field(min_length=1, max_length=1000)]


class ReportResult(Wire):
    """The result for one report."""

    id: UUID | None
    verdict: ItemVerdict
    code: Annotated[str, OneOf(get_args(ReportRefusal))] | None
    duplicate: bool


class ReportsOut(Wire):
    """One result for each report, in the order in which they were sent."""

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
    operation_id="send_reports",
    summary="Send reports",
    openapi_extra=body_of(ReportsIn, example=EXAMPLE),
    responses=answer_of(ReportsOut, example=EXAMPLE_OUT),
)
async def send_reports(
    request: Request, caller: Annotated[Caller, Depends(allow("staff", scope="taps", late=True))]
) -> Response:
    """Send 1 to 1000 reports of one phone. A report whose tap has not arrived is kept and used when it arrives.

    A report about another person's presence is refused as `not_own_presence`. If the report came before its tap, it is
    set aside when the tap shows whose presence it was. A report that was refused because master data was missing is
    judged again when it is sent again. The rules for refused reports and for senders that are not employed are the same
    as for taps. The day of a report is the day on which it was made, or the day of its tap.
    """
    if caller.staff is None:
        raise Problem("forbidden_role")
    batch = await read_items(request, ReportsIn, "reports", ReportIn)
    received_at, sent_at = received(request), batch.envelope.sent_at
    items = [
        unreadable(request, item) if isinstance(item, Unread) else _report(item, caller.staff, received_at, sent_at)
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


def _report(item: ReportIn, staff: str, received_at: dt.datetime, sent_at: dt.datetime | None) -> Report:
    done = tuple(
        ReportedIntervention(one.intervention, one.recipient, one.minutes, one.outcome) for one in item.interventions
    )
    return Report(
        item.id, staff, item.tap, item.reported_at, received_at, item.outcome, done, note=item.note, sent_at=sent_at
    )
