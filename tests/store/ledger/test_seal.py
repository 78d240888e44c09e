"""The sealer: no gap, no double, whoever seals beside it, wherever it dies; nothing is sealed that others forged."""

import asyncio
import datetime as dt
import os
import uuid

import asyncpg
import pytest
from postgres import changing
from service import LEDGER_KEY
from sqlalchemy.exc import DBAPIError

from app.actions.check import check
from app.actions.ledger import seal as sealing
from app.actions.ledger.seal import LedgerBrokenError, Sealed, seal, seal_all
from app.domain.ledger.ledger import VOID
from app.domain.ledger.merkle import Frontier, grow
from app.store.database import Database
from app.store.ledger import ledger, tree
from app.store.ledger.signed_notes import Head, NoteKey, NoteRefusedError, Signer

OTHER_KEY = bytes(range(32))
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
async def begun(database, owner):
    """A municipality whose ledger has begun."""
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    await seal(database, 188)
    return database


async def add(database, count):
    """Leaves, each of a fact that nobody needs here."""
    async with database.write(188) as writing:
        for _ in range(count):
            writing.leaves.add("tap", {"id": uuid.uuid4(), "received_at": NOW})


async def forge(owner, index, **more):
    """A leaf row as somebody with all rights but without the key would put it there."""
    row = {"kind": "tap", "fact": uuid.uuid4(), "salt": b"", "leaf": os.urandom(32), "mac": os.urandom(16)} | more
    await owner.execute(
        "INSERT INTO ledger_leaf (municipality_id, leaf_index, kind, fact, salt, leaf, mac)"
        " VALUES (188, $1, $2, $3, $4, $5, $6)",
        *(index, *row.values()),
    )


async def expect(owner, *, void=()):
    """The stored tree is the one over the stored leaves, `void` where they were not ours; gives its size."""
    rows = await owner.fetch("SELECT leaf_index, leaf FROM ledger_leaf WHERE municipality_id = 188")
    leaves = {row["leaf_index"]: row["leaf"] for row in rows} | dict.fromkeys(void, VOID)
    assert sorted(leaves) == list(range(len(leaves)))
    expected, frontier = {}, Frontier()
    hashes = [leaves[index] for index in range(len(leaves))]
    grow(expected, 0, hashes)
    for one in hashes:
        frontier.add(one)
    tiles = await owner.fetch("SELECT level, no, hashes FROM ledger_tile WHERE municipality_id = 188")
    assert {(row["level"], row["no"]): row["hashes"] for row in tiles} == expected
    head = await tree.head(changing(owner))
    signed = Head.read(Signer(LEDGER_KEY, 188).public.text_of(head.note))
    assert (head.size, head.root) == (signed.size, signed.root) == (len(hashes), frontier.root())
    return head.size


async def test_leaves_are_sealed_in_any_portions(begun, owner, monkeypatch):
    monkeypatch.setattr(sealing, "SEALED_AT_ONCE", 100)
    assert await expect(owner) == 0
    for count in (1, 0, 255, 1, 300, 43):
        await add(begun, count)
        assert await seal_all(begun, 188) == Sealed(count, 0)
        await expect(owner)
    assert await expect(owner) == 600


async def test_many_sealers_and_writers_at_once(begun, database_url, owner, monkeypatch):
    monkeypatch.setattr(sealing, "SEALED_AT_ONCE", 7)
    others = [Database(database_url, pool_size=8, ledger_keys=[LEDGER_KEY]) for _ in range(2)]
    writing = True

    async def keep_sealing(database):
        sealed = 0
        while writing or (await seal_all(database, 188)).leaves:
            sealed += (await seal(database, 188)).leaves
        return sealed

    async def keep_writing(database):
        for count in (1, 5, 2, 9, 3, 4, 1, 8):
            await add(database, count)

    sealers = [asyncio.create_task(keep_sealing(one)) for one in (begun, *others)]
    await asyncio.gather(*(keep_writing(one) for one in (begun, *others)))
    writing = False
    await asyncio.gather(*sealers)
    assert await expect(owner) == 3 * 33
    for one in others:
        await one.close()


STEPS = [
    (tree, "head"),
    (ledger, "waiting"),
    (tree, "tiles"),
    (sealing, "grow"),
    (tree, "move"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["cancelled", "terminated"])
@pytest.mark.parametrize(("module", "name"), STEPS, ids=lambda one: one if isinstance(one, str) else "")
async def test_a_sealer_that_dies_anywhere_leaves_no_gap_and_no_double(
    begun, owner, monkeypatch, module, name, how, when
):
    real = getattr(module, name)

    async def die():
        if how == "cancelled":
            raise asyncio.CancelledError
        await owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'taggad' AND datname = current_database()"
        )

    async def dying(*arguments, **named):
        if when == "before":
            await die()
        found = await real(*arguments, **named)
        if when == "after":
            await die()
        return found

    def dying_now(*arguments):
        if when == "after":
            real(*arguments)
        raise asyncio.CancelledError

    await add(begun, 300)
    await seal_all(begun, 188)
    await add(begun, 30)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, dying_now if name == "grow" else dying)
        with pytest.raises(
            (asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, OSError)
        ):
            await seal(begun, 188)
    assert (await tree.head(changing(owner))).size == 300
    assert (await seal_all(begun, 188)).leaves == 30
    assert await expect(owner) == 330


