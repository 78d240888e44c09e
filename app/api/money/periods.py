"""Closed months of providers: `GET /v1/periods` and `POST /v1/periods/{provider}/{month}/close`."""

import datetime as dt
import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, StringConstraints
from pydantic_core import to_json

from app.actions.ledger.seal import sealed_within
from app.actions.money.close_period import close_period
from app.api.http import formats
from app.api.http.access import Caller, allow, database
from app.api.http.clock import received
from app.api.http.json_bodies import read_json
from app.api.http.problems import RETRY_SOON, FieldError, Problem
from app.api.http.pulls import PayReader, Snapshot, turn
from app.api.http.refs import known_ref
from app.api.http.shapes import AnyRef, Instant, Month, Sha256, Wire, answer_of, body_of
from app.api.http.visibility import provider_of, require_known
from app.domain.author import who
from app.domain.money.month_lines import closes_at
from app.domain.register.order import ONE_DAY
from app.domain.time import local_date, month_days
from app.store.connection import Reading
from app.store.money import closed_months, compensation
from app.store.money.closed_months import Close

router = APIRouter(tags=["compensation"])

MONTH = re.compile(r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])")
MOST_NAMED = 500
SEALED_WITHIN_SECONDS = 10.0

Named = Annotated[str, StringConstraints(pattern="^[0-9a-f-]{36}:[a-z_]{1,40}$")]


class CloseBody(Wire):
    """The open anomalies that are accepted: none, all, or those named `<visit>:<code>`."""

    accept_open: bool | Annotated[list[Named], Field(max_length=10_000)] = False


class CloseOut(Wire):
    """A closed month. `lines_hash` is SHA-256 over its lines: JSON, one per line, sorted keys, no spaces.

    `position` is the number of leaves that the ledger had before the leaf of the close. Those are the facts that the
    close is based on.
    """

    id: UUID
    provider: AnyRef
    month: Month
    closed_at: Instant
    closed_by: str
    accepted: list[Named]
    lines: int
    total_ore: int
    lines_hash: Sha256
    position: int
    due_at: Instant | None


class DueOut(Wire):
    """A month that is over and not closed, with the date by which the contract wants it closed."""

    provider: AnyRef
    month: Month
    due_at: Instant


class PeriodsOut(Wire):
    """Closed months by month and provider. `due` is the last month, for contracts that name a date."""

    items: list[CloseOut]
    due: list[DueOut]


class PeriodsQuery(BaseModel):
    """The filter: every provider unless one is named."""

    provider: AnyRef | None = None


EXAMPLE = {
    "id": "019a0f60-77aa-7b02-8a7b-5d8b7a0c1e22",
    "provider": "P-norr",
    "month": "2026-10",
    "closed_at": "2026-11-04T11:00:00Z",
    "closed_by": "188.ekonomi",
    "accepted": [],
    "lines": 412,
    "total_ore": 184_220_150,
    "lines_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "position": 2_918_004,
    "due_at": "2026-11-04T11:00:00Z",
}
DUE = {"provider": "P-syd", "month": "2026-10", "due_at": "2026-11-04T11:00:00Z"}
CREATED = answer_of(CloseOut, example=EXAMPLE, status=201, text="Closed")
ACCEPTED = answer_of(
    CloseOut, example=EXAMPLE, status=202, text="Closed, not sealed yet", headers=["Location", "Retry-After"]
)


