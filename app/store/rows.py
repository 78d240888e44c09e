"""Sets of rows as parameters: one array a column, so that a statement takes any number of rows in binary form.

PostgreSQL's arrays cannot hold arrays of different lengths, so a column that is an array itself, or JSON, goes as text
and is cast on the other side.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Columns = Mapping[str, str]
"""Column names and their PostgreSQL types, in order."""


def given(columns: Columns, first: int) -> str:
    """A SELECT of the rows that are passed as parameters `$first` and on, one for each column."""
    nested = {name for name, kind in columns.items() if kind.endswith("[]") or kind == "jsonb"}
    parameters = ", ".join(
        f"${first + at}::{'text' if name in nested else kind}[]" for at, (name, kind) in enumerate(columns.items())
    )
    selected = ", ".join(f"{name}::{kind}" if name in nested else name for name, kind in columns.items())
    return f"SELECT {selected} FROM unnest({parameters}) AS r({', '.join(columns)})"


def arguments(columns: Columns, rows: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """The rows, turned into what `given` takes."""
    return zip(*rows, strict=True) if rows else [()] * len(columns)


def array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL writes it."""
    return f"{{{','.join(map(_element, values))}}}" if values else "{}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = value.isoformat() if isinstance(value, dt.datetime) else value
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
