"""Fragments of SQL: constants of the domain, and sets of windows as parameters."""

import datetime as dt


def interval(span: dt.timedelta) -> str:
    """The SQL literal of a span, in whole seconds."""
    return f"interval '{span // dt.timedelta(seconds=1)} s'"


def windows(first: int, name: str) -> str:
    """A FROM item `wanted(<name>, first_at, last_at)` over three array parameters, the first of them `$first`."""
    arrays = f"${first}::text[], ${first + 1}::timestamptz[], ${first + 2}::timestamptz[]"
    return f"unnest({arrays}) AS wanted({name}, first_at, last_at)"
