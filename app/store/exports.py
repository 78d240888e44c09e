"""Rows of a query as bytes, piece by piece: JSON, lines of JSON, and CSV that a spreadsheet opens as it is meant."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

PIECE_ROWS = 5000
# Whole municipalities are grouped and sorted here; what spills to disk takes twice as long.
SORT_MEMORY = "SET LOCAL work_mem = '64MB'"
Rows = Sequence[Mapping[str, Any]]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "\ufeff"


async def in_pieces(sql: Any, statement: str, arguments: Sequence[Any]) -> AsyncIterator[Rows]:
    """The rows of a query as they come, at most `PIECE_ROWS` at a time, whatever there are of them."""
    await sql.execute(SORT_MEMORY)
    cursor = await sql.cursor(statement, *arguments)
    while rows := await cursor.fetch(PIECE_ROWS):
        yield rows
        if len(rows) < PIECE_ROWS:
            return


def json_rows(rows: Rows) -> bytes:
    """The rows as the inside of a JSON list, without its brackets."""
    return to_json([dict(row) for row in rows])[1:-1]


def ndjson_rows(rows: Rows) -> bytes:
    """A JSON object a line."""
    return b"".join(to_json(dict(row)) + b"\n" for row in rows)


def csv_head(columns: Sequence[str]) -> bytes:
    """The byte order mark Excel wants, and the names of the columns."""
    return BOM.encode() + _csv([columns])


def csv_rows(rows: Rows) -> bytes:
    """Lines of values between semicolons; nothing is empty, and no text can begin a formula."""
    return _csv([_cell(value) for value in row.values()] for row in rows)


def _csv(lines: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value.isoformat() if isinstance(value, dt.date) else value


async def json_list(head: Mapping[str, Any], key: str, pieces: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    """A JSON object of `head` and the rows as a list under `key`."""
    before = to_json({**head, key: []})[:-2]
    async for rows in pieces:
        yield before + json_rows(rows)
        before = b","
    yield (b"" if before == b"," else before) + b"]}"


async def written(head: bytes, write: Callable[[Rows], bytes], pieces: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    """What stands before the rows, then the rows as `write` has them."""
    async for rows in pieces:
        yield head + write(rows)
        head = b""
    if head:
        yield head
