"""Migration of the schema to this version's revision, in one transaction: all of it or nothing."""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parents[2] / "migrations"  # beside `app`, in the tree as in an installation
LOCK_SECONDS = 10.0
STATEMENT_SECONDS = 600.0
BLOCKED = {"55P03", "57014"}
"""SQLSTATEs of a lock that was not available in time, and of a cancelled statement."""
_ALONE = asyncio.Lock()  # alembic keeps what it works on in module globals; other processes meet a lock in the database


ROLES = ("taggad_owner", "taggad_read", "taggad_ingest", "taggad_project", "taggad_seal", "taggad_purge", "taggad_app")
OF_APP = ("taggad_read", "taggad_ingest", "taggad_project", "taggad_seal")
OF_LOGIN = ("taggad_owner", "taggad_purge", "taggad_app")
RIGHTS = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
    pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = 'public'), 'USAGE') AS owns,
    (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) OR (
        (SELECT count(*) FROM pg_roles WHERE rolname = ANY (:roles)) = cardinality(:roles)
        AND (SELECT bool_and(pg_has_role('taggad_app', rolname, 'MEMBER')) FROM pg_roles WHERE rolname = ANY (:of_app))
        AND (SELECT bool_and(pg_has_role(rolname, 'SET')) FROM pg_roles WHERE rolname = ANY (:of_login))
    ) AS roles
"""
OLDEST_POSTGRESQL = 18

TAKEN_OVER = {"0028": "0036"}
"""An earlier revision whose schema is exactly that of a later one: a database there changes its revision and no row."""
EARLIER = {f"{number:04}" for number in range(1, 28)}
"""Revisions on the way to 0028, before there was one migration for each room."""


class MissingRightsError(Exception):
    """The database's user lacks a right that migrations need, or the server is too old; nothing was begun."""


class UnknownRevisionError(Exception):
    """The database stands at a revision from which no migration of this version leads on; nothing was begun."""


class MigrationBlockedError(Exception):
    """Another session held a lock that the migration needs for too long; nothing was changed."""


async def migrate(
    url: str, target: str = "head", *, lock_seconds: float = LOCK_SECONDS, statement_seconds: float = STATEMENT_SECONDS
) -> bool:
    """Migrate the database to revision `target`, up or down ("base" removes everything), as the URL's own user.

    Returns True if anything changed. `url` is a SQLAlchemy URL for asyncpg. Raises MissingRightsError and
    UnknownRevisionError before it begins, and MigrationBlockedError; any failure leaves the database as it was.
    """
    attributes = {"lock_seconds": lock_seconds, "statement_seconds": statement_seconds}

    def run(connection: Connection) -> bool:
        config = _config(connection=connection, **attributes)
        scripts = ScriptDirectory.from_config(config)
        on_the_way = {one.revision for one in scripts.iterate_revisions(target, "base")}
        _require_rights(connection)
        stands_at = MigrationContext.configure(connection).get_current_revision()
        _require_known(stands_at, {one.revision for one in scripts.walk_revisions()})
        if stands_at is None or TAKEN_OVER.get(stands_at, stands_at) in on_the_way:
            command.upgrade(config, target)
        else:
            command.downgrade(config, target)
        return MigrationContext.configure(connection).get_current_revision() != stands_at

    try:
        async with _ALONE:
            return bool(await _on_connection(url, run))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in BLOCKED:
            raise MigrationBlockedError(
                f"the migration waited longer than {lock_seconds:g} s for a lock, or a statement took longer than "
                f"{statement_seconds:g} s; nothing was changed: try again when the database is calmer"
            ) from error
        raise


def _require_rights(connection: Connection) -> None:
    """Raises MissingRightsError, which says what is missing and how to grant it."""
    wanted = {"roles": list(ROLES), "of_app": list(OF_APP), "of_login": list(OF_LOGIN)}
    rights = connection.execute(text(RIGHTS), wanted).one()
    if rights.version < OLDEST_POSTGRESQL:
        raise MissingRightsError(f"PostgreSQL {OLDEST_POSTGRESQL} is needed, this server is {rights.version}")
    if not rights.owns:
        raise MissingRightsError("the user must own the database (ALTER DATABASE … OWNER TO …): it makes tables in it")
    if not rights.roles:
        raise MissingRightsError(
            "the user may not make roles, and not all that are needed have been made for it: let a superuser run what"
            " `taggad migrate --roles` prints, once a server"
        )


def _require_known(revision: str | None, known: set[str]) -> None:
    """Raises UnknownRevisionError with what to do about it."""
    if revision in EARLIER:
        raise UnknownRevisionError(
            f"the database stands at revision {revision}, of before the first release; this version takes over 0028"
            " only: run `taggad migrate` of the last version that has the file migrations/versions/"
            "0028_attempt_count.py, and then this one's"
        )
    if revision is not None and TAKEN_OVER.get(revision, revision) not in known:
        raise UnknownRevisionError(
            f"the database stands at revision {revision}, which this version does not know: a newer version has"
            " migrated it, so run that one"
        )


def roles_script(url: str | None) -> str:
    """The SQL that a superuser runs beforehand to make the roles, for the URL's user.

    That user then only needs to log in and to own the database.
    """
    login = (make_url(url).username if url else None) or "taggad"
    lines = [f"CREATE ROLE {role} NOLOGIN;" for role in ROLES]
    lines.append(f"GRANT {', '.join(OF_APP)} TO taggad_app;")
    lines.append(f'GRANT {", ".join(OF_LOGIN)} TO "{login.replace(chr(34), chr(34) * 2)}";')
    return "\n".join(lines)


async def pending(url: str) -> bool:
    """True if the database is not at this version's newest revision."""
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
