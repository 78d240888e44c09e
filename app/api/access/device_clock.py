"""The errors of a phone's clock, one finding a day: `GET /v1/devices/{ref}/clock`."""

import datetime as dt
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.access.devices import KIND, DeviceWriter
from app.api.http.access import database
from app.api.http.paging import Cursor, Limit, cursor_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.records import visible_record
from app.api.http.shapes import FIRST_AT, Day, Instant, RefInPath, Wire, answer_of
from app.store.taps.phone_clocks import clock_days

router = APIRouter(tags=["devices"])


class ClockDayOut(Wire):
    """The taps of one day for which the clock of the phone was wrong.

    `ahead_seconds` is below zero if the clock was behind.
    """

    local_date: Day
    taps: int
    codes: list[Literal["claim_in_future", "clock_adjusted"]]
    ahead_seconds: int
    first_at: Instant
    last_at: Instant


class ClockOut(Wire):
    """A page of days with a wrong clock."""

    items: list[ClockDayOut]
    next: str | None


EXAMPLE = {
    "local_date": "2026-10-24",
    "taps": 14,
    "codes": ["clock_adjusted"],
    "ahead_seconds": -7204,
    "first_at": "2026-10-24T06:31:02Z",
    "last_at": "2026-10-24T13:02:40Z",
}


@router.get(
    "/v1/devices/{ref}/clock",
    operation_id="get_device_clock",
    summary="Get the clock errors of a device",
    responses=answer_of(ClockOut, example={"items": [EXAMPLE], "next": None}, headers=["Link"]),
)
async def get_clock(
    request: Request,
    ref: RefInPath,
    caller: DeviceWriter,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the days on which the clock of a phone was wrong, so that its taps got other times. The oldest day is first.

    A visit shows a wrong clock only if it changed the visit's seconds by more than a minute, or the order of the
    person's taps. This list shows all errors.
    """
    after = _day_of(cursor) if cursor else None
    async with database(request).read(caller.municipality_id) as reading:
        await visible_record(reading, KIND, caller, ref)
        days = await clock_days(reading, ref, after, limit + 1)
    following = cursor_of(days[-2].local_date) if len(days) > limit else None
    return paged(request, [one._asdict() for one in days[:limit]], following)


def _day_of(cursor: str) -> dt.date:
    """The day in a cursor. Raises Problem `invalid_cursor`."""
    try:
        day = dt.date.fromisoformat(" ".join(words_of(cursor)))
    except ValueError as error:
        raise Problem("invalid_cursor") from error
    if not FIRST_AT.date() <= day < dt.date.max:
        raise Problem("invalid_cursor")
    return day
