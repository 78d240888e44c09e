"""The command line. Every verb works beside a running server on the same data directory."""

import asyncio
import datetime as dt
import os
import re
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvicorn
from pydantic_core import from_json, to_json
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from app import demo as demonstration
from app.actions.add_municipality import add_municipality
from app.actions.check import check
from app.actions.provision_tags import provision as provision_tag
from app.actions.rebuild import rebuild
from app.actions.rewrap import rewrap
from app.api.access import ROLES, mint
from app.api.master import new_ref
from app.api.problems import Problem
from app.domain.time import UTC, local
from app.main import configure_logs, create_app
from app.server import server_options
from app.settings import Settings, UnsafeSettingsError
from app.store import backup as backups
from app.store import embedded
from app.store.database import Database, UnknownMunicipalityError
from app.store.master import RefusedError
from app.store.migrate import MigrationBlockedError, migrate, pending
from app.store.notes import PublicKey, UnreadableKeyError, origin
from app.store.secrets import LooseSecretsError, made_once
from app.store.vault import SealBrokenError, Vault
from app.tag_commands import tags
from app.verify_ledger import UnverifiableError, verify_ledger

Result = TypeVar("Result")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_TTL_SECONDS = 366 * 86400
LONGEST_NAME = 100
MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"

application = typer.Typer(
    name="taggad", help="Visits of Swedish home care: one tap in, one tap out.", no_args_is_help=True
)
municipality = typer.Typer(no_args_is_help=True)
db = typer.Typer(no_args_is_help=True)
application.add_typer(municipality, name="municipality", help="The tenants.")
application.add_typer(tags, name="tags", help="Tags and what they say.")
application.add_typer(db, name="db", help="The embedded database of the data directory.")
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def _fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False)
    raise typer.Exit(1)


TOLD = (
    UnsafeSettingsError,
    LooseSecretsError,
    MigrationBlockedError,
    embedded.EmbeddedError,
    UnreadableKeyError,
    UnverifiableError,
)


@contextmanager
def _failures_told() -> Iterator[None]:
    """What a person can do something about is told in a line; anything else is a fault and keeps its traceback."""
    try:
        yield
    except TOLD as error:
        _fail(str(error))
    except DBAPIError as error:
        _fail(f"the database refuses: {error.orig}")
    except OSError as error:
        _fail(str(error))


def _settings() -> Settings:
    return Settings.from_environment(os.environ)


def _settings_with_secrets() -> Settings:
    settings = _settings()
    if settings.database_url is None:
        settings = settings.with_secrets(made_once(settings.data_dir))
    settings.require_secrets()
    settings.require_safe()
    return settings


def _settings_with_found_secrets() -> Settings:
    """For verbs that say more where the secrets are at hand: an outside database's may be elsewhere."""
    settings = _settings()
    return settings if settings.database_url else settings.with_secrets(made_once(settings.data_dir))


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    """The outside database, else the embedded one: running already or started for as long as the verb lasts."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.attach(settings.data_dir, bin_dir=settings.pg_bin) as url:
        yield url


def _on_database(work: Callable[[Database], Awaitable[Result]], settings: Settings) -> Result:
    """Run one piece of work over a migrated database."""

    async def run(url: str) -> Result:
        if await pending(url):
            if settings.database_url is not None:
                _fail("the database is not at this version's schema: run `taggad migrate`")
            await migrate(url)
        vault = Vault(settings.field_keys, settings.lookup_key) if settings.field_keys else None
        database = Database(url, pool_size=2, ledger_keys=settings.ledger_key, vault=vault)
        try:
            return await work(database)
        finally:
            await database.close()

    with _database_url(settings) as url:
        return asyncio.run(run(url))


@application.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8000,
    speed: Annotated[float, typer.Option(min=0.1, help="How many times as short as usual visits are.")] = 60.0,
) -> None:
    """An example municipality and its days, simulated against the service until Ctrl-C."""
    with _failures_told():
        settings = _settings()
        if settings.database_url is not None:
            err.print("TAGGAD_DATABASE_URL is left alone: the demo lives in the embedded database.")
            settings = settings.model_copy(update={"database_url": None})
        settings = settings.with_secrets(made_once(settings.data_dir))
        with embedded.attach(settings.data_dir, bin_dir=settings.pg_bin) as url:
            code = asyncio.run(demonstration.run(settings, url, port, speed, out))
    raise typer.Exit(code)


@application.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen at.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """The server, over TAGGAD_DATABASE_URL or else the embedded database of TAGGAD_DATA_DIR."""
    with _failures_told():
        settings = _settings_with_secrets()
        configure_logs()
        signal.signal(signal.SIGTERM, _leave)  # so that what was started ends in order, whoever asks
        with _database_url(settings) as url:
            if settings.database_url is None:
                asyncio.run(migrate(url))
            elif asyncio.run(pending(url)):
                _fail("the database is not at this version's schema: run `taggad migrate` first")
            out.print(f"Serving at http://{host}:{port}; Ctrl-C ends it.", markup=False)
            if workers == 1:
                uvicorn.run(create_app(settings, url), host=host, port=port, **server_options())
                return
            with tempfile.TemporaryDirectory(prefix="taggad-metrics-") as metrics:
                served = settings.model_copy(update={"database_url": url})
                os.environ.update(served.to_environment(), PROMETHEUS_MULTIPROC_DIR=metrics)
                uvicorn.run("app.main:worker", factory=True, workers=workers, host=host, port=port, **server_options())


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


@application.command("migrate")
def migrate_() -> None:
    """Bring the database to this version's schema."""
    with _failures_told(), _database_url(_settings()) as url:
        asyncio.run(migrate(url))
        out.print("The schema is up to date.")


