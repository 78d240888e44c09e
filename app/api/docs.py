"""The API's own description: OpenAPI 3.1, the page that shows it (nothing from elsewhere), and what each code means."""

from html import escape
from pathlib import Path
from typing import Any, Literal

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic_core import to_json
from starlette.responses import HTMLResponse, Response

from app.api.access import SCOPES, allowed_by
from app.api.codes import CODES, told_of
from app.api.formats import wanted_type
from app.api.problems import PROBLEMS, Problem
from app.api.wire import Wire, answer_of
from app.language import wanted
from app.settings import VERSION

ASSETS = Path(fastapi_offline.__file__).parent / "static"
ASSETS_URL = "/docs/assets"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Taggad API</title>
<link rel="stylesheet" href="{ASSETS_URL}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{ASSETS_URL}/swagger-ui-bundle.js"></script>
<script src="/static/docs.js"></script>
</body>
</html>
"""
CODE_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – Taggad</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/start.css">
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
PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457). It never repeats what was sent.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "message")},
                "required": ["pointer", "code", "message"],
            },
        },
        "trace_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail", "trace_id"],
}
SECURITY: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token with scopes needs the one named; one without reaches all that its role may.",
    },
    "client": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": SCOPES}}},
}

router = APIRouter(tags=["documentation"])


class Explained(Wire):
    """What a code means and what to do. `status` where it is a refusal, `severity` where it is an anomaly."""

    code: str
    status: int | None
    severity: Literal["fix", "acknowledge"] | None
    title: str
    text: str


EXAMPLE = {
    "code": "unknown_ref",
    "status": 404,
    "severity": None,
    "title": PROBLEMS["unknown_ref"].title_sv,
    "text": PROBLEMS["unknown_ref"].text_sv,
}


@router.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """The description as a page."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": CSP})


@router.get("/problems/{code}", responses=answer_of(Explained, example=EXAMPLE))
async def problem(request: Request, code: str) -> Response:
    """What a code of any answer means, in Swedish or English: a refusal's, a tap's, a report's, an anomaly's.

    JSON, or by `Accept` a page for people.
    """
    if code not in CODES:
        raise Problem("not_found")
    media_type = wanted_type(request.headers.get("accept", ""), (JSON, HTML))
    language = wanted(request.headers.get("accept-language", ""))
    told = told_of(code)
    words = {"code": code, "title": getattr(told.title, language), "text": getattr(told.text, language)}
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language"}
    if media_type == JSON:
        return Response(to_json(words | {"status": told.status, "severity": told.severity}), 200, headers, JSON)
    shown = {name: escape(word) for name, word in words.items()}
    page = CODE_PAGE.format(language=language, kind=KINDS[language][told.severity], **shown)
    return HTMLResponse(page, headers=headers | {"Content-Security-Policy": CSP})


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Taggad",
            version=VERSION,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        _lift(made, schemas)
        schemas["Problem"] = PROBLEM_SCHEMA
        for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own errors, which nobody gets here
            schemas.pop(unused, None)
        needed = _scopes(app)
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                _describe(operation, needed[method.upper(), path])
        made["components"]["securitySchemes"] = SECURITY
        app.openapi_schema = made
    return app.openapi_schema


def _lift(part: Any, schemas: dict[str, Any]) -> None:
    """Move the `$defs` that a model brings along to where every reference looks for them."""
    if isinstance(part, dict):
        for name, schema in part.pop("$defs", {}).items():
            _lift(schema, schemas)
            schemas.setdefault(name, schema)
        for value in part.values():
            _lift(value, schemas)
    elif isinstance(part, list):
        for value in part:
            _lift(value, schemas)


def _scopes(app: FastAPI) -> dict[tuple[str, str], str | None]:
    """The scope of each route, None of one that asks for no token."""
    routes = [one.original_route for one in iter_route_contexts(app.routes)]
    return {
        (method, route.path_format): allowed.scope if (allowed := allowed_by(route)) else None
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _describe(operation: dict[str, Any], scope: str | None) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    refusal = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers.setdefault("default", {"description": "A refusal", "content": refusal})
    if scope is not None:
        operation["security"] = [{name: [scope]} for name in SECURITY]
