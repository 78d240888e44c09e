"""Disputed taps that wait for a person: `GET /v1/disputes`."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.access import Caller, allow, database
from app.api.master import own_provider
from app.api.visits import cursor_of, read_cursor
from app.api.wire import Instant, Wire, answer_of
from app.domain.tap import EPOCH
from app.store import disputes

router = APIRouter(tags=["visits"])


class DisputeOut(Wire):
    """A disputed tap: why, whose, where it was as far as anybody has told, and the visits it holds."""

    tap: UUID
    code: str
    direction: Literal["in", "out", "auto"]
    at: Instant
    received_at: Instant
    evidence: str
    staff: str
    tag: str | None
    household: str | None
    visits: list[UUID]


class DisputesOut(Wire):
    """Disputed taps, oldest first."""

    items: list[DisputeOut]
    next: str | None


EXAMPLE: dict[str, Any] = {
    "tap": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
    "code": "tag_unassigned",
    "direction": "in",
    "at": "2026-10-24T08:31:02Z",
    "received_at": "2026-10-24T08:31:07Z",
    "evidence": "sun_online",
    "staff": "S-07",
    "tag": "T-004",
    "household": None,
    "visits": [],
}


@router.get(
    "/v1/disputes",
    operation_id="list_disputes",
    summary="List disputed taps",
    responses=answer_of(DisputesOut, example={"items": [EXAMPLE], "next": None}),
)
async def list_disputes(
    request: Request,
    caller: Annotated[Caller, Depends(allow("planner", "system", "controller", "admin"))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Taps whose visit is held until a person decides, and taps at a tag that nobody has told to hang anywhere.

    The latter have no visit, and heal when the tag is told to hang somewhere then. Planners see their own staff's.
    """
    after = read_cursor(cursor) if cursor else (EPOCH, UUID(int=0))
    async with database(request).read(caller.municipality_id) as reading:
        found = await disputes.page(reading.sql, reading.municipality_id, own_provider(caller), after, limit + 1)
    following, headers = None, {}
    if len(found) > limit:
        found = found[:limit]
        following = cursor_of(found[-1]["at"], found[-1]["tap"])
        headers["Link"] = f'</v1/disputes?{urlencode({"limit": limit, "cursor": following})}>; rel="next"'
    body = {"items": [one | {"visits": one["visits"] or []} for one in found], "next": following}
    return Response(to_json(body), headers=headers, media_type="application/json")
