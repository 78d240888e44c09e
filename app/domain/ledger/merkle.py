"""Merkle trees of RFC 9162 over leaf hashes stored in tiles of 256, and the two proofs.

A tile `(level, no)` holds, one after the other, the roots of complete subtrees of 256^level leaves each, from the
`no * 256`th on. Tiles only ever grow, so those of a tree contain every smaller tree too, and a proof reads a few of
them however large the tree is.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from hashlib import sha256

HASH_BYTES = 32
TILE_BITS = 8
TILE_WIDTH = 1 << TILE_BITS
EMPTY_ROOT = sha256(b"").digest()

Span = tuple[int, int]
"""Leaves from one index up to, not including, another."""
Place = tuple[int, int]
"""A tile's level and number."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as it stands in the tree."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def grow(tiles: MutableMapping[Place, bytes], size: int, leaves: Iterable[bytes]) -> set[Place]:
    """Append leaf hashes to a tree of `size` in its tiles, and return the places that changed.

    `tiles` holds at least those of `tiles_of([(0, size)])`. Raises ValueError for a tile of another length.
    """
    changed = set()
    for index, leaf in enumerate(leaves, size):
        level, at, hashed = 0, index, leaf
        while True:
            no, column = divmod(at, TILE_WIDTH)
            tile = tiles.get((level, no), b"") + hashed
            if len(tile) != (column + 1) * HASH_BYTES:
                raise ValueError(f"tile {no} of level {level} does not belong to a tree of {index}")
            tiles[level, no] = tile
            changed.add((level, no))
            if column + 1 < TILE_WIDTH:
                break
            level, at, hashed = level + 1, no, _folded(tile)
    return changed


def root_of(tiles: Mapping[Place, bytes], span: Span) -> bytes:
    """The root over a span: a whole tree (from 0) or a part that a proof needs. `tiles` holds `tiles_of([span])`.

    Raises ValueError for a tile that is missing or too short.
    """
    low, high = span
    if low == high:
        return EMPTY_ROOT
    *before, root = (_complete(tiles, *part) for part in _parts(span))
    for left in reversed(before):
        root = node_hash(left, root)
    return root


def tiles_of(spans: Iterable[Span]) -> set[Place]:
    """The tiles with the hashes from which the roots of these spans are computed."""
    return {_within(*part)[0] for span in spans for part in _parts(span)}


def inclusion(index: int, size: int) -> list[Span]:
    """The spans whose roots, in this order, are the inclusion proof of a leaf (RFC 9162, 2.1.3.1)."""
    low, high = 0, size
    path = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """The spans whose roots, in this order, are the consistency proof of two sizes (RFC 9162, 2.1.4.1)."""
    if old in (0, new):
        return []
    low, high = 0, new
    path = []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    if low:
        path.append((low, high))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """True when `path` proves a leaf hash at an index of the tree of that size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, hashed = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            hashed = node_hash(beside, hashed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and hashed == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """True when `path` proves that the tree of size `new` extends the one of size `old` (RFC 9162, 2.1.4.2)."""
    if not 0 < old < new:
        same = old_root == new_root if old == new else old == 0 and old_root == EMPTY_ROOT
        return 0 <= old <= new and not path and same
    whole = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = whole[0]
    for beside in whole[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(beside, first), node_hash(beside, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, beside)
        at, last = at >> 1, last >> 1
    return first == old_root and second == new_root and last == 0


class Frontier:
    """A growing tree of which only the root is needed: keeps one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        hashed, bits = leaf, self.size
        while bits & 1:
            hashed, bits = node_hash(self._complete.pop(), hashed), bits >> 1
        self._complete.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root of the leaves added so far."""
        if not self._complete:
            return EMPTY_ROOT
        *before, root = self._complete
        for left in reversed(before):
            root = node_hash(left, root)
        return root


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def _parts(span: Span) -> Iterable[tuple[int, int]]:
    """The complete subtrees of a span from left to right, as (height, number at that height)."""
    low, high = span
    while low < high:
        height = (high - low).bit_length() - 1
        yield height, low >> height
        low += 1 << height


def _within(height: int, number: int) -> tuple[Place, int, int]:
    """The place of the hashes below a complete subtree: tile, first column, number of columns."""
    level, rest = divmod(height, TILE_BITS)
    no, column = divmod(number << rest, TILE_WIDTH)
    return (level, no), column, 1 << rest


def _complete(tiles: Mapping[Place, bytes], height: int, number: int) -> bytes:
    place, column, count = _within(height, number)
    hashes = tiles.get(place, b"")[column * HASH_BYTES : (column + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise ValueError(f"tile {place[1]} of level {place[0]} is too short")
    return _folded(hashes)


def _folded(hashes: bytes) -> bytes:
    """The root over hashes whose number is a power of two."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
