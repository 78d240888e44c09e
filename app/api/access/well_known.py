"""Our public keys and the abilities of the token endpoint, where OAuth libraries look them up."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.api.access.assertions import ALGORITHMS, JWT_BEARER
from app.api.http.access import ALGORITHM, SCOPES, Tokens
from app.api.http.address import address_of
from app.api.http.shapes import Described, OneOf, answer_of

router = APIRouter(tags=["tokens"])

GRANTS = ("client_credentials", JWT_BEARER)
METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
FRESH = {"Cache-Control": "public, max-age=300"}
"""A new key is put into the set long before it signs, so the set may be kept for a while."""


class SigningKey(Described):
    """A public key that verifies access tokens (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    use: Literal["sig"]
    alg: Literal["ES256"]


class SigningKeys(Described):
    """Every public key that may verify an access token of this service: the one that signs, and others in rotation."""

    keys: list[SigningKey] = Field(description="The keys. The first one signs.")


class ServerMetadata(Described):
    """The description of the token endpoint (RFC 8414)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    service_documentation: str
    grant_types_supported: list[Annotated[str, OneOf(GRANTS)]]
    response_types_supported: list[str] = Field(description="Empty: there is no authorization endpoint.")
    token_endpoint_auth_methods_supported: list[Annotated[str, OneOf(METHODS)]]
    token_endpoint_auth_signing_alg_values_supported: list[Annotated[str, OneOf(ALGORITHMS)]]
    scopes_supported: list[Annotated[str, OneOf(SCOPES)]]


KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    "use": "sig",
    "alg": ALGORITHM,
}


def _metadata(origin: str) -> dict[str, object]:
    return {
        "issuer": origin,
        "token_endpoint": f"{origin}/oauth/token",
        "jwks_uri": f"{origin}/.well-known/jwks.json",
        "service_documentation": f"{origin}/docs",
        "grant_types_supported": list(GRANTS),
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
    }


@router.get(
    "/.well-known/jwks.json",
    operation_id="get_signing_keys",
    summary="Get the keys that verify tokens",
    responses=answer_of(SigningKeys, example={"keys": [KEY]}),
)
async def signing_keys(request: Request) -> Response:
    """Get the public keys that verify our access tokens. A token names its key as `kid`."""
    tokens: Tokens = request.app.state.tokens
    keys = [key | {"use": "sig", "alg": ALGORITHM} for key in tokens.public_keys()]
    return Response(to_json({"keys": keys}), 200, FRESH, "application/json")


@router.get(
    "/.well-known/oauth-authorization-server",
    operation_id="get_server_metadata",
    summary="Get the description of the token endpoint",
    responses=answer_of(ServerMetadata, example=_metadata("https://taggad.example")),
)
async def server_metadata(request: Request) -> Response:
    """Get what an OAuth library needs to know of the token endpoint (RFC 8414)."""
    return Response(to_json(_metadata(address_of(request, ""))), 200, FRESH, "application/json")
