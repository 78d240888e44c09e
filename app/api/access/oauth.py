"""`POST /oauth/token`: devices ask with an assertion they have signed (RFC 7523), clients with their secret (RFC 6749).

Refusals are RFC 6749's own JSON, because what calls here is often somebody else's OAuth library.
"""

import datetime as dt
import hmac
import re
from base64 import b64decode
from binascii import Error as Base64Error
from hashlib import blake2b
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import Field
from pydantic_core import from_json, to_json

from app.api.access.clients import PURPOSE
from app.api.http.access import ALGORITHM, ISSUER, LEEWAY_SECONDS, SCOPES, Tokens, database, digest_of
from app.api.http.address import address_of
from app.api.http.clock import now
from app.api.http.json_bodies import read_form
from app.api.http.problems import Problem
from app.api.http.shapes import REF, Described, OneOf, answer_of
from app.domain.time import UTC
from app.store.access import credentials
from app.store.database import UnknownMunicipalityError
from app.store.register import records

router = APIRouter(tags=["tokens"])

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 900
LONGEST_ASSERTION_SECONDS = 300
LONGEST_JTI = 128
CLIENT_ID = re.compile(r"([1-9][0-9]{0,3})\.(.+)", re.DOTALL)

Scopes = tuple[str, ...]
Granted = tuple[str, Scopes]
"""A token, and the scopes it is held to."""

TEXTS = {
    "invalid_request": "the body must be a form with grant_type and what that grant needs, each once",
    "unsupported_grant_type": f"grant_type must be client_credentials or {JWT_BEARER}",
    "invalid_client": "the client is unknown or revoked, or this is not its secret",
    "invalid_grant": "the assertion is not one of an enrolled device, made for us, fresh and unused",
    "invalid_scope": "a scope is unknown, or more than the client is registered with",
}


