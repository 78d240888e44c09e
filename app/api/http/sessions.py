"""People who have logged in: the cookie of a session, and the caller that it stands for."""

import datetime as dt
import hmac
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from app.api.http.access import Caller, database, digest_of
from app.api.http.address import address_of
from app.api.http.clock import now
from app.api.http.problems import Problem
from app.domain.access.member import Member
from app.domain.access.session import Session, SessionLimits
from app.domain.time import local_date
from app.settings import Settings
from app.store.access import sessions
from app.store.access.members import member_of
from app.store.database import UnknownMunicipalityError
from app.store.register import records

COOKIE = "__Host-taggad"
LOOPBACK_COOKIE = "taggad"
"""The name where there is no TLS, which is on one machine alone: browsers refuse the other name there."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TOKEN_HEADER = "X-Taggad-Token"  # noqa: S105 - its name
SECRET_BYTES = 32
SESSION_PURPOSE = "session"
LINK_PURPOSE = "login link"
OPENS = re.compile(r"([1-9][0-9]{0,3})\.([A-Za-z0-9_-]{43})")
"""A secret of ours as it is given out: the municipality's code and 256 random bits."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SEEN_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A session that is not over, its secret, and its membership as it now is: None while none is chosen."""

    municipality_id: int
    session: Session
    member: Member | None
    secret: str

    @property
    def subject(self) -> str:
        """The subject of what the person does. As for tokens, a staff ref stands for the person behind it."""
        role, ref = (self.member.role, self.member.ref) if self.member else ("", "")
        return f"{self.municipality_id}:{role}:{(self.member and self.member.staff) or f'member/{ref}'}"


def new_secret(municipality_id: int) -> str:
    """A new secret for a session or a login link."""
    return f"{municipality_id}.{secrets.token_urlsafe(SECRET_BYTES)}"


def municipality_of(secret: str) -> int | None:
    """The code in a secret of ours, None for a text that cannot be one."""
    found = OPENS.fullmatch(secret)
    return int(found[1]) if found else None


def limits_of(request: Request) -> SessionLimits:
    """The limits of sessions by the settings."""
    settings: Settings = request.app.state.settings
    return SessionLimits(
        dt.timedelta(minutes=settings.session_idle_minutes), dt.timedelta(hours=settings.session_hours)
    )


def is_secure(request: Request) -> bool:
    """True when people reach the service by TLS. Raises Problem `https_required` when not, but for one machine."""
    origin = urlsplit(address_of(request, ""))
    if origin.scheme != "https" and origin.hostname not in LOOPBACK:
        raise Problem("https_required")
    return origin.scheme == "https"


def cookie_name(request: Request, suffix: str = "") -> str:
    """The name of the session's cookie, or of another of ours with this suffix. Raises Problem `https_required`."""
    return (COOKIE if is_secure(request) else LOOPBACK_COOKIE) + suffix


def set_cookie(request: Request, response: Response, value: str, suffix: str = "") -> None:
    """Set a cookie that scripts cannot read and that other sites' forms do not send. An empty value deletes it.

    It ends with the browser: how long it is good is decided here.
    """
    response.set_cookie(
        cookie_name(request, suffix),
        value,
        max_age=None if value else 0,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


async def logged_in(request: Request) -> Visitor | None:
    """The session of the request's cookie, looked up once a request. None for none, or one that is over."""
    if not hasattr(request.state, "logged_in"):
        request.state.logged_in = await _find(request)
    found: Visitor | None = request.state.logged_in
    return found


async def _find(request: Request) -> Visitor | None:
    secret = request.cookies.get(COOKIE) or request.cookies.get(LOOPBACK_COOKIE) or ""
    municipality_id = municipality_of(secret)
    if municipality_id is None or request.cookies.get(cookie_name(request)) != secret:
        return None
    opened, at, limits = database(request), now(request), limits_of(request)
    try:
        async with opened.read(municipality_id, "writes") as reading:
            found = await sessions.find(reading, opened.macs, digest_of(request, SESSION_PURPOSE, secret))
    except UnknownMunicipalityError:
        return None
    if found is None or found.session.is_over(at, limits.idle):
        return None
    if found.session.member is not None and not (found.member and found.member.holds(local_date(at))):
        return None
    if at - found.session.seen_at >= SEEN_EVERY:
        async with opened.change(municipality_id) as changing:
            await sessions.saw(changing, opened.macs, found, at)
    return Visitor(municipality_id, found.session, found.member, secret)


async def session_caller(request: Request) -> Caller | None:
    """The caller that the request's session stands for; None without a session, or before a membership is chosen.

    Raises Problem `foreign_request` if the request may change something and does not come from a page of ours.
    """
    found = await logged_in(request)
    if found is None or found.member is None:
        return None
    if request.method not in SAFE:
        require_own(request, request.headers.get(TOKEN_HEADER, ""), found.secret)
    member = found.member
    return Caller(
        found.municipality_id,
        member.role,
        member.provider,
        member.staff,
        None,
        found.subject,
        frozenset(),
        member=member.ref,
    )


async def still_holds(request: Request, caller: Caller) -> None:
    """Raises Problem `unauthenticated` unless the membership of a personal token is as it was and holds today."""
    async with database(request).read(caller.municipality_id, "writes") as reading:
        latest = await records.latest(reading, "members", caller.member or "")
    member = member_of(latest.ref, latest.body) if latest else None
    same = member and (member.role, member.provider, member.staff) == (caller.role, caller.provider, caller.staff)
    if member is None or not same or not member.holds(local_date(now(request))):
        raise Problem("unauthenticated")


def form_token(request: Request, secret: str) -> str:
    """The token that a page puts into its forms: whoever cannot read our pages cannot make it."""
    return digest_of(request, "form", secret).hex()


def require_origin(request: Request) -> None:
    """Raises Problem `foreign_request` unless the browser says that the request comes from a page of ours."""
    if request.headers.get("origin") != address_of(request, ""):
        raise Problem("foreign_request")


def require_own(request: Request, token: str, secret: str) -> None:
    """Raises Problem `foreign_request` unless origin and token show that the request comes from a page of ours."""
    require_origin(request)
    if not hmac.compare_digest(token.encode(), form_token(request, secret).encode()):
        raise Problem("foreign_request")
