"""What large pulls share: the days they ask for, a snapshot to read from, and how many may run at once."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, Request

from app.api.http.access import Caller, allow, database
from app.api.http.problems import FieldError, Problem
from app.domain.time import Days, month_days
from app.store.connection import Reading

EXPORTS_AT_ONCE = 2

TURN_SECONDS = 3

LONGEST_SPAN = dt.timedelta(days=1830)

PULLERS = ("planner", "system", "controller", "admin")

Puller = Annotated[Caller, Depends(allow(*PULLERS, scope="measures:read"))]


def exporting() -> defaultdict[int, asyncio.Semaphore]:
    """The turns of each municipality at one worker: none takes all connections that export from the others."""
    return defaultdict(lambda: asyncio.Semaphore(EXPORTS_AT_ONCE))


@asynccontextmanager
async def turn(request: Request) -> AsyncIterator[None]:
    """One of the turns of the caller's municipality, for whatever reads as much as a report does.

    It has so many at once, and waits a moment for one; then 429 `too_many_exports`.
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
    """One moment, until the answer is made: its connection is given back before a byte of it is sent.

    It is of the caller that the route has allowed before, and takes a turn.
    """
    caller: Caller = request.state.caller
    async with turn(request), database(request).snapshot(caller.municipality_id) as opened:
        yield opened


Snapshot = Annotated[Reading, Depends(reading, scope="function")]


def asked_days(month: str | None, first: dt.date | None, last: dt.date | None) -> Days:
    """The days of a month or of a span, one of them. Raises Problem."""
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
