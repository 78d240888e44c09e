"""The command line. Every verb works beside a running server on the same data directory."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
import uvicorn

from app.actions.access.rewrap import rewrap
from app.actions.add_municipality import add_municipality
from app.actions.check import check, missing
from app.actions.register.purge import due, in_words
from app.actions.visits.mend_clock import mend_clock
from app.actions.visits.rebuild import rebuild
from app.api.http.shapes import LINE
from app.cli import demo as demonstration
from app.cli.db import db
from app.cli.doctor import Finding, examine
from app.cli.login_link import login_link
from app.cli.tags import tags
from app.cli.terminal import (
    CLOCK,
    database_url,
    err,
    fail,
    failures_reported,
    on_database,
    out,
    require_keys,
    settings_given,
    settings_with_found_secrets,
    settings_with_secrets,
)
from app.cli.tokens import token, tokens
from app.cli.verify_ledger import verify_ledger
from app.main import collect_seldom, configure_logs, create_app
from app.server import listen, server_options
from app.server import serve as serve_at
from app.settings import VERSION, Settings
from app.store.access.field_encryption import DecryptionError, FieldEncryption
from app.store.database import Database
from app.store.ledger.signed_notes import NoteKey, origin
from app.store.migrate import migrate, pending, roles_script
from app.store.server import embedded
from app.store.server.secrets import made_once

Result = TypeVar("Result")

LONGEST_NAME = 100
SIGNS = {True: "ok ", False: "!! ", None: "-- "}
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"

application = typer.Typer(name="taggad", no_args_is_help=True)
municipality = typer.Typer(no_args_is_help=True)
application.add_typer(municipality, name="municipality", help="The tenants.")
application.command()(token)
application.command("login-link")(login_link)
application.add_typer(tokens, name="tokens", help="Tokens that were made at the command line.")
application.add_typer(tags, name="tags", help="Tags and what they say.")
application.add_typer(db, name="db", help="The embedded database of the data directory.")


def _version(*, asked: bool) -> None:
    if asked:
        out.print(f"taggad {VERSION}", markup=False)
        raise typer.Exit


@application.callback()
def taggad(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=lambda asked: _version(asked=asked), is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Visits of Swedish home care: one tap in, one tap out."""


@application.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8000,
    speed: Annotated[float, typer.Option(min=0.1, help="How many times as short as usual visits are.")] = 60.0,
) -> None:
    """Run the service and simulate an example municipality against it, until Ctrl-C."""
    with failures_reported():
        settings = settings_given()
        if settings.database_url is not None:
            err.print("TAGGAD_DATABASE_URL is left alone: the demo lives in the embedded database.")
        settings = settings.model_copy(update={"database_url": None, "public_url": None})
        settings = settings.with_secrets(made_once(settings.data_dir))
        with (
            listen("127.0.0.1", port) as at,
            embedded.attach(settings.data_dir, bin_dir=settings.pg_bin) as url,
            (settings.data_dir / demonstration.LOG).open("a", encoding="utf-8") as log,
        ):
            configure_logs(log)  # a line for each request would hide the messages on the terminal
            code = asyncio.run(demonstration.run(settings, url, at, speed, out))
    raise typer.Exit(code)


@application.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen at.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """Run the server, over TAGGAD_DATABASE_URL or else the embedded database of TAGGAD_DATA_DIR."""
    with failures_reported():
        settings = settings_with_secrets()
        signal.signal(signal.SIGTERM, _leave)  # so that everything that was started ends in order
        with listen(host, port) as at, database_url(settings) as url:
            if settings.database_url is None:
                asyncio.run(migrate(url))
            elif asyncio.run(pending(url)):
                fail("the database is not at this version's schema: run `taggad migrate` first")
            require_keys(settings, url, remember=True)
            configure_logs()

            def say(port: int) -> None:
                out.print(f"Serving at http://{host}:{port}; Ctrl-C ends it.", markup=False)

            options = server_options(settings.trusted_proxies)
            if workers == 1:
                serve_at(uvicorn.Config(create_app(settings, url, clock=CLOCK), **options), at, say)
                return
            with tempfile.TemporaryDirectory(prefix="taggad-metrics-") as metrics:
                served = settings.model_copy(update={"database_url": url})
                os.environ.update(served.to_environment(), PROMETHEUS_MULTIPROC_DIR=metrics)
                config = uvicorn.Config("app.main:worker", factory=True, workers=workers, **options)
                serve_at(config, at, say)


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


@application.command("migrate")
def migrate_(
    *,
    roles: Annotated[
        bool, typer.Option("--roles", help="Print what a superuser runs beforehand, and do nothing.")
    ] = False,
) -> None:
    """Bring the database to this version's schema."""
    with failures_reported():
        settings = settings_given()
        if roles:
            out.print(roles_script(settings.database_url), markup=False)
            return
        with database_url(settings) as url:
            changed = asyncio.run(migrate(url))
        out.print("The schema has been brought up to date." if changed else "The schema was up to date already.")


@application.command("check")
def check_() -> None:
    """Check every invariant: print a line for each broken one, and then exit 1."""
    _print_each(check, "Every invariant holds.", settings_with_found_secrets, missing)


