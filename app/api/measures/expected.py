"""Promises of orders, and who came for them: `GET /v1/expected`."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.http import formats
from app.api.http.problems import FieldError, Problem
from app.api.http.pulls import Puller, Snapshot, asked_days
from app.api.http.shapes import AnyRef, Day, Instant, Wire
from app.api.http.visibility import whom
from app.domain.measures.expected import Expected, State
from app.domain.time import Days
from app.store.measures.expected import expected_of

router = APIRouter(tags=["measures"])

LONGEST = {True: dt.timedelta(days=30), False: dt.timedelta(days=6)}
"""How long after the first day the last one may lie, for one recipient and for all."""


class ExpectedQuery(BaseModel):
    """A day, or a span of inclusive local days, and filters."""

    date: Annotated[Day | None, Field(description="The one day.")] = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    provider: AnyRef | None = None
    recipient: AnyRef | None = None
    state: State | None = None


class ExpectedRow(Wire):
    """One time that an order line is due, from `first_on` to `last_on`, and what came of it.

    `number` counts from 1 the times that the line is due within the same days. `window` is null if the line fits any
    time of day. `visit` is the visit that served it or in which it was declined.
    """

    recipient: AnyRef
    provider: AnyRef
    order_line: str
    intervention: AnyRef
    first_on: Day
    last_on: Day
    number: Annotated[int, Field(description="Its number among those of the line that are due within the same days.")]
    window: list[str] | None
    state: Annotated[State, Field(description="The state, as it was at `as_of`.")]
    visit: str | None


class ExpectedOut(Wire):
    """Everything that is due within the days, as it was at `as_of`."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day
    as_of: Instant
    items: list[ExpectedRow]


def _row(one: Expected) -> dict[str, Any]:
    due = one.occurrence
    return {
        "recipient": due.recipient,
        "provider": due.provider,
        "order_line": due.order_line,
        "intervention": due.line.intervention,
        "first_on": due.days[0],
        "last_on": due.days[1],
        "number": due.number,
        "window": due.line.window and [f"{clock:%H:%M}" for clock in due.line.window],
        "state": one.state,
        "visit": one.visit and str(one.visit),
    }


EXAMPLE_ROW = {
    "recipient": "B-001",
    "provider": "P-norr",
    "order_line": "O-1/1",
    "intervention": "dusch",
    "first_on": "2026-10-12",
    "last_on": "2026-10-12",
    "number": 1,
    "window": ["07:00", "10:00"],
    "state": "done",
    "visit": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
}
EXAMPLE = {"from": "2026-10-12", "to": "2026-10-12", "as_of": "2026-10-12T19:05:00Z", "items": [EXAMPLE_ROW]}


@router.get(
    "/v1/expected",
    operation_id="list_expected_visits",
    summary="List expected visits",
    responses=formats.table_of(ExpectedOut, ExpectedRow, EXAMPLE, "items"),
)
async def get_expected(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[ExpectedQuery, Query()]
) -> Response:
    """List what the orders promise on `date`, or from `from` to `to`, and what came of it.

    It follows from the orders alone. A line is due on each of its weekdays or days, as often as its frequency says; a
    line without either is due within its week or month. Each of these is served once: by a visit with a share of the
    line, by somebody's no, or else by a visit that began in its window. `late` means that its window has closed, or
    without one that it is 21:00. `missed` means that its last day is over. The span is at most 31 days for one
    `recipient`, and otherwise at most 7 days. Planners see their own provider. A ref that does not exist gives 404
    `unknown_ref`.
    """
    days = _asked(query)
    asked = await whom(snapshot, caller, query)
    found = await expected_of(snapshot, days, **asked)
    items = [_row(one) for one in found if query.state in {None, one.state}]
    body = {"from": days[0], "to": days[1], "as_of": snapshot.now, "items": items}
    return await formats.table(request, body, "items", ExpectedRow, f"expected-{days[0]}--{days[1]}")


def _asked(query: ExpectedQuery) -> Days:
    """The inclusive days. Raises Problem `invalid_parameter` for none, for both ways at once, and for too many."""
    if query.date is not None:
        if query.from_ is not None or query.to is not None:
            raise Problem("invalid_parameter", errors=[FieldError("/query/date", "not_together")])
        return query.date, query.date
    if query.from_ is None and query.to is None:
        raise Problem("invalid_parameter", errors=[FieldError("/query/date", "missing_field")])
    days = asked_days(None, query.from_, query.to)
    if days[1] > days[0] + LONGEST[query.recipient is not None]:
        raise Problem("invalid_parameter", errors=[FieldError("/query/to", "out_of_range")])
    return days
