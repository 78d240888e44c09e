"""The persons logged in at a household now, for the inspector who stands at its door."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.http.access import Caller, allow, database
from app.api.http.looks import shown
from app.api.http.problems import Problem
from app.api.http.refs import known_ref
from app.api.http.shapes import AnyRef, Instant, Wire, answer_of
from app.domain.closed_sets import Evidence
from app.store.access.access_log import living_at
from app.store.visits.presences import logged_in

router = APIRouter(tags=["presence"])


class LoggedIn(Wire):
    """A person with a tap in and no tap out yet.

    `evidence` is that of the tap in; it is `disputed` until it is settled.
    """

    staff: AnyRef
    provider: AnyRef | None
    since: Instant
    evidence: Evidence


class PresenceAnswer(Wire):
    """The persons who are logged in at the household."""

    household: AnyRef
    at: Instant
    items: list[LoggedIn]


EXAMPLE = {
    "household": "H-004",
    "at": "2026-10-24T08:40:00Z",
    "items": [{"staff": "S-07", "provider": "P-norr", "since": "2026-10-24T08:31:02Z", "evidence": "static"}],
}


@router.get(
    "/v1/presence",
    operation_id="get_presence",
    summary="Get the persons logged in at a household",
    responses=answer_of(PresenceAnswer, example=EXAMPLE),
)
async def get_presence(
    request: Request,
    caller: Annotated[Caller, Depends(allow("inspector", "admin", scope="visits:read"))],
    household: Annotated[str, Query(max_length=64)],
) -> Response:
    """Get the persons who are logged in at a household now.

    The answer is based on received taps that are at most 16 hours old. A phone without coverage may have more taps to
    send.
    """
    known_ref(household)
    async with database(request).read(caller.municipality_id) as reading:
        present = await logged_in(reading, household, reading.now)
        await shown(request, reading, await living_at(reading, [household]))
    if present is None:
        raise Problem("unknown_ref")
    return Response(
        to_json({"household": household, "at": reading.now, "items": present}), media_type="application/json"
    )
