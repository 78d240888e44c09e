"""Visits as people and machines read them: `GET /v1/visits` and one visit."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from app.api.http.access import Caller, allow
from app.api.http.looks import shown
from app.api.http.paging import cursor_of, moment_of, paged, words_of
from app.api.http.problems import FieldError, Problem
from app.api.http.shapes import AnyRef, Day, IdInPath, Wire, answer_of, sent
from app.api.http.visibility import purpose_of, require_employed, require_known, visibility_of
from app.api.visits.visit_out import EXAMPLE, AnomalyCode, VisitOut, corrections_of, notes_for, visit_json
from app.domain.closed_sets import EmergencyReason, Status
from app.store.visits import visit_list
from app.store.visits.visit_list import VisitFilter

router = APIRouter(tags=["visits"])
READERS = ("staff", "planner", "system", "controller", "admin", "case_officer")
Reader = Annotated[Caller, Depends(allow(*READERS, scope="visits:read"))]
Emergency = Annotated[
    EmergencyReason | None,
    Field(description="The reason for which a case officer reads visits without a consent. It is logged."),
]


class VisitsOut(Wire):
    """A page of visits."""

    items: list[VisitOut]
    next: str | None


class VisitQuery(BaseModel):
    """The filters of a list; days are local and inclusive."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    recipient: AnyRef | None = None
    provider: AnyRef | None = None
    staff: AnyRef | None = None
    status: Status | None = None
    anomaly: AnomalyCode | None = None
    emergency: Emergency = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: str | None = None


MOVED: dict[int | str, dict[str, Any]] = {301: {"description": "Another visit took its place"} | sent("Location")}


@router.get(
    "/v1/visits",
    operation_id="list_visits",
    summary="List visits",
    responses=answer_of(VisitsOut, example={"items": [EXAMPLE], "next": None}, headers=["Link"]),
)
async def list_visits(
    request: Request,
    caller: Reader,
    query: Annotated[VisitQuery, Query()],
) -> Response:
    """List visits by their start, the oldest first. A visit without a known start is listed by its end.

    The answer is always JSON, whatever `Accept` says. A ref that does not exist gives 404 `unknown_ref`. Staff see
    their own visits of the last 48 hours while they are employed. Planners see the visits of their provider.
    Case officers ask about one `recipient`, and need a consent or an `emergency`: otherwise 403 `consent_missing`.
    """
    if caller.role == "case_officer" and query.recipient is None:
        raise Problem("invalid_parameter", errors=[FieldError("/query/recipient", "missing_field")])
    after = moment_of(words_of(query.cursor)) if query.cursor else None
    wanted = VisitFilter(
        query.from_, query.to, query.recipient, query.provider, query.staff, query.status, query.anomaly
    )
    async with request.app.state.database.read(caller.municipality_id) as reading:
        await require_employed(reading, caller)
        await require_known(reading, caller, recipient=query.recipient, provider=query.provider, staff=query.staff)
        purpose = await purpose_of(reading, caller, query.recipient, query.emergency)
        page = await visit_list.page(reading, visibility_of(caller, reading.now), wanted, after, query.limit + 1)
        corrections = await corrections_of(reading, page)
        notes = await notes_for(caller, reading, page)
        await shown(request, reading, (stored.visit.recipient for stored in page[: query.limit]), purpose)
    following = cursor_of(page[-2].visit.anchor_at, page[-2].visit.id) if len(page) > query.limit else None
    return paged(request, [visit_json(stored, corrections, notes) for stored in page[: query.limit]], following)


@router.get(
    "/v1/visits/{visit_id}",
    operation_id="get_visit",
    summary="Get a visit",
    responses=answer_of(VisitOut, example=EXAMPLE, headers=["ETag"]) | MOVED,
)
async def get_visit(
    request: Request, caller: Reader, visit_id: IdInPath, emergency: Annotated[Emergency, Query()] = None
) -> Response:
    """Get one visit. Its `ETag` is its version.

    The answer is 301 if another visit has taken its place, and 410 if it no longer exists. A visit that you may not see
    gives 404: to a case officer, one of a recipient without a consent, unless there is an `emergency`.
    """
    try:
        id_ = UUID(visit_id)
    except ValueError as error:
        raise Problem("not_found") from error
    async with request.app.state.database.read(caller.municipality_id) as reading:
        visibility = visibility_of(caller, reading.now)
        await require_employed(reading, caller)
        stored = await visit_list.one(reading, visibility, id_)
        if stored is None:
            gone, replaced_by = await visit_list.withdrawn(reading, visibility, id_)
            if not gone or caller.role == "case_officer":  # the id leads to nobody's consent any longer
                raise Problem("not_found")
            if replaced_by is None:
                raise Problem("visit_withdrawn")
            return Response(status_code=301, headers={"Location": f"/v1/visits/{replaced_by}"})
        try:
            purpose = await purpose_of(reading, caller, stored.visit.recipient, emergency)
        except Problem:
            raise Problem("not_found") from None
        corrections = await corrections_of(reading, [stored])
        notes = await notes_for(caller, reading, [stored])
        await shown(request, reading, [stored.visit.recipient], purpose)
    headers = {"ETag": f'"{stored.version}"'}
    return Response(to_json(visit_json(stored, corrections, notes)), media_type="application/json", headers=headers)
