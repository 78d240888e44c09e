"""The transactions that queries run in: each sees one municipality, whose code is the first argument of a statement.

No function of the store is handed a bare connection, so that no statement can forget whose rows it asks for.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import asyncpg
import asyncpg.cursor
from sqlalchemy import Executable
from sqlalchemy.engine import Result
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.register.master import MasterData

# At run time neither can be asked for its type of rows.
Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Cursor: TypeAlias = "asyncpg.cursor.CursorFactory[asyncpg.Record]"


class Row(Protocol):
    """A row of an answer. Its values are found by column name or by position."""

    def __getitem__(self, column: Any, /) -> Any:
        """One value; for a slice of positions, several."""

    def __iter__(self) -> Iterator[Any]:
        """The values in their order. A mapping used as a row gives its names."""

    def keys(self) -> Iterable[str]:
        """The names of the columns."""


class Reading:
    """A transaction that reads one municipality's rows. `$1` of every statement is its code.

    `now` is when it began, or took the municipality's lock: the time of all that is decided and stored in it.
    """

    __slots__ = ("_composed", "_driver", "municipality_id", "now")

    def __init__(
        self, municipality_id: int, driver: Driver, now: dt.datetime, composed: AsyncConnection | None = None
    ) -> None:
        """`composed` is SQLAlchemy's view of the same connection, for queries that are put together from parts."""
        self.municipality_id = municipality_id
        self.now = now
        self._driver = driver
        self._composed = composed

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Row]:
        """Every row."""
        return await self._driver.fetch(statement, self.municipality_id, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Row | None:
        """The first row, None without one."""
        return await self._driver.fetchrow(statement, self.municipality_id, *arguments)

    async def one(self, statement: str, *arguments: Any) -> Row:
        """The first row of a statement that always has one. Raises LookupError."""
        return _present(await self.fetchrow(statement, *arguments))

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row, None without one."""
        return await self._driver.fetchval(statement, self.municipality_id, *arguments)

    def cursor(self, statement: str, *arguments: Any, prefetch: int | None = None) -> Cursor:
        """The rows one after the other, for results too large to hold in memory."""
        return self._driver.cursor(statement, self.municipality_id, *arguments, prefetch=prefetch)

    async def about_server(self, statement: str) -> Row:
        """The only row of a statement about the database itself. It gets no municipality."""
        return _present(await self._driver.fetchrow(statement))

    async def configure(self, statement: str) -> None:
        """Run a statement whose effect ends with this transaction: a setting (`SET LOCAL`) or a temporary table."""
        await self._driver.execute(statement)

    async def composed(self, query: Executable) -> Result[Any]:
        """The result of a query that was put together with SQLAlchemy. It names the municipality itself."""
        if self._composed is None:
            raise RuntimeError("a write transaction takes no composed query")
        return await self._composed.execute(query)


def _present(row: Row | None) -> Row:
    if row is None:
        raise LookupError("no row")
    return row


class Changing(Reading):
    """A transaction that also changes rows, without the municipality's lock: the sealer has a lock of its own."""

    __slots__ = ()

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Run a statement and drop its rows."""
        await self._driver.execute(statement, self.municipality_id, *arguments)

    async def insert(self, statement: str, *rows: Iterable[tuple[Any, ...]]) -> None:
        """Store rows, one array for each parameter. Each row begins with the municipality's code."""
        await self._driver.execute(statement, *rows)


class ReadAhead(Protocol):
    """The rows that a writer reads in its first statement, beside the municipality's state."""

    @property
    def statement(self) -> str:
        """The statement. `$1` is the municipality's code."""

    @property
    def parameters(self) -> Sequence[Any]:
        """The parameters after the municipality's code."""

    def take(self, rows: Sequence[Row], /) -> Sequence[Any] | None:
        """Keep the rows; returns the row of the municipality's state, None if there is none."""


class NewLeaves(Protocol):
    """The leaves of one transaction."""

    @property
    def position(self) -> int:
        """The index of the next leaf: the number of leaves before it."""

    @property
    def made(self) -> int:
        """The number of leaves made in this transaction."""

    @property
    def waiting(self) -> int:
        """The number of leaves not stored yet."""

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Make the leaf of a fact. `fields` are the columns of its row by name."""

    def take(self) -> list[tuple[Any, ...]]:
        """The rows of the leaves made since the last call, as a parameter of the statement that stores them."""


class RowHashes(Protocol):
    """Keyed hashes of rows that cannot be derived from facts."""

    def add(self, table: str, row: Sequence[Any]) -> tuple[Any, ...]:
        """The row with its hash appended as the last column."""

    def is_ours(self, table: str, row: Sequence[Any]) -> bool:
        """True if the hash, the last column of the row, is one that the service made of the rest."""


class BeforeTenant(Protocol):
    """Access to the few functions of the database that may be called before a tenant is chosen."""

    async def before_tenant(self, question: str, key: bytes | str) -> Any:
        """The result of the database function `question` for `key`."""


class Progress(NamedTuple):
    """The progress of a municipality: the instant up to which visits are derived, the number of the last change."""

    as_of: dt.datetime
    change_no: int


BESIDE_FROM = 10
"""The first parameter of a write that is sent as a part of another: the other one has fewer."""


class Deferred(NamedTuple):
    """A write that waits for the next statement: `alone`, or `beside` another as parts of its WITH clause.

    The parameters of `alone` begin at `$2`, those of `beside` at `BESIDE_FROM`; `$1` is the municipality's code.
    """

    alone: str
    beside: str
    arguments: Sequence[Any]


class Writing(Changing):
    """A transaction that holds the municipality's lock, with the master data as of now.

    A deferred write is done before the next statement, at the latest before the commit.
    """

    __slots__ = ("_deferred", "as_of", "change_no", "leaves", "macs", "master")

    def __init__(
        self,
        municipality_id: int,
        driver: Driver,
        now: dt.datetime,
        progress: Progress,
        *,
        master: MasterData,
        leaves: NewLeaves,
        macs: RowHashes,
    ) -> None:
        """Every stored fact adds its leaf to `leaves`. A row that no fact gives gets its hash from `macs`."""
        super().__init__(municipality_id, driver, now)
        self.as_of = progress.as_of
        self.change_no = progress.change_no
        self.master = master
        self.leaves = leaves
        self.macs = macs
        self._deferred: Deferred | None = None

    def defer(self, write: Deferred) -> None:
        """Have this done with the next statement. Raises RuntimeError if another waits already."""
        if self._deferred is not None:
            raise RuntimeError("a write is deferred already")
        self._deferred = write

    def take_deferred(self) -> Deferred | None:
        """The deferred write, for a caller that sends it beside its own."""
        deferred, self._deferred = self._deferred, None
        return deferred

    async def catch_up(self) -> None:
        """Do the deferred write."""
        if (deferred := self.take_deferred()) is not None:
            await super().execute(deferred.alone, *deferred.arguments)

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Row]:
        """Every row."""
        await self.catch_up()
        return await super().fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: Any) -> Row | None:
        """The first row, None without one."""
        await self.catch_up()
        return await super().fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row, None without one."""
        await self.catch_up()
        return await super().fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Run a statement and drop its rows."""
        await self.catch_up()
        await super().execute(statement, *arguments)

    async def insert(self, statement: str, *rows: Iterable[tuple[Any, ...]]) -> None:
        """Store rows, one array for each parameter."""
        await self.catch_up()
        await super().insert(statement, *rows)

    def cursor(self, statement: str, *arguments: Any, prefetch: int | None = None) -> Cursor:
        """The rows one after the other. Raises RuntimeError while a write is deferred, whose rows it would miss."""
        if self._deferred is not None:
            raise RuntimeError("catch up before a cursor is opened")
        return super().cursor(statement, *arguments, prefetch=prefetch)
