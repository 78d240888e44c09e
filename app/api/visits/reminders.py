"""Reminders for the phone to show: visits that are still open although they should have ended."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.actions.visits.remind import recent_master, reminders
from app.api.http.access import Caller, allow, database
from app.api.http.codes import STILL_LOGGED_IN, STILL_LOGGED_IN_TEXT
from app.api.http.looks import shown
from app.api.http.shapes import AnyRef, Instant, Wire, answer_of
from app.api.http.visibility import require_employed, visibility_of
from app.language import wanted

router = APIRouter(tags=["visits"])


class ReminderOut(Wire):
    """An open visit that should have ended. `text` explains `code` in the language asked for."""

    visit: UUID
    recipient: AnyRef
    household: AnyRef
    started_at: Instant
    expected_end_at: Instant
    code: Literal["still_logged_in"]
    text: str


class RemindersOut(Wire):
    """Your own open visits, in the order in which they began."""

    at: Instant
    items: list[ReminderOut]


EXAMPLE = {
    "at": "2026-10-24T09:40:00Z",
    "items": [
        {
            "visit": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
            "recipient": "B-001",
            "household": "H-004",
            "started_at": "2026-10-24T08:31:02Z",
            "expected_end_at": "2026-10-24T09:01:02Z",
            "code": STILL_LOGGED_IN,
            "text": STILL_LOGGED_IN_TEXT.en,
        }
    ],
}


@router.get(
    "/v1/reminders",
    operation_id="list_reminders",
    summary="List your own visits that should have ended",
    responses=answer_of(RemindersOut, example=EXAMPLE),
)
async def get_reminders(request: Request, caller: Annotated[Caller, Depends(allow("staff", scope="taps"))]) -> Response:
    """List your own visits that are still open although they should have ended.

    The expected end is the start plus the ordered time. Without ordered time, a setting of the service decides. This
    call changes nothing.
    """
    unordered = dt.timedelta(minutes=request.app.state.settings.reminder_minutes)
    master = await recent_master(database(request), caller.municipality_id)
    async with database(request).read(caller.municipality_id) as reading:
        await require_employed(reading, caller)
        due = await reminders(reading, master, visibility_of(caller, reading.now), unordered)
        await shown(request, reading, (one.visit.recipient for one in due))
    language = wanted(request.headers.get("accept-language", ""))
    items = [
        {
            "visit": one.visit.id,
            "recipient": one.visit.recipient,
            "household": one.visit.household,
            "started_at": one.visit.started_at,
            "expected_end_at": one.expected_end_at,
            "code": STILL_LOGGED_IN,
            "text": getattr(STILL_LOGGED_IN_TEXT, language),
        }
        for one in due
    ]
    return Response(to_json({"at": reading.now, "items": items}), media_type="application/json")
