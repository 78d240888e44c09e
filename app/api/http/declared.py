"""Refusal of unknown and repeated query parameters, and of personal numbers in addresses.

Otherwise a caller who misspells a filter would get everything and take it for the filtered result, and of a filter
that is given twice one would be ignored. An address is written down on its way by machines that are not ours.
"""

import re
from collections import Counter
from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.api.http.access import allowed_by
from app.api.http.problems import FieldError, Problem
from app.domain.register.personal_number import holds_number

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""One of some ten thousand UUIDs looks like a personal number by chance."""
COUNTED = frozenset({"cursor", "from", "limit", "size", "to"})
"""Query parameters that hold days, indexes or what we made ourselves."""


async def only_declared(request: Request) -> None:
    """Raises Problem: `unknown_parameter` for a name the route does not declare, `invalid_parameter` for one twice.

    A personal number anywhere in the address is `ref_is_personal_number`. A caller without the right to ask is refused
    before that, by the route's own dependency.
    """
    route: APIRoute = request.scope["route"]
    if not route.include_in_schema:
        return  # a page opens with any query: a tag's link may carry its message there
    if any(map(_is_personal, _refs_in(request))):
        await _require_allowed(request, route)
        raise Problem("ref_is_personal_number")
    if not request.scope["query_string"]:
        return
    declared = declared_by(route)
    given = Counter(name for name, _ in request.query_params.multi_items())
    unknown = given.keys() - set(declared)
    twice = [FieldError(f"/query/{name}", "given_twice") for name in declared if given[name] > 1]
    if not unknown and not twice:
        return
    await _require_allowed(request, route)
    if unknown:
        # The name itself may be a personal number, so the pointer ends before it.
        raise Problem("unknown_parameter", errors=[FieldError("/query", "unknown_parameter", declared)])
    raise Problem("invalid_parameter", errors=twice)


async def _require_allowed(request: Request, route: APIRoute) -> None:
    allowed = allowed_by(route)
    if allowed is not None:
        await allowed(request)


def _refs_in(request: Request) -> Iterator[str]:
    yield from map(str, request.path_params.values())
    if request.scope["query_string"]:
        yield from (value for name, value in request.query_params.multi_items() if name not in COUNTED)


def _is_personal(value: str) -> bool:
    return holds_number(value) and not UUID.fullmatch(value)


def declared_by(route: APIRoute) -> tuple[str, ...]:
    """The names of a route's query parameters, including those that it reads itself from the request."""
    read = (route.openapi_extra or {}).get("parameters", ())
    names = [*_names(route.dependant), *(one["name"] for one in read if one["in"] == "query")]
    return tuple(dict.fromkeys(names))


def _names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _names(dependency)