@application.command("doctor")
def doctor_(
    *,
    clock: Annotated[
        bool, typer.Option("--clock", help="Take back first what a clock that was ahead has done.")
    ] = False,
) -> None:
    """Check keys, roles, clocks, disk, backups and versions: print a line each, exit 1 when one needs attention."""

    async def work(database: Database) -> list[Finding]:
        if clock:
            for one in await database.municipalities():
                for line in await mend_clock(database, one):
                    out.print(f"{one}: {line}", markup=False)
        return await examine(database, settings)

    with failures_reported():
        settings = settings_with_secrets()
        findings = on_database(work, settings)
    for well, text in findings:
        out.print(f"{SIGNS[well]} {text}", markup=False)
    if any(well is False for well, _ in findings):
        raise typer.Exit(1)


@application.command("rebuild")
def rebuild_(
    *,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; without it, everything.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Put nothing right.")] = False,
) -> None:
    """Derive everything anew from the facts: a line for each difference (which is put right), and then exit 1."""
    if month is not None and not re.fullmatch(MONTH, month):
        raise typer.BadParameter("a month is written YYYY-MM", param_hint="--month")

    collect_seldom()

    async def differences(database: Database, municipality_id: int) -> list[str]:
        return [line async for line in rebuild(database, municipality_id, month, dry=dry_run)]

    _print_each(differences, "No difference.", settings_with_secrets)


def _print_each(
    work: Callable[[Database, int], Awaitable[list[str]]],
    nothing: str,
    settings: Callable[[], Settings] = settings_given,
    of_all: Callable[[Database], Awaitable[list[str]]] | None = None,
) -> None:
    """Run `work` for each municipality, and `of_all`; print their lines, and exit 1 when there are any."""

    async def lines(database: Database) -> list[str]:
        found = [
            f"{municipality_id}: {line}"
            for municipality_id in await database.municipalities()
            for line in await work(database, municipality_id)
        ]
        return found + (await of_all(database) if of_all else [])

    with failures_reported(), err.status("Reading the facts"):
        found = on_database(lines, settings())
    for line in found:
        out.print(line, markup=False)
    if found:
        raise typer.Exit(1)
    out.print(nothing)


@application.command("rewrap")
def rewrap_() -> None:
    """Encrypt names, contacts, personal numbers and keys of tags anew, with the first of TAGGAD_FIELD_KEYS."""
    with failures_reported():
        settings = settings_with_secrets()
        encryption = FieldEncryption(settings.field_keys, settings.lookup_key)

        async def each(database: Database) -> list[tuple[int, tuple[int, int]]]:
            return [(one, await rewrap(database, one, encryption)) for one in await database.municipalities()]

        try:
            done = on_database(each, settings)
        except DecryptionError:
            fail("something was encrypted with a key that is not in TAGGAD_FIELD_KEYS: put that key back, last")
    for municipality_id, (fields, keysets) in done:
        out.print(f"{municipality_id}: {fields} personal fields and {keysets} keysets encrypted anew")


@application.command("purge")
def purge_(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go, and why.")] = False,
) -> None:
    """Print whose files are to be erased today, and which stay though their time is over."""
    if not dry_run:
        fail("a purge takes two persons: one asks for it over HTTP, and another approves it; try --dry-run")

    async def each(database: Database) -> list[str]:
        lines = []
        for code in await database.municipalities():
            async with database.read(code) as reading:
                found = await due(reading)
            lines += [f"{code}: {in_words(row)}" for row in (*found.recipients, *found.kept)]
        return lines

    with failures_reported():
        lines = on_database(each, settings_given())
    for line in lines or ["Nothing is to be erased today."]:
        out.print(line, markup=False)


@application.command("verify-ledger")
def verify_ledger_(
    url: Annotated[str, typer.Option(help="Where the service answers.")],
    token: Annotated[str, typer.Option(help="An auditor's bearer token; - reads it from standard input.")],
    public_key: Annotated[str, typer.Option(help="The ledger's public key, as you received it.")],
    state: Annotated[Path, typer.Option(help="Keeps what was seen, for the next time.")],
    municipality: Annotated[int | None, typer.Option(min=1, help="SCB code that the key must be for.")] = None,
) -> None:
    """Check a ledger over HTTP, trusting only a public key: print a line for each finding, and then exit 1."""
    with failures_reported():
        key = NoteKey.read(public_key)
        if municipality is not None and key.name != origin(municipality):
            raise typer.BadParameter(f"the key is for {key.name}", param_hint="--municipality")
        bearer = sys.stdin.readline().strip() if token == "-" else token  # noqa: S105 - the sign for standard input
        with err.status("Reading the ledger"):
            head, findings = verify_ledger(url, bearer, key, state)
    for line in findings:
        out.print(line, markup=False)
    if findings or head is None:
        raise typer.Exit(1)
    out.print(f"{head.size} facts are as they were sealed; root {head.root.hex()}", markup=False)


@municipality.command("add")
def municipality_add(
    code: Annotated[int, typer.Argument(min=1, max=9999, help="SCB code, e.g. 188.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
) -> None:
    """Create a tenant."""
    if not name.strip() or len(name) > LONGEST_NAME or not re.fullmatch(LINE, name):
        raise typer.BadParameter("a name of 1 to 100 characters that are seen", param_hint="NAME")
    with failures_reported():
        made = on_database(lambda database: add_municipality(database, code, name.strip()), settings_given())
    out.print(f"Municipality {code} is made." if made else f"Municipality {code} was there already.")
