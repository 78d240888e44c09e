"""Municipalities beside each other in one database: none sees another, each has one writer at a time."""

import asyncio
import datetime as dt
import uuid
from dataclasses import replace

import asyncpg
import pytest
from service import LEDGER_KEY
from sqlalchemy import select

from app.store import database as database_module
from app.store.access import access_log
from app.store.database import Database, UnknownMunicipalityError
from app.store.pools import BusyError
from app.store.register import records
from app.store.register.records import Stored
from app.store.schema import provider

HERE, THERE = 188, 180
AT = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
PROVIDER = "INSERT INTO provider VALUES ($1, $2, 'external')"


@pytest.fixture
async def two(owner, database):
    """The application's way to a database with two municipalities, each with a provider."""
    for code, name in ((HERE, "Norrtälje"), (THERE, "Stockholm")):
        await owner.execute("INSERT INTO municipality VALUES ($1, $2, now())", code, name)
        await owner.execute(PROVIDER, code, f"P-{code}")
    return database


async def _put_provider(writing, ref):
    await records.append(writing, "providers", writing.master.seq, "test", [Stored(ref, 1, False, {})])
    await records.refresh(writing, writing.master)


@pytest.mark.parametrize(("reader", "seen"), [(HERE, "P-188"), (THERE, "P-180")])
async def test_a_municipality_reads_only_its_own(two, reader, seen):
    async with two.read(reader) as reading:
        assert await reading._driver.fetchval("SELECT string_agg(ref, ',') FROM provider") == seen
        assert (await reading.composed(select(provider.c.ref))).scalars().all() == [seen]
        assert await reading._driver.fetchval("SELECT array_agg(municipality_id) FROM municipality") == [reader]


@pytest.mark.parametrize("way", ["read", "snapshot", "write"])
async def test_a_municipality_that_is_not_there_is_neither_read_nor_written(two, owner, way):
    for _ in range(2):
        with pytest.raises(UnknownMunicipalityError):
            async with getattr(two, way)(181):
                pass
    async with two.founding(181) as founding:
        assert await founding._driver.fetch("SELECT * FROM provider") == []
    await owner.execute("INSERT INTO municipality VALUES (181, 'Tyresö', now())")
    async with getattr(two, way)(181) as opened:
        assert await opened._driver.fetch("SELECT * FROM provider") == []


@pytest.mark.parametrize("setting", [None, ""])
async def test_nothing_is_visible_before_a_tenant_is_chosen(two, owner, setting):
    await owner.execute("SET ROLE taggad_app")
    if setting is not None:
        await owner.execute(f"SET app.municipality = '{setting}'")
    assert await owner.fetch("SELECT * FROM provider") == []
    assert await owner.fetch("SELECT * FROM municipality") == []
    assert await two.municipalities() == [THERE, HERE]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(PROVIDER, HERE, "P-new")


async def test_a_connection_given_back_forgets_its_tenant(two):
    for code in (HERE, THERE, HERE):
        async with two.read(code, "writes") as reading:
            assert await reading._driver.fetchval("SELECT ref FROM provider") == f"P-{code}"
    async with two.engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM provider")).scalar() == 0