@router.post(
    "/v1/periods/{provider}/{month}/close",
    operation_id="close_month",
    summary="Close a month",
    openapi_extra=body_of(CloseBody, example={"accept_open": False}, required=False),
    responses=CREATED | answer_of(CloseOut, example=EXAMPLE, text="Closed before") | ACCEPTED,
)
async def post_close(
    request: Request,
    provider: str,
    month: str,
    caller: Annotated[Caller, Depends(allow("controller", "admin", scope="pay:close"))],
) -> Response:
    """Close a month of a provider. Its lines are then fixed.

    Later changes are settled in the next month that is closed.

    The answer comes when the close is sealed in the ledger, so that the invoice can be fetched. If that takes more than
    ten seconds, the answer is 202, and `Location` says where its proof will be. The answer is 409 `month_not_over`
    until the last day has passed, and 409 `anomalies_open` while visits have anomalies to repair. `errors` then names
    each anomaly by the name with which it can be accepted. If the month is already closed, the answer is the first
    close. The body may be left out.
    """
    known_ref(provider)
    if not MONTH.fullmatch(month):
        raise Problem("invalid_parameter", pointer="/path/month")
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    body = CloseBody() if empty else await read_json(request, CloseBody)
    accept = body.accept_open if isinstance(body.accept_open, bool) else set(body.accept_open)
    async with turn(request):
        closed = await close_period(
            database(request),
            caller.municipality_id,
            provider,
            month,
            by=caller.subject,
            accept=accept,
            now=received(request),
        )
    if closed.close is None:
        named = closed.blocking[:MOST_NAMED]
        raise Problem(closed.code, errors=[FieldError(f"/accept_open/{name}", closed.code) for name in named])
    return await _once_sealed(request, caller.municipality_id, closed.close, 201 if closed.created else 200)


async def _once_sealed(request: Request, municipality_id: int, close: Close, status: int) -> Response:
    """The close when its invoice can be made; where that takes too long, where to look for it."""
    async with database(request).snapshot(municipality_id) as snapshot:
        due_at = await _due_at(snapshot, close.provider, close.month)
    headers = {}
    if not await sealed_within(database(request), municipality_id, close.position + 1, SEALED_WITHIN_SECONDS):
        status, headers = 202, {"Location": f"/v1/ledger/proof?fact={close.id}&kind=period_close", **RETRY_SOON}
    return Response(to_json(_close_json(close, due_at)), status, headers, "application/json")


@router.get(
    "/v1/periods",
    operation_id="list_closed_months",
    summary="List closed months",
    responses=formats.table_of(PeriodsOut, CloseOut, {"items": [EXAMPLE], "due": [DUE]}, "items"),
)
async def list_periods(
    request: Request, caller: PayReader, snapshot: Snapshot, query: Annotated[PeriodsQuery, Query()]
) -> Response:
    """List the closed months with their totals, and the months that are to be closed.

    `due_at` is the date that the contract demands. Planners see their own provider.
    """
    await require_known(snapshot, caller, provider=query.provider)
    provider = provider_of(caller, query.provider)
    closes = await closed_months.closes(snapshot, provider)
    items = [_close_json(close, await _due_at(snapshot, close.provider, close.month)) for close in closes]
    closed = {(close.provider, close.month) for close in closes}
    month = (local_date(snapshot.now).replace(day=1) - ONE_DAY).replace(day=1)
    due = [
        {"provider": ref, "month": f"{month:%Y-%m}", "due_at": due_at}
        for ref, _, _ in await compensation.providers(snapshot, provider)
        if (ref, month) not in closed and (due_at := await _due_at(snapshot, ref, month))
    ]
    return await formats.table(request, {"items": items, "due": due}, "items", CloseOut, "periods")


async def _due_at(snapshot: Reading, provider: str, month: dt.date) -> dt.datetime | None:
    days = month_days(f"{month:%Y-%m}")
    agreements = await compensation.agreements_of(snapshot, provider, days)
    dates = [closes_at(one.terms.closing, month) for one in agreements if one.terms.closing]
    return max(dates, default=None)


def _close_json(close: Close, due_at: dt.datetime | None) -> dict[str, Any]:
    return {
        "id": close.id,
        "provider": close.provider,
        "month": f"{close.month:%Y-%m}",
        "closed_at": close.closed_at,
        "closed_by": who(close.closed_by),
        "accepted": close.accepted,
        "lines": close.line_count,
        "total_ore": close.total_ore,
        "lines_hash": close.lines_hash.hex(),
        "position": close.position,
        "due_at": due_at,
    }