@application.command("check")
def check_() -> None:
    """Ask whether every invariant holds: a line for each that is broken, and then exit 1."""
    _tell_each(check, "Every invariant holds.", _settings_with_found_secrets)


@application.command("rebuild")
def rebuild_(
    month: Annotated[str | None, typer.Option(help="YYYY-MM; without it, everything.")] = None,
) -> None:
    """Derive every visit anew from the facts: a line for each difference (which is put right), and then exit 1."""
    if month is not None and not re.fullmatch(MONTH, month):
        raise typer.BadParameter("a month is written YYYY-MM", param_hint="--month")

    async def differences(database: Database, municipality_id: int) -> list[str]:
        return [line async for line in rebuild(database, municipality_id, month)]

    _tell_each(differences, "No difference.")


def _tell_each(
    work: Callable[[Database, int], Awaitable[list[str]]],
    nothing: str,
    settings: Callable[[], Settings] = _settings,
) -> None:
    """Run `work` for each municipality; print its lines, and exit 1 when there are any."""

    async def lines(database: Database) -> list[str]:
        return [
            f"{municipality_id}: {line}"
            for municipality_id in await database.municipalities()
            for line in await work(database, municipality_id)
        ]

    with _failures_told(), err.status("Reading the facts"):
        found = _on_database(lines, settings())
    for line in found:
        out.print(line, markup=False)
    if found:
        raise typer.Exit(1)
    out.print(nothing)


@application.command("rewrap")
def rewrap_() -> None:
    """Seal personal numbers and keys of tags anew, with the first of TAGGAD_FIELD_KEYS."""
    with _failures_told():
        settings = _settings_with_secrets()
        vault = Vault(settings.field_keys, settings.lookup_key)

        async def each(database: Database) -> list[tuple[int, tuple[int, int]]]:
            return [(one, await rewrap(database, one, vault)) for one in await database.municipalities()]

        try:
            done = _on_database(each, settings)
        except SealBrokenError:
            _fail("something was sealed with a key that is not in TAGGAD_FIELD_KEYS: put that key back, last")
    for municipality_id, (numbers, keysets) in done:
        out.print(f"{municipality_id}: {numbers} personal numbers and {keysets} keysets sealed anew")


@application.command("verify-ledger")
def verify_ledger_(
    url: Annotated[str, typer.Option(help="Where the service answers.")],
    token: Annotated[str, typer.Option(help="An auditor's bearer token; - reads it from standard input.")],
    public_key: Annotated[str, typer.Option(help="The ledger's public key, as you were told it.")],
    state: Annotated[Path, typer.Option(help="Keeps what was seen, for the next time.")],
    municipality: Annotated[int | None, typer.Option(min=1, help="SCB code that the key must be for.")] = None,
) -> None:
    """Check a ledger over HTTP, with nothing but a public key: a line for each finding, and then exit 1."""
    with _failures_told():
        key = PublicKey.read(public_key)
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


