"""Fragments of SQL: what the domain has decided, and sets of windows as parameters, each said once."""

import datetime as dt


def interval(span: dt.timedelta) -> str:
    """A whole number of seconds as SQL writes it."""
    return f"interval '{span // dt.timedelta(seconds=1)} s'"


def windows(first: int, name: str) -> str:
    """The rows `wanted(<name>, first_at, last_at)` of three arrays, the parameters from `$first` on."""
    arrays = f"${first}::text[], ${first + 1}::timestamptz[], ${first + 2}::timestamptz[]"
    return f"unnest({arrays}) AS wanted({name}, first_at, last_at)"