async def test_a_row_of_another_tenant_is_neither_made_nor_changed_nor_removed(two, owner):
    for refused in (PROVIDER, "UPDATE provider SET municipality_id = $1 WHERE ref <> $2"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with two.write(HERE) as writing:
                await writing._driver.execute(refused, THERE, "P-new")
    async with two.write(HERE) as writing:
        assert await writing._driver.execute("UPDATE provider SET form = 'in_house'") == "UPDATE 1"
        assert await writing._driver.execute("DELETE FROM provider WHERE municipality_id = $1", THERE) == "DELETE 0"
    stored = await owner.fetch("SELECT ref, form FROM provider ORDER BY ref")
    assert [tuple(row) for row in stored] == [("P-180", "external"), ("P-188", "in_house")]


# One writer at a time


async def test_two_writers_of_one_municipality_follow_each_other(two):
    first_is_in, told = asyncio.Event(), []

    async def first():
        async with two.write(HERE) as writing:
            first_is_in.set()
            await asyncio.sleep(0.2)
            await writing._driver.execute("UPDATE municipality SET change_no = change_no + 1")
            told.append("first")

    async def second():
        await first_is_in.wait()
        async with two.write(HERE) as writing:
            told.append("second")
            return writing.change_no

    _, seen = await asyncio.gather(first(), second())
    assert told == ["first", "second"]
    assert seen == 1, "the second sees what the first committed"


async def test_municipalities_write_side_by_side_and_readers_never_wait(two):
    async def both():
        async with two.write(HERE) as here, two.write(THERE) as there, two.read(HERE) as reading:
            assert (here.municipality_id, there.municipality_id) == (HERE, THERE)
            assert await reading._driver.fetchval("SELECT count(*) FROM provider") == 1

    await asyncio.wait_for(both(), 5)


async def test_a_write_that_fails_is_rolled_back_and_forgotten(two, monkeypatch):
    async with two.write(HERE) as writing:
        await _put_provider(writing, "P-norr")

    async def failing():
        async with two.write(HERE) as writing:
            await _put_provider(writing, "P-gone")
            assert writing.master.providers == {"P-norr", "P-gone"}
            raise ZeroDivisionError

    remembered = []
    roll_back = database_module._roll_back

    async def watched(*connection):
        remembered.append(HERE in two._masters)
        await roll_back(*connection)

    monkeypatch.setattr(database_module, "_roll_back", watched)
    with pytest.raises(ZeroDivisionError):
        await failing()
    assert remembered[0] is False, "the next writer has the lock as soon as this one is rolled back"
    async with two.write(HERE) as writing:
        assert writing.master.providers == {"P-norr"}
        assert writing.master.seq == 1
        assert await writing._driver.fetchval("SELECT count(*) FROM record") == 1
        await _put_provider(writing, "P-syd")
    async with two.write(HERE) as writing:
        assert writing.master.providers == {"P-norr", "P-syd"}


async def test_a_waiting_writer_that_is_cancelled_does_not_lose_what_the_holder_remembers(two):
    async with two.write(HERE) as writing:
        await _put_provider(writing, "P-norr")

    async def waiting():
        async with two.write(HERE):
            raise AssertionError("the lock is held")

    async with two.write(HERE) as writing:
        task = asyncio.create_task(waiting())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _put_provider(writing, "P-syd")
    async with two.write(HERE) as writing:
        assert writing.master.providers == {"P-norr", "P-syd"}


async def test_what_another_process_wrote_is_taken_in(two, database_url):
    other = Database(database_url, pool_size=1, ledger_keys=[LEDGER_KEY])
    try:
        for nr, (writer, reader) in enumerate([(two, other), (other, two)]):
            async with writer.write(HERE) as writing:
                await _put_provider(writing, f"P-{nr}")
            async with reader.write(HERE) as writing:
                assert f"P-{nr}" in writing.master.providers
                assert writing.master.seq == nr + 1
    finally:
        await other.close()


async def test_a_pool_without_a_free_connection_says_busy(owner, database_url, monkeypatch):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    monkeypatch.setattr("app.store.pools.POOL_TIMEOUT_SECONDS", 0.1)
    small = Database(database_url, pool_size=1, ledger_keys=[LEDGER_KEY])
    try:
        async with small.read(HERE):
            with pytest.raises(BusyError):
                async with small.read(HERE):
                    pass
        await small.ready()
    finally:
        await small.close()


# A connection that served one tenant serves the next


@pytest.mark.parametrize("way", ["read", "snapshot", "write"])
async def test_whoever_is_cancelled_leaves_no_tenant_and_no_row_behind(database_url, two, owner, way):
    """Every connection of a pool of one is the same: what a cancelled caller left on it, the next one would see."""
    narrow = Database(database_url, pool_size=4, ledger_keys=[LEDGER_KEY])
    entry = access_log.AccessEntry(uuid.UUID(int=1), AT, "s", "system", None, "GET /v1/x", ("B-1",), False, "", None)

    async def interrupted(code):
        async with getattr(narrow, way)(code) as opened:
            await access_log.add(opened, narrow.macs, replace(entry, id=uuid.uuid4()))
            asyncio.get_running_loop().call_soon(task.cancel)
            await opened._driver.fetchval("SELECT pg_sleep(5)")

    for code, other in ((HERE, THERE), (THERE, HERE)) * 2:
        task = asyncio.ensure_future(interrupted(code))
        with pytest.raises(asyncio.CancelledError):
            await task
        async with getattr(narrow, way)(other) as opened:
            role, seen = await opened._driver.fetchrow(
                "SELECT current_user, (SELECT string_agg(ref, ',') FROM provider)"
            )
            assert (role, seen) == ("taggad_app", f"P-{other}")
        for engine in narrow._pools.engines.values():
            async with engine.connect() as connection:
                assert (await connection.exec_driver_sql("SELECT count(*) FROM provider")).scalar() == 0
    await narrow.close()
    assert await owner.fetchval("SELECT count(*) FROM access_entry") == 0
