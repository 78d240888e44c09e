"""Passkeys (WebAuthn): a page lets a person make one, and the login page lets it be used. Both need a script."""

import base64
import datetime as dt
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import webauthn
from fastapi import Request
from pydantic_core import from_json, to_json
from starlette.responses import Response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, generate_challenge
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.actions.access import passkeys
from app.actions.access.log_in import Login
from app.api.http.access import database, digest_of, encryption_of
from app.api.http.address import address_of
from app.api.http.clock import now
from app.api.http.json_bodies import read_bytes, strict
from app.api.http.problems import Problem
from app.api.http.sessions import (
    TOKEN_HEADER,
    Visitor,
    cookie_name,
    logged_in,
    require_origin,
    require_own,
    set_cookie,
)
from app.domain.author import Author
from app.store.access import credentials
from app.store.access.field_encryption import DecryptionError, Place
from app.store.access.members import passkeys_of
from app.store.connection import Writing
from app.store.register import records
from app.web.login import enter
from app.web.people_pages import ACCOUNT, named, script_router

SUFFIX = "-key"
CHALLENGE_MINUTES = 5

router = script_router()


@router.post("/account/passkeys/options")
async def offer(request: Request) -> Response:
    """Give what the browser needs to make a passkey for whoever is logged in."""
    person = await _person(request)
    assert person.member is not None  # noqa: S101 - as `_person` has it
    async with database(request).read(person.municipality_id) as reading:
        [words] = await named(reading, [person.member], "sv")
        known = await passkeys_of(reading, person.member.ref)
    challenge = generate_challenge()
    options = webauthn.generate_registration_options(
        rp_id=_host(request),
        rp_name="Taggad",
        user_name=words,
        # The same for each passkey of a membership: a device keeps one of them. It says nothing of the person.
        user_id=digest_of(request, "passkey user", f"{person.municipality_id}|{person.member.ref}"),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(ref)) for ref in known],
    )
    return _asked(request, options, challenge, person.municipality_id)


@router.post("/account/passkeys")
async def make(request: Request) -> Response:
    """Keep the passkey that the browser has made."""
    person = await _person(request)
    given = await _given(request)
    asked = _challenge(request, person.municipality_id)
    try:
        made = webauthn.verify_registration_response(
            credential=given,
            expected_challenge=asked.challenge,
            expected_rp_id=_host(request),
            expected_origin=address_of(request, ""),
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise Problem("passkey_refused") from error
    ref, public_key = bytes_to_base64url(made.credential_id), bytes_to_base64url(made.credential_public_key)
    async with database(request).write(person.municipality_id, with_master=False) as writing:
        await asked.spend(writing)
        if await records.latest(writing, passkeys.PASSKEYS, ref) is not None:
            raise Problem("passkey_refused")
        by = Author(person.subject)
        await passkeys.make(writing, ref, public_key, made.sign_count, person.session.choices, by)
    response = Response(to_json({"to": ACCOUNT}), media_type="application/json")
    set_cookie(request, response, "", SUFFIX)
    return response


@router.post("/login/{municipality:int}/passkey/options")
async def ask(request: Request, municipality: int) -> Response:
    """Give what the browser needs to ask its device for a passkey of ours."""
    require_origin(request)
    challenge = generate_challenge()
    options = webauthn.generate_authentication_options(
        rp_id=_host(request), challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return _asked(request, options, challenge, municipality)


@router.post("/login/{municipality:int}/passkey")
async def use(request: Request, municipality: int) -> Response:
    """Log in by a passkey. Nothing is written, and no lock taken, before it has signed."""
    require_origin(request)
    given = await _given(request)
    asked = _challenge(request, municipality)
    ref = given.get("id")
    async with database(request).read(municipality, "writes") as reading:
        signer = await records.latest(reading, passkeys.PASSKEYS, ref) if isinstance(ref, str) else None
    if signer is None:
        raise Problem("passkey_refused")
    try:
        verified = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=asked.challenge,
            expected_rp_id=_host(request),
            expected_origin=address_of(request, ""),
            credential_public_key=base64url_to_bytes(signer.body["public_key"]),
            credential_current_sign_count=signer.body["sign_count"],
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise Problem("passkey_refused") from error
    async with database(request).write(municipality, with_master=False) as writing:
        await asked.spend(writing)
        known = await records.latest(writing, passkeys.PASSKEYS, signer.ref)
        if known is None or known.body["revoked_at"] is not None:
            raise Problem("passkey_refused")
        members = await passkeys.use(writing, known, verified.new_sign_count)
    if not members:
        raise Problem("passkey_refused")
    entered = await enter(request, municipality, Login(members, "passkey"))
    response = Response(to_json({"to": entered.headers["location"]}), media_type="application/json")
    response.raw_headers += [pair for pair in entered.raw_headers if pair[0] == b"set-cookie"]
    set_cookie(request, response, "", SUFFIX)
    return response


async def _person(request: Request) -> Visitor:
    person = await logged_in(request)
    if person is None or person.member is None:
        raise Problem("unauthenticated")
    require_own(request, request.headers.get(TOKEN_HEADER, ""), person.secret)
    return person


def _host(request: Request) -> str:
    return urlsplit(address_of(request, "")).hostname or ""


async def _given(request: Request) -> dict[str, Any]:
    given = strict(await read_bytes(request))
    if not isinstance(given, dict):
        raise Problem("passkey_refused")
    return given


def _asked(request: Request, options: Any, challenge: bytes, municipality: int) -> Response:
    """The options, with the challenge in a cookie beside them, encrypted."""
    response = Response(webauthn.options_to_json(options), media_type="application/json")
    ends_at = int(now(request).timestamp()) + CHALLENGE_MINUTES * 60
    text = to_json({"ends_at": ends_at, "challenge": bytes_to_base64url(challenge)}).decode()
    encrypted = encryption_of(request).encrypt(text, _place(municipality))
    set_cookie(request, response, base64.urlsafe_b64encode(encrypted).decode(), SUFFIX)
    return response


def _place(municipality: int) -> Place:
    return Place("login", "challenge", municipality, "")


class _Challenge(NamedTuple):
    challenge: bytes
    digest: bytes
    ends_at: dt.datetime

    async def spend(self, writing: Writing) -> None:
        """Use it up. Raises Problem `passkey_refused` if it was before."""
        if not await credentials.spend(writing, "passkey", self.digest, self.ends_at):
            raise Problem("passkey_refused")


def _challenge(request: Request, municipality: int) -> _Challenge:
    """The challenge of this browser, to be spent. Raises Problem `passkey_refused`."""
    cookie = request.cookies.get(cookie_name(request, SUFFIX), "")
    try:
        kept = from_json(encryption_of(request).decrypt(base64.urlsafe_b64decode(cookie), _place(municipality)))
    except (DecryptionError, ValueError) as error:
        raise Problem("passkey_refused") from error
    if now(request).timestamp() >= kept["ends_at"]:
        raise Problem("passkey_refused")
    return _Challenge(
        base64url_to_bytes(kept["challenge"]),
        digest_of(request, "passkey", kept["challenge"]),
        dt.datetime.fromtimestamp(kept["ends_at"], dt.UTC),
    )
