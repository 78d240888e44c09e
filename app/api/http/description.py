"""The OpenAPI 3.1 description of the API. FastAPI makes it of routes and models; here it is completed.

Roles, scopes and headers of a route are read from its dependencies.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import ConfigDict, Field

from app.api.http.access import ROLES, SCOPES, Allowed, allowed_by
from app.api.http.problems import PROBLEMS
from app.api.http.refusals import PROBLEM_JSON
from app.api.http.sessions import COOKIE, TOKEN_HEADER
from app.api.http.shapes import Fault, OneOf, Wire, sent
from app.settings import VERSION

HEADERS = {
    "Content-Disposition": "The name for the file. It is not sent with JSON.",
    "ETag": "The version, in quotation marks. Send it back in `If-Match`, or in `If-None-Match` where that is taken.",
    "Link": 'The address of the next page (RFC 8288, `rel="next"`), if there is one.',
    "Location": "The address to ask next.",
    "RateLimit": "The rest of each quota, `r` requests for `t` seconds (draft-ietf-httpapi-ratelimit-headers).",
    "RateLimit-Policy": "The quotas of the caller and of its municipality, `q` requests in `w` seconds.",
    "Retry-After": "The number of seconds to wait before the next try.",
    "WWW-Authenticate": "The way to authenticate (RFC 6750), or the scope that is missing.",
}
EXAMPLES = {
    "Content-Disposition": 'attachment; filename="executed-time-2026-10.csv"',
    "ETag": '"3"',
    "Link": '</v1/visits?cursor=MjAyNi0xMC0yNFQwODozMTowMlo>; rel="next"',
    "Location": "/v1/visits/5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "RateLimit": '"caller";r=2999;t=42, "municipality";r=29950;t=42',
    "RateLimit-Policy": '"caller";q=3000;w=60, "municipality";q=30000;w=60',
    "Retry-After": "2",
    "WWW-Authenticate": 'Bearer error="invalid_token"',
}
COUNTED = ("RateLimit", "RateLimit-Policy")
"""Headers of every answer to a request that is counted."""
Said = tuple[str, str, list[str]]
"""A code that such an answer may have, the meaning of the answer, and its headers."""
REFUSALS: dict[str, tuple[str, Said]] = {
    "401": ("Unauthenticated", ("unauthenticated", "There is no valid token.", ["WWW-Authenticate"])),
    "403": ("Forbidden", ("forbidden_role", "The caller may not do this.", ["WWW-Authenticate"])),
    "409": ("NotYet", ("not_sealed", "The state does not allow this. `code` says why.", ["Retry-After"])),
    "412": ("AnotherVersion", ("version_conflict", "The record has another version than the one named.", ["ETag"])),
    "422": ("Unreadable", ("invalid_parameter", "A parameter or the body is wrong. `errors` says where.", [])),
    "428": ("VersionNeeded", ("precondition_required", "`If-Match` is missing.", [])),
    "429": ("TooMuch", ("too_many_exports", "There are too many calls at once. Try again later.", ["Retry-After"])),
    "503": ("Busy", ("busy", "The service is busy, and nothing was done. Try again later.", ["Retry-After"])),
    "default": ("Refusal", ("not_found", "The call was refused for another reason. `code` says which.", [])),
}
"""By status: the name of the answer in the document, and its description."""
SECURITY: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token with scopes needs the scope of the call. Without any, it may do all that its role may.",
    },
    "client": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": SCOPES}}},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A person who has logged in by a browser. A call that changes something also needs our `Origin`"
        f" and, in `{TOKEN_HEADER}`, the token of our pages.",
    },
}
WORDS = {
    "after": "The cursor: `next` of the last answer, or `0` for everything.",
    "anomaly": "Only visits with this anomaly.",
    "anomaly_id": "The name of the anomaly in the list, `visit:code`.",
    "category": "Only help of this category.",
    "code": "The code to explain.",
    "cost_ore_per_hour": "The cost of an executed hour in öre. Without it, the report shows no cost.",
    "cursor": "The cursor of the page: `next` of the page before. Left out: the first page.",
    "fact": "The id of a tap, a report, a correction or another fact.",
    "from": "The first day, inclusive.",
    "household": "The ref of the household.",
    "kind": "The kind of fact. It is needed if several facts have the same id.",
    "limit": "The highest number of items in the answer.",
    "month": "The month, `YYYY-MM`.",
    "months": "The number of months to show, the month asked for included.",
    "municipality": "The municipality's code (SCB).",
    "on": "The day on which the state is shown. Left out: today.",
    "profile": "The name of the profile: the rules by which the figures are computed.",
    "provider": "The ref of the provider.",
    "published": "True hides all figures if too few recipients count, so that they can be published.",
    "ref": "The ref of the record. The sender chooses it.",
    "severity": "Only anomalies of this severity. `fix`: to be repaired. `acknowledge`: to be seen.",
    "size": "The number of leaves of the tree.",
    "soon": "The number of days before its end in which a delegation is `expiring`.",
    "state": "Only those in this state.",
    "status": "Only visits with this status.",
    "tap": "The id of the tap.",
    "to": "The last day, inclusive.",
    "visit_id": "The id of the visit.",
    "work_shift": "The id of the work shift.",
}
"""The meaning of parameters without a description of their own."""
FILTERS = {
    "provider": "Only this provider, by its ref.",
    "recipient": "Only this recipient, by its ref.",
    "staff": "Only this staff ref.",
}
"""The meaning of the same names where they may be left out."""
AT_HOME = ("/health/live", "/metrics", "/problems/{code}")
"""Routes that need no database, and are never too busy."""


TAGS = {
    "taps": "Taps from phones: who came to which door, and when they left.",
    "reports": "Reports by carers: what was done in a visit.",
    "visits": "Visits, which follow from taps and reports, with their anomalies and corrections.",
    "anomalies": "Anomalies to repair or to see before a month is closed, with suggested repairs.",
    "presence": "The persons who are logged in right now.",
    "master data": "Providers, recipients, staff, interventions, orders, contracts and tags.",
    "access log": "Entries for each look at a recipient, and samples of them.",
    "devices": "Phones and their enrolment.",
    "clients": "Other systems and their access.",
    "people": "People who log in: identity providers, memberships, sessions and one's own tokens.",
    "tokens": "Access tokens for phones and other systems.",
    "delegations": "Delegations of health care, and visits in which one was missing.",
    "executed time": "Executed and granted time, for pay and planning.",
    "measures": "Figures for follow-up: continuity, executed share, evidence and declined visits.",
    "compensation": "The pay of providers by month, with closed months and invoices.",
    "reports of cases": "Figures of one recipient, for decisions and fees.",
    "ledger": "Proofs that nothing that was received has been changed or removed.",
    "health": "The state of the service.",
    "documentation": "Explanations of codes.",
}
"""The parts of the API, in the order of the documentation."""


class ProblemOut(Wire):
    """A refusal (RFC 9457). It never repeats the content of the request."""

    model_config = ConfigDict(title="Problem")

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    title: str
    status: int
    code: Annotated[str, OneOf(PROBLEMS)]
    detail: str
    errors: Annotated[list[Fault], Field(description="The places in the body or the address that are wrong.")] = []  # noqa: RUF012 - pydantic copies it
    version: Annotated[int | None, Field(description="The present version, if the request named another one.")] = None
    trace_id: str


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Taggad",
            version=VERSION,
            description=app.description,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            servers=[{"url": "/", "description": "This service"}],
            license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        )
        components = made.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas["Problem"] = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        _lift(made, schemas)
        for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own errors, which this API never answers
            schemas.pop(unused, None)
        for route in (one.original_route for one in iter_route_contexts(app.routes)):
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    _describe(route, made["paths"][route.path_format][method.lower()])
        components["responses"] = {name: _refusal(*described) for name, described in REFUSALS.values()}
        components["headers"] = {
            name: {"description": text, "schema": {"type": "string"}, "example": EXAMPLES[name]}
            for name, text in HEADERS.items()
        }
        components["securitySchemes"] = SECURITY
        app.openapi_schema = made
    return app.openapi_schema


def _lift(part: Any, schemas: dict[str, Any]) -> None:
    """Move the `$defs` of a model to the document's schemas, where references point."""
    if isinstance(part, dict):
        for name, schema in part.pop("$defs", {}).items():
            _lift(schema, schemas)
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"{name} is one thing in a body and another in an answer")
        for value in list(part.values()):
            _lift(value, schemas)
    elif isinstance(part, list):
        for value in part:
            _lift(value, schemas)