@tags.command()
def provision(
    municipality: Annotated[int, typer.Option(min=1, help="SCB code.")],
    keyset: Annotated[str, typer.Option(help="Ref of the keyset, which must be active.")],
    host: Annotated[str, typer.Option(help="The host in the tags' addresses.")],
    key_version: Annotated[int, typer.Option("--version", min=1, max=255, help="The version of the keys.")] = 1,
) -> None:
    """Print what a reader says to blank chips: a JSON object a line in, its steps out. They hold the chips' keys."""

    async def line_by_line(database: Database) -> None:
        for line in sys.stdin.buffer:
            for step in await _steps_of(database, municipality, line, keyset, key_version, host):
                typer.echo(to_json(step).decode())

    with _failures_told():
        try:
            _on_database(line_by_line, _settings_with_secrets())
        except UnknownMunicipalityError:
            _fail(f"there is no municipality {municipality}")


async def _steps_of(
    database: Database, municipality_id: int, line: bytes, keyset: str, key_version: int, host: str
) -> list[dict[str, object]]:
    now = dt.datetime.now(UTC)
    told: Any = None
    try:
        told = from_json(line)
        new_ref(told["ref"])
        async with database.write(municipality_id) as writing:
            return await provision_tag(writing, told, keyset=keyset, key_version=key_version, host=host, now=now)
    except RefusedError as error:
        return [{"ref": told["ref"], "error": error.code}]
    except (ValueError, TypeError, KeyError, Problem):
        return [{"ref": None, "error": "malformed"}]


@application.command()
def token(
    municipality: Annotated[int, typer.Option(min=1, help="SCB code.")],
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    provider: Annotated[str | None, typer.Option(help="Ref of the provider (planner).")] = None,
    staff: Annotated[str | None, typer.Option(help="Ref of the staff (staff).")] = None,
    device: Annotated[str | None, typer.Option(help="Ref of the device.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 15m, 1h, 30d.")] = "1h",
) -> None:
    """Print a bearer token, for operators and tests."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", ttl)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_TTL_SECONDS:
        raise typer.BadParameter("a number with s, m, h or d, at most 366d", param_hint="--ttl")
    refs = {"provider": provider, "staff": staff, "device": device}
    with _failures_told():
        settings = _settings_with_secrets()
        try:
            minted = mint(
                settings, municipality_id=municipality, role=role, scopes=scope or (), ttl_seconds=seconds, **refs
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(minted)


@municipality.command("add")
def municipality_add(
    code: Annotated[int, typer.Argument(min=1, max=9999, help="SCB code, e.g. 188.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
) -> None:
    """Create a tenant."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise typer.BadParameter("a name of 1 to 100 characters", param_hint="NAME")
    with _failures_told():
        made = _on_database(lambda database: add_municipality(database, code, name.strip()), _settings())
    out.print(f"Municipality {code} is made." if made else f"Municipality {code} was there already.")


@db.command("start")
def db_start() -> None:
    """Leave the embedded database running behind."""
    with _failures_told():
        settings = _settings()
        out.print(embedded.detach(settings.data_dir, bin_dir=settings.pg_bin), markup=False)


@db.command("stop")
def db_stop() -> None:
    """End what `db start` left."""
    with _failures_told():
        out.print("Stopped." if embedded.stop(_settings().data_dir) else "It was not running.")


@db.command("status")
def db_status() -> None:
    """Tell whether the embedded database runs, whose it is and where; exit 3 when it does not run."""
    with _failures_told():
        known = embedded.status(_settings().data_dir)
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
    with _failures_told():
        settings = _embedded_only()
        with err.status("Writing the backup"), _database_url(settings) as url:
            size = backups.backup(url, target, bin_dir=settings.pg_bin)
    out.print(f"{target}: {size} bytes", markup=False)


@db.command("restore")
def db_restore(source: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.")]) -> None:
    """Put a backup back in place of all there is in the embedded database. No server may be running."""
    with _failures_told():
        settings = _embedded_only()
        with err.status("Restoring"), _database_url(settings) as url:
            asyncio.run(migrate(url))  # makes the roles that the file's tables belong to
            backups.restore(url, source, bin_dir=settings.pg_bin)
            asyncio.run(migrate(url))  # a file of an earlier version
    out.print("Restored.")


def _embedded_only() -> Settings:
    settings = _settings()
    if settings.database_url is not None:
        _fail("backup and restore are of the embedded database; an outside one has its own (pg_dump)")
    return settings
