"""The strict reader of JSON bodies, and the errors of models in our form.

Everything is judged on the raw bytes: UTF-8, no key twice, no NaN or number out of range, no NUL, no lone surrogate, at
most 200 levels deep (400 `malformed_json`). Then pydantic reads in strict JSON mode, where a string is a string.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any, Generic, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, create_model
from pydantic_core import ErrorDetails, from_json, to_json

from app.api.http.clock import now
from app.api.http.problems import PROBLEMS, FieldError, Problem

MOST_ITEMS = 1000
FORM = "application/x-www-form-urlencoded"
LONGEST_FORM_BYTES = 16 * 1024
MOST_FORM_FIELDS = 20

M = TypeVar("M", bound=BaseModel)
E = TypeVar("E", bound=BaseModel)

_OWN_NAME = re.compile(r"[a-z_]{1,40}")
_NUL_WRITTEN = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

CODES: Mapping[str, str] = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "timezone_aware": "naive_instant",
    "enum": "invalid_value",
    "literal_error": "invalid_value",
    "union_tag_invalid": "invalid_value",
    "union_tag_not_found": "missing_field",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "multiple_of": "out_of_range",
    "too_short": "wrong_length",
    "too_long": "wrong_length",
    "string_too_short": "wrong_length",
    "string_too_long": "wrong_length",
    "string_pattern_mismatch": "wrong_format",
    "model_type": "wrong_type",
    "model_attributes_type": "wrong_type",
    "none_required": "wrong_type",
}
"""Pydantic's error types, each with our code. A `PydanticCustomError` whose type is in `PROBLEMS` keeps it."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An item of a batch that could not be read: its id if any, the item as received, and its errors."""

    id: str | None
    raw: Any
    errors: tuple[FieldError, ...]

    @property
    def uuid(self) -> UUID | None:
        """The id if it is a UUID, else None."""
        try:
            return UUID(self.id) if self.id else None
        except ValueError:
            return None

    @property
    def code(self) -> str:
        """The code of the refusal."""
        own = {fault.code for fault in self.errors}
        return "note_required" if own == {"note_required"} else "malformed"


@dataclass(frozen=True, slots=True)
class Batch(Generic[E, M]):
    """A batch: the envelope, and the items in order. If an item is `Unread`, the envelope's own list is empty."""

    envelope: E
    items: Sequence[M | Unread]


async def read_bytes(request: Request, *, limit_bytes: int | None = None) -> bytes:
    """The raw body. Raises Problem: 415 `unsupported_media_type`, 413 `body_too_large` above `limit_bytes`."""
    kind = request.headers.get("content-type", "")
    if kind != "application/json":
        _accept_type(kind)
    return await _bounded(request, limit_bytes or request.app.state.max_body_bytes)


async def read_form(request: Request) -> list[tuple[str, str]]:
    """The names and values of a form. Raises Problem as `read_bytes` does, and 422 `invalid_envelope`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Problem("unsupported_media_type")
    body = await _bounded(request, LONGEST_FORM_BYTES)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FORM_FIELDS)
    except ValueError as error:
        raise Problem("invalid_envelope") from error


async def _bounded(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        raise Problem("body_too_large")
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem("body_too_large")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _accept_type(kind: str) -> None:
    name, _, rest = kind.lower().partition(";")
    charset = rest.replace(" ", "").replace('"', "")
    if name.strip() != "application/json" or charset not in {"", "charset=utf-8", "charset=utf8"}:
        raise Problem("unsupported_media_type")


def strict(body: bytes) -> Any:
    """The value of strict JSON. Raises Problem `malformed_json`.

    A repeated key leaves one value fewer after parsing, and so one colon fewer after serialising again. If the text
    has no escapes, counting colons finds it at a fraction of the cost of a hook for each object.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
        again = to_json(value)
        if b"\\" in body or b"Infinity" in again:
            if _NUL_WRITTEN.search(again):
                raise Problem("malformed_json")
            _THOROUGH.decode(body.decode())
        elif body.count(b":") != again.count(b":"):
            raise Problem("malformed_json")
    except (ValueError, RecursionError) as error:
        raise Problem("malformed_json") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


_THOROUGH = json.JSONDecoder(object_pairs_hook=_once, parse_float=_finite)


async def read_json(request: Request, model: type[M], *, limit_bytes: int | None = None) -> M:
    """The body as `model`.

    Raises Problem: 400, 413, 415, and 422 `invalid_envelope` (or the one code of `PROBLEMS` that a validator gave with
    PydanticCustomError) with a pointer to every fault.
    """
    body = await read_bytes(request, limit_bytes=limit_bytes)
    strict(body)
    return validated(model, body, now(request))


