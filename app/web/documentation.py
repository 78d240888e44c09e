"""The API's documentation for people, made from its description: a start page and a page for each part, no script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from app import assets
from app.web.calls import CALLS, ROLES, TOKEN

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
MOST_SHOWN = 12
"""A set of more values than this is folded, and shown on a click."""
PROBLEM = "application/problem+json"
NOT_FOUND = 404

router = APIRouter(include_in_schema=False)


def slug(tag: str) -> str:
    """The name of a part in its address."""
    return tag.replace(" ", "-")


def paragraphs(text: str) -> Markup:
    """The HTML of a docstring: blank lines separate paragraphs, backticks mark code."""
    return Markup("").join(Markup("<p>{}</p>").format(inline(part)) for part in text.split("\n\n") if part.strip())


def inline(text: str) -> Markup:
    """The HTML of a line of text, in which backticks mark code."""
    pieces = re.split(r"`([^`]+)`", " ".join(text.split()))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def written(example: Any) -> str:
    """The text of an example, as a person would write it."""
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class PagePart:
    """A tag of the description with its operations: method, path, description."""

    name: str
    text: str
    operations: list[tuple[str, str, dict[str, Any]]]

    @property
    def address(self) -> str:
        return f"/docs/{slug(self.name)}"


class Pages:
    """The pages of one description, each made once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.made: dict[str, str] = {}
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
        )
        environment.filters |= {"paragraphs": paragraphs, "inline": inline, "written": written, "combined": _combined}
        environment.globals |= {
            "resolved": self.resolved, "kind": self.kind, "named": _named, "choices": _choices, "most": MOST_SHOWN,
            "parts": self.parts, "static": assets.PAGES.url,
        }  # fmt: skip
        self._start = environment.get_template("docs.html")
        self._part = environment.get_template("docs_part.html")

    @cached_property
    def parts(self) -> list[PagePart]:
        """The parts, one for each tag, in the description's order."""
        said = [
            (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]
        return [
            PagePart(tag["name"], tag["description"], [one for one in said if tag["name"] in one[2]["tags"]])
            for tag in self.document["tags"]
        ]

    def start(self, base: str) -> str:
        """The HTML of the start page, with the service at `base`."""
        if base not in self.made:
            info = self.document["info"]
            refusals = [
                ("others" if name == "Refusal" else one["content"][PROBLEM]["example"]["status"], one)
                for name, one in self.document["components"]["responses"].items()
            ]
            self.made[base] = self._start.render(
                base=base, info=info, roles=ROLES, token=TOKEN, calls=CALLS, refusals=refusals
            )
        return self.made[base]

    def part(self, name: str) -> str | None:
        """The HTML of one part with the schemas that its operations use; None for an unknown name."""
        found = next((one for one in self.parts if slug(one.name) == name), None)
        if found is not None and name not in self.made:
            shapes = self._shapes([operation for _, _, operation in found.operations])
            self.made[name] = self._part.render(part=found, shapes=shapes)
        return self.made[name] if found else None

    def resolved(self, said: dict[str, Any]) -> dict[str, Any]:
        """The schema that a `$ref` refers to, else the given one."""
        while "$ref" in said:
            found: Any = self.document
            for step in said["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            said = found
        return said

    def _shapes(self, of: Any) -> dict[str, dict[str, Any]]:
        """The schemas that a part of the document refers to, directly or through others, by name."""
        found: dict[str, dict[str, Any]] = {}
        waiting = list(_references(of))
        while waiting:
            reference = waiting.pop()
            said = self.resolved({"$ref": reference})
            name = reference.rpartition("/")[2]
            if name in found:
                continue
            if reference.startswith("#/components/schemas/"):
                found[name] = said
            waiting += _references(said)
        return dict(sorted(found.items()))

    def kind(self, schema: dict[str, Any]) -> Markup:
        """The values that a schema allows, in a few words, as HTML."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return Markup('<a href="#shape-{0}">{0}</a>').format(name)
        several = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        if several:
            return Markup(" or ").join(self.kind(one) for one in several)
        if "const" in schema:
            return Markup("<code>{}</code>").format(schema["const"])
        if schema.get("type") == "array":
            return Markup("list of ") + self.kind(schema.get("items", {}))
        return escape(schema.get("format") or schema.get("type", "anything"))


def _named(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """The fields of a schema: name, schema, true if required."""
    needed = schema.get("required", [])
    return [(name, one, name in needed) for name, one in schema.get("properties", {}).items()]


def _combined(schema: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter together with the parameter's own description."""
    return {**schema, "description": parameter["description"]}


def _choices(schema: dict[str, Any]) -> list[str]:
    """The values of an enum, wherever it stands in the schema of a field."""
    within = [schema, schema.get("items", {}), *schema.get("anyOf", [])]
    return [str(word) for one in within for word in one.get("enum", [])]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _pages(app: FastAPI) -> Pages:
    found: Pages | None = getattr(app.state, "documentation", None)
    if found is None:
        found = app.state.documentation = Pages(app.openapi())
    return found


@router.get("/docs")
@router.get("/docs/")  # which people make of the addresses of the parts
async def start(request: Request) -> HTMLResponse:
    """The start page: roles, a token, five calls, and the list of parts."""
    base = request.app.state.settings.public_url or "127.0.0.1:8000"
    return HTMLResponse(_pages(request.app).start(base.rstrip("/")), headers={"Content-Security-Policy": CSP})


@router.get("/docs/{part}")
async def one(request: Request, part: str) -> HTMLResponse:
    """The page of one part of the API: its operations with their parameters, bodies and answers."""
    page = _pages(request.app).part(part)
    if page is None:
        raise HTTPException(NOT_FOUND)
    return HTMLResponse(page, headers={"Content-Security-Policy": CSP})
