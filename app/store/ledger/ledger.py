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
ERASED = "SELECT kind, fact, public, committed FROM erased_fact WHERE municipality_id = $1 AND fact = ANY($2::uuid[])"
ALL_HAVE_LEAVES = "UPDATE municipality SET leafless = false WHERE municipality_id = $1"
ADOPTED_AT_ONCE = 2000
STRAYS_SHOWN = 100
LARGEST = 2**63 - 1

Named = tuple[str, UUID]
"""The kind and the id of a fact."""


def insert(at: int) -> str:
    """The statement that stores the leaves in parameter `$at`."""
    return f"INSERT INTO ledger_leaf {rows.given(schema.ledger_leaf, at)}"


class Leaves:
    """The new leaves of one transaction, numbered from the first free index on."""

    def __init__(self, municipality_id: int, first: int, key: bytes | None) -> None:
        self._municipality_id = municipality_id
        self._first = self._next = first
        self._key = key
        self._waiting: list[tuple[Any, ...]] = []

    @property
    def position(self) -> int:
        """The index of the next leaf: the number of leaves before it."""
        return self._next

    @property
    def made(self) -> int:
        """The number of leaves made in this transaction."""
        return self._next - self._first

    @property
    def waiting(self) -> int:
        """The number of leaves not stored yet."""
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
        """The rows of the leaves made since the last call, as the parameter of `insert`."""
        waiting, self._waiting = self._waiting, []
        return waiting


def of_row(kind: str, row: Row) -> dict[str, Any]:
    """The columns of a stored fact by name, with its JSON parsed."""
    kept = KINDS[kind].json
    return {name: from_json(row[name]) if name in kept else row[name] for name in KINDS[kind].columns}


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """A stored leaf."""

    index: int
    kind: str
    fact: UUID
    salt: bytes
    leaf: bytes
    mac: bytes


async def store(writing: Writing) -> None:
    """Store the leaves that no other statement has stored."""
    if writing.leaves.waiting:
        await writing.insert(insert(1), writing.leaves.take())


async def adopt(writing: Writing) -> None:
    """Make the leaves of facts that are older than the ledger; they are its first leaves.

    It is done only where a migration found facts and no leaf. A fact without a leaf that turns up later was put
    there by somebody.
    """
    for kind, described in KINDS.items():
        facts = f"SELECT {', '.join(described.columns)} FROM {kind} WHERE municipality_id = $1 ORDER BY {described.id}"
        async for row in writing.cursor(facts, prefetch=ADOPTED_AT_ONCE):
            writing.leaves.add(kind, of_row(kind, row))
            if writing.leaves.waiting >= ADOPTED_AT_ONCE:
                await store(writing)


async def to_adopt(reading: Reading) -> bool:
    """True if the next write makes the leaves of facts that are older than the ledger."""
    return bool(await reading.fetchval("SELECT leafless FROM municipality WHERE municipality_id = $1"))


async def waiting(reading: Reading, first: int, limit: int) -> list[StoredLeaf]:
    """At most `limit` leaves from index `first` on, in order."""
    return [StoredLeaf(*row) for row in await reading.fetch(WAITING, first, limit)]


async def between(reading: Reading, first: int, end: int) -> list[StoredLeaf]:
    """The leaves from index `first` up to, not including, `end`."""
    return [StoredLeaf(*row) for row in await reading.fetch(BETWEEN, first, end)]


async def find(reading: Reading, fact: UUID, kind: str | None) -> StoredLeaf | None:
    """The leaf of a fact, None without one. Where kinds share the id and `kind` is None, a tap comes first."""
    leaves = [StoredLeaf(*row) for row in await reading.fetch(FIND, fact, kind)]
    order = list(KINDS)
    known = sorted((leaf for leaf in leaves if leaf.kind in KINDS), key=lambda leaf: order.index(leaf.kind))
    return known[0] if known else None


async def facts(reading: Reading, wanted: Iterable[Named]) -> dict[Named, dict[str, Any]]:
    """The columns of facts, by kind and id. Facts that no longer exist are left out."""
    names: dict[str, list[UUID]] = {}
    for kind, fact in wanted:
        names.setdefault(kind, []).append(fact)
    facts_of = {}
    for kind in names.keys() & KINDS.keys():
        described = KINDS[kind]
        named: list[Any] = [fact.int & LARGEST for fact in names[kind]] if described.numbered else names[kind]
        query = (
            f"SELECT {', '.join(described.columns)} FROM {kind} WHERE municipality_id = $1 AND {described.id} = ANY($2)"
        )
        for row in await reading.fetch(query, named):
            fields = of_row(kind, row)
            facts_of[kind, ledger.fact_id(kind, fields)] = fields
    return facts_of


async def entries(reading: Reading, keys: Sequence[bytes], first: int, sealed: Sequence[bytes]) -> list[Entry]:
    """An entry for each leaf hash of the tree from index `first` on, with the fact as it is stored now."""
    leaves = {leaf.index: leaf for leaf in await between(reading, first, first + len(sealed))}
    stored = await facts(reading, ((leaf.kind, leaf.fact) for leaf in leaves.values()))
    gone = [leaf.fact for leaf in leaves.values() if (leaf.kind, leaf.fact) not in stored]
    erased = {(kind, fact): rest for kind, fact, *rest in await reading.fetch(ERASED, gone)} if gone else {}
    entries_of = []
    for index, hashed in enumerate(sealed, first):
        leaf = leaves.get(index)
        fields = stored.get((leaf.kind, leaf.fact)) if leaf else None
        stays = erased.get((leaf.kind, leaf.fact)) if leaf else None
        if leaf is None or (fields is None and stays is None):
            entries_of.append(Entry(index, hashed, None, b"", authentic=False))
            continue
        # Without keys it cannot be checked.
        ours = not keys or ledger.is_ours(keys, reading.municipality_id, index, leaf.kind, leaf.fact, hashed, leaf.mac)
        if fields is not None:
            committed = ledger.commitment(leaf.salt, ledger.personal_of(leaf.kind, fields))
            public = ledger.public_of(leaf.kind, reading.municipality_id, fields)
        elif stays is not None:
            public, committed = _left_of(leaf.kind, stays[0]), stays[1]
        entries_of.append(Entry(index, hashed, public, committed, authentic=ours and leaf.leaf == hashed))
    return entries_of


def _left_of(kind: str, public: str) -> dict[str, Any]:
    """The public fields of an erased fact; somebody may have changed the text."""
    try:
        fields = from_json(public)
    except ValueError:
        fields = None
    return fields if isinstance(fields, dict) else {"fact": kind}


async def outside(reading: Reading) -> list[Named]:
    """Facts without a leaf, at most STRAYS_SHOWN of each kind."""
    strays: list[Named] = []
    for kind, described in KINDS.items():
        named = f"lpad(to_hex(f.{described.id}), 32, '0')::uuid" if described.numbered else f"f.{described.id}"
        query = f"""
            SELECT {named} FROM {kind} AS f WHERE f.municipality_id = $1 AND NOT EXISTS (
                SELECT FROM ledger_leaf AS l WHERE l.municipality_id = $1 AND l.kind = $2 AND l.fact = {named})
            LIMIT {STRAYS_SHOWN}"""
        strays += [(kind, row[0]) for row in await reading.fetch(query, kind)]
    return strays


def _as_kept(value: Any) -> Any:
    """The value as it is read back after it was stored as JSON."""
    return from_json(to_json(value))
