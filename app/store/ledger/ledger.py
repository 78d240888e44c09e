"""Leaves of facts, stored in the facts' own transactions and numbered without a gap under the municipality's lock."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.domain.ledger import ledger
from app.domain.ledger.ledger import KINDS, SALT_BYTES, Entry
from app.store import rows, schema
from app.store.connection import Reading, Row, Writing

COLUMNS = "leaf_index, kind, fact, salt, leaf, mac"
OF_MUNICIPALITY = f"SELECT {COLUMNS} FROM ledger_leaf WHERE municipality_id = $1"
WAITING = f"{OF_MUNICIPALITY} AND leaf_index >= $2 ORDER BY leaf_index LIMIT $3"
BETWEEN = f"{OF_MUNICIPALITY} AND leaf_index >= $2 AND leaf_index < $3"
FIND = f"{OF_MUNICIPALITY} AND fact = $2 AND ($3::text IS NULL OR kind = $3)"
ALL_HAVE_LEAVES = "UPDATE municipality SET leafless = false WHERE municipality_id = $1"
ADOPTED_AT_ONCE = 2000
STRAYS_SHOWN = 100
LARGEST = 2**63 - 1

Named = tuple[str, UUID]
"""A fact's kind and name."""


def insert(at: int) -> str:
    """The statement that stores leaves passed as parameter `$at`."""
    return f"INSERT INTO ledger_leaf {rows.given(schema.ledger_leaf, at)}"


class Leaves:
    """The leaves of one transaction, from the first index that is free."""

    def __init__(self, municipality_id: int, first: int, key: bytes | None) -> None:
        self._municipality_id = municipality_id
        self._first = self._next = first
        self._key = key
        self._waiting: list[tuple[Any, ...]] = []

    @property
    def position(self) -> int:
        """How many leaves stand before the next one."""
        return self._next

    @property
    def made(self) -> int:
        """How many this transaction adds."""
        return self._next - self._first

    @property
    def waiting(self) -> int:
        """How many are not stored yet."""
        return len(self._waiting)

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Make the leaf of a fact from its columns. Raises RuntimeError where no ledger key is known."""
        if self._key is None:
            raise RuntimeError("a fact is stored without a ledger key: give Database its ledger_keys")
        kept = KINDS[kind].json
        if kept:
            fields = {name: _as_kept(value) if name in kept else value for name, value in fields.items()}
        index, salt, fact = self._next, os.urandom(SALT_BYTES), ledger.fact_id(kind, fields)
        leaf = ledger.leaf_for(kind, self._municipality_id, fields, salt)
        mac = ledger.mac_of(self._key, self._municipality_id, index, kind, fact, leaf)
        self._waiting.append((self._municipality_id, index, kind, fact, salt, leaf, mac))
        self._next = index + 1

    def take(self) -> list[tuple[Any, ...]]:
        """The leaves made since the last time, as `insert` takes them."""
        waiting, self._waiting = self._waiting, []
        return waiting


def of_row(kind: str, row: Row) -> dict[str, Any]:
    """A stored fact's columns, its JSON read."""
    kept = KINDS[kind].json
    return {name: from_json(row[name]) if name in kept else row[name] for name in KINDS[kind].columns}


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """A leaf as it stands beside the facts."""

    index: int
    kind: str
    fact: UUID
    salt: bytes
    leaf: bytes
    mac: bytes


async def store(writing: Writing) -> None:
    """Store the leaves that went along with no other statement."""
    if writing.leaves.waiting:
        await writing.insert(insert(1), writing.leaves.take())


async def adopt(writing: Writing) -> None:
    """Give what was stored before there was a ledger its leaves, the first of all.

    Only where a migration found facts and no leaf at all: a fact that turns up beside the ledger later is one that
    somebody put there.
    """
    for kind, told in KINDS.items():
        facts = f"SELECT {', '.join(told.columns)} FROM {kind} WHERE municipality_id = $1 ORDER BY {told.id}"
        async for row in writing.cursor(facts, prefetch=ADOPTED_AT_ONCE):
            writing.leaves.add(kind, of_row(kind, row))
            if writing.leaves.waiting >= ADOPTED_AT_ONCE:
                await store(writing)


