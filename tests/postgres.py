"""The tests' own PostgreSQL: its settings, and ways into its databases."""

import asyncio
import datetime as dt

import asyncpg
from sqlalchemy import make_url

from app.store.connection import Changing

# Durability is tested where it is the subject; here a server that forgets after a crash is a faster one.
SERVER = {
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum": "off",  # its workers would stand in the way of copying and dropping databases
}


def of_database(url, name):
    """The URL of another database of the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def connect(url):
    """A plain connection as the URL's own user, the owner of everything."""
    return await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def changing(owner):
    """The owner's connection as a transaction of municipality 188."""
    return Changing(188, owner, dt.datetime.now(dt.UTC))


async def waits_for_the_lock(owner):
    """Return when somebody waits for a municipality's lock, which the test holds."""
    for _ in range(500):
        if await owner.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody came to write")
