"""The pages of logging in and out, of choosing a membership, and of who one is."""

import datetime as dt
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from app.actions.access import log_in, passkeys
from app.actions.access.end_logins import end_session
from app.actions.access.log_in import Login
from app.api.http.access import database, digest_of
from app.api.http.json_bodies import read_form
from app.api.http.problems import Problem
from app.api.http.sessions import (
    LINK_PURPOSE,
    SESSION_PURPOSE,
    Visitor,
    is_secure,
    limits_of,
    logged_in,
    municipality_of,
    new_secret,
    require_origin,
    require_own,
    set_cookie,
)
from app.domain.access.member import Member
from app.domain.author import Author
from app.domain.time import local
from app.store.access import login_links, members
from app.store.database import UnknownMunicipalityError
from app.web.people_pages import ACCOUNT, go, language_of, named, page, page_router
from app.web.people_texts import TEXTS

CHOOSE = "/login/choose"
GONE = 410

router = page_router()

Secret = Annotated[str, Path()]


async def enter(request: Request, municipality_id: int, login: Login, to: str = ACCOUNT) -> Response:
    """Begin a session for a login and lead on: to the choice of a membership if it opened several, else `to`.

    The secret is new, whatever cookie the browser came with.
    """
    before = await logged_in(request)
    theirs = before.session if before and before.municipality_id == municipality_id else None
    secret = new_secret(municipality_id)
    async with database(request).write(municipality_id, with_master=False) as writing:
        digest = digest_of(request, SESSION_PURPOSE, secret)
        session = await log_in.begin(writing, login, digest, limits_of(request), theirs)
    response = go(to if session.member else CHOOSE)
    set_cookie(request, response, secret)
    return response


@router.get("/login/link/{secret}")
async def show_link(request: Request, secret: Secret) -> Response:
    """Say what a login link opens. Opening the page uses nothing up: what looks at links in mails opens them too."""
    is_secure(request)  # before anybody uses it up in vain
    member = await _linked(request, secret)
    if member is None:
        return await _gone(request)
    async with database(request).read(int(secret.partition(".")[0])) as reading:
        [words] = await named(reading, [member], language_of(request))
    return await page(request, "login_link.html", named=words)


@router.post("/login/link/{secret}")
async def use_link(request: Request, secret: Secret) -> Response:
    """Log in by a link, once."""
    is_secure(request)
    require_origin(request)
    municipality_id = municipality_of(secret)
    if municipality_id is None or await _linked(request, secret) is None:
        return await _gone(request)
    async with database(request).write(municipality_id, with_master=False) as writing:
        member = await log_in.take_link(writing, digest_of(request, LINK_PURPOSE, secret))
    if member is None:
        return await _gone(request)
    return await enter(request, municipality_id, Login((member,), "link"))


async def _linked(request: Request, secret: str) -> Member | None:
    """The membership that a link would open."""
    municipality_id, opened = municipality_of(secret), database(request)
    if municipality_id is None:
        return None
    try:
        async with opened.read(municipality_id, "writes") as reading:
            ref = await login_links.member_of(reading, opened.macs, digest_of(request, LINK_PURPOSE, secret))
            return next((one for one in await members.members(reading) if one.ref == ref), None)
    except UnknownMunicipalityError:
        return None


async def _gone(request: Request) -> Response:
    text = TEXTS[language_of(request)]
    return await page(request, "login_told.html", status=GONE, title=text["link_gone"], what=text["link_gone_what"])


@router.get(CHOOSE)
async def show_choices(request: Request) -> Response:
    """The memberships that the login opened."""
    person = await logged_in(request)
    if person is None:
        return await _not_logged_in(request)
    return await page(request, "login_choose.html", choices=await _choices(request, person))


@router.post(CHOOSE)
async def choose(request: Request) -> Response:
    """Go on as one of the memberships, under a new secret."""
    person = await logged_in(request)
    if person is None:
        return await _not_logged_in(request)
    form = await _form(request)
    require_own(request, form.get("token", ""), person.secret)
    secret = new_secret(person.municipality_id)
    async with database(request).write(person.municipality_id, with_master=False) as writing:
        digest = digest_of(request, SESSION_PURPOSE, secret)
        chosen = await log_in.choose(writing, person.session, form.get("member", ""), digest)
    if chosen is None:
        return go(CHOOSE)
    response = go(ACCOUNT)
    set_cookie(request, response, secret)
    return response


async def _choices(request: Request, person: Visitor) -> list[tuple[str, str]]:
    """The refs and the words of the memberships that the person may go on as."""
    async with database(request).read(person.municipality_id) as reading:
        others = [one for one in await members.members(reading) if one.ref in person.session.choices]
        words = await named(reading, others, language_of(request))
    return [(one.ref, name) for one, name in zip(others, words, strict=True) if one.ref != person.session.member]


@router.get(ACCOUNT)
async def account(request: Request) -> Response:
    """The page that says who one is."""
    person = await logged_in(request)
    if person is None:
        return await _not_logged_in(request)
    if person.member is None:
        return go(CHOOSE)
    async with database(request).read(person.municipality_id) as reading:
        made = await members.passkeys_of(reading, person.member.ref)
    keys = [(ref, f"{local(dt.datetime.fromisoformat(at)):%Y-%m-%d}") for ref, at in made.items()]
    return await page(request, "account.html", keys=keys, choices=await _choices(request, person))


@router.post("/account/passkeys/remove")
async def remove_passkey(request: Request) -> Response:
    """Remove a passkey of one's own."""
    person = await logged_in(request)
    if person is None or person.member is None:
        return await _not_logged_in(request)
    form = await _form(request)
    require_own(request, form.get("token", ""), person.secret)
    async with database(request).write(person.municipality_id, with_master=False) as writing:
        await passkeys.remove(writing, form.get("passkey", ""), person.member.ref, Author(person.subject))
    return go(ACCOUNT)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session."""
    person = await logged_in(request)
    if person is not None:
        require_own(request, dict(await read_form(request)).get("token", ""), person.secret)
        async with database(request).write(person.municipality_id, with_master=False) as writing:
            await end_session(writing, person.session.id, Author(person.subject))
        request.state.logged_in = None
    text = TEXTS[language_of(request)]
    response = await page(request, "login_told.html", title=text["over_title"], what=text["over_what"])
    set_cookie(request, response, "")
    return response


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises Problem as `read_form` does, and for a NUL, which no text in PostgreSQL holds."""
    form = dict(await read_form(request))
    if any("\0" in value for value in form.values()):
        raise Problem("invalid_envelope")
    return form


async def _not_logged_in(request: Request) -> Response:
    text = TEXTS[language_of(request)]
    return await page(request, "login_told.html", status=401, title=text["not_here"], what=text["not_here_what"])
