"""The tree against published vectors and against another implementation."""

import random
from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ledger.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Frontier,
    consistency,
    grow,
    inclusion,
    leaf_hash,
    root_of,
    tiles_of,
    verify_consistency,
    verify_inclusion,
)

# The entries and hashes that implementations of RFC 6962 and RFC 9162 have in common.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
H01 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
H47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSIONS = [  # index, size, path
    (0, 1, []),
    (0, 8, [H01, H23, H47]),
    (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", H67, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (
        1,
        5,
        [ROOTS[1], H23, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
    ),
]
CONSISTENCIES = [  # old, new, path
    (1, 1, []),
    (1, 8, [H01, H23, H47]),
    (6, 8, [H45, H67, ROOTS[4]]),
    (2, 5, [H23, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]


def leaves(count):
    return [leaf_hash(f"entry {at}".encode()) for at in range(count)]


def tree(hashes):
    tiles = {}
    grow(tiles, 0, hashes)
    return tiles


def path_of(tiles, spans):
    """The path, made from nothing but the tiles it says it needs."""
    needed = {place: tiles[place] for place in tiles_of(spans)}
    return [root_of(needed, span) for span in spans]


PUBLISHED = tree([leaf_hash(entry) for entry in ENTRIES])


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size):
    assert root_of(PUBLISHED, (0, size)).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSIONS)
def test_published_inclusion_proofs(index, size, path):
    found = path_of(PUBLISHED, inclusion(index, size))
    assert [one.hex() for one in found] == path
    assert verify_inclusion(leaf_hash(ENTRIES[index]), index, size, found, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCIES)
def test_published_consistency_proofs(old, new, path):
    found = path_of(PUBLISHED, consistency(old, new))
    assert [one.hex() for one in found] == path
    assert verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), found)


SIZES = [*range(1, 20), 31, 32, 33, 255, 256, 257, 511, 512, 513, 767, 1000]
ORACLE = pymerkle.InmemoryTree(algorithm="sha256")
ENTRY = [f"entry {at}".encode() for at in range(max(SIZES))]
for entry in ENTRY:
    ORACLE.append_entry(entry)
TILES = tree(leaves(max(SIZES)))


def test_another_implementation_has_the_same_root_of_every_size():
    for size in range(max(SIZES) + 1):
        assert root_of(TILES, (0, size)) == (ORACLE.get_root(size) if size else EMPTY_ROOT)


def _oracle_path(proof):
    """Another implementation's path without the leaf or root it begins with."""
    return [bytes.fromhex(one) for one in proof.serialize()["path"]]


def test_another_implementation_has_the_same_inclusion_proofs():
    chance = random.Random(1)
    for size in SIZES:
        for index in {0, size - 1, size // 2, *(chance.randrange(size) for _ in range(4))}:
            found = path_of(TILES, inclusion(index, size))
            assert found == _oracle_path(ORACLE.prove_inclusion(index + 1, size))[1:], (index, size)
            assert verify_inclusion(leaf_hash(ENTRY[index]), index, size, found, ORACLE.get_root(size))


def test_another_implementation_finds_the_same_sizes_consistent():
    """It writes these proofs in a way of its own: theirs must hold between our roots, and ours between theirs."""
    chance = random.Random(2)
    for new in SIZES:
        for old in {1, new, new // 2 or 1, *(chance.randrange(1, new + 1) for _ in range(6))}:
            found = path_of(TILES, consistency(old, new))
            assert verify_consistency(old, new, ORACLE.get_root(old), ORACLE.get_root(new), found), (old, new)
            theirs = ORACLE.prove_consistency(old, new)
            pymerkle.verify_consistency(root_of(TILES, (0, old)), root_of(TILES, (0, new)), theirs)


@given(st.data())
def test_a_proof_proves_nothing_else(data):
    size = data.draw(st.integers(2, 600))
    index = data.draw(st.integers(0, size - 1))
    path = path_of(TILES, inclusion(index, size))
    root = root_of(TILES, (0, size))
    leaf = leaf_hash(ENTRY[index])
    other = data.draw(st.integers(0, size - 1).filter(lambda at: at != index))
    assert not verify_inclusion(leaf, other, size, path, root)
    assert not verify_inclusion(leaf_hash(ENTRY[other]), index, size, path, root)
    assert not verify_inclusion(leaf, index, size, path[:-1], root)
    assert not verify_inclusion(leaf, index, size, [*path, root], root)
    assert not verify_inclusion(leaf, index, size, path, sha256(root).digest())
    assert not verify_inclusion(leaf, size, size, path, root)
    old = data.draw(st.integers(1, size - 1))
    steps = path_of(TILES, consistency(old, size))
    old_root = root_of(TILES, (0, old))
    assert verify_consistency(old, size, old_root, root, steps)
    assert not verify_consistency(old, size, sha256(old_root).digest(), root, steps)
    assert not verify_consistency(old, size, old_root, sha256(root).digest(), steps)
    assert not verify_consistency(old, size, old_root, root, steps[:-1])
    assert not verify_consistency(old, size, old_root, root, [*steps, root])
    assert not verify_consistency(size, old, root, old_root, steps)


def test_what_is_nothing_is_consistent_with_everything_and_with_nothing_else():
    root = root_of(TILES, (0, 5))
    assert verify_consistency(0, 5, EMPTY_ROOT, root, [])
    assert verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not verify_consistency(0, 5, root, root, [])
    assert not verify_consistency(0, 5, EMPTY_ROOT, root, [root])
    assert not verify_consistency(5, 5, root, EMPTY_ROOT, [])
    assert not verify_consistency(3, 5, root, root, [])


@given(st.lists(st.integers(0, 700), max_size=6))
def test_a_tree_grows_the_same_in_any_steps_from_its_right_edge_alone(steps):
    tiles, kept, size = {}, {}, 0
    frontier = Frontier()
    for step in steps:
        more = leaves(size + step)[size:]
        edge = {place: kept[place] for place in tiles_of([(0, size)])}
        changed = grow(edge, size, more)
        kept |= {place: edge[place] for place in changed}
        for leaf in more:
            frontier.add(leaf)
        size += step
    grow(tiles, 0, leaves(size))
    assert kept == tiles
    assert frontier.size == size
    assert root_of(kept, (0, size)) == frontier.root()


def test_a_tree_of_three_levels_of_tiles():
    size = TILE_WIDTH**2 + TILE_WIDTH + 3
    hashes = [leaf_hash(at.to_bytes(4)) for at in range(size)]
    tiles, frontier = tree(hashes), Frontier()
    for one in hashes:
        frontier.add(one)
    assert {level for level, _ in tiles} == {0, 1, 2}
    root = root_of(tiles, (0, size))
    assert root == frontier.root()
    for index in (0, 255, 256, TILE_WIDTH**2 - 1, TILE_WIDTH**2, size - 1):
        spans = inclusion(index, size)
        assert len(tiles_of(spans)) <= 8
        assert verify_inclusion(hashes[index], index, size, path_of(tiles, spans), root)
    for old in (1, 300, TILE_WIDTH**2, size - 1):
        steps = path_of(tiles, consistency(old, size))
        assert verify_consistency(old, size, root_of(tiles, (0, old)), root, steps)


def test_tiles_that_do_not_belong_are_refused():
    with pytest.raises(ValueError, match="tree of 3"):
        grow({(0, 0): leaf_hash(b"1")}, 3, leaves(1))
    with pytest.raises(ValueError, match="too short"):
        root_of({(0, 0): leaf_hash(b"1")}, (0, 2))
