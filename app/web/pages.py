"""The start page: a description of the service, its figures of today, links. It never shows personal data."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse

from app import assets
from app.domain.time import day_start, local_date
from app.language import wanted
from app.store.database import Database
from app.store.municipalities import MOST_COUNTED, ServiceFigures, figures

HERE = Path(__file__).parent
FRESH_SECONDS = 3.0
PATIENCE_SECONDS = 3.0
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
TEXTS = {
    "sv": {
        "title": "Taggad – hemtjänstens besökslogg",
        "skip": "Till innehållet",
        "claim": "Besöksloggen som hemtjänsten kan lita på",
        "what": "En tagg in, en tagg ut. Personalen loggar in och ut hos den enskilde med sin telefon; tjänsten räknar"
        " fram besöken, fördelar tiden på insatserna och lämnar utförd tid till kommunens system.",
        "now": "Just nu",
        "municipalities": "kommuner",
        "taps": "taggningar",
        "visits_today": "besök i dag",
        "logged_in": "inloggade nu",
        "absent": "Databasen svarar inte just nu, så siffrorna saknas.",
        "more": "fler än",
        "read": "Läs vidare",
        "log_in": "Logga in",
        "docs": "API:ets dokumentation",
        "openapi": "API:ets beskrivning (OpenAPI 3.1)",
        "ready": "Tjänstens hälsa",
        "metrics": "Mätvärden för övervakning",
        "other": "In English",
        "other_code": "en",
        "privacy": "Sidan visar bara antal, aldrig uppgifter om någon person.",
    },
    "en": {
        "title": "Taggad – the visit log of home care",
        "skip": "To the content",
        "claim": "The visit log that home care can trust",
        "what": "One tap in, one tap out. Staff log in and out at the recipient's home with their phone; the service"
        " derives the visits, splits the time between the interventions and hands executed time to the"
        " municipality's systems.",
        "now": "Right now",
        "municipalities": "municipalities",
        "taps": "taps",
        "visits_today": "visits today",
        "logged_in": "logged in now",
        "absent": "The database does not answer at the moment, so there are no figures.",
        "more": "more than",
        "read": "Read on",
        "log_in": "Log in",
        "docs": "The API's documentation",
        "openapi": "The API's description (OpenAPI 3.1)",
        "ready": "The service's health",
        "metrics": "Metrics for monitoring",
        "other": "På svenska",
        "other_code": "sv",
        "privacy": "This page shows counts alone, never anything about a person.",
    },
}

router = APIRouter(include_in_schema=False)

_template = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
).get_template("start.html")


async def _figures(request: Request) -> ServiceFigures | None:
    """The figures, a few seconds old at most: all visitors share one query. None when the database does not answer."""
    database: Database = request.app.state.database
    kept: tuple[float, ServiceFigures | None] | None = getattr(request.app.state, "figures", None)
    if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
        return kept[1]
    request.app.state.figures = (time.monotonic(), kept[1] if kept else None)  # requests meanwhile get the last figures
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await figures(database, day_start(local_date(database.clock.now())))
    except Exception:  # noqa: BLE001 - whatever is wrong with the database, the page itself stands
        found = None
    request.app.state.figures = (time.monotonic(), found)
    return found


@router.get("/")
async def start(
    request: Request,
    accept_language: Annotated[str, Header()] = "",
    lang: Annotated[str | None, Query()] = None,
) -> HTMLResponse:
    """The start page, in Swedish or English."""
    language = "en" if lang == "en" else "sv" if lang == "sv" else wanted(accept_language)
    found = await _figures(request)
    page = _template.render(
        language=language, text=TEXTS[language], figures=found, most=MOST_COUNTED, static=assets.PAGES.url
    )
    return HTMLResponse(
        page, headers={"Content-Security-Policy": CSP, "Content-Language": language, "Vary": "Accept-Language"}
    )


@router.get("/figures")
async def live(request: Request) -> JSONResponse:
    """The start page's figures; empty when the database does not answer."""
    found = await _figures(request)
    return JSONResponse(found.to_json() if found else {})