async def test_what_others_put_there_is_sealed_as_void(begun, owner):
    await add(begun, 3)
    await forge(owner, 3)
    await add(begun, 2)
    mine = await owner.fetchrow("SELECT * FROM ledger_leaf WHERE leaf_index = 1")
    await forge(owner, 6, leaf=mine["leaf"], mac=mine["mac"])  # a copy is for another index and fact
    await add(begun, 1)
    assert await seal_all(begun, 188) == Sealed(8, 2)
    assert await expect(owner, void=(3, 6)) == 8


async def test_a_leaf_that_is_gone_before_it_was_sealed_is_void(begun, owner):
    await add(begun, 5)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("DELETE FROM ledger_leaf WHERE leaf_index IN (1, 2)")
    assert await seal_all(begun, 188) == Sealed(5, 2)
    assert await expect(owner, void=(1, 2)) == 5


async def test_a_leaf_far_ahead_stops_the_sealer(begun, owner):
    await add(begun, 2)
    await forge(owner, 10**12)
    with pytest.raises(LedgerBrokenError, match="are missing from 2 on"):
        await seal(begun, 188)
    assert (await tree.head(changing(owner))).size == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_head SET size = size - 1",
        "UPDATE ledger_head SET root = sha256('')",
        "UPDATE ledger_head SET note = replace(note, '188', '180')",
        "UPDATE ledger_tile SET hashes = sha256('') || substr(hashes, 33) WHERE level = 0 AND no = 1",
        "UPDATE ledger_tile SET hashes = hashes || hashes WHERE level = 0 AND no = 1",
        "UPDATE ledger_tile SET hashes = substr(hashes, 33) WHERE level = 0 AND no = 1",
        "DELETE FROM ledger_tile WHERE level = 1",
    ],
)
async def test_nothing_is_signed_over_a_tree_that_is_not_the_signed_one(begun, owner, change):
    await add(begun, 270)
    await seal_all(begun, 188)
    await owner.execute(change)
    await add(begun, 1)
    before = await tree.head(changing(owner))
    with pytest.raises(LedgerBrokenError):
        await seal(begun, 188)
    assert await tree.head(changing(owner)) == before
    assert await check(begun, 188) != []


async def test_an_earlier_key_is_known_and_another_is_not(begun, database_url, owner):
    await add(begun, 2)
    await seal_all(begun, 188)
    await add(begun, 1)
    stranger = Database(database_url, pool_size=1, ledger_keys=[OTHER_KEY])
    successor = Database(database_url, pool_size=1, ledger_keys=[OTHER_KEY, LEDGER_KEY])
    try:
        with pytest.raises(LedgerBrokenError, match="TAGGAD_LEDGER_KEY"):
            await seal(stranger, 188)
        assert await seal_all(successor, 188) == Sealed(1, 0)
        await add(successor, 1)
        assert await seal_all(successor, 188) == Sealed(1, 0)
    finally:
        await stranger.close()
        await successor.close()
    head = await tree.head(changing(owner))
    assert Head.read(Signer(OTHER_KEY, 188).public.text_of(head.note)).size == 4


async def test_a_ledger_begins_once(database, database_url, owner):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    other = Database(database_url, pool_size=2, ledger_keys=[LEDGER_KEY])
    await asyncio.gather(*(seal(one, 188) for one in (database, other) * 3))
    await other.close()
    assert await expect(owner) == 0


# Notes


GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n\u2014 PeterNeumann {GO_SIGNATURE}\n"  # published with golang.org/x/mod/sumdb/note


def test_a_published_note_is_verified():
    key = NoteKey.read(GO_KEY)
    assert str(key) == GO_KEY
    assert key.text_of(GO_NOTE) == GO_TEXT


@pytest.mark.parametrize(
    "note",
    [
        GO_NOTE.replace("answer", "Answer"),
        GO_NOTE.replace("AxJ", "BxJ").replace("nAM=", "nAQ="),
        GO_NOTE.replace("\u2014", "-"),
        GO_NOTE.replace("\u2014 PeterNeumann", "\u2014 Somebody"),
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE[:-1],
        "",
    ],
)
def test_a_note_that_was_touched_is_refused(note):
    with pytest.raises(NoteRefusedError):
        NoteKey.read(GO_KEY).text_of(note)


@pytest.mark.parametrize(
    "text", ["", "name", GO_KEY[:-4], GO_KEY.replace("c7", "c8"), GO_KEY.replace("+AR", "+AQ"), " " + "x+" + GO_KEY]
)
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(ValueError, match="public key"):
        NoteKey.read(text)


@pytest.mark.parametrize(
    "text", ["taggad/188\n1\n", "taggad/188\n01\n" + 43 * "A" + "=\n", "taggad/188\n-1\n" + 43 * "A" + "=\n", ""]
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(NoteRefusedError):
        Head.read(text)


def test_a_head_is_a_checkpoint_and_reads_back():
    signer = Signer(LEDGER_KEY, 188)
    head = Head("taggad/188", 3, bytes(32))
    note = signer.sign(head.text())
    assert note.splitlines()[:3] == ["taggad/188", "3", 43 * "A" + "="]
    assert Head.read(signer.public.text_of(note)) == head
    with pytest.raises(NoteRefusedError):
        Signer(LEDGER_KEY, 180).public.text_of(note)
