"""Backup of the embedded database to one file, and its restoration."""

import datetime as dt
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import asyncpg
from sqlalchemy import make_url

from app.store.server.cluster import binaries
from app.store.server.supervisor import EmbeddedError, environment

IN_USE = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


LAST = "last-backup.txt"
"""A file beside the database with the instant of the newest backup."""

NEW, OLD = "taggad_restored", "taggad_replaced"
"""Names of the databases beside the one in use while a backup is restored."""


# Policies bind the owner too, so it goes tenant by tenant.
BEGIN_EPOCH = """
DO $$
DECLARE tenant int;
BEGIN
    SET LOCAL ROLE taggad_owner;
    FOR tenant IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', tenant::text, true);
        UPDATE municipality SET epoch = gen_random_uuid() WHERE municipality_id = tenant;
    END LOOP;
END $$
"""


class BackupError(EmbeddedError):
    """A backup could not be written or read back; the message says why, for a person."""


def made_at(data_dir: Path) -> dt.datetime | None:
    """The instant at which the newest backup of this data was begun; None when none is known."""
    try:
        return dt.datetime.fromisoformat((data_dir / LAST).read_text(encoding="ascii").strip())
    except (FileNotFoundError, ValueError):
        return None


def record_made(data_dir: Path, at: dt.datetime) -> None:
    """Store the instant at which the newest backup was begun."""
    (data_dir / LAST).write_text(f"{at.isoformat()}\n", encoding="ascii")


async def begin_epoch(url: str) -> None:
    """Begin a new epoch, so that older cursors are refused: after a restore their numbers may mean other changes.

    `url` is a SQLAlchemy URL of a migrated database, whose user owns it.
    """
    connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(BEGIN_EPOCH)
    finally:
        await connection.close()


def backup(url: str, target: Path, *, bin_dir: Path | None = None) -> int:
    """Write the database to `target` (a new file, 0600) while the server goes on working. Returns its size in bytes.

    The file appears whole or not at all. Personal numbers in it are encrypted: nobody reads them without the secrets
    of the data directory. Raises BackupError.
    """
    if target.exists():
        raise BackupError(f"{target} exists already; a backup never replaces another")
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            _run("pg_dump", url, bin_dir, "--format=custom", "--dbname", "taggad", into=file)
            os.fsync(file.fileno())
        os.link(part, target)
    except FileExistsError as error:
        raise BackupError(f"{target} exists already; a backup never replaces another") from error
    finally:
        part.unlink()
    return target.stat().st_size


@contextmanager
def restored(url: str, source: Path, *, bin_dir: Path | None = None) -> Iterator[str]:
    """Restore a file written by `backup` as a second database, and give its URL.

    If the block ends well, it replaces the old database in one transaction; if the block raises, nothing has changed.
    The old database must be migrated (the roles are not in the file) and not in use. Raises BackupError.
    """

    def ask(database: str, *statements: str) -> str:
        return _run("psql", url, bin_dir, "-XAtq", *(f"-c{one}" for one in statements), "--dbname", database).strip()

    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    _run("pg_restore", None, bin_dir, "--list", str(source.absolute()))
    if ask("taggad", IN_USE) != "0":
        raise BackupError("the database is in use: end the server first")
    ask("postgres", f"DROP DATABASE IF EXISTS {NEW}", f"CREATE DATABASE {NEW} TEMPLATE template0")
    try:
        options = ("--single-transaction", "--exit-on-error", "--dbname", NEW)
        _run("pg_restore", url, bin_dir, *options, str(source.absolute()))
        yield make_url(url).set(database=NEW).render_as_string(hide_password=False)
        ask("postgres", f"DROP DATABASE IF EXISTS {OLD}")
        ask("postgres", f"ALTER DATABASE taggad RENAME TO {OLD}; ALTER DATABASE {NEW} RENAME TO taggad")
    finally:
        ask("postgres", f"DROP DATABASE IF EXISTS {NEW}", f"DROP DATABASE IF EXISTS {OLD}")


def _run(
    program: str, url: str | None, bin_dir: Path | None, *arguments: str, into: IO[bytes] | int = subprocess.PIPE
) -> str:
    place: Sequence[str] = ()
    if url is not None:
        place = ("--host", str(make_url(url).query["host"]), "--username", "postgres", "--no-password")
    command = [str(binaries(bin_dir) / program), *place, *arguments]
    done = subprocess.run(command, env=environment(), stdout=into, stderr=subprocess.PIPE, check=False)  # noqa: S603 - ours
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupError(f"{program}: {said[0] if said else done.returncode}")
    return done.stdout.decode() if done.stdout else ""
