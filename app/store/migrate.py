"""The schema brought to where this version of the programs wants it, in one transaction: all of it or nothing."""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parents[2] / "migrations"  # beside `app`, in the tree as in an installation
LOCK_SECONDS = 10.0
STATEMENT_SECONDS = 600.0
BLOCKED = {"55P03", "57014"}
"""SQLSTATEs of a lock and of a statement that took too long."""
_ALONE = asyncio.Lock()  # alembic keeps what it works on in module globals; other processes meet a lock in the database


class MigrationBlockedError(Exception):
    """Somebody else held what the migration needs for too long; nothing was changed."""


async def migrate(
    url: str, target: str = "head", *, lock_seconds: float = LOCK_SECONDS, statement_seconds: float = STATEMENT_SECONDS
) -> None:
    """Take the database to revision `target`, upwards or down ("base": to nothing), as the URL's own user.

    `url` is a SQLAlchemy URL for asyncpg. Raises MigrationBlockedError; any failure leaves the database as it was.
    """
    attributes = {"lock_seconds": lock_seconds, "statement_seconds": statement_seconds}

    def run(connection: Connection) -> None:
        config = _config(connection=connection, **attributes)
        on_the_way = {one.revision for one in ScriptDirectory.from_config(config).iterate_revisions(target, "base")}
        stands_at = MigrationContext.configure(connection).get_current_revision()
        if stands_at is None or stands_at in on_the_way:
            command.upgrade(config, target)
        else:
            command.downgrade(config, target)

    try:
        async with _ALONE:
            await _on_connection(url, run)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in BLOCKED:
            raise MigrationBlockedError(
                f"the migration waited longer than {lock_seconds:g} s for a lock, or a statement took longer than "
                f"{statement_seconds:g} s; nothing was changed: try again when the database is calmer"
            ) from error
        raise


async def pending(url: str) -> bool:
    """Whether the database stands anywhere but at this version's newest revision."""
    heads = set(ScriptDirectory.from_config(_config()).get_heads())

    def stands_at(connection: Connection) -> set[str]:
        return set(MigrationContext.configure(connection).get_current_heads())

    return bool(await _on_connection(url, stands_at) != heads)


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


async def _on_connection(url: str, run: Any) -> Any:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()
