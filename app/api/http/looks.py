"""The access log as routes write it: every answer that shows a person leaves an entry, or is not given.

An entry is written in the transaction of the read. A route that looks persons up says whom it showed (`shown`). Pulls
of whole sets, whose snapshots and kept answers are made in one place, are logged there by their filter (`pulled`).
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.api.http.access import Caller, database
from app.domain.access.access_log import AccessEntry
from app.domain.register.personal_number import holds_number
from app.store.access import access_log
from app.store.connection import Reading

RECIPIENT = "recipient"
KEYS = "by"
"""The parameter that names the keys of rows; without the recipient or its lines among them, rows are sums of many."""
OF_PERSONS = frozenset({RECIPIENT, "order_line"})
UNLOGGED = frozenset({"limit", "name"})
"""Parameters that are not kept: a name is looked for by what it says."""


async def shown(request: Request, reading: Reading, refs: Iterable[str | None], purpose: str | None = None) -> None:
    """Log that the caller is shown these recipients, and the one that it filters by. Nobody: nothing is logged."""
    asked = request.query_params.get(RECIPIENT)
    recipients = sorted({ref for ref in (*refs, asked) if ref is not None})
    request.state.logged = True
    if recipients:
        await _add(request, reading, recipients, purpose)


async def pulled(request: Request, reading: Reading) -> None:
    """Log a pull of a whole set by its filter, unless it names nobody or its route has said whom it showed."""
    if getattr(request.state, "logged", False):
        return
    asked = request.query_params.get(RECIPIENT)
    if asked is not None:
        await _add(request, reading, [asked], None)
    elif _names_recipients(request):
        await _add(request, reading, [], None)


async def _add(request: Request, reading: Reading, recipients: list[str], purpose: str | None) -> None:
    caller: Caller = request.state.caller
    route: APIRoute = request.scope["route"]
    asked = request.query_params.items()
    query = [(name, value) for name, value in asked if name not in UNLOGGED and not holds_number(value)]
    entry = AccessEntry(
        access_log.new_id(reading.now),
        reading.now,
        caller.subject,
        caller.role,
        caller.provider,
        f"{request.method} {route.path}",
        tuple(recipients),
        not recipients,
        urlencode(query),
        purpose,
    )
    database(request).looked_at(reading.municipality_id)
    await access_log.add(reading, database(request).macs, entry)


def _names_recipients(request: Request) -> bool:
    """True if the rows of the answer name recipients: by the route's model, and by the keys that are asked for."""
    keys = request.query_params.get(KEYS)
    if keys is not None and not OF_PERSONS & set(keys.split(",")):
        return False
    model = request.scope["route"].responses.get(200, {}).get("model")
    return model is None or _has_recipients(model)  # without a model it is a file, and those list persons


@lru_cache
def _has_recipients(model: type[BaseModel]) -> bool:
    schema = model.model_json_schema()
    shapes = [schema, *schema.get("$defs", {}).values()]
    return any(RECIPIENT in shape.get("properties", {}) for shape in shapes)
