"""Work shifts: a person chooses a shared phone by PIN, uses it under its own name, and leaves it."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import StringConstraints
from pydantic_core import to_json

from app.actions.access.pins import MOST_TRIES, begin_try, is_right
from app.actions.access.work_shifts import begin_work_shift, end_work_shift, may_use
from app.api.access.assertions import TOKEN_SECONDS, InvalidAssertionError, accept, signer_of
from app.api.access.pins import Pin, pin_secret
from app.api.http.access import Caller, Revocations, Tokens, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.problems import Problem
from app.api.http.refs import Ref
from app.api.http.shapes import AnyRef, IdInPath, Instant, Wire, answer_of, body_of, refused
from app.domain.register.device import WorkShift
from app.settings import Settings
from app.store.access.credentials import municipality_of_device
from app.store.access.pins import Pin as StoredPin
from app.store.access.work_shifts import StoredShift
from app.store.register import records

router = APIRouter(tags=["devices"])


class WorkShiftBody(Wire):
    """The phone by an assertion as for `POST /oauth/token`, and the person by staff ref and PIN."""

    assertion: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    staff: Ref
    pin: Pin


class WorkShiftAnswer(Wire):
    """A work shift. `ends_at` is when it ended, or when it ends at the latest."""

    id: UUID
    device: AnyRef
    staff: AnyRef
    began_at: Instant
    ends_at: Instant


class NewWorkShiftAnswer(WorkShiftAnswer):
    """A new work shift with the first token. Further ones are got at `POST /oauth/token` with `work_shift`."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


SHIFT_OUT = {
    "id": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
    "device": "D-7Q0M3ZK8W1B5XN2C",
    "staff": "S-07",
    "began_at": "2026-10-24T06:58:00Z",
    "ends_at": "2026-10-24T18:58:00Z",
}
BODY = {"assertion": "eyJhbGciOiJFUzI1NiJ9...", "staff": "S-07", "pin": "472916"}
TOKEN_OUT = {"access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9...", "token_type": "Bearer", "expires_in": 900}


def token_of_shift(
    request: Request, municipality_id: int, shift: StoredShift, scopes: tuple[str, ...]
) -> tuple[str, tuple[str, ...], int]:
    """A token for the person of a work shift, with its scopes and the seconds for which it is valid.

    After the end of the work shift it opens the way for the taps and the reports of that time, and nothing else.
    """
    tokens: Tokens = request.app.state.tokens
    left = int((shift.ends_at - request.app.state.clock.now()).total_seconds())
    over = left <= 0
    held = WorkShift(str(shift.id), shift.began_at, shift.ends_at if over else None)
    scopes = ("taps",) if over else scopes
    seconds = TOKEN_SECONDS if over else min(left, TOKEN_SECONDS)
    whose = {"staff": shift.staff, "device": shift.device}
    minted = tokens.mint(municipality_id, "staff", scopes=scopes, ttl_seconds=seconds, work_shift=held, **whose)
    return minted, scopes, seconds


@router.post(
    "/v1/work-shifts",
    operation_id="begin_work_shift",
    summary="Begin a work shift with a shared phone",
    status_code=201,
    openapi_extra=body_of(WorkShiftBody, example=BODY),
    responses=answer_of(NewWorkShiftAnswer, example=SHIFT_OUT | TOKEN_OUT, status=201, text="Created")
    | refused(401, 403),
)
async def begin(request: Request) -> Response:
    """Choose who uses a shared phone from now on. No token is needed: the phone signs, and the person gives its PIN.

    Any earlier work shift of the phone or of the person ends. A person that is unknown, has no PIN, works for another
    provider or gives a wrong PIN gets the same answer (403 `pin_wrong`). After five wrong tries: 403 `pin_locked`,
    until a planner gives a code for a new PIN.
    """
    body = await read_json(request, WorkShiftBody)
    municipality_id, device = await _signed(request, body.assertion)
    async with database(request).write(municipality_id) as writing:
        shared = writing.master.devices.get(device)
        if shared is None or shared.provider is None or shared.revoked_at is not None:
            raise Problem("unauthenticated")
        pin = await begin_try(writing, body.staff) if may_use(writing, shared, body.staff) else None
    await _require_right(request, municipality_id, body.pin, pin)
    settings: Settings = request.app.state.settings
    async with database(request).write(municipality_id) as writing:
        longest = dt.timedelta(hours=settings.work_shift_hours)
        shift = await begin_work_shift(writing, device, body.staff, longest)
    _look_again(request, municipality_id)
    token, _, seconds = token_of_shift(request, municipality_id, shift, ())
    answer = shift._asdict() | {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
    return Response(to_json(answer), 201, {"Cache-Control": "no-store"}, "application/json")


async def _signed(request: Request, assertion: str) -> tuple[int, str]:
    """The municipality and the ref of the device that signed. Raises Problem `unauthenticated`."""
    try:
        device = signer_of(assertion)
        municipality_id = await municipality_of_device(database(request), device)
        if municipality_id is None:
            raise Problem("unauthenticated")
        async with database(request).read(municipality_id) as reading:
            stored = await records.latest(reading, "devices", device)
        keys = [stored.body["public_key"]] if stored else []
        await accept(request, municipality_id, assertion, device, keys)
    except InvalidAssertionError as error:
        raise Problem("unauthenticated") from error
    return municipality_id, device


async def _require_right(request: Request, municipality_id: int, given: str, pin: StoredPin | None) -> None:
    """Raises Problem `pin_locked` or `pin_wrong`."""
    if pin is not None and pin.tries >= MOST_TRIES:
        raise Problem("pin_locked")
    if not await is_right(pin and pin.pin_hash, pin_secret(request, municipality_id, given)):
        raise Problem("pin_wrong")


@router.post(
    "/v1/work-shifts/{work_shift}/end",
    operation_id="end_work_shift",
    summary="End a work shift",
    responses=answer_of(WorkShiftAnswer, example=SHIFT_OUT | {"ends_at": "2026-10-24T15:04:00Z"}),
)
async def end(
    request: Request, work_shift: IdInPath, caller: Annotated[Caller, Depends(allow("staff", scope="taps"))]
) -> Response:
    """Leave a shared phone. Its tokens end within a minute. Taps that it has not sent yet are still taken as yours."""
    try:
        id_ = UUID(work_shift)
    except ValueError:
        raise Problem("unknown_ref") from None
    async with database(request).write(caller.municipality_id, with_master=False) as writing:
        shift = await end_work_shift(writing, id_, caller.staff or "")
    if shift is None:
        raise Problem("unknown_ref")
    _look_again(request, caller.municipality_id)
    return Response(to_json(shift._asdict()), media_type="application/json")


def _look_again(request: Request, municipality_id: int) -> None:
    revocations: Revocations = request.app.state.revocations
    revocations.look_again(municipality_id)
