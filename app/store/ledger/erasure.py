"""Erasure of facts: payload and salt go, and what a proof needs of a leaf stays.

Of a fact stay its public fields and the commitment to its personal ones, which is worth nothing without the salt. So
the tree, every proof and every signed head hold as before, and what was erased is recognised when a phone sends it
again.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.ledger import ledger as domain
from app.domain.ledger.ledger import KINDS
from app.store import rows, schema
from app.store.connection import Writing
from app.store.ledger import ledger

ROLE = "taggad_purge"
"""The only role that may delete facts. The application takes it on for these statements alone."""

LEAVES = "SELECT fact, salt, leaf FROM ledger_leaf WHERE municipality_id = $1 AND kind = $2 AND fact = ANY($3::uuid[])"
KEEP = f"INSERT INTO erased_fact {rows.given(schema.erased_fact, 1)}"
FORGET = "UPDATE ledger_leaf SET salt = '' WHERE municipality_id = $1 AND kind = $2 AND fact = ANY($3::uuid[])"
DELETE = "DELETE FROM {kind} WHERE municipality_id = $1 AND {id} = ANY($2)"
READS = "DELETE FROM tag_read WHERE municipality_id = $1 AND tap = ANY($2)"


class NotAsSealedError(Exception):
    """A fact is not what its leaf says, so nothing of it is erased before somebody has looked. The message names it."""


async def erase(writing: Writing, purge: str, facts: Mapping[str, Sequence[UUID]]) -> int:
    """Erase facts, by kind and id in the ledger, on behalf of a purge. Returns their number.

    Raises NotAsSealedError.
    """
    many = 0
    for kind, ids in facts.items():
        kept = await _kept(writing, purge, kind, ids)
        named: list[Any] = [one.int for one in ids] if KINDS[kind].numbered else list(ids)
        await writing.configure(f"SET LOCAL ROLE {ROLE}")
        await writing.insert(KEEP, kept)
        await writing.execute(FORGET, kind, list(ids))
        if kind == "tap":
            await writing.execute(READS, named)
        await writing.execute(DELETE.format(kind=kind, id=KINDS[kind].id), named)
        await writing.configure("SET LOCAL ROLE taggad_app")
        many += len(kept)
    return many


async def _kept(writing: Writing, purge: str, kind: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """The rows that stay of facts."""
    leaves = {fact: (salt, leaf) for fact, salt, leaf in await writing.fetch(LEAVES, kind, list(ids))}
    stored = await ledger.facts(writing, ((kind, one) for one in ids))
    kept = []
    for (_, fact), fields in stored.items():
        salt, leaf = leaves.get(fact, (b"", b""))
        public = domain.public_of(kind, writing.municipality_id, fields)
        committed = domain.commitment(salt, domain.personal_of(kind, fields))
        if domain.leaf_of(public, committed) != leaf:
            raise NotAsSealedError(f"{kind} {fact}")
        row = (writing.municipality_id, kind, fact, domain.canonical(public).decode(), committed, purge)
        kept.append(writing.macs.add("erased_fact", row))
    return kept
