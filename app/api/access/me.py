"""The caller of a request as the service knows it, whatever it came in by."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import Field

from app.actions.access.revoke import revoke
from app.actions.versions import keep
from app.api.http.access import ROLES, SCOPES, Bearer, Caller, Tokens, allow, database
from app.api.http.clock import now
from app.api.http.json_bodies import read_json
from app.api.http.problems import Problem
from app.api.http.refs import Line
from app.api.http.sessions import logged_in
from app.api.http.shapes import AnyRef, Instant, OneOf, Wire, answer_of, body_of
from app.domain.access.session import Session
from app.domain.author import Author
from app.domain.closed_sets import LoginMethod, Role
from app.domain.time import written
from app.store.access.members import tokens_of
from app.store.register.records import Stored

router = APIRouter(tags=["people"])

Anybody = Annotated[Caller, Depends(allow(*ROLES, scope="me"))]


class LoginOut(Wire):
    """The login of a person. `memberships` are those that it opened; the person may go on as another one of them."""

    method: LoginMethod
    started_at: Instant
    ends_at: Instant
    memberships: list[AnyRef]


class MeAnswer(Wire):
    """The caller. `login` is null for whoever came with a token."""

    municipality: int
    role: Role
    provider: AnyRef | None
    staff: AnyRef | None
    device: AnyRef | None
    client: AnyRef | None
    member: AnyRef | None
    scopes: Annotated[list[Annotated[str, OneOf(SCOPES)]], Field(description="Its scopes. Empty: all of the role.")]
    login: LoginOut | None


ME_OUT = {
    "municipality": 188,
    "role": "planner",
    "provider": "P-norr",
    "staff": None,
    "device": None,
    "client": None,
    "member": "M-17",
    "scopes": [],
    "login": {
        "method": "issuer",
        "started_at": "2026-10-24T06:58:00Z",
        "ends_at": "2026-10-24T16:58:00Z",
        "memberships": ["M-17"],
    },
}


@router.get("/v1/me", operation_id="get_me", summary="Get the caller", responses=answer_of(MeAnswer, example=ME_OUT))
async def me(request: Request, caller: Anybody) -> MeAnswer:
    """Get who the caller is: role, refs and scopes, and for a person who has logged in also how and until when."""
    person = None if "authorization" in request.headers else await logged_in(request)
    return MeAnswer(
        municipality=caller.municipality_id,
        role=caller.role,  # type: ignore[arg-type] # a token has no other
        provider=caller.provider,
        staff=caller.staff,
        device=caller.device,
        client=caller.client,
        member=caller.member,
        scopes=sorted(caller.scopes),
        login=_login(person.session) if person else None,
    )


def _login(session: Session) -> LoginOut:
    return LoginOut(
        method=session.method,
        started_at=session.started_at,
        ends_at=session.ends_at,
        memberships=list(session.choices),
    )


Scope = Annotated[str, OneOf(SCOPES)]


class OwnTokenBody(Wire):
    """The name of a token for a script of one's own, how long it is to be good, and its scopes."""

    name: Line
    minutes: Annotated[int, Field(ge=5, le=1440, description="The number of minutes for which it is good.")] = 60
    scopes: Annotated[
        list[Scope] | None, Field(min_length=1, description="Its scopes. Null: all scopes of the role.")
    ] = None


class OwnTokenOut(Wire):
    """A token that a person has made."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="The id of the token.")]
    name: str
    scopes: list[Scope]
    expires_at: Instant


class NewOwnTokenAnswer(OwnTokenOut):
    """A new token. It is shown only in this answer."""

    access_token: str


class OwnTokensAnswer(Wire):
    """The tokens of a person that are still good."""

    items: list[OwnTokenOut]


TOKEN = {
    "id": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "name": "my report",
    "scopes": ["measures:read"],
    "expires_at": "2026-10-24T09:12:00Z",
}
NEW_TOKEN = TOKEN | {"access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9..."}


def _person(request: Request, caller: Caller) -> str:
    """The membership of a person who has logged in. A token makes no tokens: it would never end."""
    if caller.member is None or "authorization" in request.headers:
        raise Problem("login_needed")
    return caller.member


@router.post(
    "/v1/me/tokens",
    operation_id="create_own_token",
    summary="Create a token for a script of one's own",
    status_code=201,
    openapi_extra=body_of(OwnTokenBody, example={"name": "my report", "minutes": 120, "scopes": ["measures:read"]}),
    responses=answer_of(NewOwnTokenAnswer, example=NEW_TOKEN, status=201, text="Created"),
)
async def make_token(request: Request, caller: Anybody) -> NewOwnTokenAnswer:
    """Create a token that acts as the person who has logged in. It is shown only in this answer.

    It ends with the membership within a minute, whatever its own end.
    """
    member = _person(request, caller)
    body = await read_json(request, OwnTokenBody)
    id_, scopes = str(uuid.uuid4()), list(dict.fromkeys(body.scopes or ()))
    expires_at = now(request) + dt.timedelta(minutes=body.minutes)
    refs: Bearer = {"provider": caller.provider, "staff": caller.staff, "member": member}
    stored = {
        "role": caller.role,
        **refs,
        "device": None,
        "name": body.name,
        "scopes": scopes,
        "expires_at": written(expires_at),
        "revoked_at": None,
        "reason": None,
    }
    tokens: Tokens = request.app.state.tokens
    minted = tokens.mint(
        caller.municipality_id, caller.role, scopes=scopes, ttl_seconds=body.minutes * 60, token=id_, **refs
    )
    async with database(request).write(caller.municipality_id, with_master=False) as writing:
        await keep(writing, "tokens", caller.subject, [Stored(id_, 1, removed=False, body=stored)])
    return NewOwnTokenAnswer(id=id_, name=body.name, scopes=scopes, expires_at=expires_at, access_token=minted)


@router.get(
    "/v1/me/tokens",
    operation_id="list_own_tokens",
    summary="List one's own tokens",
    responses=answer_of(OwnTokensAnswer, example={"items": [TOKEN]}),
)
async def list_tokens(request: Request, caller: Anybody) -> OwnTokensAnswer:
    """List the tokens that the person has made and that are still good."""
    member = _person(request, caller)
    async with database(request).read(caller.municipality_id) as reading:
        found = await tokens_of(reading, member)
    items = [
        OwnTokenOut(id=id_, name=body["name"], scopes=body["scopes"], expires_at=ends_at)
        for id_, body in found
        if not body["revoked_at"] and (ends_at := dt.datetime.fromisoformat(body["expires_at"])) > now(request)
    ]
    return OwnTokensAnswer(items=items)


@router.delete(
    "/v1/me/tokens/{token_id}",
    operation_id="revoke_own_token",
    summary="Revoke one's own token",
    response_description="Revoked",
    status_code=204,
    response_class=Response,
)
async def revoke_token(
    request: Request,
    token_id: Annotated[str, Path(json_schema_extra={"format": "uuid"}, description="The id of the token.")],
    caller: Anybody,
) -> Response:
    """Revoke a token that the person has made. It stops working within a minute."""
    member = _person(request, caller)
    async with database(request).write(caller.municipality_id, with_master=False) as writing:
        if token_id not in {id_ for id_, _ in await tokens_of(writing, member)}:
            raise Problem("unknown_token")
        await revoke(writing, "tokens", token_id, writing.now, "revoked by its owner", Author(caller.subject))
    return Response(status_code=204)
