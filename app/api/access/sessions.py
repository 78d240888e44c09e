"""Sessions of people who have logged in: who is in, and how one is ended by somebody else."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import Field

from app.actions.access.end_logins import end_session as end_login
from app.api.http.access import Caller, allow, database
from app.api.http.problems import Problem
from app.api.http.records import author_of, own_provider
from app.api.http.sessions import limits_of
from app.api.http.shapes import AnyRef, Instant, Wire, answer_of
from app.domain.access.session import Session
from app.domain.closed_sets import LoginMethod
from app.store.access import members, sessions
from app.store.connection import Reading

router = APIRouter(tags=["people"])

Administrator = Annotated[Caller, Depends(allow("admin", "planner", scope="members"))]


class SessionOut(Wire):
    """A person who is logged in. `member` is null while the person has not chosen a membership."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    member: AnyRef | None
    method: LoginMethod
    started_at: Instant
    seen_at: Instant
    ends_at: Instant


class SessionsAnswer(Wire):
    """The persons who are logged in, whoever came first first."""

    items: list[SessionOut]


SESSION = {
    "id": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "member": "M-17",
    "method": "issuer",
    "started_at": "2026-10-24T06:58:00Z",
    "seen_at": "2026-10-24T08:12:00Z",
    "ends_at": "2026-10-24T16:58:00Z",
}


async def _visible(request: Request, reading: Reading, caller: Caller) -> list[Session]:
    """The sessions of the municipality; for a planner, those of its provider's memberships."""
    present = await sessions.present(reading, limits_of(request).idle)
    provider = own_provider(caller)
    if provider is None:
        return list(present)
    own = {one.ref for one in await members.members(reading) if one.provider == provider}
    return [one for one in present if one.member in own]


@router.get(
    "/v1/sessions",
    operation_id="list_sessions",
    summary="List sessions",
    responses=answer_of(SessionsAnswer, example={"items": [SESSION]}),
)
async def list_sessions(request: Request, caller: Administrator) -> SessionsAnswer:
    """List the persons who are logged in now. A planner sees those who are so for its own provider."""
    async with database(request).read(caller.municipality_id) as reading:
        found = await _visible(request, reading, caller)
    return SessionsAnswer(
        items=[
            SessionOut(
                id=str(one.id),
                member=one.member,
                method=one.method,
                started_at=one.started_at,
                seen_at=one.seen_at,
                ends_at=one.ends_at,
            )
            for one in found
        ]
    )


@router.delete(
    "/v1/sessions/{session_id}",
    operation_id="revoke_session",
    summary="Revoke a session",
    response_description="Ended",
    status_code=204,
    response_class=Response,
)
async def end_session(
    request: Request,
    session_id: Annotated[str, Path(json_schema_extra={"format": "uuid"}, description="The id of the session.")],
    caller: Administrator,
) -> Response:
    """End a session at once. The person may log in again: to shut somebody out, end the membership."""
    async with database(request).write(caller.municipality_id) as writing:
        found = [one for one in await _visible(request, writing, caller) if str(one.id) == session_id]
        if not found:
            raise Problem("unknown_session")
        await end_login(writing, found[0].id, author_of(caller))
    return Response(status_code=204)
