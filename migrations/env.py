"""Runs the migrations on the caller's connection and in the caller's transaction: all of them or none."""

from alembic import context
from sqlalchemy import Connection, text

from app.store.migrate import TAKEN_OVER
from app.store.schema import metadata

MIGRATION_LOCK = 7_459
HAS_REVISION = "SELECT to_regclass('alembic_version') IS NOT NULL"
RENAME = "UPDATE alembic_version SET version_num = :revision WHERE version_num = :was"


def run(connection: Connection, lock_seconds: float, statement_seconds: float) -> None:
    """Migrate, one migrator of this database at a time. Waits for another migrator as long as for a statement."""
    limit = text("SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :statement, true)")
    patient, hasty = f"{statement_seconds * 1000:.0f}ms", f"{lock_seconds * 1000:.0f}ms"
    connection.execute(limit, {"lock": patient, "statement": patient})
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    # A migration that waits for a table makes every later query of that table wait behind it.
    connection.execute(limit, {"lock": hasty, "statement": patient})
    if connection.scalar(text(HAS_REVISION)):
        for was, revision in TAKEN_OVER.items():
            connection.execute(text(RENAME), {"was": was, "revision": revision})
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


run(**context.config.attributes)
