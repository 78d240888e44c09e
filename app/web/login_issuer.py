"""The pages of logging in by an identity provider: where, with which, there and back."""

import base64
import datetime as dt
import hmac
import re
from typing import NamedTuple
from urllib.parse import quote, urlencode

import structlog
from fastapi import Request
from pydantic_core import from_json, to_json
from starlette.responses import RedirectResponse, Response

from app.actions.access.log_in import Login, note_stranger
from app.api.access.openid import IdentityProviders, LoginAttempt, NotVouchedError, Returned
from app.api.http.access import database, digest_of, encryption_of
from app.api.http.address import address_of
from app.api.http.clock import now
from app.api.http.sessions import cookie_name, is_secure, set_cookie
from app.domain.access.member import Identity, Issuer, opened_by
from app.domain.time import local_date
from app.store.access import credentials, issuer_secrets, members
from app.store.access.field_encryption import DecryptionError, Place
from app.store.database import UnknownMunicipalityError
from app.store.municipalities import name_of
from app.web.login import enter
from app.web.people_pages import ACCOUNT, go, language_of, page, page_router
from app.web.people_texts import TEXTS

SUFFIX = "-login"
ATTEMPT_MINUTES = 10
FAILED = 400
NOBODY = 403
LOCAL = re.compile(r"/(?![/\\])[!-~]*")
"""A path of ours. What begins with two slashes, or with a slash and a backslash, is another host to a browser."""

log = structlog.get_logger("taggad")
router = page_router()


class _Known(NamedTuple):
    issuer: Issuer
    title: str


def local_path(asked: str | None) -> str:
    """The page that somebody wanted to go to; the account page unless it is one of ours."""
    return asked if asked and LOCAL.fullmatch(asked) and "\\" not in asked else ACCOUNT


@router.get("/login")
async def where(request: Request) -> Response:
    """Ask for the municipality, where there is more than one."""
    codes = await database(request).municipalities()
    asked = urlencode({"next": local_path(request.query_params.get("next"))})
    if len(codes) == 1:
        return go(f"/login/{codes[0]}?{asked}")
    found = []
    for code in codes:
        async with database(request).read(code) as reading:
            found.append((f"/login/{code}?{asked}", await name_of(reading)))
    return await page(request, "login_where.html", municipalities=found)


@router.get("/login/{municipality:int}")
async def which(request: Request, municipality: int) -> Response:
    """The identity providers of a municipality."""
    is_secure(request)
    asked = urlencode({"next": local_path(request.query_params.get("next"))})
    try:
        async with database(request).read(municipality) as reading:
            name = await name_of(reading)
            known = await members.issuers(reading)
    except UnknownMunicipalityError:
        return go("/login")
    found = [(f"/login/{municipality}/{quote(issuer.ref)}?{asked}", title) for issuer, title in known]
    return await page(request, "login.html", municipality=name, code=municipality, issuers=found)


@router.get("/login/{municipality:int}/{issuer}")
async def begin(request: Request, municipality: int, issuer: str) -> Response:
    """Send the person to the identity provider. What the answer is compared with stays in the browser, encrypted."""
    known = await _known(request, municipality, issuer)
    if known is None:
        return go("/login")
    providers: IdentityProviders = request.app.state.identity_providers
    to = local_path(request.query_params.get("next"))
    try:
        url, attempt = await providers.begin(known.issuer, _redirect_uri(request, municipality, issuer), to)
    except NotVouchedError as error:
        return await _failed(request, known, error)
    response = RedirectResponse(url, 303)
    ends_at = int(now(request).timestamp()) + ATTEMPT_MINUTES * 60
    text = to_json({"ends_at": ends_at, "attempt": attempt.to_text()}).decode()
    encrypted = encryption_of(request).encrypt(text, _place(municipality))
    set_cookie(request, response, base64.urlsafe_b64encode(encrypted).decode(), SUFFIX)
    return response


@router.get("/login/{municipality:int}/{issuer}/callback")
async def come_back(request: Request, municipality: int, issuer: str) -> Response:
    """Take the person back from the identity provider: each attempt once, in the browser that made it."""
    known = await _known(request, municipality, issuer)
    if known is None:
        return go("/login")
    try:
        attempt = await _attempt(request, municipality, issuer)
        identity = await _identity(request, municipality, known.issuer, attempt)
    except NotVouchedError as error:
        response = await _failed(request, known, error)
    else:
        response = await _let_in(request, municipality, known, identity, attempt.to)
    set_cookie(request, response, "", SUFFIX)
    return response


