"""Rows of a query as bytes, piece by piece: JSON, lines of JSON, and CSV for spreadsheets or for machines."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic_core import to_json

from app.domain.time import STOCKHOLM
from app.store.connection import Reading, Row

PIECE_ROWS = 5000
# Whole municipalities are grouped and sorted here; what spills to disk takes twice as long.
SORT_MEMORY = "SET LOCAL work_mem = '64MB'"
Rows = Sequence[Row]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A form of CSV. `guarded` puts a sign before text that would begin a formula, so such text is changed."""

    start: str
    delimiter: str
    decimal_mark: str
    guarded: bool


SPREADSHEET = Dialect("\ufeff", ";", ",", guarded=True)
"""CSV that a Swedish Excel opens correctly. Without the byte order mark it would assume another encoding."""
PLAIN = Dialect("", ",", ".", guarded=False)


async def in_pieces(reading: Reading, statement: str, arguments: Sequence[Any]) -> AsyncIterator[Rows]:
    """The rows of a query as they come, in pieces of at most `PIECE_ROWS`."""
    await reading.configure(SORT_MEMORY)
    cursor = await reading.cursor(statement, *arguments)
    while rows := await cursor.fetch(PIECE_ROWS):
        yield rows
        if len(rows) < PIECE_ROWS:
            return


def json_rows(rows: Rows) -> bytes:
    """The rows as the items of a JSON list, without its brackets."""
    return to_json([dict(row) for row in rows])[1:-1]


def ndjson_rows(rows: Rows) -> bytes:
    """The rows as JSON, one object on each line."""
    return b"".join(to_json(dict(row)) + b"\n" for row in rows)


def csv_head(columns: Sequence[str], dialect: Dialect) -> bytes:
    """The line with the names of the columns."""
    return dialect.start.encode() + _csv([columns], dialect)


def csv_rows(rows: Rows, columns: Sequence[str], dialect: Dialect) -> bytes:
    """The rows as lines of CSV. Values are found by column name; null is an empty cell."""
    return _csv(([cell(row[column], dialect) for column in columns] for row in rows), dialect)


def _csv(lines: Iterable[Sequence[Any]], dialect: Dialect) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter).writerows(lines)
    return text.getvalue().encode()


def cell(value: Any, dialect: Dialect) -> Any:
    """A value as it stands in a cell of CSV; other formats use the same text."""
    match value:
        case bool():
            value = "true" if value else "false"
        case float() | Decimal():
            return f"{Decimal(str(value)):f}".replace(".", dialect.decimal_mark)  # a number may begin with a minus
        case dt.datetime():
            value = value.astimezone(STOCKHOLM).isoformat()
        case dt.date():
            value = value.isoformat()
        case list() | tuple():
            value = " ".join(str(cell(one, PLAIN)) for one in value)
        case dict():
            value = to_json(value).decode()
    guarded = dialect.guarded and isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if guarded else value


async def json_list(head: Mapping[str, Any], key: str, pieces: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    """A JSON object of `head` and the rows as a list under `key`."""
    before = to_json({**head, key: []})[:-2]
    async for rows in pieces:
        yield before + json_rows(rows)
        before = b","
    yield (b"" if before == b"," else before) + b"]}"


async def written(head: bytes, write: Callable[[Rows], bytes], pieces: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    """`head`, then the rows as `write` formats them."""
    async for rows in pieces:
        yield head + write(rows)
        head = b""
    if head:
        yield head
