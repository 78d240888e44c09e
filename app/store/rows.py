"""Sets of rows as parameters: one array of the table's own row type, so that a statement takes any number of rows.

A row is a tuple of all columns in the table's order, the municipality first. With an array for each column the driver
looked every single value over for being an array itself, which was a quarter of what a batch cost.
"""

from collections.abc import Iterable

from sqlalchemy import Table


def given(table: Table, at: int) -> str:
    """A SELECT of the rows in parameter `$at`."""
    return f"SELECT * FROM unnest(${at}::{table.name}[])"


def names(table: Table) -> list[str]:
    """The columns of a table in its order."""
    return table.columns.keys()


def replacing(table: Table, key: Iterable[str] | None = None) -> str:
    """The clause by which an INSERT replaces the row with the same `key`, by default the primary key."""
    key = list(key or table.primary_key.columns.keys())
    changed = ", ".join(f"{name} = excluded.{name}" for name in names(table) if name not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"


def key_of(table: Table) -> list[str]:
    """The columns of a table's primary key."""
    return table.primary_key.columns.keys()
