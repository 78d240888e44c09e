"""Seal the ledger: take the leaves of stored facts into the Merkle tree and sign its new head."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from app.domain.ledger.ledger import VOID, is_ours
from app.domain.ledger.merkle import EMPTY_ROOT, grow, root_of, tiles_of
from app.store import key_samples
from app.store.connection import Changing, Reading
from app.store.database import Database
from app.store.ledger import ledger, tree
from app.store.ledger.ledger import StoredLeaf
from app.store.ledger.marks import Mark, UnreadableMarkError
from app.store.ledger.signed_notes import Head, NoteRefusedError, Signer
from app.store.ledger.tree import StoredHead

SEALED_AT_ONCE = 1024
LONGEST_GAP = 100_000
LOOK_AGAIN_SECONDS = 0.1


class LedgerBrokenError(Exception):
    """The stored tree is not the signed one. Nothing more is signed until somebody has looked."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The number of leaves taken into the tree, and of the void ones: missing, or not made by the service."""

    leaves: int
    void: int
    looked: bool = True
    """False when another sealer held the head."""


async def seal(database: Database, municipality_id: int) -> Sealed:
    """Seal the waiting leaves, at most `SEALED_AT_ONCE`, in one transaction. Any number of calls may run at once.

    Raises LedgerBrokenError.
    """
    signer = Signer(database.ledger_keys[0], municipality_id)
    seen = _seen(database, municipality_id)  # before the head, which others may move on meanwhile
    async with database.change(municipality_id) as work:
        head = await tree.head(work, to_move=True)
        if head is not None:
            done, newest = await _move(database.ledger_keys, signer, work, head, seen)
        elif await tree.head(work) is not None:
            return Sealed(0, 0, looked=False)
        else:
            await _require_new(work, seen)
    if head is not None:
        if seen != newest and database.marks.due(municipality_id):
            await asyncio.to_thread(database.marks.keep, municipality_id, newest)
        return done
    # A write, because facts stored before there was a ledger get their leaves then.
    async with database.write(municipality_id) as writing:
        await tree.begin(writing, _signed(signer, 0, EMPTY_ROOT))
        if database.encryption is not None:
            await key_samples.put_lookup_mark(writing, database.encryption.mark(municipality_id))
    return await seal(database, municipality_id)


async def ledger_fault(database: Database, municipality_id: int) -> str | None:
    """The reason why nothing can be sealed, as far as it shows without sealing; None without one."""
    try:
        seen = _seen(database, municipality_id)
        async with database.read(municipality_id) as reading:
            head = await tree.head(reading)
            if head is None:
                await _require_new(reading, seen)
            else:
                _after_last(head, await ledger.waiting(reading, max(head.size - 1, 0), 1))
                await _require_continued(reading, head, seen)
    except LedgerBrokenError as error:
        return str(error)
    return None


async def _move(
    keys: Sequence[bytes], signer: Signer, work: Changing, head: StoredHead, seen: Mark | None
) -> tuple[Sealed, Mark]:
    """Take the leaves that wait behind a locked head into the tree, and return the result with the new head.

    Raises LedgerBrokenError.
    """
    municipality_id = work.municipality_id
    unsealed = await ledger.waiting(work, max(head.size - 1, 0), SEALED_AT_ONCE + bool(head.size))
    waiting = _after_last(head, unsealed)
    now = Mark(head.size, head.root)
    if not waiting and seen == now:
        return Sealed(0, 0), now
    require_signed(keys, municipality_id, head)
    await _require_continued(work, head, seen)
    if not waiting:
        return Sealed(0, 0), now
    tiles = await tree.tiles(work, tiles_of([(0, head.size)]))
    hashes = list(_taken(keys, municipality_id, head.size, waiting))
    try:
        if root_of(tiles, (0, head.size)) != head.root:
            raise LedgerBrokenError("the tree is not the one that was signed")
        changed = grow(tiles, head.size, hashes)
    except ValueError as error:
        raise LedgerBrokenError(str(error)) from error
    size = head.size + len(hashes)
    new = _signed(signer, size, root_of(tiles, (0, size)))
    await tree.move(work, new, {place: tiles[place] for place in changed})
    return Sealed(len(hashes), hashes.count(VOID)), Mark(size, new.root)


