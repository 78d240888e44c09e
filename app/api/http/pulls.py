"""Parts common to large pulls: their days, a snapshot to read from, and a limit on how many run at once."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from app.api.http.access import Caller, allow, database
from app.api.http.looks import pulled
from app.api.http.problems import FieldError, Problem
from app.domain.time import Days, month_days
from app.store.connection import Reading

EXPORTS_AT_ONCE = 2
TURN_SECONDS = 3
LONGEST_SPAN = dt.timedelta(days=1830)
PULLERS = ("planner", "system", "controller", "admin")
Puller = Annotated[Caller, Depends(allow(*PULLERS, "case_officer", scope="measures:read"))]


def exporting() -> defaultdict[int, asyncio.Semaphore]:
    """A semaphore for each municipality in this worker, so that none takes all connections for exports."""
    return defaultdict(lambda: asyncio.Semaphore(EXPORTS_AT_ONCE))


@asynccontextmanager
async def turn(request: Request) -> AsyncIterator[None]:
    """Hold one of the turns of the caller's municipality, for a route that reads as much as a report does.

    It waits a moment for a free turn. Raises Problem 429 `too_many_exports` after that.
    """
    caller: Caller = request.state.caller
    turns = request.app.state.exporting[caller.municipality_id]
    try:
        await asyncio.wait_for(turns.acquire(), TURN_SECONDS)
    except TimeoutError:
        raise Problem("too_many_exports") from None
    try:
        yield
    finally:
        turns.release()


async def reading(request: Request) -> AsyncIterator[Reading]:
    """A snapshot of the caller's municipality, until the answer is made. The connection is free before a byte is sent.

    The route must have allowed the caller before. It takes a turn, and raises as `turn` does. What was read is logged.
    """
    caller: Caller = request.state.caller
    async with turn(request), database(request).snapshot(caller.municipality_id) as opened:
        yield opened
        await pulled(request, opened)


Snapshot = Annotated[Reading, Depends(reading, scope="function")]


def asked_days(month: str | None, first: dt.date | None, last: dt.date | None) -> Days:
    """The inclusive days of a month or of a span, of which exactly one must be given. Raises Problem."""
    if month is not None:
        if first is not None or last is not None:
            raise _invalid("month", "not_together")
        return month_days(month)
    if first is None:
        raise _invalid("from" if last is not None else "month", "missing_field")
    if last is None:
        raise _invalid("to", "missing_field")
    if not first <= last <= first + LONGEST_SPAN:
        raise _invalid("to", "out_of_range")
    return first, last


def _invalid(parameter: str, code: str) -> Problem:
    return Problem("invalid_parameter", errors=[FieldError(f"/query/{parameter}", code)])


PayReader = Annotated[Caller, Depends(allow(*PULLERS, scope="pay:read"))]
