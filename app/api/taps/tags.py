"""Tags: what they are, which door they hang at, and what state they are in."""

import datetime as dt
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, Field, StringConstraints

from app.actions.taps.mount_tag import mount_tag, set_tag_state
from app.actions.versions import Json, PutOutcome
from app.api.http.access import Caller, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.paging import Cursor, Limit, cursor_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.records import (
    READERS,
    Conditional,
    RecordKind,
    Versioned,
    add_routes,
    author_of,
    own_provider,
    record,
    visible_outcome,
    written,
)
from app.api.http.refs import Ref, Text, known_ref
from app.api.http.shapes import AnyRef, Instant, RefInPath, Wire, answer_of, body_of, page_of
from app.domain.closed_sets import TagKind, TagState
from app.domain.time import UTC
from app.store.connection import Reading, Writing
from app.store.taps.tags import households_served, moved

router = APIRouter(tags=["master data"])

WRITERS = ("system", "admin", "planner")
WRITTEN = "^[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){3,9}$"
SEPARATED = re.compile("[0-9A-Fa-f]{2}(?P<by>[:-])[0-9A-Fa-f]{2}((?P=by)[0-9A-Fa-f]{2})*")


def _plain_hex(value: object) -> object:
    """A UID as we write it: upper case, without what stands between its bytes."""
    if not isinstance(value, str):
        return value
    return (re.sub("[:-]", "", value) if SEPARATED.fullmatch(value) else value).upper()


Uid = Annotated[
    str,
    BeforeValidator(_plain_hex, json_schema_input_type=Annotated[str, StringConstraints(pattern=WRITTEN)]),
    StringConstraints(pattern="^([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})$"),
]


class TagBody(Wire):
    """A tag with its UID and, if it has keys, its keyset."""

    kind: TagKind
    uid: Uid
    keyset: Ref | None = None
    key_version: Annotated[int, Field(ge=0, le=255)] = 1


class MountBody(Wire):
    """The household where the tag hangs from a time on."""

    household: Ref
    at: Instant


class StateBody(Wire):
    """The state of the tag from a time on."""

    state: TagState
    at: Instant
    reason: Text


class TagAnswer(TagBody, Versioned):
    """A tag as it is stored, with all households where it has hung and all states that it has had.

    A planner sees the households where its provider has or has had an order.
    """

    original: Annotated[bool, Field(description="True if the maker's signature of the UID was verified.")] = False
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


class TagMove(Wire):
    """A tag that somebody else took away from a household where the provider had an open order."""

    provider: AnyRef
    tag: AnyRef
    household: AnyRef
    at: Instant
    moved_by: AnyRef | None


MOVE = {"provider": "P-norr", "tag": "T-004", "household": "H-004", "at": "2026-06-02T08:00:00Z", "moved_by": "P-syd"}
INTERNAL = frozenset({"epochs", "registered_by"})


def _shown(_: Caller, body: Json) -> Json:
    mounts = [{"household": one["household"], "at": one["at"]} for one in body["mounts"]]
    return {name: value for name, value in body.items() if name not in INTERNAL} | {"mounts": mounts}


async def _at_own_doors(transaction: Reading | Writing, caller: Caller, bodies: Sequence[Json]) -> Sequence[Json]:
    """Tags with the households alone that a planner's provider serves."""
    provider = own_provider(caller)
    if provider is None:
        return bodies
    doors = {one["household"] for body in bodies for one in body["mounts"]}
    served = await households_served(transaction, provider, doors)
    return [body | {"mounts": [one for one in body["mounts"] if one["household"] in served]} for body in bodies]


KIND = RecordKind(
    "tags",
    "tag",
    TagBody,
    TagAnswer,
    TAG,
    TAG_OUT,
    visible_by="hung_at",
    within=_at_own_doors,
    writers=WRITERS,
    shown=_shown,
)
add_routes(router, KIND)

TagWriter = Annotated[Caller, Depends(allow(*WRITERS, scope="records:write"))]
Act = Callable[[Writing], Awaitable[PutOutcome]]


@router.post(
    "/v1/tags/{ref}/mount",
    operation_id="mount_tag",
    summary="Mount a tag at a household",
    openapi_extra=body_of(MountBody, example=MOUNT),
    responses=answer_of(TagAnswer, example=TAG_OUT, headers=["ETag"]),
)
async def mount(request: Request, ref: RefInPath, caller: TagWriter, condition: Conditional) -> Response:
    """Say at which household the tag hangs from a time on. This ends the earlier mount.

    Visits of taps that were made since then are computed again. The same call changes nothing when it is repeated.

    Planners mount their own new tags and the tags of households that they serve, at households where their provider has
    or has had an order. Other households are unknown to them. Other providers with an open order at the old household
    see the move in `/v1/tag-moves`.
    """
    known_ref(ref)
    body = await read_json(request, MountBody)

    async def act(writing: Writing) -> PutOutcome:
        return await mount_tag(
            writing,
            ref,
            body.household,
            body.at,
            author_of(caller),
            condition,
        )

    return await _answer(request, caller, ref, act)


@router.post(
    "/v1/tags/{ref}/state",
    operation_id="set_tag_state",
    summary="Set the state of a tag",
    openapi_extra=body_of(StateBody, example=STATE),
    responses=answer_of(TagAnswer, example=TAG_OUT, headers=["ETag"]),
)
async def state(request: Request, ref: RefInPath, caller: TagWriter, condition: Conditional) -> Response:
    """Set the state of a tag from a time on. Taps that arrive later are judged by the state at the time of the tap.

    The same call changes nothing when it is repeated.
    """
    known_ref(ref)
    body = await read_json(request, StateBody)

    async def act(writing: Writing) -> PutOutcome:
        return await set_tag_state(
            writing,
            ref,
            body.state,
            body.at,
            body.reason,
            author_of(caller),
            condition,
        )

    return await _answer(request, caller, ref, act)


async def _answer(request: Request, caller: Caller, ref: str, act: Act) -> Response:
    async def seen_act(writing: Writing) -> PutOutcome:
        return await visible_outcome(writing, KIND, caller, await act(writing))

    return record(KIND, caller, ref, await written(request, caller, seen_act))


@router.get(
    "/v1/tag-moves",
    operation_id="list_tag_moves",
    summary="List tags that others have moved",
    responses=answer_of(page_of(TagMove), example={"items": [MOVE], "next": None}, headers=["Link"]),
)
async def tag_moves(
    request: Request,
    caller: Annotated[Caller, Depends(allow(*READERS, scope="records:read"))],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List tags that somebody else has moved away from a household where a provider had an open order.

    The list is in the order of time. Planners see the moves that concern their own provider.
    """
    after = (dt.datetime.min.replace(tzinfo=UTC), "", "") if cursor is None else _after(cursor)
    async with database(request).read(caller.municipality_id) as reading:
        moves = await moved(reading, own_provider(caller), after, limit + 1)
    following = cursor_of(*moves[limit - 1][:3]) if len(moves) > limit else None
    items = [TagMove.model_validate(one._asdict()).model_dump() for one in moves[:limit]]
    return paged(request, items, following)


def _after(cursor: str) -> tuple[dt.datetime, str, str]:
    """The place in a cursor. Raises Problem `invalid_cursor`."""
    try:
        at, tag, provider = words_of(cursor)
        return dt.datetime.fromisoformat(at).astimezone(UTC), tag, provider
    except (ValueError, OverflowError) as error:
        raise Problem("invalid_cursor") from error
