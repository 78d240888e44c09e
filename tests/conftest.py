"""One PostgreSQL for a whole run, a fresh database for each test, the service over real HTTP."""

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from pathlib import Path

import pytest
import untold
from hypothesis import HealthCheck, settings
from postgres import SERVER, connect, of_database
from service import LEDGER_KEY, serving

from app.store.database import Database
from app.store.migrate import migrate
from app.store.server.embedded import EmbeddedError, attach, status

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("taggad", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("taggad")

# What is logged is asked for where it is the subject; printed, it would stand in what verbs of the command line say.
untold.watch()

TEMPLATE = "template_migrated"
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
ROOM_BYTES = 2 * 1024**3
PREFIX = "taggad-tests-"


@pytest.fixture(autouse=True)
def nobody_is_told_of():
    """Whatever a test does, no personal number stands in the log."""
    untold.TOLD.clear()
    yield
    assert untold.TOLD == []


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory):
    """A directory that all workers of this run share: in memory where there is room, for a copy is ten times faster."""
    base = tmp_path_factory.getbasetemp()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        forget_dead_runs()
        directory = MEMORY / f"{PREFIX}{run}"
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def forget_dead_runs():
    """Give back the memory of runs that were killed; a run that is only beginning is younger."""
    for directory in MEMORY.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, EmbeddedError):  # another user's, or gone meanwhile
            long_ago = directory.stat().st_mtime < time.time() - 600
            if long_ago and status(directory / "server").state == "stopped":
                shutil.rmtree(directory)


@pytest.fixture(scope="session")
def server_url(run_dir):
    """The run's server: the first worker starts it, and ends it when the last is done."""
    with attach(run_dir / "server", settings=SERVER) as url:
        yield url
    if run_dir.parent == MEMORY and status(run_dir / "server").state == "stopped":
        shutil.rmtree(run_dir)


@pytest.fixture(scope="session")
async def admin(server_url):
    """The superuser's connection that makes and drops databases."""
    connection = await connect(of_database(server_url, "postgres"))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def template(server_url, admin, run_dir):
    """The name of a migrated database, made by the worker that comes first."""
    with (run_dir / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            half_made = f"{TEMPLATE}_{uuid.uuid4().hex}"
            await admin.execute(f"CREATE DATABASE {half_made}")
            await migrate(of_database(server_url, half_made))
            await admin.execute(f"ALTER DATABASE {half_made} RENAME TO {TEMPLATE}")
    return TEMPLATE


@pytest.fixture
async def empty_url(server_url, admin):
    """A fresh database that no migration has seen."""
    name = f"test_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    yield of_database(server_url, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(server_url, admin, template):
    """A fresh, migrated database without a municipality."""
    name = f"test_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield of_database(server_url, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def owner(database_url):
    """The superuser's connection to the test's database, free of row-level security."""
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def database(database_url):
    """The application's way to the test's database."""
    opened = Database(database_url, pool_size=8, ledger_keys=[LEDGER_KEY])
    yield opened
    await opened.close()


@pytest.fixture
async def service(database_url, owner):
    """The service over the test's database, with municipality 188 and nothing in it."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url) as served:
        yield served