async def to_adopt(reading: Reading) -> bool:
    """Whether the next write gives facts from before the ledger their leaves."""
    return bool(await reading.fetchval("SELECT leafless FROM municipality WHERE municipality_id = $1"))


async def waiting(reading: Reading, first: int, limit: int) -> list[StoredLeaf]:
    """The leaves from an index on, in their order."""
    return [StoredLeaf(*row) for row in await reading.fetch(WAITING, first, limit)]


async def between(reading: Reading, first: int, end: int) -> list[StoredLeaf]:
    """The leaves from one index up to another."""
    return [StoredLeaf(*row) for row in await reading.fetch(BETWEEN, first, end)]


async def find(reading: Reading, fact: UUID, kind: str | None) -> StoredLeaf | None:
    """The leaf of a fact; where kinds share a name, the tap's before the others'."""
    found = [StoredLeaf(*row) for row in await reading.fetch(FIND, fact, kind)]
    order = list(KINDS)
    known = sorted((leaf for leaf in found if leaf.kind in KINDS), key=lambda leaf: order.index(leaf.kind))
    return known[0] if known else None


async def facts(reading: Reading, wanted: Iterable[StoredLeaf]) -> dict[Named, dict[str, Any]]:
    """The columns of the facts that these leaves are of, by kind and name; those that are gone are left out."""
    names: dict[str, list[UUID]] = {}
    for leaf in wanted:
        names.setdefault(leaf.kind, []).append(leaf.fact)
    found = {}
    for kind in names.keys() & KINDS.keys():
        told = KINDS[kind]
        named: list[Any] = [fact.int & LARGEST for fact in names[kind]] if told.numbered else names[kind]
        query = f"SELECT {', '.join(told.columns)} FROM {kind} WHERE municipality_id = $1 AND {told.id} = ANY($2)"
        for row in await reading.fetch(query, named):
            fields = of_row(kind, row)
            found[kind, ledger.fact_id(kind, fields)] = fields
    return found


async def entries(reading: Reading, keys: Sequence[bytes], first: int, sealed: Sequence[bytes]) -> list[Entry]:
    """What is stored now beside the leaf hashes that the tree has from an index on."""
    leaves = {leaf.index: leaf for leaf in await between(reading, first, first + len(sealed))}
    stored = await facts(reading, leaves.values())
    found = []
    for index, hashed in enumerate(sealed, first):
        leaf = leaves.get(index)
        fields = stored.get((leaf.kind, leaf.fact)) if leaf else None
        if leaf is None or fields is None:
            found.append(Entry(index, hashed, None, b"", authentic=False))
            continue
        # Without keys nothing can be said of that.
        ours = not keys or ledger.is_ours(keys, reading.municipality_id, index, leaf.kind, leaf.fact, hashed, leaf.mac)
        committed = ledger.commitment(leaf.salt, ledger.personal_of(leaf.kind, fields))
        public = ledger.public_of(leaf.kind, reading.municipality_id, fields)
        found.append(Entry(index, hashed, public, committed, authentic=ours and leaf.leaf == hashed))
    return found


async def outside(reading: Reading) -> list[Named]:
    """Facts that have no leaf, some of them."""
    found: list[Named] = []
    for kind, told in KINDS.items():
        named = f"lpad(to_hex(f.{told.id}), 32, '0')::uuid" if told.numbered else f"f.{told.id}"
        query = f"""
            SELECT {named} FROM {kind} AS f WHERE f.municipality_id = $1 AND NOT EXISTS (
                SELECT FROM ledger_leaf AS l WHERE l.municipality_id = $1 AND l.kind = $2 AND l.fact = {named})
            LIMIT {STRAYS_SHOWN}"""
        found += [(kind, row[0]) for row in await reading.fetch(query, kind)]
    return found


def _as_kept(value: Any) -> Any:
    """What comes back of a value that goes to the database as JSON."""
    return from_json(to_json(value))
