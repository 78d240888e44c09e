"""The embedded database as one file, and back."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import make_url

from app.store.cluster import binaries
from app.store.supervisor import EmbeddedError, environment

IN_USE = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class BackupError(EmbeddedError):
    """A backup could not be written or read back; the message says why, for a person."""


def backup(url: str, target: Path, *, bin_dir: Path | None = None) -> int:
    """Write everything to `target` (a new file, 0600), beside a server that goes on working; gives its size in bytes.

    Appears whole or not at all. Raises BackupError. It holds personal numbers sealed: without the secrets of the data
    directory nobody opens them, whoever restores included.
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


def restore(url: str, source: Path, *, bin_dir: Path | None = None) -> None:
    """Put back what `backup` wrote, in place of everything there is, in one transaction: all of it or nothing.

    The database must have been migrated (its roles are not in the file) and nobody may use it. Raises BackupError.
    """
    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    _run("pg_restore", None, bin_dir, "--list", str(source.absolute()))
    if _run("psql", url, bin_dir, "-XAtc", IN_USE, "--dbname", "taggad").strip() != "0":
        raise BackupError("the database is in use: end the server first")
    options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--dbname", "taggad")
    _run("pg_restore", url, bin_dir, *options, str(source.absolute()))


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
