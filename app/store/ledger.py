"""Leaves of facts, stored in the facts' own transactions and numbered without a gap under the municipality's lock."""

import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.domain import ledger
from app.domain.ledger import KINDS, SALT_BYTES
from app.store import rows, schema


def insert(at: int) -> str:
    """The statement that stores leaves passed as parameter `$at`."""
    return f"INSERT INTO ledger_leaf {rows.given(schema.ledger_leaf, at)}"


class Leaves:
    """The leaves of one transaction, from the first index that is free."""

    def __init__(self, municipality_id: int, first: int, key: bytes | None) -> None:
        self._municipality_id = municipality_id
        self._next = first
        self._key = key
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Make the leaf of a fact from its columns. Raises RuntimeError where no ledger key is known."""
        if self._key is None:
            raise RuntimeError("a fact is stored without a ledger key: give Database its ledger_keys")
        kept = KINDS[kind].json
        if kept:
            fields = {name: _as_kept(value) if name in kept else value for name, value in fields.items()}
        index, salt, fact = self._next, os.urandom(SALT_BYTES), ledger.fact_id(kind, fields)
        leaf = leaf_of(kind, self._municipality_id, fields, salt)
        mac = ledger.mac_of(self._key, self._municipality_id, index, kind, fact, leaf)
        self._waiting.append((self._municipality_id, index, kind, fact, salt, leaf, mac))
        self._next = index + 1

    def take(self) -> list[tuple[Any, ...]]:
        """The leaves made since the last time, as `insert` takes them."""
        waiting, self._waiting = self._waiting, []
        return waiting

    async def store(self, sql: Any) -> None:
        """Store the leaves that went along with no other statement."""
        if self._waiting:
            await sql.execute(insert(1), self.take())


def leaf_of(kind: str, municipality_id: int, fields: Mapping[str, Any], salt: bytes) -> bytes:
    """The leaf hash of a fact: of its columns as they are stored, with JSON as values."""
    committed = ledger.commitment(salt, ledger.personal_of(kind, fields))
    return ledger.leaf_of(ledger.public_of(kind, municipality_id, fields), committed)


def of_row(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored fact's columns, its JSON read."""
    kept = KINDS[kind].json
    return {name: from_json(row[name]) if name in kept else row[name] for name in KINDS[kind].columns}


def as_number(fact: UUID) -> int:
    """The number that a fact's name stands for, where its kind is named by numbers."""
    return fact.int & (2**63 - 1)


def _as_kept(value: Any) -> Any:
    """What comes back of a value that goes to the database as JSON."""
    return from_json(to_json(value))
