"""What a query runs on: one transaction of one municipality, whose code is the first argument of every statement.

No function of the store is handed a bare connection, so that no statement can forget whose rows it asks for.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

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
    """A row of an answer: by the names of its columns or by their places."""

    def __getitem__(self, column: Any, /) -> Any:
        """One value; of a range of places, several."""

    def __iter__(self) -> Iterator[Any]:
        """The values in their order; of a mapping that stands for a row, its names."""

    def keys(self) -> Iterable[str]:
        """The names of the columns."""


class Reading:
    """A transaction that reads one municipality's rows. `$1` of every statement is its code."""

    __slots__ = ("_composed", "_driver", "municipality_id")

    def __init__(self, municipality_id: int, driver: Driver, composed: AsyncConnection | None = None) -> None:
        """`composed` is SQLAlchemy's side of the same connection, for queries that are put together from parts."""
        self.municipality_id = municipality_id
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
        row = await self.fetchrow(statement, *arguments)
        if row is None:
            raise LookupError("no row")
        return row

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row, None without one."""
        return await self._driver.fetchval(statement, self.municipality_id, *arguments)

    def cursor(self, statement: str, *arguments: Any, prefetch: int | None = None) -> Cursor:
        """The rows as they come, for results too large to hold."""
        return self._driver.cursor(statement, self.municipality_id, *arguments, prefetch=prefetch)

    async def about_server(self, statement: str) -> Row:
        """The one row of a question about the database itself, which is of no municipality."""
        row = await self._driver.fetchrow(statement)
        if row is None:
            raise LookupError("no row")
        return row

    async def configure(self, statement: str) -> None:
        """Run a statement that ends with this transaction: its settings (`SET LOCAL`), temporary tables."""
        await self._driver.execute(statement)

    async def composed(self, query: Executable) -> Result[Any]:
        """The result of a query that was put together with SQLAlchemy. It names the municipality itself."""
        if self._composed is None:
            raise RuntimeError("a write transaction takes no composed query")
        return await self._composed.execute(query)


class Changing(Reading):
    """The same with the right to change rows. The municipality's lock is not held: the sealer has one of its own."""

    __slots__ = ()

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Run a statement whose rows nobody asks for."""
        await self._driver.execute(statement, self.municipality_id, *arguments)

    async def insert(self, statement: str, *rows: Iterable[tuple[Any, ...]]) -> None:
        """Store rows that begin with the municipality's code themselves; an array of them for each parameter."""
        await self._driver.execute(statement, *rows)


class NewLeaves(Protocol):
    """The leaves of one transaction."""

    @property
    def position(self) -> int:
        """How many leaves stand before the next one."""

    @property
    def made(self) -> int:
        """How many this transaction adds."""

    @property
    def waiting(self) -> int:
        """How many are not stored yet."""

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Make the leaf of a fact from its columns."""

    def take(self) -> list[tuple[Any, ...]]:
        """The leaves made since the last time, as the statement that stores them takes them."""


class RowHashes(Protocol):
    """Keyed hashes of rows that no fact tells."""

    def add(self, table: str, row: Sequence[Any]) -> tuple[Any, ...]:
        """The row with its hash, which is the last column."""

    def is_ours(self, table: str, row: Sequence[Any]) -> bool:
        """Whether the service wrote the row, its hash the last column."""


class BeforeTenant(Protocol):
    """Whoever can ask the few functions of the database that may be asked before a tenant is chosen."""

    async def before_tenant(self, question: str, key: bytes | str) -> Any:
        """The answer to one question."""


class Writing(Changing):
    """A transaction that holds the municipality's lock, with its master data as of this moment."""

    __slots__ = ("as_of", "change_no", "leaves", "macs", "master")

    def __init__(
        self,
        municipality_id: int,
        driver: Driver,
        *,
        as_of: dt.datetime,
        change_no: int,
        master: MasterData,
        leaves: NewLeaves,
        macs: RowHashes,
    ) -> None:
        """`change_no` is the last number that was given to a change.

        Every fact that is stored adds its leaf to `leaves`, and a row that no fact tells gets its hash by `macs`.
        """
        super().__init__(municipality_id, driver)
        self.as_of = as_of
        self.change_no = change_no
        self.master = master
        self.leaves = leaves
        self.macs = macs
