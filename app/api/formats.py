"""A list in the format that is asked for in `Accept`: JSON, CSV in two dialects, or a JSON object a line."""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi.responses import Response, StreamingResponse

from app.api.problems import Problem
from app.store import exports
from app.store.exports import Rows

JSON = "application/json"
CSV = "text/csv"
PLAIN_CSV = "text/csv; dialect=plain"
NDJSON = "application/x-ndjson"
MEDIA_TYPES = (JSON, CSV, PLAIN_CSV, NDJSON)
DIALECTS = {CSV: exports.SPREADSHEET, PLAIN_CSV: exports.PLAIN}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list to answer with: its rows as they come, what they are called in JSON and what stands before them there.

    `columns` are the keys that every row has, in their order; a file is named after `name`.
    """

    head: Mapping[str, Any]
    key: str
    columns: Sequence[str]
    pieces: AsyncIterator[Rows]
    name: str


def wanted_type(accept: str, offered: Iterable[str] = MEDIA_TYPES) -> str:
    """The media type to answer with: the best weighted, the first offered among equals. Raises Problem."""
    if not accept.strip():
        return next(iter(offered))
    weights = {kind: _weight(kind, accept.lower()) for kind in offered}
    best = max(weights, key=lambda kind: weights[kind])
    if not weights[best]:
        raise Problem("not_acceptable")
    return best


def _weight(kind: str, accept: str) -> float:
    """What an Accept header thinks of a type; the most specific range that fits it decides (RFC 9110, 12.5.1).

    Of a range's parameters `dialect` alone says which type is meant.
    """
    bare = kind.split(";", maxsplit=1)[0]
    ranges = ("*/*", bare.split("/", maxsplit=1)[0] + "/*", bare, kind)
    found = (-1, 0.0)
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.replace('"', "").split(";"))
        said = dict(one.split("=", maxsplit=1) for one in parameters if "=" in one)
        meant = f"{name}; dialect={said['dialect']}" if "dialect" in said else name
        if meant in ranges:
            asked = said.get("q", "1")
            weight = float(asked) if re.fullmatch(r"[01](\.[0-9]{0,3})?", asked) else 0.0
            found = max(found, (ranges.index(meant), weight))
    return found[1]


def content_of(example: Mapping[str, Any], key: str, columns: Sequence[str]) -> dict[str, Any]:
    """The `content` of a response in every format, from the example of the JSON."""
    rows = [{column: row[column] for column in columns} for row in example[key]]
    tables = {
        kind: exports.csv_head(columns, dialect) + exports.csv_rows(rows, columns, dialect)
        for kind, dialect in DIALECTS.items()
    }
    texts = {**tables, NDJSON: exports.ndjson_rows(rows)}
    written = {
        kind: {"schema": {"type": "string"}, "example": text.decode("utf-8-sig")} for kind, text in texts.items()
    }
    return {JSON: {"example": example}, **written}


async def answer(listed: Listed, media_type: str) -> Response:
    """The list, streamed where two pieces are not all there is.

    The first pieces are awaited here, so that what goes wrong with the query is still told as a problem.
    """
    body = _body(listed, media_type)
    headers = {"Vary": "Accept"}
    if media_type in DIALECTS:
        headers["Content-Disposition"] = f'attachment; filename="{listed.name}.csv"'
    first, second = await anext(body, b""), await anext(body, b"")
    third = await anext(body, None)
    if third is None:
        return Response(first + second, media_type=media_type, headers=headers)

    async def all_pieces() -> AsyncIterator[bytes]:
        for piece in (first, second, third):
            yield piece
        async for piece in body:
            yield piece

    return StreamingResponse(all_pieces(), media_type=media_type, headers=headers)


def _body(listed: Listed, media_type: str) -> AsyncIterator[bytes]:
    if media_type in DIALECTS:
        columns, dialect = listed.columns, DIALECTS[media_type]
        write: Callable[[Rows], bytes] = partial(exports.csv_rows, columns=columns, dialect=dialect)
        return exports.written(exports.csv_head(columns, dialect), write, listed.pieces)
    if media_type == NDJSON:
        return exports.written(b"", exports.ndjson_rows, listed.pieces)
    return exports.json_list(listed.head, listed.key, listed.pieces)


async def at_once(rows: Rows) -> AsyncIterator[Rows]:
    """Rows that are all there, as a single piece."""
    if rows:
        yield rows
