"""The municipality of the stories, settled once a run and copied for each story; each ends with a healthy database."""

import uuid
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from postgres import connect, of_database
from service import serving
from world import settle, with_chip

from app.actions.check import check
from app.actions.visits.rebuild import rebuild

EVER_DAYS = 36500
NEW = "INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())"


@asynccontextmanager
async def sound(service):
    """Whatever is told in between, afterwards no invariant is broken and nothing derives differently."""
    yield service
    database = service.app.state.database
    assert await check(database, 188) == []
    assert [line async for line in rebuild(database, 188)] == []


@pytest.fixture(scope="session")
async def settled(server_url, admin, template):
    """The name of a database in which the municipality of `world` is in place."""
    name = f"settled_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    url = of_database(server_url, name)
    owner = await connect(url)
    await owner.execute(NEW)
    await owner.close()
    async with serving(url) as service:
        await settle(service)
    yield name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def settle_another(server_url, admin, settled):
    """Call it for one more service over its own copy of the settled municipality; takes the service's settings."""
    async with AsyncExitStack() as stack:

        async def another(**settings):
            name = f"test_{uuid.uuid4().hex}"
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {settled} STRATEGY FILE_COPY")
            stack.push_async_callback(admin.execute, f"DROP DATABASE {name} WITH (FORCE)")
            service = await stack.enter_async_context(serving(of_database(server_url, name), **settings))
            return await stack.enter_async_context(sound(service))

        yield another


@pytest.fixture
async def home(settle_another):
    """The service over a settled municipality."""
    return await settle_another()


@pytest.fixture
async def home_of_old(settle_another):
    """The same where a tap is never too late, for days that stand in the calendar."""
    return await settle_another(late_tap_days=EVER_DAYS)


@pytest.fixture
async def empty_home(service):
    """The service with nothing settled."""
    async with sound(service) as served:
        yield served


@pytest.fixture
async def keyed(home):
    """The settled municipality with the tag of H-1 an NTAG 424 DNA, and its chip."""
    return await with_chip(home)
