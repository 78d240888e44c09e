"""Names and contacts in answers: which callers read them, and whom they find by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic_core import from_json

from app.actions.register.find_by_name import NameIndex
from app.actions.versions import Json
from app.api.http.access import Caller, encryption_of
from app.api.http.problems import Problem
from app.domain.register.names import words_of
from app.store.access import sealed_fields
from app.store.access.sealed_fields import NAME
from app.store.connection import Reading

CLEARED = frozenset({"system", "admin", "case_officer"})
"""The roles that read who a person with protected data is. Everybody else knows the person by its ref alone."""
NAMING = CLEARED | {"planner"}
"""The roles that read names and contacts: of planners only those of what they see at all."""
LONGEST_NAME = 200
NAME_PARAMETER: Json = {
    "name": "name",
    "in": "query",
    "required": False,
    "description": "Only those in whose name each of these words begins a word.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
}


@dataclass(frozen=True, slots=True)
class Personal:
    """The encrypted fields of a kind of record that are shown, and the roles that read them."""

    fields: tuple[str, ...] = (NAME, "contacts")
    roles: frozenset[str] = NAMING

    def may_read(self, caller: Caller, body: Json) -> bool:
        """True when the caller reads these fields of this record."""
        return caller.role in self.roles and (not body.get("protected") or caller.role in CLEARED)


async def opened(
    request: Request, reading: Reading, personal: Personal, kind: str, caller: Caller, bodies: Mapping[str, Json]
) -> list[Json]:
    """The bodies, by ref, with the encrypted fields that the caller may read; null in place of all others."""
    readable = [ref for ref, body in bodies.items() if personal.may_read(caller, body)]
    found = await sealed_fields.opened(reading, encryption_of(request), kind, readable, personal.fields)
    return [_shown(personal, ref in readable, body, found.get(ref, {})) for ref, body in bodies.items()]


def _shown(personal: Personal, readable: bool, body: Json, values: Mapping[str, str]) -> Json:
    shown = {name: value for name, value in body.items() if name != "sealed"}
    for field in personal.fields:
        text = values.get(field)
        if field != NAME:
            shown[field] = None if text is None else from_json(text)
        else:
            # A name may stand in a record that was put before names were encrypted.
            shown[field] = (text or body.get(NAME)) if readable else None
    return shown


async def found_by_name(request: Request, reading: Reading, kind: str, caller: Caller, name: str) -> dict[str, Any]:
    """The filters of a list that leave those whom the caller finds by a name.

    Raises Problem: `forbidden_role` for a role that reads no names, `invalid_parameter`.
    """
    if caller.role not in NAMING:
        raise Problem("forbidden_role")
    if not words_of(name) or len(name) > LONGEST_NAME:
        raise Problem("invalid_parameter", pointer="/query/name")
    index: NameIndex = request.app.state.names
    filters: dict[str, Any] = {"among": await index.find(reading, kind, name)}
    return filters if kind != "recipients" or caller.role in CLEARED else filters | {"unprotected": "false"}
