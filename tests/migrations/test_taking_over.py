"""A database from before there was one migration for each room is taken over as it is, or refused in plain words."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest
from postgres import connect, of_database
from sqlalchemy import make_url

from app.store.database import Database
from app.store.migrate import EARLIER, TAKEN_OVER, UnknownRevisionError, migrate, pending
from app.store.schema import metadata
from app.store.server.cluster import binaries

HERE = Path(__file__).parent
SCHEMA, ROWS = ((HERE / name).read_text() for name in ("schema_0028.sql", "rows_0028.sql"))
LAST, ROOMS = next(iter(TAKEN_OVER.items()))
TABLES = set(re.findall(r"^CREATE TABLE (\w+)", SCHEMA, re.MULTILINE)) - {"alembic_version"}


@pytest.fixture
async def earlier(template, empty_url):
    """The superuser's connection to a database that stands at 0028, with a row in every table.

    Its roles belong to the server: making the template has made them.
    """
    connection = await connect(empty_url)
    await connection.execute(SCHEMA)
    await connection.execute(ROWS)
    yield connection
    await connection.close()


def dumped(url):
    """The whole schema as pg_dump writes it: order of columns, owners, policies, rights, triggers and functions."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([binaries() / "pg_dump", "--schema-only", plain], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


async def rows(connection, tables=TABLES):
    """The rows of the tables, each with where it lies and which transaction wrote it."""
    return {table: await connection.fetch(f"SELECT ctid, xmin, * FROM {table}") for table in sorted(tables)}


async def revision(connection):
    return await connection.fetchval("SELECT version_num FROM alembic_version")


async def test_the_migrations_of_the_rooms_make_exactly_the_schema_of_0028(earlier, empty_url, server_url, admin):
    await admin.execute("CREATE DATABASE of_rooms TEMPLATE template0 STRATEGY FILE_COPY")
    try:
        fresh = of_database(server_url, "of_rooms")
        await migrate(fresh, ROOMS)
        made = dumped(fresh)
        assert sum(line.startswith("CREATE TABLE") for line in made) == len(TABLES) + 1
        assert made == dumped(empty_url)
    finally:
        await admin.execute("DROP DATABASE of_rooms WITH (FORCE)")


async def test_0028_is_taken_over_without_a_change_of_schema_or_of_any_row(earlier, empty_url):
    before, schema = await rows(earlier), dumped(empty_url)
    assert {len(stored) for stored in before.values()} == {1}
    assert await revision(earlier) == LAST
    assert await pending(empty_url)

    assert await migrate(empty_url, ROOMS)

    assert await revision(earlier) == ROOMS
    assert await rows(earlier) == before
    assert dumped(empty_url) == schema
    assert not await migrate(empty_url, ROOMS)


async def test_what_was_taken_over_goes_to_the_head_down_and_up_again(earlier, empty_url, database):
    await migrate(empty_url)
    assert not await pending(empty_url)
    taken_over = Database(empty_url, pool_size=2)
    assert await taken_over.municipalities() == [188]
    [number] = await earlier.fetch("SELECT kind, ref, field, sealed, digest FROM sealed_field")
    assert tuple(number) == ("recipients", "B-001", "personal_number", b"\3", b"\4")
    await taken_over.close()
    schema = dumped(empty_url)
    await migrate(empty_url, "base")
    assert await revision(earlier) is None
    await migrate(empty_url)
    assert dumped(empty_url) == schema
    assert {len(stored) for stored in (await rows(earlier, metadata.tables)).values()} == {0}


async def test_0028_may_be_taken_down_at_once(earlier, empty_url):
    await migrate(empty_url, "base")
    assert await revision(earlier) is None
    assert not await earlier.fetchval("SELECT to_regclass('municipality') IS NOT NULL")


async def test_two_that_take_over_at_once_do_it_once(earlier, empty_url):
    assert sorted(await asyncio.gather(migrate(empty_url), migrate(empty_url))) == [False, True]
    assert not await pending(empty_url)


async def test_an_earlier_revision_is_refused_with_what_to_do(earlier, empty_url):
    assert sorted(EARLIER)[::26] == ["0001", "0027"]
    before = await rows(earlier)
    for stands_at in sorted(EARLIER):
        await earlier.execute("UPDATE alembic_version SET version_num = $1", stands_at)
        for target in ("head", "base"):
            with pytest.raises(
                UnknownRevisionError, match=f"stands at revision {stands_at}.* takes over 0028 only: run"
            ):
                await migrate(empty_url, target)
        assert await revision(earlier) == stands_at
    assert await rows(earlier) == before


async def test_a_revision_of_a_newer_version_is_refused_with_what_to_do(earlier, empty_url):
    await earlier.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnknownRevisionError, match="does not know: a newer version has migrated it, so run that one"):
        await migrate(empty_url)
    assert await revision(earlier) == "9999"


async def test_no_migration_has_a_number_that_was_given_before():
    numbers = {path.name[:4] for path in (HERE.parents[1] / "migrations" / "versions").glob("*.py")}
    assert ROOMS in numbers
    assert not numbers & (EARLIER | {LAST})
