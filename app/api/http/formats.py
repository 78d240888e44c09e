"""A list in the format that `Accept` asks for: JSON, a JSON object a line, CSV in two dialects, XLSX or Parquet."""

import datetime as dt
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel
from pydantic_core import to_json

from app.api.http.headings import HEADINGS
from app.api.http.problems import Problem
from app.api.http.shapes import sent
from app.api.http.spool import spooled
from app.store import exports
from app.store.exports import Rows
from app.store.typed_exports import Column, TooManyRowsError, parquet, workbook

JSON = "application/json"
CSV = "text/csv"
PLAIN_CSV = "text/csv; dialect=plain"
NDJSON = "application/x-ndjson"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
MEDIA_TYPES = (JSON, CSV, PLAIN_CSV, NDJSON, XLSX, PARQUET)
BINARY = {XLSX: "PK", PARQUET: "PAR1"}
ENDINGS = {CSV: "csv", PLAIN_CSV: "csv", XLSX: "xlsx", PARQUET: "parquet"}
KINDS: Mapping[Any, Any] = {
    bool: "boolean", int: "integer", float: "number", dt.date: "day", dt.datetime: "instant"
}  # fmt: skip
DIALECTS = {CSV: exports.SPREADSHEET, PLAIN_CSV: exports.PLAIN}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list to answer with: its rows in pieces, their key in JSON, and the head of the JSON object.

    `columns` are the keys of every row, in order; a file is named after `name`.
    """

    head: Mapping[str, Any]
    key: str
    columns: Sequence[Column]
    pieces: AsyncIterator[Rows]
    name: str


def wanted_type(accept: str, offered: Iterable[str] = MEDIA_TYPES) -> str:
    """The media type of the answer: the one with the highest weight, the first offered among equals. Raises Problem."""
    if not accept.strip():
        return next(iter(offered))
    weights = {kind: _weight(kind, accept.lower()) for kind in offered}
    best = max(weights, key=lambda kind: weights[kind])
    if not weights[best]:
        raise Problem("not_acceptable", allowed=tuple(weights))
    return best


def _weight(kind: str, accept: str) -> float:
    """The weight of a type in an Accept header: that of the most specific range that fits (RFC 9110, 12.5.1).

    Of a range's parameters only `dialect` distinguishes types.
    """
    bare = kind.split(";", maxsplit=1)[0]
    ranges = ("*/*", bare.split("/", maxsplit=1)[0] + "/*", bare, kind)
    ranked = (-1, 0.0)
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.replace('"', "").split(";"))
        values = dict(one.split("=", maxsplit=1) for one in parameters if "=" in one)
        media_range = f"{name}; dialect={values['dialect']}" if "dialect" in values else name
        if media_range in ranges:
            quality = values.get("q", "1")
            weight = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0
            ranked = max(ranked, (ranges.index(media_range), weight))
    return ranked[1]


def columns_of(model: type[BaseModel], names: Iterable[str] | None = None) -> tuple[Column, ...]:
    """The columns of a model's rows: its fields, those of the class itself first, or the named ones.

    A nested field is named by its path: `evidence.manual`.
    """
    own = [name for name in model.model_fields if name in model.__annotations__]
    columns: dict[str, Column] = {}
    for name in dict.fromkeys([*own, *model.model_fields]):
        field = model.model_fields[name]
        key = field.alias or name
        parts = {_bare(part) for part in _parts(field.annotation)} - {type(None)}
        [kind, *more] = parts
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            columns |= {f"{key}.{inner.name}": Column(f"{key}.{inner.name}", inner.kind) for inner in columns_of(kind)}
        else:
            columns[key] = Column(
                key, "number" if parts == {int, float} else "text" if more else KINDS.get(kind, "text")
            )
    return tuple(columns.values() if names is None else (columns[name] for name in names))


def _parts(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _bare(annotation: Any) -> Any:
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def _at(row: Any, way: str) -> Any:
    for step in way.split("."):
        row = row and row[step]
    return row


def _flat(rows: Rows, columns: Sequence[Column]) -> Rows:
    return [{column.name: _at(row, column.name) for column in columns} for row in rows]


def content_of(
    model: type[BaseModel],
    example: Mapping[str, Any],
    rows: Rows,
    columns: Sequence[Column],
    headers: Sequence[str] = (),
) -> dict[int | str, dict[str, Any]]:
    """A `responses` entry in every format, from the example of the JSON and of its rows."""
    flat, names = _flat(rows, columns), [column.name for column in columns]
    tables = {
        kind: exports.csv_head(names, dialect) + exports.csv_rows(flat, names, dialect)
        for kind, dialect in DIALECTS.items()
    }
    texts = {**tables, NDJSON: exports.ndjson_rows(rows)}
    written = {
        kind: {"schema": {"type": "string"}, "example": text.decode("utf-8-sig")} for kind, text in texts.items()
    }
    files = {
        kind: {"schema": {"type": "string", "format": "binary"}, "example": f"{begins}…"}
        for kind, begins in BINARY.items()
    }
    content = {JSON: {"example": example}, **written, **files}
    return {200: {"model": model, "description": "OK", "content": content} | sent("Content-Disposition", *headers)}


def table_of(
    model: type[BaseModel],
    row: type[BaseModel],
    example: Mapping[str, Any],
    key: str | None,
    headers: Sequence[str] = (),
) -> dict[int | str, dict[str, Any]]:
    """The `responses` entry of an answer of `table`; without a `key` the answer is its one row."""
    rows = [example] if key is None else example[key]
    return content_of(model, example, rows, columns_of(row), headers)


async def table(
    request: Request,
    body: Mapping[str, Any],
    key: str | None,
    row: type[BaseModel],
    name: str,
    page: Response | None = None,
) -> Response:
    """The body as JSON, or its rows in another format, by the request's `Accept`.

    `page` is the JSON answer if it has been made already; its `Link` goes into every format.
    """
    media_type = wanted_type(request.headers.get("accept", ""))
    if media_type == JSON:
        whole = page or Response(to_json(body), media_type=JSON)
        whole.headers["Vary"] = "Accept"
        return whole
    rows, columns = [body] if key is None else body[key], columns_of(row)
    listed = rows if media_type == NDJSON else _flat(rows, columns)
    answered = await answer(Listed(body, key or "", columns, at_once(listed), name), media_type)
    if page is not None and "link" in page.headers:
        answered.headers["Link"] = page.headers["link"]
    return answered


async def answer(listed: Listed, media_type: str) -> Response:
    """The complete answer. A query that fails late still becomes a problem, because nothing has been sent."""
    headers = {"Vary": "Accept"}
    if media_type in ENDINGS:
        headers["Content-Disposition"] = f'attachment; filename="{listed.name}.{ENDINGS[media_type]}"'
    try:
        return await spooled(_body(listed, media_type), media_type, headers)
    except TooManyRowsError:
        raise Problem("too_many_rows") from None


def _body(listed: Listed, media_type: str) -> AsyncIterator[bytes]:
    if media_type in DIALECTS:
        columns, dialect = [column.name for column in listed.columns], DIALECTS[media_type]
        write: Callable[[Rows], bytes] = partial(exports.csv_rows, columns=columns, dialect=dialect)
        return exports.written(exports.csv_head(columns, dialect), write, listed.pieces)
    if media_type == PARQUET:
        return parquet(listed.pieces, listed.columns)
    if media_type == XLSX:
        return workbook(listed.pieces, listed.columns, HEADINGS)
    if media_type == NDJSON:
        return exports.written(b"", exports.ndjson_rows, listed.pieces)
    return exports.json_list(listed.head, listed.key, listed.pieces)


async def at_once(rows: Rows) -> AsyncIterator[Rows]:
    """Rows in memory, as a single piece."""
    if rows:
        yield rows
