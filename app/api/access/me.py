"""The caller of a request as the service knows it, whatever it came in by."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from app.api.http.access import ROLES, SCOPES, Caller, allow
from app.api.http.sessions import logged_in
from app.api.http.shapes import AnyRef, Instant, OneOf, Wire, answer_of
from app.domain.access.session import Session
from app.domain.closed_sets import LoginMethod, Role

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
