"""Parts common to the verbs of the command line: their output, and their access to a database."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn, TypeVar

import asyncpg
import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from app.actions.access.fit_keys import fit_keys, remember_lookup_key
from app.cli.verify_ledger import UnverifiableError
from app.server import ListenError
from app.settings import Settings, UnsafeSettingsError
from app.store.access.field_encryption import FieldEncryption
from app.store.clock import Clock, ClockError
from app.store.database import Database
from app.store.ledger.marks import Marks
from app.store.ledger.signed_notes import UnreadableKeyError
from app.store.migrate import MigrationBlockedError, MissingRightsError, UnknownRevisionError, migrate, pending
from app.store.server import embedded
from app.store.server.secrets import FILE, LooseSecretsError, made_once
from app.store.typed_tables import UnreadableRecordsError

Result = TypeVar("Result")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
CLOCK = Clock()
"""The time of every command."""


def fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False)
    raise typer.Exit(1)


REPORTED = (
    UnsafeSettingsError,
    LooseSecretsError,
    ListenError,
    MigrationBlockedError,
    MissingRightsError,
    UnknownRevisionError,
    embedded.EmbeddedError,
    UnreadableKeyError,
    UnreadableRecordsError,
    UnverifiableError,
    ClockError,
)


@contextmanager
def failures_reported() -> Iterator[None]:
    """Report an error that a person can act on in one line; any other keeps its traceback."""
    try:
        yield
    except REPORTED as error:
        fail(str(error))
    except DBAPIError as error:
        fail(f"the database refuses: {error.orig}")
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # the driver's own, as it begins a connection
        fail(f"the database refuses: {error}")
    except (ConnectionError, TimeoutError, socket.gaierror) as error:
        fail(f"the database does not answer: {error.strerror or type(error).__name__}")
    except OSError as error:
        # A file or directory of ours: addresses of a database and of the server have errors of their own.
        named = f"{error.filename}: " if error.filename else ""
        fail(f"{named}{error.strerror or error}; TAGGAD_DATA_DIR names the directory of the data")


def settings_given() -> Settings:
    return Settings.from_environment(os.environ)


def settings_with_secrets() -> Settings:
    settings = settings_given()
    if settings.database_url is None:
        settings = settings.with_secrets(made_once(settings.data_dir))
    settings.require_secrets()
    settings.require_safe()
    return settings


def settings_with_found_secrets() -> Settings:
    """The settings, with secrets if they are at hand: those of an outside database may be elsewhere."""
    settings = settings_given()
    return settings if settings.database_url else settings.with_secrets(made_once(settings.data_dir))


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The URL of the outside database, else of the embedded one, which is started for the block if need be."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.attach(settings.data_dir, bin_dir=settings.pg_bin) as url:
        yield url


def require_keys(settings: Settings, url: str, *, remember: bool = False) -> None:
    """Exit with a line for each key that differs from the one the data was written with.

    `remember` stores the fingerprint of the key for look-ups of a municipality that is served for the first time.
    """

    async def unfit() -> list[str]:
        async with database_at(url, settings) as database:
            lines = []
            for municipality_id in await database.municipalities():
                found = await fit_keys(database, municipality_id)
                lines += [f"{municipality_id}: {line}" for line in found]
                if remember and not found:
                    encryption = FieldEncryption(settings.field_keys, settings.lookup_key)
                    await remember_lookup_key(database, municipality_id, encryption)
            return lines

    lines = asyncio.run(unfit())
    if lines:
        place = settings.data_dir / FILE if settings.database_url is None else "the environment"
        fail("\n".join([*lines, f"These keys do not fit the data: put back those it was written with, in {place}."]))


def on_database(work: Callable[[Database], Awaitable[Result]], settings: Settings) -> Result:
    """The result of `work` over a migrated database."""

    async def run(url: str) -> Result:
        if await pending(url):
            if settings.database_url is not None:
                fail("the database is not at this version's schema: run `taggad migrate`")
            await migrate(url)
        async with database_at(url, settings, Marks(settings.data_dir)) as database:
            return await work(database)

    with database_url(settings) as url:
        return asyncio.run(run(url))


@asynccontextmanager
async def database_at(url: str, settings: Settings, marks: Marks | None = None) -> AsyncIterator[Database]:
    """The database at a URL, with the keys of the settings."""
    encryption = FieldEncryption(settings.field_keys, settings.lookup_key) if settings.field_keys else None
    database = Database(
        url, pool_size=2, ledger_keys=settings.ledger_key, encryption=encryption, marks=marks, clock=CLOCK
    )
    try:
        yield database
    finally:
        await database.close()
