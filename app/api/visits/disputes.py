"""Disputed taps that wait for a person: `GET /v1/disputes`, and the decision of one."""

from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.actions.visits.resolve_dispute import resolve_dispute
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.api.http.access import Caller, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.paging import cursor_of, moment_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.records import own_provider
from app.api.http.shapes import AnyRef, IdInPath, Instant, Wire, answer_of, body_of
from app.api.visits.corrections import Corrector, NoteBesideReason, author_of, corrected
from app.api.visits.visits import EXAMPLE as VISIT
from app.api.visits.visits import AnomalyCode, VisitOut, notes_for
from app.domain.taps.judging import EPOCH
from app.domain.visits.correction import Reason
from app.domain.visits.evidence import Evidence
from app.store.visits import corrections, disputes

router = APIRouter(tags=["visits"])


class DisputeOut(Wire):
    """A disputed tap: why, whose, where it was as far as anybody has told, and the visits it holds."""

    tap: UUID
    code: AnomalyCode
    direction: Literal["in", "out", "auto"]
    at: Instant
    received_at: Instant
    evidence: Evidence
    staff: AnyRef
    tag: AnyRef | None
    household: AnyRef | None
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
    responses=answer_of(DisputesOut, example={"items": [EXAMPLE], "next": None}, headers=["Link"]),
)
async def list_disputes(
    request: Request,
    caller: Annotated[Caller, Depends(allow("planner", "system", "controller", "admin", scope="visits:read"))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Taps whose visit is held until a person decides, and taps that no visit has come of.

    Those at a tag that nobody has told to hang anywhere heal when it is told to hang somewhere then. Those that were
    more than a person (400) or a door (1000) can have in a day, `too_many`, never become one. Planners see those
    of who was their own staff that day.
    """
    after = moment_of(words_of(cursor)) if cursor else (EPOCH, UUID(int=0))
    async with database(request).read(caller.municipality_id) as reading:
        found = await disputes.page(reading, own_provider(caller), after, limit + 1)
    following = cursor_of(found[-2]["at"], found[-2]["tap"]) if len(found) > limit else None
    return paged(request, [one | {"visits": one["visits"] or []} for one in found[:limit]], following)


class Settled(Wire):
    """Whether the tap stands, and why. `id` makes it safe to send again."""

    id: UUID | None = None
    accept: bool
    reason: Reason
    note: NoteBesideReason = None


class SettledTap(Wire):
    """A tap without a visit that has been decided of. `id` is the fact's, for its proof in the ledger."""

    id: UUID
    tap: UUID
    accept: bool
    visits: list[UUID]


@router.post(
    "/v1/disputes/{tap}/settle",
    operation_id="settle_dispute",
    summary="Settle a disputed tap",
    status_code=201,
    openapi_extra=body_of(Settled, example={"accept": True, "reason": "equipment"}),
    responses=answer_of(VisitOut | SettledTap, example=VISIT, status=201, text="Settled", headers=["ETag"]),
)
async def settle(request: Request, caller: Corrector, tap: IdInPath) -> Response:
    """The same as the correction `resolve_dispute` of the tap's visit: it is confirmed, or omitted.

    A tap that has no visit is settled by itself: it leaves the list, and when its tag is told to have hung somewhere
    then, an accepted tap disputes no visit and a rejected one makes none. The answer is then that decision, else the
    visit. `If-Match` is not asked for: a tap's dispute is decided once. 409 where nothing is disputed any more.
    """
    settled = await read_json(request, Settled)
    try:
        tap_id = UUID(tap)
    except ValueError as error:
        raise Problem("not_found") from error
    asked = CorrectionRequest(
        settled.id or uuid4(), "settle_dispute", {"accept": settled.accept}, settled.reason, settled.note
    )
    try:
        async with database(request).write(caller.municipality_id) as writing:
            stored = await resolve_dispute(writing, tap_id, asked, author_of(caller))
            if stored is not None:
                shown = await corrections.shown(writing, stored.visit.corrections)
                return corrected(stored, shown, await notes_for(caller, writing, [stored]))
    except CorrectionRefusedError as error:
        raise Problem(error.code, pointer=error.pointer) from error
    body = {"id": asked.id, "tap": tap_id, "accept": settled.accept, "visits": []}
    return Response(to_json(body), status_code=201, media_type="application/json")
