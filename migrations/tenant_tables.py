"""A tenant's table in one call: columns, row-level security, policy, rights and triggers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from alembic import op

Rights = Mapping[str, str]

TENANT = "municipality_id = nullif(current_setting('app.municipality', true), '')::int"

FACT: Rights = {"taggad_read": "SELECT", "taggad_ingest": "INSERT"}
DERIVED: Rights = {"taggad_read": "SELECT", "taggad_project": "INSERT, UPDATE, DELETE"}
SEALED: Rights = {"taggad_read": "SELECT", "taggad_seal": "INSERT, UPDATE"}
KEYS: Rights = {"taggad_project": "SELECT, INSERT, UPDATE, DELETE"}
"""Whoever only reads has no use for keys, encrypted or not."""


@contextmanager
def as_owner() -> Iterator[None]:
    """Within the block everything that is made belongs to `taggad_owner`."""
    op.execute("SET LOCAL ROLE taggad_owner")
    yield
    op.execute("RESET ROLE")


def tenant_table(name: str, columns: str, rights: Rights, *, refers: bool = True, storage: str = "") -> None:
    """Make a table that is led by its tenant and closed to every other tenant.

    Without `refers` the table does not refer to its municipality: it refers to another table of it, or it grows with
    every tap. There the check would cost as much as an index for each row, and row-level security admits no row but the
    tenant's, which a writer has read under its lock.
    """
    leading = "municipality_id int NOT NULL" + (" REFERENCES municipality" if refers else "")
    op.execute(f"CREATE TABLE {name} ({leading}, {columns}) {storage}")
    close(name, rights)


def fact_table(name: str, columns: str, *, refers: bool = True) -> None:
    """Make a table of facts: they are inserted, and never changed by anybody."""
    tenant_table(name, columns, FACT, refers=refers)
    for trigger in (
        f"stays BEFORE UPDATE OR DELETE ON {name} FOR EACH ROW",
        f"stays_whole BEFORE TRUNCATE ON {name} FOR EACH STATEMENT",
    ):
        op.execute(f"CREATE TRIGGER {trigger} EXECUTE FUNCTION refuse_change()")


def close(name: str, rights: Rights) -> None:
    """Show a table's rows to their tenant alone, and let each role do what it is for."""
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {name} USING ({TENANT})")
    for role, verbs in rights.items():
        op.execute(f"GRANT {verbs} ON {name} TO {role}")


def each(*statements: str) -> None:
    """Execute statements one by one: the driver prepares every statement, and prepares one at a time."""
    for statement in statements:
        op.execute(statement)


def drop(*tables: str) -> None:
    """Drop tables in the opposite order of their making."""
    for table in reversed(tables):
        op.execute(f"DROP TABLE {table}")


def open_function(signature: str, body: str, answer: str) -> None:
    """Make a function that reads what no tenant has been chosen for; the application alone may call it."""
    op.execute(
        f"CREATE FUNCTION {signature} RETURNS {answer} LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public"
        f" AS $${body}$$"
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO taggad_app")