async def _known(request: Request, municipality: int, issuer: str) -> _Known | None:
    in_public = is_secure(request)
    try:
        async with database(request).read(municipality) as reading:
            found = await members.issuers(reading)
    except UnknownMunicipalityError:
        return None
    # One without TLS is for a trial on one machine. In public it would be another service of the same machine.
    usable = [(one, title) for one, title in found if one.issuer.startswith("https:") or not in_public]
    return next((_Known(one, title) for one, title in usable if one.ref == issuer), None)


def _redirect_uri(request: Request, municipality: int, issuer: str) -> str:
    # An address for each issuer: a code that another one was asked for arrives elsewhere (RFC 9700, 4.4).
    return address_of(request, f"/login/{municipality}/{quote(issuer)}/callback")


def _place(municipality: int) -> Place:
    return Place("login", "attempt", municipality, "")


async def _attempt(request: Request, municipality: int, issuer: str) -> LoginAttempt:
    """The attempt of this browser that the answer is to. Raises NotVouchedError."""
    cookie = request.cookies.get(cookie_name(request, SUFFIX), "")
    try:
        kept = from_json(encryption_of(request).decrypt(base64.urlsafe_b64decode(cookie), _place(municipality)))
    except (DecryptionError, ValueError) as error:
        raise NotVouchedError("no attempt of this browser") from error
    attempt, state = LoginAttempt.from_text(kept["attempt"]), request.query_params.get("state", "")
    if attempt.issuer != issuer or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise NotVouchedError("the answer is to another attempt")
    if now(request).timestamp() >= kept["ends_at"]:
        raise NotVouchedError("the attempt took too long")
    async with database(request).change(municipality) as changing:  # without the lock: nobody is known yet
        digest = digest_of(request, "login", attempt.state)
        fresh = await credentials.spend(changing, "login", digest, dt.datetime.fromtimestamp(kept["ends_at"], dt.UTC))
    if not fresh:
        raise NotVouchedError("the answer has been used")
    return attempt


async def _identity(request: Request, municipality: int, issuer: Issuer, attempt: LoginAttempt) -> Identity:
    answer = request.query_params
    if "error" in answer or not answer.get("code"):
        raise NotVouchedError("the identity provider refused")
    async with database(request).change(municipality) as changing:  # who only reads sees no keys
        secret = await issuer_secrets.get(changing, issuer.ref, encryption_of(request))
    providers: IdentityProviders = request.app.state.identity_providers
    return await providers.identity(
        issuer,
        secret,
        _redirect_uri(request, municipality, issuer.ref),
        attempt,
        Returned(answer["code"], answer.get("iss")),
        now=now(request).timestamp(),
    )


async def _let_in(request: Request, municipality: int, known: _Known, identity: Identity, to: str) -> Response:
    async with database(request).read(municipality) as reading:
        everybody = await members.members(reading)
    opened = opened_by(identity, known.issuer, everybody, local_date(now(request)))
    if opened.members:
        login = Login(opened.members, "issuer", known.issuer.ref, identity.acr)
        return await enter(request, municipality, login, to)
    text = TEXTS[language_of(request)]
    digest = digest_of(request, "stranger", f"{municipality}|{identity.issuer}|{identity.subject}")
    async with database(request).write(municipality, with_master=False) as writing:
        await note_stranger(writing, known.issuer.ref, digest, too_weak=bool(opened.too_weak))
    if opened.too_weak:
        words = {"title": text["weak_title"], "what": text["weak_what"]}
    else:
        name = f"{known.title}: {identity.subject}"
        words = {"title": text["nobody_title"], "what": text["nobody_what"], "name": name}
    return await page(request, "login_told.html", status=NOBODY, **words)


async def _failed(request: Request, known: _Known, error: NotVouchedError) -> Response:
    log.warning("login_failed", issuer=known.issuer.ref, reason=str(error))
    text = TEXTS[language_of(request)]
    words = {"title": text["failed_title"], "what": text["failed_what"]}
    return await page(request, "login_told.html", status=FAILED, **words)