class TokenAnswer(Described):
    """An access token and the number of seconds for which it is valid."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str = Field(default="", description="The scopes of the token. Left out: all scopes of the role.")


class TokenRefusal(Described):
    """A refusal to give a token (RFC 6749, 5.2)."""

    error: Annotated[str, OneOf(TEXTS)]
    error_description: str


class _RefusedError(Exception):
    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


EXAMPLE_OUT = {"access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9...", "token_type": "Bearer", "expires_in": 900}
FIELDS = {
    "grant_type": "The kind of request: `client_credentials` for a client, the address of RFC 7523 for a device.",
    "assertion": "The signed assertion of a device (RFC 7523).",
    "client_id": "The id of a client, if it is not sent by HTTP Basic.",
    "client_secret": "The secret of a client, if it is not sent by HTTP Basic.",
    "scope": "The scopes that the token is to have, separated by spaces. Left out: all that are allowed.",
}
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": "string", "description": text} for name, text in FIELDS.items()},
                    "required": ["grant_type"],
                },
                "examples": {
                    "device": {"value": {"grant_type": JWT_BEARER, "assertion": "eyJhbGciOiJFUzI1NiJ9..."}},
                    "client": {
                        "value": {
                            "grant_type": "client_credentials",
                            "client_id": "188.ekonomi",
                            "client_secret": "q2Jr7n0QmPdXn3c8b0Zr1TzqN9mW5uY4sVgKf6LhEaI",
                        }
                    },
                },
            }
        },
    }
}


def _refusal(status: int, error: str) -> dict[int | str, dict[str, Any]]:
    example = {"error": error, "error_description": TEXTS[error]}
    headers = ["WWW-Authenticate"] if error == "invalid_client" else []
    return answer_of(TokenRefusal, example=example, status=status, text="A refusal (RFC 6749, 5.2)", headers=headers)


@router.post(
    "/oauth/token",
    operation_id="get_token",
    summary="Get an access token",
    openapi_extra=FORM,
    responses=answer_of(TokenAnswer, example=EXAMPLE_OUT)
    | _refusal(400, "invalid_grant")
    | _refusal(401, "invalid_client"),
)
async def token(request: Request) -> Response:
    """Get an access token for a device or a client. It is valid for fifteen minutes. Then ask again.

    A device sends an assertion, signed with ES256: `iss` and `sub` are its ref, `aud` is this address, `exp` is within
    five minutes, and `jti` is used only once. A client sends its id and secret, by HTTP Basic or in the form. With
    `scope`, the token may do less than the role and the client may. It can never do more.
    """
    try:
        minted, scopes = await _granted(request, await _form(request))
    except _RefusedError as refused:
        return _answer(
            {"error": refused.error, "error_description": TEXTS[refused.error]},
            401 if refused.error == "invalid_client" else 400,
        )
    held = {"scope": " ".join(scopes)} if scopes else {}
    return _answer({"access_token": minted, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, **held}, 200)


def _answer(body: dict[str, Any], status: int) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == 401:  # noqa: PLR2004 - as RFC 6749 asks with this status
        headers["WWW-Authenticate"] = 'Basic realm="taggad", charset="UTF-8"'
    return Response(to_json(body), status, headers, "application/json")


async def _form(request: Request) -> dict[str, str]:
    try:
        pairs = await read_form(request)
    except Problem as problem:
        raise _RefusedError("invalid_request") from problem
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _RefusedError("invalid_request")
    return form


def _asked(form: dict[str, str]) -> Scopes:
    scopes = form["scope"].split(" ") if form.get("scope") else ()
    if not SCOPES.keys() >= set(scopes):
        raise _RefusedError("invalid_scope")
    return tuple(dict.fromkeys(scopes))


async def _granted(request: Request, form: dict[str, str]) -> Granted:
    grant = form.get("grant_type")
    if grant is None:
        raise _RefusedError("invalid_request")
    scopes = _asked(form)
    if grant == "client_credentials":
        return await _to_client(request, *_client_of(request, form), scopes)
    if grant == JWT_BEARER:
        return await _to_device(request, form.get("assertion", ""), scopes)
    raise _RefusedError("unsupported_grant_type")


def _client_of(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """The client's id and secret, given in one way and not in two."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        if "client_id" not in form or "client_secret" not in form:
            raise _RefusedError("invalid_client")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise _RefusedError("invalid_request")
    try:
        name, colon, secret = b64decode(given, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _RefusedError("invalid_client")
    return unquote_plus(name), unquote_plus(secret)


async def _to_client(request: Request, name: str, secret: str, asked: Scopes) -> Granted:
    known = CLIENT_ID.fullmatch(name)
    if known is None or not re.match(REF, known[2]) or known[2].endswith("\n"):
        raise _RefusedError("invalid_client")
    try:
        async with database(request).read(int(known[1])) as reading:
            stored = await records.latest(reading, "clients", known[2])
    except UnknownMunicipalityError:
        raise _RefusedError("invalid_client") from None
    body: dict[str, Any] = stored.body if stored else {"secret_digest": "", "revoked_at": None}
    right = hmac.compare_digest(digest_of(request, PURPOSE, secret).hex(), body["secret_digest"])
    if not right or body["revoked_at"] is not None:
        raise _RefusedError("invalid_client")
    registered = body.get("scopes") or ()  # clients of earlier versions have none
    if registered and not set(asked) <= set(registered):
        raise _RefusedError("invalid_scope")
    scopes = asked or tuple(registered)
    tokens: Tokens = request.app.state.tokens
    whose = {"provider": body["provider"], "client": known[2]}
    return tokens.mint(int(known[1]), body["role"], scopes=scopes, ttl_seconds=TOKEN_SECONDS, **whose), scopes


async def _to_device(request: Request, assertion: str, scopes: Scopes) -> Granted:
    """A token for the device that signed; a revoked one too, which opens nothing but the way for its earlier taps."""
    device = _named(assertion)
    municipality_id = await credentials.municipality_of_device(database(request), device)
    if municipality_id is None:
        raise _RefusedError("invalid_grant")
    async with database(request).read(municipality_id) as reading:
        stored = await records.latest(reading, "devices", device)
    if stored is None:
        raise _RefusedError("invalid_grant")
    endpoint = address_of(request, "/oauth/token")
    claims = _verified(assertion, stored.body["public_key"], device, endpoint, int(now(request).timestamp()))
    jti = blake2b(claims["jti"].encode(), digest_size=16).digest()
    ends_at = dt.datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    async with database(request).write(municipality_id) as writing:
        fresh = await credentials.spend(writing, device, jti, ends_at)
    if not fresh:
        raise _RefusedError("invalid_grant")
    tokens: Tokens = request.app.state.tokens
    whose = {"staff": stored.body["staff"], "device": device}
    return tokens.mint(municipality_id, "staff", scopes=scopes, ttl_seconds=TOKEN_SECONDS, **whose), scopes


def _named(assertion: str) -> str:
    """The device that an assertion says it comes from."""
    if not assertion:
        raise _RefusedError("invalid_request")
    try:
        claims = from_json(jws.extract_compact(assertion.encode()).payload)
        device = claims["iss"]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _RefusedError("invalid_grant") from error
    if not isinstance(device, str) or not re.match(REF, device) or device.endswith("\n"):
        raise _RefusedError("invalid_grant")
    return device


def _verified(assertion: str, public_key: dict[str, Any], device: str, endpoint: str, at: int) -> dict[str, Any]:
    """The claims of the device's assertion `at` an instant, in seconds. Raises _RefusedError."""
    # The leeway is for its end too: an assertion by a slow clock may have ended as it is made, and is good but once.
    claims = jwt.JWTClaimsRegistry(
        at,
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": device},
        sub={"essential": True, "value": device},
        aud={"essential": True, "values": [ISSUER, endpoint]},
        exp={"essential": True},
        jti={"essential": True},
    )
    try:
        decoded = jwt.decode(assertion, ECKey.import_key(public_key), algorithms=[ALGORITHM])
        claims.validate(decoded.claims)
        too_long = decoded.claims["exp"] > at + LONGEST_ASSERTION_SECONDS + LEEWAY_SECONDS
        if too_long or len(decoded.claims["jti"]) > LONGEST_JTI:
            raise _RefusedError("invalid_grant")
    except (JoseError, ValueError, TypeError) as error:
        raise _RefusedError("invalid_grant") from error
    return decoded.claims
