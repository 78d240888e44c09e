"""Keysets: the keys of a set of tags, given once and never shown, and their states."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints

from app.actions.taps.put_keyset import GivenKeyset, put_keyset
from app.actions.versions import Condition, PutOutcome
from app.api.http.access import Caller, encryption_of
from app.api.http.records import RecordKind, Versioned, add_routes, written
from app.api.http.shapes import Described, Instant, Wire
from app.domain.closed_sets import KeysetState
from app.store.connection import Writing

router = APIRouter(tags=["master data"])

Key = Annotated[str, StringConstraints(pattern="^[0-9A-Fa-f]{32}$")]


class KeysetBody(Wire):
    """The keys of a set of tags, 16 bytes each in hex: one opens messages, the other gives the chips' own keys.

    The keys are given when the keyset is created, and are never shown. With `verify_only`, no more tags get these keys.
    With `retired` and `compromised`, messages are refused from now on. `compromised` is final.
    """

    meta_key: Key | None = None
    file_master: Key | None = None
    state: KeysetState = "active"


class KeysetStateSince(Described):
    """A state of a keyset and the time from which it holds."""

    state: KeysetState
    at: Instant


class KeysetAnswer(Versioned):
    """A keyset as it is stored, without its keys, with all states that it has had."""

    state: KeysetState
    states: list[KeysetStateSince]


async def _put(request: Request, caller: Caller, ref: str, body: KeysetBody, condition: Condition) -> PutOutcome:
    async def act(writing: Writing) -> PutOutcome:
        return await put_keyset(
            writing,
            ref,
            GivenKeyset(body.state, _bytes(body.meta_key), _bytes(body.file_master)),
            by=caller.subject,
            condition=condition,
            encryption=encryption_of(request),
            factory_keys=request.app.state.demo,
        )

    return await written(request, caller, act)


def _bytes(key: str | None) -> bytes | None:
    return None if key is None else bytes.fromhex(key)


KEYSET = {
    "meta_key": "7C0E9A51D3B24F6886AF2D1B90E7C354",
    "file_master": "E1A90B7742C65D38F0649C1E8B53DA27",
    "state": "active",
}
KEYSET_OUT = {
    "ref": "k1",
    "version": 1,
    "state": "active",
    "states": [{"state": "active", "at": "2026-01-02T08:00:00Z"}],
}
add_routes(
    router, RecordKind("keysets", "keyset", KeysetBody, KeysetAnswer, KEYSET, KEYSET_OUT, writers=("admin",), put=_put)
)
