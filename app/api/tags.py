"""Tags: what they are, which door they hang at, and what state they are in."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, Field, StringConstraints

from app.actions.mount_tag import mount_tag, tell_state
from app.actions.put_master import Condition, Json, Outcome
from app.api.access import Caller, allow
from app.api.master import Kind, Ref, Text, Versioned, add_routes, condition_of, known_ref, record, written
from app.api.reading import read_json
from app.api.wire import Instant, Wire, answer_of, body_of
from app.store.database import Writing

router = APIRouter(tags=["master data"])

WRITERS = ("system", "admin", "planner")
SEPARATED = re.compile("[0-9A-Fa-f]{2}(?P<by>[:-])[0-9A-Fa-f]{2}((?P=by)[0-9A-Fa-f]{2})*")


def _plain_hex(value: object) -> object:
    """A UID as we write it: upper case, without what stands between its bytes."""
    if not isinstance(value, str):
        return value
    return (re.sub("[:-]", "", value) if SEPARATED.fullmatch(value) else value).upper()


Uid = Annotated[
    str,
    BeforeValidator(_plain_hex),
    StringConstraints(pattern="^([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})$"),
]
State = Literal["blank", "provisioned", "shipped", "mounted", "active", "suspended", "lost", "tampered", "retired"]


class TagBody(Wire):
    """A tag. `uid` is 4, 7 or 10 bytes in hex, with or without colons or hyphens."""

    kind: Literal["ntag424", "static"]
    uid: Uid
    keyset: Ref | None = None
    key_version: Annotated[int, Field(ge=0, le=255)] = 1


class MountBody(Wire):
    """Which household the tag hangs at from an instant on."""

    household: Ref
    at: Instant


class StateBody(Wire):
    """What state the tag is in from an instant on."""

    state: State
    at: Instant
    reason: Text


class TagAnswer(TagBody, Versioned):
    """A tag as stored, with every household it has hung at and every state it has had."""

    original: Annotated[bool, Field(description="Whether the maker's signature of its UID was verified.")] = False
    mounts: list[MountBody]
    states: list[StateBody]


TAG = {"kind": "static", "uid": "04A1B2C3D4E5F6"}
TAG_OUT = {
    "ref": "T-004",
    "version": 3,
    **TAG,
    "keyset": None,
    "key_version": 1,
    "mounts": [{"household": "H-004", "at": "2026-01-02T08:00:00Z"}],
    "states": [{"state": "active", "at": "2026-01-02T08:00:00Z", "reason": "mounted"}],
}
MOUNT = {"household": "H-004", "at": "2026-01-02T08:00:00Z"}
STATE = {"state": "lost", "at": "2026-06-02T08:00:00Z", "reason": "fallen from the wall"}


def _shown(_: Caller, body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "epochs"}


KIND = Kind("tags", "tag", TagBody, TagAnswer, TAG, TAG_OUT, writers=WRITERS, shown=_shown)
add_routes(router, KIND)

TagWriter = Annotated[Caller, Depends(allow(*WRITERS))]
Act = Callable[[Writing, Condition], Awaitable[Outcome]]


@router.post(
    "/v1/tags/{ref}/mount",
    operation_id="mount_tag",
    summary="Hang a tag at a household",
    openapi_extra=body_of(MountBody, example=MOUNT),
    responses=answer_of(TagAnswer, example=TAG_OUT),
)
async def mount(request: Request, ref: str, caller: TagWriter) -> Response:
    """Ends the earlier mount. Visits of taps that were made since are told anew. The same again changes nothing."""
    known_ref(ref)
    body = await read_json(request, MountBody)

    async def act(writing: Writing, condition: Condition) -> Outcome:
        return await mount_tag(writing, ref, body.household, body.at, by=caller.subject, condition=condition)

    return await _told(request, caller, ref, act)


@router.post(
    "/v1/tags/{ref}/state",
    operation_id="tell_tag_state",
    summary="Tell the state of a tag",
    openapi_extra=body_of(StateBody, example=STATE),
    responses=answer_of(TagAnswer, example=TAG_OUT),
)
async def state(request: Request, ref: str, caller: TagWriter) -> Response:
    """Judges the taps that arrive from now on by when they were made. The same again changes nothing."""
    known_ref(ref)
    body = await read_json(request, StateBody)

    async def act(writing: Writing, condition: Condition) -> Outcome:
        return await tell_state(writing, ref, body.state, body.at, body.reason, by=caller.subject, condition=condition)

    return await _told(request, caller, ref, act)


async def _told(request: Request, caller: Caller, ref: str, act: Act) -> Response:
    condition = condition_of(request)

    async def conditionally(writing: Writing) -> Outcome:
        return await act(writing, condition)

    return record(KIND, caller, ref, await written(request, caller, conditionally))
