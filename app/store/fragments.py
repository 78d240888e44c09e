"""Fragments of SQL: constants of the domain, and sets of windows with their parameters."""

import datetime as dt
from collections.abc import Sequence

from app.domain.time import Window


def interval(span: dt.timedelta) -> str:
    """The SQL literal of a span, in whole seconds."""
    return f"interval '{span // dt.timedelta(seconds=1)} s'"


def arrays(windows: Sequence[Window]) -> tuple[list[str], list[dt.datetime], list[dt.datetime]]:
    """Windows as three array parameters: names, first instants, last instants."""
    return [one[0] for one in windows], [one[1] for one in windows], [one[2] for one in windows]


def windows(first: int, name: str) -> str:
    """A FROM item `wanted(<name>, first_at, last_at)` over three array parameters, the first of them `$first`."""
    arrays = f"${first}::text[], ${first + 1}::timestamptz[], ${first + 2}::timestamptz[]"
    return f"unnest({arrays}) AS wanted({name}, first_at, last_at)"


def equal(column: str, value: str) -> str:
    """The end of a look-up of rows by a column: a range in order, which only the column's own index gives.

    While a table is empty every index of it costs the same, and the plan of an equality may be one that reads all of
    the municipality for each value; it lives on until there are statistics.
    """
    return f"{column} >= {value} AND {column} <= {value} ORDER BY {column}"
