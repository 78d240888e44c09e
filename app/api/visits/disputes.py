"""Disputed taps that wait for a person: `GET /v1/disputes`, and the decision of one."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.actions.visits.resolve_dispute import resolve_dispute
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.api.http.access import Caller, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.looks import shown
from app.api.http.paging import Cursor, Limit, cursor_of, moment_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.pulls import PULLERS
from app.api.http.records import author_of, own_provider
from app.api.http.shapes import AnyRef, IdInPath, Instant, Wire, answer_of, body_of
from app.api.visits.corrections import Corrector, NoteBesideReason, corrected
from app.api.visits.visit_out import EXAMPLE as VISIT
from app.api.visits.visit_out import AnomalyCode, VisitOut, notes_for
from app.domain.closed_sets import Direction, Evidence
from app.domain.taps.judging import EPOCH
from app.domain.visits.correction import Reason
from app.store.access.access_log import living_at
from app.store.visits import corrections, disputes

router = APIRouter(tags=["visits"])


class DisputeOut(Wire):
    """A disputed tap: the reason, the person, the place if it is known, and the visits that wait for a decision."""

    tap: UUID
    code: AnomalyCode
    direction: Direction
    at: Instant
    received_at: Instant
    evidence: Evidence
    staff: AnyRef
    tag: AnyRef | None
    household: AnyRef | None
    visits: list[UUID]


class DisputesOut(Wire):
    """Disputed taps, the oldest first."""

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
    caller: Annotated[Caller, Depends(allow(*PULLERS, scope="visits:read"))],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the disputed taps: taps whose visit waits for a decision, and taps without a visit.

    A tap at a tag without a known household is no longer disputed once the tag is mounted for that time. A tap with the
    code `too_many` never becomes a visit: a person can have 400 taps a day and a household 1000. Planners see the taps
    of persons who were their own staff that day.
    """
    after = moment_of(words_of(cursor)) if cursor else (EPOCH, UUID(int=0))
    async with database(request).read(caller.municipality_id) as reading:
        page = await disputes.page(reading, own_provider(caller), after, limit + 1)
        doors = {one["household"] for one in page[:limit]} - {None}
        await shown(request, reading, await living_at(reading, doors))
    following = cursor_of(page[-2]["at"], page[-2]["tap"]) if len(page) > limit else None
    return paged(request, [one | {"visits": one["visits"] or []} for one in page[:limit]], following)


class Settled(Wire):
    """A decision about the tap, with its reason. With `id`, the call can safely be sent again."""

    id: UUID | None = None
    accept: bool
    reason: Reason
    note: NoteBesideReason = None


class SettledTap(Wire):
    """The decision about a tap without a visit. `id` is that of the fact, for its proof in the ledger."""

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
    """Accept or reject a disputed tap. It has the same effect as the correction `settle_dispute` of the tap's visit.

    A tap without a visit can be settled too, and then leaves the list. If its tag is mounted later for that time, an
    accepted tap makes an undisputed visit, and a rejected tap makes none. The answer is the visit, or the decision if
    there is no visit. `If-Match` is not needed, because a tap is settled only once. The answer is 409 if the tap is no
    longer disputed.
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
