"""Memberships: who may log in for a municipality, in which role, until when."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.access.log_in import offer_link
from app.actions.access.put_member import put_member
from app.actions.versions import Condition, PutOutcome
from app.api.http.access import Caller, allow, digest_of
from app.api.http.address import address_of
from app.api.http.records import RecordKind, Spanned, Versioned, add_routes, author_of, stored_body, written
from app.api.http.refs import Ref, known_ref, no_personal_number
from app.api.http.sessions import LINK_PURPOSE, new_secret
from app.api.http.shapes import AnyRef, Day, Instant, LastDay, RefInPath, Wire, answer_of, refused
from app.domain.access.member import BOUND_ROLES
from app.domain.closed_sets import Role
from app.store.connection import Writing

router = APIRouter(tags=["people"])

Subject = Annotated[str, StringConstraints(pattern="^[!-~]{1,255}$"), BeforeValidator(no_personal_number)]
HsaId = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9-]{1,31}$"), BeforeValidator(no_personal_number)]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$", max_length=254),
    BeforeValidator(no_personal_number),
]


class MemberFields(Spanned):
    """A membership. Its identity is one of `subject`, `hsa_id` and `email`.

    Without any, only a login link or a passkey opens it. A `subject` needs the `issuer` that it is a name of.
    """

    issuer: Ref | None = None
    subject: Subject | None = None
    hsa_id: HsaId | None = None
    email: Email | None = None
    role: Role
    provider: Ref | None = None
    staff: Ref | None = None
    valid_from: Day
    valid_to: LastDay = None


class MemberBody(MemberFields):
    """A membership. A planner and a staff member have a `provider` and nobody else; a staff member has a `staff`."""

    @model_validator(mode="after")
    def _whole(self) -> "MemberBody":
        if sum(one is not None for one in (self.subject, self.hsa_id, self.email)) > 1:
            raise PydanticCustomError("invalid_value", "one identity")
        if self.subject is not None and self.issuer is None:
            raise PydanticCustomError("invalid_value", "a subject is a name within one issuer")
        if (self.role in BOUND_ROLES) != (self.provider is not None):
            raise PydanticCustomError("invalid_value", "planners and staff have a provider and nobody else")
        if self.role == "staff" and self.staff is None:
            raise PydanticCustomError("invalid_value", "staff have a staff ref")
        return self


class MemberAnswer(MemberFields, Versioned):
    """A membership as it is stored."""

    issuer: AnyRef | None
    provider: AnyRef | None
    staff: AnyRef | None


async def _put(request: Request, caller: Caller, ref: str, body: MemberBody, condition: Condition) -> PutOutcome:
    async def act(writing: Writing) -> PutOutcome:
        return await put_member(writing, ref, stored_body(body), author=author_of(caller), condition=condition)

    return await written(request, caller, act)


MEMBER = {
    "issuer": "entra",
    "subject": None,
    "hsa_id": "SE2321000016-1A2B",
    "email": None,
    "role": "planner",
    "provider": "P-norr",
    "staff": None,
    "valid_from": "2026-01-01",
    "valid_to": None,
}
KIND = RecordKind(
    "members",
    "member",
    MemberBody,
    MemberAnswer,
    MEMBER,
    {"ref": "M-17", "version": 1} | MEMBER,
    visible_by="provider",
    writers=("admin", "planner"),
    readers=("admin", "planner"),
    scope="members",
    write_scope="members",
    put=_put,
)
add_routes(router, KIND)


class LinkAnswer(Wire):
    """A login link. It works once, until `expires_at`, and lets the person make a passkey."""

    member: AnyRef
    address: str
    expires_at: Instant


LINK_OUT = {
    "member": "M-17",
    "address": "https://taggad.example/login/link/188.q2Jr7n0QmPdXn3c8b0Zr1TzqN9mW5uY4sVgKf6LhEaI",
    "expires_at": "2026-10-24T07:13:00Z",
}


@router.post(
    "/v1/members/{ref}/link",
    operation_id="create_login_link",
    summary="Create a login link",
    status_code=201,
    responses=answer_of(LinkAnswer, example=LINK_OUT, status=201, text="Created") | refused(409),
)
async def link(
    request: Request, ref: RefInPath, caller: Annotated[Caller, Depends(allow("admin", "planner", scope="members"))]
) -> Response:
    """Create a link that logs a member in once, within fifteen minutes. It is shown only in this answer.

    Give it to the person yourself: whoever opens it is taken for the member. The service stores only its keyed hash.
    """
    known_ref(ref)
    secret = new_secret(caller.municipality_id)
    digest = digest_of(request, LINK_PURPOSE, secret)

    async def act(writing: Writing) -> PutOutcome:
        return await offer_link(writing, ref, digest, author_of(caller))

    outcome = await written(request, caller, act)
    answer = outcome.body | {"address": address_of(request, f"/login/link/{secret}")}
    return Response(to_json(answer), 201, media_type="application/json")