def _describe(route: APIRoute, operation: dict[str, Any]) -> None:
    """Complete an operation with what FastAPI does not read from the route's dependencies and parameters."""
    answers, parameters = operation["responses"], operation.get("parameters", [])
    allowed = allowed_by(route)
    operation["security"] = [{name: [allowed.scope]} for name in SECURITY] if allowed else []
    if allowed:
        operation["x-roles"] = [role for role in ROLES if role in allowed.roles]
    of_all = {"422": True, "401": allowed, "403": allowed, "429": allowed, "503": route.path not in AT_HOME}
    conditional = any(one["name"] == "If-Match" for one in parameters)
    for status, holds in {**of_all, "412": conditional, "default": True}.items():
        if holds and (status == "422" or status not in answers):
            answers[status] = {}
    for status in answers.keys() & REFUSALS.keys():
        if "content" not in answers[status] or status == "422":
            answers[status] = {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}
    _add_counted(allowed, answers.values())
    operation["responses"] = dict(sorted(answers.items()))
    for number, described in route.responses.items():
        if "content" in described:
            _restore(answers[str(number)]["content"], described["content"])
    if route.openapi_extra and "requestBody" in route.openapi_extra:
        _restore(operation["requestBody"]["content"], route.openapi_extra["requestBody"]["content"])
    for one in parameters:
        one["required"] = one["required"] or (one["name"] == "If-Match" and "428" in answers)
        one["description"] = _meaning(one)
        one["schema"] = _sent(one["schema"])


def _add_counted(allowed: Allowed | None, answers: Iterable[dict[str, Any]]) -> None:
    for answer in answers:
        if allowed and not allowed.late and "$ref" not in answer:  # what is referred to has them
            answer.setdefault("headers", {}).update(sent(*COUNTED)["headers"])


def _meaning(parameter: dict[str, Any]) -> str:
    """The sentence for a parameter: its own, or the one for its name, as a filter or not."""
    name = parameter["name"]
    named = WORDS if parameter["required"] else WORDS | FILTERS
    return parameter.get("description") or named.get(name, "")


def _sent(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter when it is sent: null only stands for one that is left out."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {name: described for name, described in schema.items() if name != "anyOf"}
    return rest | ({"anyOf": choices} if len(choices) > 1 else dict(*choices))


def _restore(content: dict[str, Any], described: dict[str, Any]) -> None:
    """Put back the original examples: FastAPI removes null values from them."""
    for media_type, one in described.items():
        content[media_type] |= {name: one[name] for name in ("example", "examples") if name in one}


def _refusal(code: str, text: str, headers: Iterable[str]) -> dict[str, Any]:
    kind = PROBLEMS[code]
    example = {
        "type": f"/problems/{code}",
        "title": kind.title_en,
        "status": kind.status,
        "code": code,
        "detail": kind.text_en,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": text, "content": content} | sent(*headers, *COUNTED)
