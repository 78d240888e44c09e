"""Rows as files with typed cells: workbooks and Parquet. Their libraries are loaded at the first use.

Both are made off the event loop and piece by piece, so neither a large answer nor a slow writer holds up a tap.
"""

import asyncio
import datetime as dt
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from app.store.exports import PLAIN, Rows, cell

MOST_SHEET_ROWS = 200_000
"""The largest number of rows of a workbook. A spreadsheet holds a million, but takes minutes to open them."""
TIMELESS = dt.datetime(1980, 1, 1)  # noqa: DTZ001 - a workbook's times have no zone
"""When each workbook says that it was made, because one ETag stands for the same bytes."""


class Column(NamedTuple):
    """A column: its key in JSON and the type of its values."""

    name: str
    kind: Literal["text", "integer", "number", "boolean", "day", "instant"] = "text"


class TooManyRowsError(Exception):
    """There are more than MOST_SHEET_ROWS rows."""


class _Drain(io.RawIOBase):
    """A file that keeps the bytes written to it until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


async def parquet(pieces: AsyncIterator[Rows], columns: Sequence[Column]) -> AsyncIterator[bytes]:
    """A Parquet file with a row group for each piece. Its schema follows from the columns alone."""
    drain = _Drain()
    writer, write = await asyncio.to_thread(_parquet_writer, drain, columns)
    async for rows in pieces:
        await asyncio.to_thread(write, rows)
        yield drain.take()
    writer.close()
    yield drain.take()


def _parquet_writer(drain: _Drain, columns: Sequence[Column]) -> tuple[Any, Any]:
    # Forty megabytes that a process which never makes one does not need.
    import pyarrow as pa  # noqa: PLC0415 - as said
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - as said

    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "day": pa.date32(),
        "instant": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(column.name, types[column.kind]) for column in columns])
    writer = ParquetWriter(pa.PythonFile(drain, mode="w"), schema, compression="zstd")

    def write(rows: Rows) -> None:
        arrays = [pa.array([typed(row[column.name], column) for row in rows], types[column.kind]) for column in columns]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    return writer, write


async def workbook(
    pieces: AsyncIterator[Rows], columns: Sequence[Column], headings: Mapping[str, str]
) -> AsyncIterator[bytes]:
    """A workbook of one sheet with a frozen header. Its rows wait in a file. Raises TooManyRowsError."""
    content = io.BytesIO()
    book, write = await asyncio.to_thread(_sheet, content, columns, headings)
    place = 1
    try:
        async for rows in pieces:
            if place + len(rows) > MOST_SHEET_ROWS + 1:
                raise TooManyRowsError
            await asyncio.to_thread(write, place, rows)
            place += len(rows)
    finally:
        await asyncio.to_thread(book.close)  # which also takes the file away
    yield content.getvalue()


def _sheet(content: io.BytesIO, columns: Sequence[Column], headings: Mapping[str, str]) -> tuple[Any, Any]:
    from xlsxwriter import Workbook  # noqa: PLC0415 - as above

    book = Workbook(content, {"constant_memory": True})
    book.set_properties({"created": TIMELESS})
    sheet = book.add_worksheet()
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        heading = headings.get(column.name, column.name)
        sheet.set_column(place, place, max(12, len(heading) + 2))
        sheet.write_string(0, place, heading, bold)

    def put(line: int, place: int, column: Column, value: Any) -> None:
        match column.kind:
            case "integer" | "number":
                sheet.write_number(line, place, value)
            case "boolean":
                sheet.write_boolean(line, place, value)
            case "day":
                sheet.write_datetime(line, place, dt.datetime.combine(value, dt.time()), day)
            case _:  # a cell's time has no zone, so an instant is text
                sheet.write_string(line, place, cell(value, PLAIN))

    def write(first: int, rows: Rows) -> None:
        for line, row in enumerate(rows, first):
            for place, column in enumerate(columns):
                value = typed(row[column.name], column)
                if value is not None:
                    put(line, place, column, value)

    return book, write


def typed(value: Any, column: Column) -> Any:
    """The value converted to the type of its column."""
    if value is None:
        return None
    match column.kind:
        case "number":
            return float(value)
        case "day":
            return dt.date.fromisoformat(value) if isinstance(value, str) else value
        case "text":
            return str(cell(value, PLAIN))
    return value