def _after_last(head: StoredHead, leaves: Sequence[StoredLeaf]) -> Sequence[StoredLeaf]:
    """The leaves after the one sealed last. Raises LedgerBrokenError if that one is gone."""
    if not head.size:
        return leaves
    if not leaves or leaves[0].index != head.size - 1:
        raise LedgerBrokenError(f"the leaf of index {head.size - 1}, which was sealed last, is gone")
    return leaves[1:]


async def _require_new(work: Reading, seen: Mark | None) -> None:
    """Raise LedgerBrokenError if there is no head though there was one, or if facts lack their leaves."""
    if seen is not None and seen.size:
        raise LedgerBrokenError(f"the ledger is gone: this machine has seen {seen.size} leaves")
    if await ledger.to_adopt(work):
        return
    strays = await ledger.outside(work)
    if strays:
        raise LedgerBrokenError(f"the ledger is gone: {strays[0][0]} {strays[0][1]} has no leaf")


async def _require_continued(work: Reading, head: StoredHead, seen: Mark | None) -> None:
    """Raise LedgerBrokenError unless the tree is the one this machine has seen, with or without more leaves."""
    if seen is None:
        return
    if head.size < seen.size:
        raise LedgerBrokenError(f"the ledger has {head.size} leaves: this machine has seen {seen.size}")
    try:
        [root] = await tree.roots(work, [(0, seen.size)])
    except ValueError as error:
        raise LedgerBrokenError(str(error)) from error
    if root != seen.root or (head.size == seen.size and head.root != root):
        raise LedgerBrokenError(f"the first {seen.size} leaves are not those that this machine has seen")


def _seen(database: Database, municipality_id: int) -> Mark | None:
    try:
        return database.marks.of(municipality_id)
    except UnreadableMarkError as error:
        raise LedgerBrokenError(str(error)) from error


async def seal_all(database: Database, municipality_id: int) -> Sealed:
    """Seal until no leaf waits. Raises LedgerBrokenError."""
    leaves = void = 0
    while True:
        done = await seal(database, municipality_id)
        leaves, void = leaves + done.leaves, void + done.void
        if done.leaves < SEALED_AT_ONCE:
            return Sealed(leaves, void, done.looked)


async def sealed_within(database: Database, municipality_id: int, size: int, seconds: float) -> bool:
    """True when `size` leaves are sealed, or become so within `seconds`, by this call or by another sealer."""
    ends_at = monotonic() + seconds
    while True:
        try:
            done = await seal(database, municipality_id)
        except LedgerBrokenError:  # which the sealer in the background logs
            return False
        async with database.read(municipality_id, "writes") as reading:
            head = await tree.head(reading)
        if head is not None and head.size >= size:
            return True
        if monotonic() >= ends_at:
            return False
        if not done.leaves:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


def require_signed(keys: Sequence[bytes], municipality_id: int, head: StoredHead) -> None:
    """Raise LedgerBrokenError unless the head was signed with one of the keys."""
    for key in keys:
        try:
            signed = Head.read(Signer(key, municipality_id).public.text_of(head.note))
        except NoteRefusedError:
            continue
        if (signed.size, signed.root) == (head.size, head.root):
            return
    raise LedgerBrokenError("the ledger's head is not one that was signed with TAGGAD_LEDGER_KEY")


def _signed(signer: Signer, size: int, root: bytes) -> StoredHead:
    return StoredHead(size, root, signer.sign(Head(signer.public.name, size, root).text()))


def _taken(keys: Sequence[bytes], municipality_id: int, size: int, waiting: Sequence[StoredLeaf]) -> Iterator[bytes]:
    """The hashes for the tree: VOID in place of leaves that are missing or were not made by the service.

    Raises LedgerBrokenError for more than `LONGEST_GAP` missing in a row.
    """
    for leaf in waiting:
        gap = leaf.index - size
        if gap > LONGEST_GAP:
            raise LedgerBrokenError(f"{gap} leaves are missing from {size} on")
        yield from [VOID] * gap
        yield (
            leaf.leaf if is_ours(keys, municipality_id, leaf.index, leaf.kind, leaf.fact, leaf.leaf, leaf.mac) else VOID
        )
        size = leaf.index + 1
