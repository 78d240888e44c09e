"""The API's own description, OpenAPI 3.1: made by FastAPI of routes and models, and told to the end here.

What routes have in common is read off their dependencies: who may ask, and what headers they look at.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import ConfigDict, Field

from app.api.http.access import ROLES, SCOPES, allowed_by
from app.api.http.problems import PROBLEMS
from app.api.http.refusals import PROBLEM_JSON
from app.api.http.shapes import Fault, OneOf, Wire, sent
from app.settings import VERSION

HEADERS = {
    "Content-Disposition": "The name to keep a file under; not sent with JSON.",
    "ETag": "The version, in quotation marks, to be sent back in `If-Match`.",
    "Link": 'The next page (RFC 8288, `rel="next"`), where there is one.',
    "Location": "Where to go on.",
    "Retry-After": "In how many seconds to ask again.",
    "WWW-Authenticate": "How to say who asks (RFC 6750), or which scope is lacking.",
}
EXAMPLES = {
    "Content-Disposition": 'attachment; filename="executed-time-2026-10.csv"',
    "ETag": '"3"',
    "Link": '</v1/visits?cursor=MjAyNi0xMC0yNFQwODozMTowMlo>; rel="next"',
    "Location": "/v1/visits/5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "Retry-After": "2",
    "WWW-Authenticate": 'Bearer error="invalid_token"',
}
Said = tuple[str, str, list[str]]
"""A code that an answer has, what the answer means, and its headers."""
REFUSALS: dict[str, tuple[str, Said]] = {
    "401": ("Unauthenticated", ("unauthenticated", "No token, or none that is good.", ["WWW-Authenticate"])),
    "403": ("Forbidden", ("forbidden_role", "Known, but not the caller's to do.", ["WWW-Authenticate"])),
    "409": ("NotYet", ("not_sealed", "Not as it stands; `code` says why, and whether to wait.", ["Retry-After"])),
    "412": ("AnotherVersion", ("version_conflict", "Another version stands than the one named.", ["ETag"])),
    "422": ("Unreadable", ("invalid_parameter", "A parameter or the body is wrong; `errors` says where.", [])),
    "428": ("VersionNeeded", ("precondition_required", "`If-Match` is missing.", [])),
    "429": ("TooMuch", ("too_many_exports", "Too much at once. Ask again later.", ["Retry-After"])),
    "503": ("Busy", ("busy", "Not now, and nothing was done. Ask again later.", ["Retry-After"])),
    "default": ("Refusal", ("not_found", "Any other refusal; `code` says which.", [])),
}
"""By status: what the answer is called in the document, and what is said of it."""
SECURITY: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token with scopes needs the one named; one without reaches all that its role may.",
    },
    "client": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": SCOPES}}},
}
WORDS = {
    "after": "Where to go on: `next` of the page before, `0` for everything.",
    "anomaly": "Visits with this anomaly alone.",
    "anomaly_id": "The anomaly, as the list names it: `visit:code`.",
    "category": "Help of this category alone.",
    "code": "The code.",
    "cost_ore_per_hour": "What an executed hour costs, in öre, where cost is wanted.",
    "cursor": "Where to go on: `next` of the page before.",
    "fact": "The id of a tap, a report, a correction or another fact.",
    "from": "The first day.",
    "household": "The household's ref.",
    "kind": "What kind of fact it is, where an id alone leaves that open.",
    "limit": "How many at most.",
    "month": "The month, `YYYY-MM`.",
    "months": "Over how many months, the asked one among them.",
    "municipality": "The municipality's code, as SCB has it.",
    "on": "The day to look at; today, unless it is named.",
    "profile": "By whose rules.",
    "provider": "The provider's ref.",
    "published": "As it may be published: nothing where too few are counted.",
    "recipient": "The recipient's ref.",
    "ref": "The record's own ref, given by who put it.",
    "severity": "`fix`: to be repaired. `acknowledge`: to be seen.",
    "size": "How many leaves the tree is to have.",
    "soon": "How many days ahead an end counts as near.",
    "staff": "The staff ref.",
    "state": "Those in this state alone.",
    "status": "Visits of this status alone.",
    "tap": "The tap's id.",
    "to": "The last day, itself included.",
    "visit_id": "The visit's id.",
}
"""What parameters mean that say nothing of their own."""
AT_HOME = ("/health/live", "/metrics", "/problems/{code}")
"""What needs no database, and is never too busy."""


TAGS = {
    "taps": "What phones send as it happens: who came to which door, and when they left.",
    "reports": "What was done at the visit, told by who did it.",
    "visits": "What the taps and reports come to, what is odd about it, and what people have corrected.",
    "anomalies": "What asks to be repaired or seen before a month is closed, with the repair where there is one.",
    "presence": "Who is logged in right now.",
    "master data": "Providers, recipients, staff, interventions, orders, contracts, tags: what the municipality knows.",
    "devices": "Phones, and how they get to be trusted.",
    "clients": "Machines, and how they get to be trusted.",
    "tokens": "Tokens, for phones and machines.",
    "delegations": "Leave to do delegated health care, and visits where it was lacking.",
    "executed time": "Executed and granted time, as pay and planning want it.",
    "measures": "Figures to steer by: continuity, executed share, evidence, what was declined.",
    "compensation": "What providers are paid, month by month, and what that is invoiced with.",
    "reports of cases": "Figures of one recipient, for decisions and fees.",
    "ledger": "Proofs that nothing that was received has been changed or left out.",
    "health": "Whether the service works.",
    "documentation": "What codes mean.",
}
"""What there is, in the order of the documentation."""


class ProblemOut(Wire):
    """A refusal (RFC 9457). It never repeats what was sent."""

    model_config = ConfigDict(title="Problem")

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    title: str
    status: int
    code: Annotated[str, OneOf(PROBLEMS)]
    detail: str
    errors: Annotated[list[Fault], Field(description="Where the body or the address is wrong.")] = []  # noqa: RUF012 - pydantic copies it
    version: Annotated[int | None, Field(description="The version that stands, where another was named.")] = None
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
        for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own errors, which nobody gets here
            schemas.pop(unused, None)
        for route in (one.original_route for one in iter_route_contexts(app.routes)):
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    _describe(route, made["paths"][route.path_format][method.lower()])
        components["responses"] = {name: _refusal(*said) for name, said in REFUSALS.values()}
        components["headers"] = {
            name: {"description": text, "schema": {"type": "string"}, "example": EXAMPLES[name]}
            for name, text in HEADERS.items()
        }
        components["securitySchemes"] = SECURITY
        app.openapi_schema = made
    return app.openapi_schema


def _lift(part: Any, schemas: dict[str, Any]) -> None:
    """Move the `$defs` that a model brings along to where every reference looks for them."""
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
    """What the route's dependencies and parameters say of it beyond what FastAPI reads."""
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
    operation["responses"] = dict(sorted(answers.items()))
    for number, said in route.responses.items():
        if "content" in said:
            _restore(answers[str(number)]["content"], said["content"])
    if route.openapi_extra and "requestBody" in route.openapi_extra:
        _restore(operation["requestBody"]["content"], route.openapi_extra["requestBody"]["content"])
    for one in parameters:
        one["required"] = one["required"] or (one["name"] == "If-Match" and "428" in answers)
        one.setdefault("description", WORDS.get(one["name"], ""))
        one["schema"] = _sent(one["schema"])


def _sent(schema: dict[str, Any]) -> dict[str, Any]:
    """What a parameter may be where it is sent: null is only what stands in place of one that is left out."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {name: said for name, said in schema.items() if name != "anyOf"}
    return rest | ({"anyOf": choices} if len(choices) > 1 else dict(*choices))


def _restore(content: dict[str, Any], said: dict[str, Any]) -> None:
    """The examples as they were given: FastAPI leaves out of them what is null."""
    for media_type, one in said.items():
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
    return {"description": text, "content": content} | sent(*headers)
