"""The connections of a process: separate pools for writes, reads, exports and the health check.

A pool that is used up does not hinder the others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Pool = Literal["writes", "reads", "exports", "health"]

POOL_TIMEOUT_SECONDS = 3
EXPORT_SECONDS = 60
HEALTH_SECONDS = 2
CONNECT_SECONDS = 2
GRACE_SECONDS = 1
"""A working server ends a statement at its time limit. So many seconds later it is taken to be hanging."""

LIMITS = {
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "timezone": "UTC",
    "application_name": "taggad",
}


class BusyError(Exception):
    """No connection came free in time; the caller may try again in a moment."""


class Pools:
    """The pools over one database."""

    def __init__(self, url: str, size: int, role: str, answer_seconds: int) -> None:
        """A quarter of `size` reads, a quarter exports, the rest writes. `answer_seconds` limits reads and writes."""
        limits = LIMITS | {"role": role}
        quarter = max(1, size // 4)

        def pool(connections: int, seconds: int) -> AsyncEngine:
            engine = create_async_engine(
                url,
                pool_size=connections,
                max_overflow=0,
                pool_timeout=POOL_TIMEOUT_SECONDS,
                connect_args={
                    "server_settings": limits | {"statement_timeout": f"{seconds}s"},
                    "command_timeout": seconds + GRACE_SECONDS,
                    "timeout": CONNECT_SECONDS,
                    "statement_cache_size": 200,
                },
                json_deserializer=str,  # JSON stays text until pydantic's parser reads it, which is faster
            )
            event.listen(engine.sync_engine, "checkout", _require_open)
            return engine

        self.engines: dict[Pool, AsyncEngine] = {
            "writes": pool(max(1, size - 2 * quarter), answer_seconds),
            "reads": pool(quarter, answer_seconds),
            "exports": pool(quarter, EXPORT_SECONDS),
            "health": pool(1, HEALTH_SECONDS),
        }

    async def close(self) -> None:
        """Close every connection."""
        for engine in self.engines.values():
            await engine.dispose()

    @asynccontextmanager
    async def connection(self, pool: Pool) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool, rolled back at the end. Raises BusyError when none comes free."""
        try:
            sa = await self.engines[pool].connect()
        except PoolTimeout as error:
            raise BusyError from error
        try:
            yield sa
        except TimeoutError:
            await give_up(sa)
            raise
        finally:
            await sa.close()


def _require_open(connection: Any, *_: Any) -> None:
    """Make the pool open another connection where the server has closed this one meanwhile."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


async def give_up(sa: AsyncConnection) -> None:
    """Drop this connection without a ROLLBACK: a server that did not answer would not answer that either."""
    if sa.invalidated:
        return
    driver = (await sa.get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101 - it is connected
    driver.terminate()
    await sa.invalidate()
