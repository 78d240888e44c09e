"""`taggad db`: the embedded database of the data directory."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from app.actions.check import check
from app.cli.terminal import (
    CLOCK,
    database_at,
    database_url,
    err,
    fail,
    failures_reported,
    out,
    require_keys,
    settings_given,
    settings_with_secrets,
)
from app.domain.time import local
from app.settings import Settings
from app.store.ledger.marks import Marks
from app.store.migrate import migrate
from app.store.municipality_state import state_of
from app.store.server import backup as backups
from app.store.server import embedded
from app.store.server.secrets import made_once

db = typer.Typer(no_args_is_help=True)


@db.command("start")
def db_start() -> None:
    """Start the embedded database and leave it running."""
    with failures_reported():
        settings = settings_given()
        out.print(embedded.detach(settings.data_dir, bin_dir=settings.pg_bin), markup=False)


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded database that `db start` left running."""
    with failures_reported():
        out.print("Stopped." if embedded.stop(settings_given().data_dir) else "It was not running.")


@db.command("status")
def db_status() -> None:
    """Show if the embedded database runs, its owner and its place; exit 3 when it does not run."""
    with failures_reported():
        settings = settings_given()
        if settings.database_url is not None:
            err.print("TAGGAD_DATABASE_URL is set: the embedded database shown here is not the one that is served.")
        known = embedded.status(settings.data_dir)
    since = f" since {local(known.started_at):%Y-%m-%d %H:%M}" if known.started_at else ""
    whose = f", process {known.owner_pid}{' (detached)' if known.detached else ''}" if known.owner_pid else ""
    out.print(f"{known.state}{since}{whose}")
    if known.url:
        out.print(known.url, markup=False)
    if known.state != "running":
        raise typer.Exit(3)


@db.command("backup")
def db_backup(target: Annotated[Path, typer.Argument(help="The new file.")]) -> None:
    """Write the embedded database to a file, beside a running server. Keep secrets.json of the data directory too."""
    with failures_reported():
        settings = _embedded_only()
        with err.status("Writing the backup"), database_url(settings) as url:
            began_at = CLOCK.now()
            size = backups.backup(url, target, bin_dir=settings.pg_bin)
        backups.record_made(settings.data_dir, began_at)
    out.print(f"{target}: {size} bytes", markup=False)


@db.command("restore")
def db_restore(source: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.")]) -> None:
    """Restore a backup in place of everything in the embedded database. No server may be running."""
    with failures_reported():
        settings = _embedded_only()
        settings = settings.with_secrets(made_once(settings.data_dir))
        with err.status("Restoring"), database_url(settings) as url:
            asyncio.run(migrate(url))  # makes the roles that the file's tables belong to
            with backups.restored(url, source, bin_dir=settings.pg_bin) as restored:
                asyncio.run(migrate(restored))  # a file of an earlier version
                require_keys(settings, restored)
                asyncio.run(backups.begin_epoch(restored))
    Marks(settings.data_dir).forget()
    out.print("Restored. How large the ledger was before is forgotten: it may be smaller now.")


@db.command("restored")
def db_restored() -> None:
    """Note in an outside database that it was restored by its own means: older cursors are refused from then on."""
    with failures_reported():
        settings = settings_given()
        with database_url(settings) as url:
            asyncio.run(backups.begin_epoch(url))
        kept = Marks(settings.data_dir).forget()
    out.print(f"A new epoch has begun; how large {kept} ledgers were before is forgotten.")


@db.command("drill")
def db_drill(
    source: Annotated[Path, typer.Argument(help="A file of `db backup`, or of pg_dump --format=custom.")],
) -> None:
    """Restore a backup into a database of its own, check every invariant there, and drop it: exit 1 for a bad one."""
    with failures_reported(), tempfile.TemporaryDirectory(prefix="taggad-drill-") as place:
        settings = settings_with_secrets()
        began = time.monotonic()
        with (
            err.status("Restoring beside, and checking"),
            embedded.attach(Path(place), bin_dir=settings.pg_bin) as url,
        ):
            asyncio.run(migrate(url))
            with backups.restored(url, source, bin_dir=settings.pg_bin) as restored:
                asyncio.run(migrate(restored))
                require_keys(settings, restored)
                sizes, broken = asyncio.run(_examined(restored, settings))
    for code, size in sizes.items():
        out.print(f"{code}: {size} facts in the ledger")
    for line in broken:
        out.print(line, markup=False)
    if broken or not sizes:
        fail("The backup cannot be relied on." if broken else "There is no municipality in the backup.")
    out.print(f"The backup is good: restored and checked in {time.monotonic() - began:.0f} s.")


async def _examined(url: str, settings: Settings) -> tuple[dict[int, int], list[str]]:
    """The number of facts of each municipality, and a line for each broken invariant."""
    sizes, broken = {}, []
    async with database_at(url, settings) as database:
        for code in await database.municipalities():
            async with database.read(code) as reading:
                sizes[code] = (await state_of(reading)).next_leaf
            broken += [f"{code}: {line}" for line in await check(database, code)]
    return sizes, broken


def _embedded_only() -> Settings:
    settings = settings_given()
    if settings.database_url is not None:
        fail("backup and restore are of the embedded database; an outside one has its own (pg_dump)")
    return settings
