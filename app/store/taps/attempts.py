"""Refused taps and reports, which are kept as attempts."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic_core import to_json

from app.domain.closed_sets import ItemKind
from app.domain.register.personal_number import without_numbers
from app.store.connection import NewLeaves

MOST_KEPT = 2000
"""The largest number of bytes kept of a refused item: enough to see what a phone does wrong."""
_ESCAPE = re.compile(r"\\u[0-9a-f]{4}")


class Attempt(NamedTuple):
    """A refused item to store, with the id it had, None without one. `claim` is what it says, as JSON."""

    kind: ItemKind
    item_id: UUID | None
    staff: str
    device: str | None
    received_at: dt.datetime
    code: str
    body_hash: bytes
    claim: Any


def insert(at: int) -> str:
    """The statement that stores attempts, given by `document` in parameter `$at`."""
    # An item that is nothing but null comes out of the recordset as no claim at all, and is an attempt like any other.
    return f"""
INSERT INTO attempt (municipality_id, id, kind, item_id, staff, device, received_at, code, body_hash, claim)
SELECT $1, id, kind, item_id, staff, device, received_at, code, decode(body_hash, 'hex'),
    coalesce(claim, 'null'::jsonb)
FROM json_to_recordset(${at}::json) AS r(id uuid, kind text, item_id uuid, staff text, device text,
    received_at timestamptz, code text, body_hash text, claim jsonb)
"""


def document(leaves: NewLeaves, attempts: Sequence[Attempt]) -> str:
    """The parameter of `insert`: attempts, each with a new id and the kept part of its claim. Makes their leaves."""
    stored = [attempt._asdict() | {"id": uuid4(), "claim": _kept(attempt.claim)} for attempt in attempts]
    for fields in stored:
        leaves.add("attempt", fields)
    return to_json([fields | {"body_hash": fields["body_hash"].hex()} for fields in stored]).decode()


def _kept(claim: Any) -> Any:
    """The claim. If it is long or holds a personal number: the beginning of its text, with `…` for each number."""
    # The hexadecimal digits of an escaped character would hide a number that follows.
    text = _ESCAPE.sub(" ", to_json(claim).decode())
    beginning = text.encode()[:MOST_KEPT].decode(errors="ignore")
    if beginning != text:
        beginning = beginning.rstrip("0123456789")  # which may be the first of a number
    kept = without_numbers(beginning)
    return claim if kept == text else kept
