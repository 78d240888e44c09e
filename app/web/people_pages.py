"""The common parts of the pages where people log in: the frame, the head that says who is in, refusals as pages."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app import assets
from app.api.http.access import database
from app.api.http.problems import Problem
from app.api.http.sessions import Visitor, form_token, logged_in
from app.domain.access.member import Member
from app.domain.time import local
from app.language import Language, wanted
from app.store.connection import Reading
from app.store.municipalities import name_of
from app.store.register import records
from app.web.pages import HERE
from app.web.people_texts import ROLES, TEXTS

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
ACCOUNT = "/account"

_environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


class PageRoute(APIRoute):
    """A route of a page: a refusal is a page too, for who reads it is a person."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which answers a Problem with a page."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                language = language_of(request)
                words = {"title": problem.kind.title(language), "what": problem.kind.text(language)}
                return await page(request, "login_told.html", status=problem.kind.status, **words)

        return answer


def page_router() -> APIRouter:
    """A router of pages."""
    return APIRouter(include_in_schema=False, route_class=PageRoute)


def script_router() -> APIRouter:
    """A router of what the scripts of pages ask: a refusal is a problem document, as of the API."""
    return APIRouter(include_in_schema=False)


def language_of(request: Request) -> Language:
    """The language that the address asks for by `lang`, else the browser."""
    asked = request.query_params.get("lang")
    return "en" if asked == "en" else "sv" if asked == "sv" else wanted(request.headers.get("accept-language", ""))


async def named(reading: Reading, members: Iterable[Member], language: Language) -> list[str]:
    """Memberships in words: the role, the provider's name, the staff ref."""
    members = list(members)
    providers = await records.latest_of_many(reading, "providers", [one.provider for one in members if one.provider])
    names = {ref: stored.body["name"] for ref, stored in providers.items()}
    return [
        ", ".join(filter(None, (ROLES[language][one.role], names.get(one.provider or ""), one.staff)))
        for one in members
    ]


async def page(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """The HTML of a template. Its head says who is logged in, on every page."""
    language = language_of(request)
    person = await logged_in(request)
    made = _environment.get_template(template).render(
        language=language,
        text=TEXTS[language],
        static=assets.PAGES.url,
        path=request.url.path,
        person=person and await _head(request, person, language),
        **values,
    )
    headers = {
        "Content-Security-Policy": CSP,
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie",
        # Under `no-referrer` a browser calls the origin of a page's own forms `null`.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(made, status, headers)


async def _head(request: Request, person: Visitor, language: Language) -> dict[str, str]:
    async with database(request).read(person.municipality_id) as reading:
        municipality = await name_of(reading)
        words = await named(reading, [person.member] if person.member else [], language)
    return {
        "municipality": municipality,
        "as": "".join(words),
        "token": form_token(request, person.secret),
        "until": f"{local(person.session.ends_at):%H.%M}",
        "method": f"method_{person.session.method}",
    }


def go(path: str) -> RedirectResponse:
    """A redirect to one of our own pages, by GET."""
    return RedirectResponse(path, 303)
