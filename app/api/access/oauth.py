"""`POST /oauth/token`: devices and clients ask with an assertion they have signed (RFC 7523), or clients with a secret.

Refusals are RFC 6749's own JSON, because what calls here is often somebody else's OAuth library.
"""

import hmac
import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.api.access.assertions import (
    CLIENT_ASSERTION,
    JWT_BEARER,
    TOKEN_SECONDS,
    InvalidAssertionError,
    accept,
    signer_of,
)
from app.api.access.clients import PURPOSE
from app.api.access.work_shifts import token_of_shift
from app.api.http.access import SCOPES, Tokens, database, digest_of
from app.api.http.json_bodies import read_form
from app.api.http.problems import Problem
from app.api.http.shapes import REF, Described, OneOf, answer_of
from app.store.access import credentials, work_shifts
from app.store.database import UnknownMunicipalityError
from app.store.register import records

router = APIRouter(tags=["tokens"])

CLIENT_ID = re.compile(r"([1-9][0-9]{0,3})\.(.+)", re.DOTALL)

Scopes = tuple[str, ...]
Granted = tuple[str, Scopes, int]
"""A token, the scopes it is held to, and the seconds for which it is valid."""

TEXTS = {
    "invalid_request": "the body must be a form with grant_type and what that grant needs, each once",
    "unsupported_grant_type": f"grant_type must be client_credentials or {JWT_BEARER}",
    "invalid_client": "the client is unknown or revoked, or this is not its secret or an assertion it has signed",
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


class _Shown(NamedTuple):
    """The id of a client, with the secret or the assertion that proves it."""

    client_id: str
    secret: str = ""
    assertion: str = ""


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
    "client_assertion": "The signed assertion of a client with keys (RFC 7523), instead of a secret.",
    "client_assertion_type": f"`{CLIENT_ASSERTION}`, beside `client_assertion`.",
    "work_shift": "The id of the work shift, if the device is a shared one.",
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
                    "client with keys": {
                        "value": {
                            "grant_type": "client_credentials",
                            "client_assertion_type": CLIENT_ASSERTION,
                            "client_assertion": "eyJhbGciOiJFUzI1NiJ9...",
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
    five minutes, and `jti` is used only once. A client with keys sends such an assertion as `client_assertion`, signed
    with ES256 or PS256: `iss` and `sub` are its `client_id` (`private_key_jwt`). Any other client sends its id and
    secret, by HTTP Basic or in the form. With `scope`, the token may do less than the role and the client may. It can
    never do more.

    A shared device also names the `work_shift` that was begun with it (`POST /v1/work-shifts`). After the end of the
    work shift the token only sends the taps and reports of that time.
    """
    try:
        minted, scopes, seconds = await _granted(request, await _form(request))
    except _RefusedError as refused:
        return _answer(
            {"error": refused.error, "error_description": TEXTS[refused.error]},
            401 if refused.error == "invalid_client" else 400,
        )
    held = {"scope": " ".join(scopes)} if scopes else {}
    return _answer({"access_token": minted, "token_type": "Bearer", "expires_in": seconds, **held}, 200)


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
        return await _to_client(request, _client_of(request, form), scopes)
    if grant == JWT_BEARER:
        return await _to_device(request, form, scopes)
    raise _RefusedError("unsupported_grant_type")


def _client_of(request: Request, form: dict[str, str]) -> _Shown:
    """The id and the proof of the client, given in one way and not in two."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if form.keys() & {"client_assertion", "client_assertion_type"}:
        if scheme or "client_secret" in form or form.get("client_assertion_type") != CLIENT_ASSERTION:
            raise _RefusedError("invalid_request")
        return _signed_by(form.get("client_assertion", ""), form.get("client_id"))
    if not scheme:
        if "client_id" not in form or "client_secret" not in form:
            raise _RefusedError("invalid_client")
        return _Shown(form["client_id"], form["client_secret"])
    if "client_secret" in form:
        raise _RefusedError("invalid_request")
    try:
        name, colon, secret = b64decode(given, validate=True).decode().partition(":")
    except (Base64Error, ValueError):
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise _RefusedError("invalid_client")
    return _Shown(unquote_plus(name), unquote_plus(secret))


def _signed_by(assertion: str, client_id: str | None) -> _Shown:
    try:
        signer = signer_of(assertion)
    except InvalidAssertionError as error:
        raise _RefusedError("invalid_client") from error
    if client_id not in {None, signer}:
        raise _RefusedError("invalid_client")
    return _Shown(signer, assertion=assertion)


async def _to_client(request: Request, shown: _Shown, asked: Scopes) -> Granted:
    known = CLIENT_ID.fullmatch(shown.client_id)
    if known is None or not re.fullmatch(REF, known[2]):
        raise _RefusedError("invalid_client")
    try:
        async with database(request).read(int(known[1])) as reading:
            stored = await records.latest(reading, "clients", known[2])
    except UnknownMunicipalityError:
        raise _RefusedError("invalid_client") from None
    body: dict[str, Any] = stored.body if stored else {"secret_digest": "", "revoked_at": None}
    if not await _is_proved(request, int(known[1]), shown, body) or body["revoked_at"] is not None:
        raise _RefusedError("invalid_client")
    registered = body.get("scopes") or ()  # clients of earlier versions have none
    if registered and not set(asked) <= set(registered):
        raise _RefusedError("invalid_scope")
    scopes = asked or tuple(registered)
    tokens: Tokens = request.app.state.tokens
    whose = {"provider": body["provider"], "client": known[2]}
    return (
        tokens.mint(int(known[1]), body["role"], scopes=scopes, ttl_seconds=TOKEN_SECONDS, **whose),
        scopes,
        TOKEN_SECONDS,
    )


async def _is_proved(request: Request, municipality_id: int, shown: _Shown, body: dict[str, Any]) -> bool:
    """True if the client has shown its secret or, where it has keys, an assertion that one of them signed."""
    if not shown.assertion:
        right = digest_of(request, PURPOSE, shown.secret).hex()
        return hmac.compare_digest(right, body["secret_digest"] or "")  # of those with keys there is none
    jwks = body.get("jwks") or {"keys": []}  # clients of earlier versions have none
    try:
        await accept(request, municipality_id, shown.assertion, shown.client_id, jwks["keys"])
    except InvalidAssertionError:
        return False
    return True


async def _to_device(request: Request, form: dict[str, str], scopes: Scopes) -> Granted:
    """A token for the device that signed; a revoked one too, which opens nothing but the way for its earlier taps."""
    assertion = form.get("assertion", "")
    if not assertion:
        raise _RefusedError("invalid_request")
    try:
        device = signer_of(assertion)
        municipality_id = await credentials.municipality_of_device(database(request), device)
        if municipality_id is None:
            raise _RefusedError("invalid_grant")
        async with database(request).read(municipality_id) as reading:
            stored = await records.latest(reading, "devices", device)
        if stored is None:
            raise _RefusedError("invalid_grant")
        await accept(request, municipality_id, assertion, device, [stored.body["public_key"]])
    except InvalidAssertionError as error:
        raise _RefusedError("invalid_grant") from error
    if stored.body.get("provider") is not None:
        return await _to_user(request, municipality_id, device, form.get("work_shift", ""), scopes)
    tokens: Tokens = request.app.state.tokens
    whose = {"staff": stored.body["staff"], "device": device}
    return (
        tokens.mint(municipality_id, "staff", scopes=scopes, ttl_seconds=TOKEN_SECONDS, **whose),
        scopes,
        TOKEN_SECONDS,
    )


async def _to_user(request: Request, municipality_id: int, device: str, work_shift: str, scopes: Scopes) -> Granted:
    """A token for the person in whose work shift the shared device is; after its end for the taps of that time."""
    try:
        id_ = UUID(work_shift)
    except ValueError:
        raise _RefusedError("invalid_grant") from None
    async with database(request).write(municipality_id, with_master=False) as writing:
        shift = await work_shifts.one(writing, id_)
    if shift is None or shift.device != device:
        raise _RefusedError("invalid_grant")
    return token_of_shift(request, municipality_id, shift, scopes)
