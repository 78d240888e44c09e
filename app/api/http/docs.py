"""Explanations of the codes in answers, for programs and for people."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import HTMLResponse, Response

from app import assets
from app.api.http.codes import CODES, meaning_of
from app.api.http.formats import wanted_type
from app.api.http.problems import PROBLEMS, Problem
from app.api.http.shapes import OneOf, Wire, answer_of
from app.domain.closed_sets import Severity
from app.language import wanted

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
CODE_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – Taggad</title>
<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{static}/start.css">
</head>
<body>
<header>
<p class="name"><a href="/">Taggad</a></p>
</header>
<main>
<h1>{title}</h1>
<p class="what">{text}</p>
<p class="privacy">{kind}<code>{code}</code></p>
</main>
</body>
</html>
"""
KINDS = {
    "sv": {"fix": "Avvikelse att rätta: ", "acknowledge": "Avvikelse att se: ", None: ""},
    "en": {"fix": "Anomaly to repair: ", "acknowledge": "Anomaly to see: ", None: ""},
}
JSON, HTML = "application/json", "text/html"

router = APIRouter(tags=["documentation"])


class Explained(Wire):
    """An explanation of a code. `status` is given for a refusal, `severity` for an anomaly."""

    code: Annotated[str, OneOf(CODES)]
    status: int | None
    severity: Severity | None
    title: str
    text: str


EXAMPLE = {
    "code": "unknown_ref",
    "status": 404,
    "severity": None,
    "title": PROBLEMS["unknown_ref"].title_sv,
    "text": PROBLEMS["unknown_ref"].text_sv,
}


ANSWERED = answer_of(Explained, example=EXAMPLE)
ANSWERED[200]["content"][HTML] = {"schema": {"type": "string"}, "example": "<!doctype html>…"}


@router.get("/problems/{code}", operation_id="explain_code", summary="Explain a code", responses=ANSWERED)
async def problem(request: Request, code: str) -> Response:
    """Explain a code of a refusal, a tap, a report or an anomaly, in Swedish or English.

    The answer is JSON, or a page for people if `Accept` asks for HTML.
    """
    if code not in CODES:
        raise Problem("not_found")
    media_type = wanted_type(request.headers.get("accept", ""), (JSON, HTML))
    language = wanted(request.headers.get("accept-language", ""))
    explained = meaning_of(code)
    words = {"code": code, "title": getattr(explained.title, language), "text": getattr(explained.text, language)}
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language"}
    if media_type == JSON:
        return Response(
            to_json(words | {"status": explained.status, "severity": explained.severity}), 200, headers, JSON
        )
    shown = {name: escape(word) for name, word in words.items()}
    page = CODE_PAGE.format(
        language=language, static=assets.PAGES.url, kind=KINDS[language][explained.severity], **shown
    )
    return HTMLResponse(page, headers=headers | {"Content-Security-Policy": CSP})
