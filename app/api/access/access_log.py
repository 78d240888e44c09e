"""The access log as auditors read it, samples of it, and what a caller has read itself."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import to_json

from app.actions.access.draw_sample import SampleRequest, draw_sample
from app.api.http.access import ROLES, Caller, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.looks import shown
from app.api.http.paging import Cursor, Limit, cursor_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.refs import not_before
from app.api.http.shapes import AnyRef, Day, Instant, Wire, answer_of, body_of
from app.api.http.visibility import require_known
from app.domain.closed_sets import Role
from app.domain.time import FIRST_DAY, Span, days_span
from app.store.access import access_log
from app.store.access.access_log import NO_DEALINGS, LogFilter, StoredEntry

router = APIRouter(tags=["access log"])

MOST_SAMPLED = 500
LAST_DAY = dt.date(2199, 12, 31)

Auditor = Annotated[Caller, Depends(allow("auditor", "admin", scope="access:read"))]
Anybody = Annotated[Caller, Depends(allow(*ROLES, scope="access:read"))]


class AccessEntryOut(Wire):
    """A look: who was shown whom, when, by which route.

    A `bulk` entry is a list or a report of many persons. It names none: its `filter` says whom it covered.
    """

    id: UUID
    at: Instant
    subject: str
    role: Role
    provider: AnyRef | None
    route: str
    recipients: list[AnyRef]
    bulk: bool
    filter: dict[str, str]
    purpose: str | None
    block: UUID | None


class AccessLogOut(Wire):
    """A page of the access log, the newest entry first."""

    items: list[AccessEntryOut]
    next: str | None


class AccessQuery(BaseModel):
    """The filters of the access log; days are local and inclusive."""

    recipient: AnyRef | None = None
    subject: Annotated[
        str | None, Field(max_length=200, description="Only looks of this caller, named as in an entry.")
    ] = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400)] = None


class SampleBody(Wire):
    """The days and the size of a sample, and the seed that draws it."""

    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to")]
    size: Annotated[int, Field(ge=1, le=MOST_SAMPLED)]
    seed: Annotated[str, StringConstraints(min_length=1, max_length=100)]

    @field_validator("last")
    @classmethod
    def _not_before_its_first_day(cls, last: dt.date, info: ValidationInfo) -> dt.date | None:
        return not_before(info.data.get("first"), last)


class SampleOut(Wire):
    """A sample of the access log. `of` is the number of entries that it was drawn from."""

    ref: str
    version: int
    from_: Annotated[Day, Field(alias="from")]
    to: Day
    size: int
    seed: str
    of: int
    items: list[AccessEntryOut]


ENTRY: dict[str, Any] = {
    "id": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
    "at": "2026-10-24T08:31:02.118000Z",
    "subject": "188:planner:operator/P-norr",
    "role": "planner",
    "provider": "P-norr",
    "route": "GET /v1/visits",
    "recipients": ["B-001", "B-004"],
    "bulk": False,
    "filter": {"from": "2026-10-24", "to": "2026-10-24"},
    "purpose": None,
    "block": "019a0f5d-1f0a-7b5e-8d3c-0a6f2b103f1f",
}
SAMPLE = {"from": "2026-10-01", "to": "2026-10-31", "size": 20, "seed": "oktober"}
DRAWN = {"ref": "AS-5f0c9d1e7ab3", "version": 1, **SAMPLE, "of": 48_211, "items": [ENTRY]}


@router.get(
    "/v1/access-log",
    operation_id="list_access_log",
    summary="List who has looked at whom",
    responses=answer_of(AccessLogOut, example={"items": [ENTRY], "next": None}, headers=["Link"]),
)
async def list_access_log(request: Request, caller: Auditor, query: Annotated[AccessQuery, Query()]) -> Response:
    """List the looks at recipients, the newest first: one entry for each answer that showed somebody.

    With `recipient`, also the lists and reports that covered the recipient without naming it: those that asked about a
    provider and days on which the recipient had an order or a visit there. A look at the log about a `recipient` is
    itself logged. A ref that does not exist gives 404 `unknown_ref`.
    """
    before = _before(query.cursor)
    async with database(request).read(caller.municipality_id) as reading:
        await require_known(reading, caller, recipient=query.recipient)
        dealings = NO_DEALINGS if query.recipient is None else await access_log.dealings_of(reading, query.recipient)
        wanted = LogFilter(_span(query.from_, query.to), query.subject, query.recipient, dealings)
        page = await access_log.page(reading, wanted, before, query.limit + 1)
        await shown(request, reading, [])
    return _paged(request, page, query.limit)


@router.get(
    "/v1/my-access",
    operation_id="list_my_access",
    summary="List what you have looked at",
    responses=answer_of(AccessLogOut, example={"items": [ENTRY], "next": None}, headers=["Link"]),
)
async def list_my_access(request: Request, caller: Anybody, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List your own entries in the access log, the newest first."""
    before = _before(cursor)
    async with database(request).read(caller.municipality_id) as reading:
        page = await access_log.page(reading, LogFilter(_span(None, None), caller.subject), before, limit + 1)
    return _paged(request, page, limit)


@router.post(
    "/v1/access-log/samples",
    operation_id="draw_access_sample",
    summary="Draw a sample of the access log",
    status_code=201,
    openapi_extra=body_of(SampleBody, example=SAMPLE),
    responses=answer_of(SampleOut, example=DRAWN, status=201, text="Drawn"),
)
async def post_sample(request: Request, caller: Auditor) -> Response:
    """Draw entries for a check by hand: whether each look was needed.

    The same seed draws the same entries of the same ones, so that nobody can choose them. What was drawn is kept as a
    fact.
    """
    body = await read_json(request, SampleBody)
    asked = SampleRequest((body.first, body.last), body.size, body.seed)
    async with database(request).write(caller.municipality_id) as writing:
        drawn = await draw_sample(writing, asked, caller.subject)
        entries = await access_log.of_ids(writing, drawn.ids)
    answer = {
        "ref": drawn.ref,
        "version": drawn.version,
        "from": body.first,
        "to": body.last,
        "size": body.size,
        "seed": body.seed,
        "of": drawn.of,
        "items": [entry_json(entries[id_]) for id_ in drawn.ids if id_ in entries],
    }
    return Response(to_json(answer), 201, media_type="application/json")


def entry_json(stored: StoredEntry) -> dict[str, Any]:
    """An entry in the shape of `AccessEntryOut`."""
    entry = stored.entry
    return {
        "id": entry.id,
        "at": entry.at,
        "subject": entry.subject,
        "role": entry.role,
        "provider": entry.provider,
        "route": entry.route,
        "recipients": entry.recipients,
        "bulk": entry.bulk,
        "filter": entry.asked,
        "purpose": entry.purpose,
        "block": stored.block,
    }


def _paged(request: Request, page: list[StoredEntry], limit: int) -> Response:
    following = cursor_of(page[limit - 1].entry.id) if len(page) > limit else None
    return paged(request, [entry_json(one) for one in page[:limit]], following)


def _before(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(" ".join(words_of(cursor)))
    except ValueError as error:
        raise Problem("invalid_cursor") from error


def _span(first: dt.date | None, last: dt.date | None) -> Span:
    return days_span(first or FIRST_DAY, last or LAST_DAY)
