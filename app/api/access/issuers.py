"""Identity providers that a municipality trusts to say who logs in (OpenID Connect)."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.actions.access.put_member import put_issuer
from app.actions.versions import Condition, PutOutcome
from app.api.http.access import Caller, encryption_of
from app.api.http.address import address_of
from app.api.http.problems import Problem
from app.api.http.records import RecordKind, Versioned, add_routes, stored_body, written
from app.api.http.refs import Line, Ref
from app.api.http.shapes import AnyRef, Wire
from app.domain.closed_sets import Role
from app.store.connection import Writing

router = APIRouter(tags=["people"])

_HOST = r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
_LOOPBACK = r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
# Codes and keys would otherwise pass in clear. A trial on one machine has no certificates.
ISSUER_URL = rf"^(https://{_HOST}|http://{_LOOPBACK})(/[A-Za-z0-9._~%/-]*)?$"

IssuerUrl = Annotated[str, StringConstraints(pattern=ISSUER_URL, max_length=255)]
ClaimName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.:/-]{1,128}$")]
Acr = Annotated[str, StringConstraints(pattern="^[!-~]{1,255}$")]


class ClaimsBody(Wire):
    """The claims of the identity provider that hold the names of a person.

    `email` opens a membership only with `email_verified`. `hsa_id` must be a claim that people cannot set themselves.
    """

    subject: ClaimName = "sub"
    hsa_id: ClaimName | None = None
    email: ClaimName | None = None


class IssuerFields(Wire):
    """An identity provider. With `provider`, it opens memberships of that provider alone."""

    title: Line | None = None
    issuer: IssuerUrl
    client_id: Annotated[Line, Field(description="The name by which the identity provider knows the service.")]
    private_key_jwt: bool = False
    claims: ClaimsBody = ClaimsBody()
    acr: Annotated[
        dict[Role, Annotated[list[Acr], Field(min_length=1, max_length=20)]],
        Field(description="The accepted levels of authentication (`acr`) by role. A role without any accepts all."),
    ] = {}  # noqa: RUF012 - pydantic copies it
    max_age_seconds: Annotated[int, Field(ge=60, le=86_400)] | None = 3600
    provider: Ref | None = None


class IssuerBody(IssuerFields):
    """An identity provider. If `client_secret` is left out, the stored one is kept; null deletes it. It is never shown.

    With `private_key_jwt` the service signs for itself instead, with a key of `/.well-known/jwks.json`. With neither,
    it is a public client. PKCE is used in all cases. An address without TLS is for a trial on one machine: a service
    with a public address sends nobody there.
    """

    client_secret: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None,
        Field(description="The secret that the identity provider gave the service. It is never shown."),
    ] = None

    @model_validator(mode="after")
    def _one_way_to_authenticate(self) -> "IssuerBody":
        if self.private_key_jwt and self.client_secret is not None:
            raise PydanticCustomError("invalid_value", "either a secret or a signature")
        return self


class IssuerAnswer(IssuerFields, Versioned):
    """An identity provider as it is stored, without its secret."""

    provider: AnyRef | None
    has_secret: bool


async def _put(request: Request, caller: Caller, ref: str, body: IssuerBody, condition: Condition) -> PutOutcome:
    if body.issuer.startswith("http:") and address_of(request, "").startswith("https:"):
        raise Problem("invalid_value", pointer="/issuer")  # a trial's, and no way to ask what else runs here
    stored = stored_body(body)
    secret = stored.pop("client_secret")
    given = "client_secret" in body.model_fields_set

    async def act(writing: Writing) -> PutOutcome:
        return await put_issuer(
            writing,
            ref,
            stored | {"has_secret": secret is not None if given else None},
            secret,
            by=caller.subject,
            condition=condition,
            encryption=encryption_of(request),
        )

    return await written(request, caller, act)


ISSUER_OUT = {
    "title": "Norrtälje kommun",
    "issuer": "https://login.microsoftonline.com/7d1c8f3a-0000-4000-8000-000000000000/v2.0",
    "client_id": "b3f1c2d4-0000-4000-8000-000000000000",
    "private_key_jwt": False,
    "claims": {"subject": "oid", "hsa_id": "hsa_id", "email": None},
    "acr": {"admin": ["http://id.elegnamnden.se/loa/1.0/loa3"]},
    "max_age_seconds": 3600,
    "provider": None,
}
ISSUER = ISSUER_OUT | {"client_secret": "q2Jr7n0QmPdXn3c8b0Zr1TzqN9mW5uY4sVgKf6LhEaI"}

add_routes(
    router,
    RecordKind(
        "issuers",
        "issuer",
        IssuerBody,
        IssuerAnswer,
        ISSUER,
        {"ref": "entra", "version": 1} | ISSUER_OUT | {"has_secret": True},
        writers=("admin",),
        readers=("admin",),
        scope="members",
        write_scope="members",
        put=_put,
    ),
)
