"""Access to PostgreSQL: one transaction for each call, with the tenant set first.

Every transaction runs as `taggad_app`, which owns nothing, and under row-level security for one municipality. A write
transaction also holds that municipality's lock: visits of different staff at one household never race.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.register.master import MasterData
from app.store.access.field_encryption import FieldEncryption
from app.store.clock import Clock
from app.store.connection import Changing, Driver, Progress, ReadAhead, Reading, Writing
from app.store.ledger import ledger, macs
from app.store.ledger.ledger import Leaves
from app.store.ledger.macs import Macs
from app.store.ledger.marks import Marks
from app.store.municipality_state import STATE, MunicipalityState
from app.store.pools import Pool, Pools
from app.store.register import records
from app.store.taps import keysets

APP_ROLE = "taggad_app"
LOCK_CLASS = 7_460
"""First key of the advisory locks. One for each municipality: it has one writer at a time."""

CLOSED_AT_ONCE = 2

EXISTS = """
SELECT EXISTS (SELECT FROM municipality WHERE municipality_id = current_setting('app.municipality')::int)
"""
TAKES_WRITES = """
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off', clock_timestamp()
"""
# Sorting more than fits in memory writes some megabytes to the data's disk, needs no privilege and leaves nothing.
FIND_ROOM = """
SELECT count(*) FROM (SELECT md5(i::text) FROM generate_series(1, 60000) AS i ORDER BY 1 OFFSET 1) AS sorted
"""

# Writers look a few rows up by index, whatever the statistics said when a plan was made: a table that was empty then
# is read from end to end for as long as the plan lives (a batch took 80 ms instead of one).
LOOKUP_PLANS = ", set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)"


MOST_CODE = 2**31 - 1


class ReadOnlyError(Exception):
    """The database answers and takes no writes: a standby, or a server set to read only."""


class UnknownMunicipalityError(Exception):
    """There is no municipality with this code."""


class Database:
    """The pools of connections, and each municipality's master data in the memory of this process."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 12,
        ledger_keys: Sequence[bytes] = (),
        encryption: FieldEncryption | None = None,
        answer_seconds: int = 60,
        marks: Marks | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`url` is a SQLAlchemy URL for asyncpg. Every connection takes on the role APP_ROLE.

        Without `ledger_keys` (the first makes leaves and signs heads, all are known) no fact can be stored. Without
        `encryption` the keys of tags cannot be decrypted, and no message of a tag can be verified. No statement of a
        write or a read takes more than `answer_seconds`. `marks` remember how large each ledger was.
        `clock` says when a transaction began (None: the machine's own).
        """
        self._pools = Pools(url, pool_size, APP_ROLE, answer_seconds)
        self.ledger_keys = tuple(ledger_keys)
        self.macs = Macs(ledger_keys)
        self._masters: dict[int, MasterData] = {}
        self._existing: set[int] = set()
        """The municipalities that this process has found to exist: none is ever deleted."""
        self.encryption = encryption
        self.marks = marks or Marks(None)
        self.stopped: dict[int, str] = {}
        """The municipalities whose ledger this process has found broken, each with the finding."""
        self._unsealed: set[int] = set()
        self._looked_at: set[int] = set()
        self._without_room = False
        self.clock = clock or Clock()
        # Each has a snapshot and then a write of its own: more at once would leave no connection for anybody else.
        self.closing = asyncio.Semaphore(CLOSED_AT_ONCE)

    def take_unsealed(self) -> set[int]:
        """The municipalities in which this process has stored facts since the last call."""
        taken, self._unsealed = self._unsealed, set()
        return taken

    def looked_at(self, municipality_id: int) -> None:
        """Note that this process writes an entry of the access log."""
        self._looked_at.add(municipality_id)

    def take_looked_at(self) -> set[int]:
        """The municipalities in which this process has written entries of the access log since the last call."""
        taken, self._looked_at = self._looked_at, set()
        return taken

    async def close(self) -> None:
        """Close every connection."""
        await self._pools.close()

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine of the pool for writes."""
        return self._pools.engines["writes"]

    @asynccontextmanager
    async def read(self, municipality_id: int, pool: Pool = "reads") -> AsyncIterator[Reading]:
        """A transaction that reads one municipality.

        Raises BusyError when no connection comes free, UnknownMunicipalityError for a tenant that does not exist.
        `pool` is "writes" for a read that writers wait for.
        """
        async with self._transaction(municipality_id, pool) as sa:
            yield Reading(municipality_id, await _driver(sa), self.clock.now(), sa)

    @asynccontextmanager
    async def change(self, municipality_id: int) -> AsyncIterator[Changing]:
        """A transaction that changes rows without the municipality's lock, for a caller with a lock of its own."""
        async with self._transaction(municipality_id, "writes") as sa:
            yield Changing(municipality_id, await _driver(sa), self.clock.now(), sa)

    @asynccontextmanager
    async def founding(self, municipality_id: int) -> AsyncIterator[Changing]:
        """A transaction that changes rows of a tenant that may not exist yet. It holds no lock."""
        async with self._transaction(municipality_id, "writes", founding=True) as sa:
            yield Changing(municipality_id, await _driver(sa), self.clock.now(), sa)

    @asynccontextmanager
    async def snapshot(self, municipality_id: int) -> AsyncIterator[Reading]:
        """A read transaction of one moment: its statements see no write that is committed between them."""
        # It is not read only: the log of what was read is written in it.
        async with self._transaction(municipality_id, "exports", isolation_level="REPEATABLE READ") as sa:
            yield Reading(municipality_id, await _driver(sa), self.clock.now(), sa)

    @asynccontextmanager
    async def scratch(self, municipality_id: int) -> AsyncIterator[Changing]:
        """A transaction of one moment that may make temporary tables."""
        async with self._transaction(municipality_id, "exports", isolation_level="REPEATABLE READ") as sa:
            yield Changing(municipality_id, await _driver(sa), self.clock.now(), sa)

    @asynccontextmanager
    async def write(
        self, municipality_id: int, *, with_master: bool = True, ahead: ReadAhead | None = None
    ) -> AsyncIterator[Writing]:
        """A transaction with the municipality's lock. Commits at the end, rolls back on any exception.

        `with_master=False` leaves out the master data, for a write that uses none and derives no visit. A process that
        has just begun would read it while all others wait for the lock. `ahead` is read in the first statement, beside
        the municipality's state.

        Raises BusyError when no connection comes free, UnknownMunicipalityError for a tenant that does not exist,
        ClockError while our clock is wrong.
        """
        # The lock comes in a statement before any that reads: those must see what the last holder committed. Beginning,
        # the tenant and the lock are one round trip; SQLAlchemy would make three of them.
        begin = (
            f"BEGIN; SELECT set_config('app.municipality', '{int(municipality_id)}', true){LOOKUP_PLANS},"
            f" pg_advisory_xact_lock({LOCK_CLASS}, {int(municipality_id)})"
        )
        async with self._pools.connection("writes") as sa:
            sql = await _driver(sa)
            holding = False
            try:
                await sql.execute(begin)
                holding = True
                writing = await self._writing(sql, municipality_id, with_master, ahead)
                yield writing
                await ledger.store(writing)
                await writing.catch_up()
                await sql.execute("COMMIT")
                self._without_room = False
                if writing.leaves.made:
                    self._unsealed.add(municipality_id)
            except BaseException as error:
                self._without_room |= isinstance(error, asyncpg.InsufficientResourcesError)
                # The copy may hold records that are now rolled back; the next writer must not find it.
                if holding:
                    self._masters.pop(municipality_id, None)
                if not isinstance(error, TimeoutError):  # after which the connection is given up
                    await _roll_back(sa, sql)
                raise

    async def _writing(
        self, driver: Driver, municipality_id: int, with_master: bool, ahead: ReadAhead | None
    ) -> Writing:
        row: Iterable[Any] | None
        if ahead is None:
            row = await driver.fetchrow(STATE, municipality_id)
        else:
            row = ahead.take(await driver.fetch(ahead.statement, municipality_id, *ahead.parameters))
        if row is None:
            raise UnknownMunicipalityError
        state = MunicipalityState(*row)
        now = self.clock.required(state.now)
        master = MasterData(seq=state.master_seq)
        if with_master:
            master = await self._master(Reading(municipality_id, driver, now), state.master_seq)
        leaves = Leaves(municipality_id, state.next_leaf, next(iter(self.ledger_keys), None))
        writing = Writing(
            municipality_id,
            driver,
            now,
            Progress(state.as_of, state.change_no),
            master=master,
            leaves=leaves,
            macs=self.macs,
        )
        if state.leafless and not state.next_leaf and self.ledger_keys:
            await self._adopt(writing)
        if state.unmarked and self.ledger_keys:
            await self._mark(writing)
        return writing

    async def _master(self, reading: Reading, seq: int) -> MasterData:
        """The remembered master data, brought up to the record numbered `seq`."""
        master = self._masters.get(reading.municipality_id)
        if master is None or master.seq > seq:
            master = MasterData()
        if master.seq < seq:
            await records.refresh(reading, master)
        closed = master.keysets.keys() - master.keys.keys()
        if closed and self.encryption:
            master.keys.update(await keysets.load(reading, closed, self.encryption))
        self._masters[reading.municipality_id] = master
        return master

    async def _adopt(self, writing: Writing) -> None:
        """Make the leaves of facts from before the ledger, as the migration asks, and record that as a fact."""
        await ledger.adopt(writing)
        await records.tell(writing, "adopted", {"facts": writing.leaves.made})
        await writing.execute(ledger.ALL_HAVE_LEAVES)

    async def _mark(self, writing: Writing) -> None:
        """Hash a new municipality's row; hash all rows of one that is older than the hashes, and record that."""
        if writing.leaves.position:
            if await records.latest(writing, records.OWN, "marked"):
                return  # somebody took the hash away: `taggad check` says so
            await records.tell(writing, "marked", {"rows": await macs.adopt(writing)})
        await macs.stamp(writing, writing.as_of)

    def remembered(self, municipality_id: int) -> MasterData | None:
        """The master data after the last write of this process; it may be outdated. None before the first write."""
        return self._masters.get(municipality_id)

    async def municipalities(self) -> list[int]:
        """The codes of all municipalities."""
        async with self._pools.connection("writes") as sa:
            return [row[0] for row in await sa.exec_driver_sql("SELECT * FROM municipalities()")]

    async def before_tenant(self, question: str, key: bytes | str) -> Any:
        """The result for `key` of one of the functions that may be called before a tenant is chosen."""
        async with self._pools.connection("writes") as sa:
            return await (await _driver(sa)).fetchval(question, key)

    async def ready(self) -> None:
        """Return when the database can be written to.

        Raises ReadOnlyError, ClockError, BusyError, or what the driver raises.

        After a write that failed on a full disk, it also checks that there is room again.
        """
        async with self._pools.connection("health") as sa:
            takes_writes, now = tuple((await sa.exec_driver_sql(TAKES_WRITES)).one())
            if not takes_writes:
                raise ReadOnlyError
            self.clock.required(now)
            if self._without_room:
                await sa.exec_driver_sql("SET LOCAL work_mem = '64kB'")
                await sa.exec_driver_sql(FIND_ROOM)
                self._without_room = False

    @asynccontextmanager
    async def _transaction(
        self, municipality_id: int, pool: Pool, *, founding: bool = False, **options: Any
    ) -> AsyncIterator[AsyncConnection]:
        if municipality_id > MOST_CODE:  # which the database could not even ask about
            raise UnknownMunicipalityError
        async with self._pools.connection(pool) as sa:
            if options:
                await sa.execution_options(**options)
            await sa.exec_driver_sql(f"SELECT set_config('app.municipality', '{int(municipality_id)}', true)")
            if not founding and municipality_id not in self._existing:
                if not (await sa.exec_driver_sql(EXISTS)).scalar():
                    raise UnknownMunicipalityError
                self._existing.add(municipality_id)
            yield sa
            await sa.commit()


async def _driver(sa: AsyncConnection) -> Any:
    return (await sa.get_raw_connection()).driver_connection


async def _roll_back(sa: AsyncConnection, sql: Driver) -> None:
    """Roll back. A connection that fails at that is closed, so that nobody gets it again."""
    try:
        await sql.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await sa.invalidate()
