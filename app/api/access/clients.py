"""Clients: machines that call on their own behalf, with a role, and a secret or keys (RFC 6749, client credentials)."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.access.make_client import make_client
from app.actions.access.put_client_keys import put_client_keys
from app.actions.access.revoke import revoke
from app.actions.versions import Json, PutOutcome
from app.api.access.devices import KEY, REVOKE, RevokeBody
from app.api.access.jwk import ClientKeys
from app.api.http.access import SCOPES, Caller, allow, digest_of, insufficient_scope
from app.api.http.json_bodies import read_json
from app.api.http.records import Conditional, RecordKind, Versioned, add_routes, author_of, record, written
from app.api.http.refs import Ref, known_ref
from app.api.http.shapes import AnyRef, Instant, OneOf, RefInPath, Wire, answer_of, body_of
from app.domain.closed_sets import ClientRole
from app.store.connection import Writing
from app.store.register import records

router = APIRouter(tags=["clients"])

SECRET_BYTES = 32
PURPOSE = "client"


class ClientBody(Wire):
    """The name and role of a client, its provider if it is a planner, its scopes, and its keys if it has its own."""

    ref: Ref
    role: ClientRole
    provider: Ref | None = None
    scopes: Annotated[
        list[Annotated[str, OneOf(SCOPES)]] | None,
        Field(min_length=1, description="The scopes that its tokens may have. Null: all scopes of the role."),
    ] = None
    jwks: Annotated[
        ClientKeys | None,
        Field(description="The client's public keys, by which it proves who it is. Null: it gets a secret."),
    ] = None

    @model_validator(mode="after")
    def _planners_alone_have_a_provider(self) -> "ClientBody":
        if (self.role == "planner") != (self.provider is not None):
            raise PydanticCustomError("invalid_value", "a planner and nobody else has a provider")
        return self


class ClientAnswer(Versioned):
    """A client as it is stored."""

    role: ClientRole
    provider: AnyRef | None
    scopes: list[Annotated[str, OneOf(SCOPES)]] | None
    jwks: Annotated[ClientKeys | None, Field(description="The client's public keys. Null if it has a secret.")]
    revoked_at: Instant | None
    reason: str | None


class NewClientAnswer(ClientAnswer):
    """A new client with its secret. The secret is shown only here; the service stores only its keyed hash."""

    client_id: str
    client_secret: str | None


CLIENT = {"ref": "ekonomi", "role": "system", "scopes": ["measures:read", "pay:read"]}
CLIENT_OUT = CLIENT | {"version": 1, "provider": None, "jwks": None, "revoked_at": None, "reason": None}
REVOKED_OUT = CLIENT_OUT | {"version": 2, "revoked_at": REVOKE["at"], "reason": REVOKE["reason"]}
KEYS = {"keys": [KEY | {"kid": "2026-10"}]}
KEYS_OUT = CLIENT_OUT | {"version": 2, "jwks": KEYS}
NEW_OUT = CLIENT_OUT | {"client_id": "188.ekonomi", "client_secret": "q2Jr7n0QmPdXn3c8b0Zr1TzqN9mW5uY4sVgKf6LhEaI"}


def _shown(_: Caller, body: Json) -> Json:
    return {name: body.get(name) for name in ("role", "provider", "scopes", "jwks", "revoked_at", "reason")}


KIND = RecordKind(
    "clients",
    "client",
    ClientBody,
    ClientAnswer,
    {},
    CLIENT_OUT,
    shown=_shown,
    writers=(),
    readers=("admin",),
    scope="clients",
)
Admin = Annotated[Caller, Depends(allow("admin", scope="clients"))]

add_routes(router, KIND)


@router.post(
    "/v1/clients",
    operation_id="create_client",
    summary="Create a client",
    status_code=201,
    openapi_extra=body_of(ClientBody, example=CLIENT),
    responses=answer_of(NewClientAnswer, example=NEW_OUT, status=201, text="Created"),
)
async def make(request: Request, caller: Admin) -> Response:
    """Create a client and its secret. The secret is shown only in this answer.

    A name can be given only once. If the secret is lost, create a client with another name. A client with `jwks` gets
    no secret: it signs an assertion with its private key, which never leaves it.
    """
    body = await read_json(request, ClientBody)
    scopes = None if body.scopes is None else list(dict.fromkeys(body.scopes))
    _require_within(caller, scopes)
    secret = secrets.token_urlsafe(SECRET_BYTES) if body.jwks is None else None
    proof = {
        "secret_digest": digest_of(request, PURPOSE, secret).hex() if secret else None,
        "jwks": body.jwks.kept() if body.jwks else None,
    }

    async def act(writing: Writing) -> PutOutcome:
        whose = (body.ref, body.role, body.provider, scopes)
        return await make_client(writing, *whose, proof=proof, by=caller.subject)

    outcome = await written(request, caller, act)
    # Refs are unique in a municipality only, and a request for a token does not name its municipality.
    named = {"client_id": f"{caller.municipality_id}.{body.ref}", "client_secret": secret}
    answer = {"ref": body.ref, "version": outcome.version, **_shown(caller, outcome.body), **named}
    return Response(to_json(answer), 201, media_type="application/json")


def _require_within(caller: Caller, scopes: list[str] | None) -> None:
    """Raises Problem `insufficient_scope` if a client with these scopes reaches further than the caller's own."""
    beyond = set(scopes or SCOPES) - caller.scopes
    if caller.scopes and beyond:  # else one that is held to little would make one that is not
        raise insufficient_scope(*(scope for scope in SCOPES if scope in beyond))


@router.put(
    "/v1/clients/{ref}/jwks",
    operation_id="put_client_keys",
    summary="Put the keys of a client",
    openapi_extra=body_of(ClientKeys, example=KEYS),
    responses=answer_of(ClientAnswer, example=KEYS_OUT, headers=["ETag"]),
)
async def put_keys(request: Request, ref: RefInPath, caller: Admin, condition: Conditional) -> Response:
    """Replace the public keys of a client. Assertions that are signed with a key of the former set are refused at once.

    To change a key without a gap, put both keys, let the client sign with the new one, then put the new one alone. A
    client with a secret can no longer use it.
    """
    known_ref(ref)
    body = await read_json(request, ClientKeys)

    async def act(writing: Writing) -> PutOutcome:
        stored = await records.latest(writing, "clients", ref)
        if stored is not None:
            _require_within(caller, stored.body.get("scopes"))  # whoever puts the keys can be the client
        return await put_client_keys(writing, ref, body.kept(), condition, by=caller.subject)

    return record(KIND, caller, ref, await written(request, caller, act))


@router.post(
    "/v1/clients/{ref}/revoke",
    operation_id="revoke_client",
    summary="Revoke a client",
    openapi_extra=body_of(RevokeBody, example=REVOKE),
    responses=answer_of(ClientAnswer, example=REVOKED_OUT, headers=["ETag"]),
)
async def revoke_client(request: Request, ref: RefInPath, caller: Admin) -> Response:
    """Revoke a client for good. It gets no new tokens, and its present tokens stop working within a minute."""
    known_ref(ref)
    body = await read_json(request, RevokeBody)

    async def act(writing: Writing) -> PutOutcome:
        return await revoke(writing, "clients", ref, body.since(writing.now), body.reason, author_of(caller))

    return record(KIND, caller, ref, await written(request, caller, act))
