"""The changed visits for whoever pulls them: `GET /v1/changes`."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.http.access import Caller, allow
from app.api.http.looks import shown
from app.api.http.paging import Limit
from app.api.http.problems import Problem
from app.api.http.pulls import PULLERS
from app.api.http.shapes import Wire, answer_of
from app.api.http.visibility import visibility_of
from app.api.visits.visit_out import EXAMPLE, VisitOut, corrections_of, notes_for, visit_json
from app.store.visits import changes

router = APIRouter(tags=["visits"])
Puller = Annotated[Caller, Depends(allow(*PULLERS, scope="visits:read"))]


class ChangedOut(Wire):
    """A visit that is new or has changed."""

    visit: VisitOut


class WithdrawnOut(Wire):
    """A visit that no longer exists, and the visit that took its place."""

    withdrawn: UUID
    replaced_by: UUID | None


class ChangesOut(Wire):
    """Changes in order, each with the whole visit as it is now."""

    items: list[ChangedOut | WithdrawnOut]
    next: str


@router.get(
    "/v1/changes",
    operation_id="list_changes",
    summary="List changed visits",
    responses=answer_of(ChangesOut, example={"items": [{"visit": EXAMPLE}], "next": "5f0c9d1e7ab3.1"}),
)
async def list_changes(
    request: Request,
    caller: Puller,
    after: Annotated[str, Query(max_length=40)] = "0",
    limit: Limit = 100,
) -> Response:
    """List every visit that changed after the cursor, as it is now. No committed change is ever skipped.

    Ask again with `next` until it equals the cursor that you sent. A page may be empty for you although more follows. A
    visit that no longer exists comes as `{"withdrawn": id, "replaced_by": id or null}`. `replaced_by` is also null if
    you may not see the visit that took its place. After a restore of the database, older cursors give 410
    `cursor_of_another_epoch`. So does a cursor beyond the newest change. Then pull everything again from `0`.
    """
    async with request.app.state.database.read(caller.municipality_id) as reading:
        epoch, newest = await changes.epoch(reading)
        last = _last_seen(after, epoch, newest)
        page = await changes.page(reading, visibility_of(caller, reading.now), last, limit)
        changed = [change.visit for change in page if change.visit]
        corrections = await corrections_of(reading, changed)
        notes = await notes_for(caller, reading, changed)
        await shown(request, reading, (stored.visit.recipient for stored in changed))
    items: list[dict[str, Any]] = []
    for change in page:
        if change.visit is not None:
            items.append({"visit": visit_json(change.visit, corrections, notes)})
        elif change.withdrawn:
            items.append({"withdrawn": change.visit_id, "replaced_by": change.replaced_by})
    following = f"{epoch}.{page[-1].no if page else last}"
    return Response(to_json({"items": items, "next": following}), media_type="application/json")


def _last_seen(cursor: str, epoch: str, newest: int) -> int:
    """The number of the change a cursor stands at. Raises Problem `invalid_cursor`, `cursor_of_another_epoch`."""
    parts = re.fullmatch(r"(?:([0-9a-f]{12})\.)?(0|[1-9][0-9]{0,17})", cursor)
    if parts is None:
        raise Problem("invalid_cursor")
    last = int(parts[2])
    # Beyond the newest is a database that had more: one that was restored without anybody telling.
    if (parts[1] != epoch and cursor != "0") or last > newest:
        raise Problem("cursor_of_another_epoch")
    return last