def validated(model: type[M], body: bytes, at: dt.datetime | None = None) -> M:
    """The model in bytes that `strict` has accepted, for its validators `at` an instant. Raises as `read_json` does."""
    try:
        return model.model_validate_json(body, context=at)
    except ValidationError as error:
        raise refused(error) from error


def read_at(info: ValidationInfo) -> dt.datetime:
    """The time at which `read_json` reads a body, for a validator of its model."""
    return cast("dt.datetime", info.context)


def refused(error: ValidationError) -> Problem:
    """The Problem for a body that its model refuses."""
    faults = field_errors(_details(error))
    own = {fault.code for fault in faults} - set(CODES.values()) - {"wrong_type", "wrong_format", "invalid_value"}
    return Problem(own.pop() if len(own) == 1 else "invalid_envelope", errors=faults)


async def read_items(
    request: Request,
    envelope: type[E],
    key: str,
    item: type[M],
    *,
    limit_bytes: int | None = None,
    most: int = MOST_ITEMS,
) -> Batch[E, M]:
    """A batch whose items are read one by one, so that a bad one cannot refuse the rest.

    `envelope` is the documented model with the list under `key`. Raises Problem: those of `read_json` for the
    envelope, 413 `too_many_items` above `most`, 422 `invalid_envelope` for an empty list.
    """
    body = await read_bytes(request, limit_bytes=limit_bytes)
    value = strict(body)
    if isinstance(value, list):
        # A bare list stands for an envelope with nothing else.
        value, body = {key: value}, b'{"%s":%s}' % (key.encode(), body)
    listed = value.get(key) if isinstance(value, dict) else None
    if isinstance(listed, list) and len(listed) > most:
        raise Problem("too_many_items")
    try:
        whole = envelope.model_validate_json(body)
    except ValidationError:
        pass
    else:
        return Batch(whole, getattr(whole, key))
    if not isinstance(listed, list) or not listed:
        raise _envelope_refused(envelope, body)
    # The same model with an empty list: its errors are those of the envelope.
    bare = validated(_loose(envelope, key), to_json({**value, key: []}))
    return Batch(bare, [_item(item, raw) for raw in listed])


def _envelope_refused(envelope: type[BaseModel], body: bytes) -> Problem:
    try:
        envelope.model_validate_json(body)
    except ValidationError as error:
        return refused(error)
    return Problem("invalid_envelope")


@cache
def _loose(envelope: type[E], key: str) -> type[E]:
    # Any as the items: pydantic's plugin cannot follow a field that is made here.
    return create_model(envelope.__name__, __base__=envelope, **{key: (list[Any], Field())})  # type: ignore[call-overload,no-any-return] # a name known only here


def _item(model: type[M], raw: Any) -> M | Unread:
    try:
        return model.model_validate_json(to_json(raw))
    except ValidationError as error:
        given = raw.get("id") if isinstance(raw, dict) else None
        return Unread(given if isinstance(given, str) else None, raw, tuple(field_errors(_details(error))))


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def field_errors(faults: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors in our form: pointer, code and the allowed values, never the value that was sent.

    A field with several alternatives is one error, and the values of all alternatives are allowed.
    """
    allowed_of: dict[tuple[str, str], dict[str, None]] = {}
    for fault in faults:
        allowed_of.setdefault((_pointer(fault), _code(fault["type"])), {}).update(dict.fromkeys(_allowed(fault)))
    return [FieldError(pointer, code, tuple(allowed)) for (pointer, code), allowed in allowed_of.items()]


def _allowed(fault: Mapping[str, Any]) -> tuple[str, ...]:
    """The allowed values of a closed set: pydantic lists them as "'a', 'b' or 'c'"."""
    if _code(fault["type"]) != "invalid_value":
        return ()
    context = fault.get("ctx", {})
    listed = context.get("expected_tags") or context.get("expected", "")
    return tuple(word.strip("'") for word in re.split(", | or ", listed) if word)


def _code(kind: str) -> str:
    if kind in PROBLEMS:
        return kind
    if kind in CODES:
        return CODES[kind]
    return "wrong_type" if kind.endswith("_type") else "wrong_format"


def _pointer(fault: Mapping[str, Any]) -> str:
    """A JSON Pointer up to the last name of ours: a key that a caller made up may be a person's name or number."""
    place = fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]
    ours = takewhile(lambda step: isinstance(step, int) or _OWN_NAME.fullmatch(step), place)
    return "".join(f"/{step}" for step in ours)
