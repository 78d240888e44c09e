"""What `taggad verify-ledger` finds: everything that somebody with all rights in the database changes."""

import asyncio
import datetime as dt
import json
import os
import random
import uuid
from contextlib import asynccontextmanager, suppress

import asyncpg
import httpx
import pytest
from service import LEDGER_KEY, day, serving, tap_item
from typer.testing import CliRunner

from app import main
from app.actions.access.close_block import close_block
from app.actions.check import check
from app.actions.ledger.seal import LedgerBrokenError
from app.cli.main import application
from app.cli.verify_ledger import UnverifiableError, verify_ledger
from app.domain.ledger import ledger as leaves
from app.domain.ledger.ledger import KINDS
from app.domain.ledger.merkle import Frontier, grow
from app.store.ledger import ledger
from app.store.ledger.marks import Marks
from app.store.ledger.signed_notes import Head, NoteKey, Signer

KEY = Signer(LEDGER_KEY, 188).public
LEDGER = ("ledger_leaf", "ledger_tile", "ledger_head")
TRIALS = 200


@pytest.fixture
async def town(service, monkeypatch, tmp_path):
    """The service with some dozens of facts, all sealed, and nothing that goes on by itself."""
    monkeypatch.setattr(main, "SEAL_SECONDS", 3600)
    monkeypatch.setattr(main, "CLOCK_SECONDS", 3600)
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    for ref in ("B-1", "B-2"):
        await service.put("recipients", ref, {"area": "URBAN"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    for ref in ("S-1", "S-2"):
        body = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01", "delegations": []}
        await service.put("staff", ref, body)
    for hour in range(8, 14):
        tap = await service.visit_by("S-1", "B-1", day(-1, f"{hour:02}:00"), day(-1, f"{hour:02}:20"))
        await service.report("S-1", tap["id"], [{"intervention": "dusch", "minutes": 9}], note="ja")
        item = tap_item("04000000000001", "in", day(-1, "09:00"))
        await service.taps("S-1", [item, {"id": str(uuid.uuid4()), "x": [1.5, None]}, {"broken": hour}])
    visits = await service.visits(from_=day(-1).date(), to=day(-1).date())
    await service.correct(visits[0], "omit")
    by_hand = {
        "id": uuid.uuid4(),
        "recipient": "B-2",
        "staff": "S-2",
        "interventions": ["dusch"],
        "reason": "phone_dead",
    }
    times = {"started_at": day(-1, "08:00"), "ended_at": day(-1, "08:30")}
    await service.ask("POST", "/v1/visits", by_hand | times, role="admin", expect=201)
    await service.ask("POST", "/v1/periods/P-norr/2026-01/close", expect=201)
    await close_block(service.app.state.database, 188)
    await service.seal()
    service.state = tmp_path / "kept"
    service.app.state.database.marks = Marks(None)  # what is put back is smaller than what this machine has seen
    return service


async def verify(service, key=KEY):
    """The findings of a run beside the running service."""
    wire = httpx.HTTPTransport(verify=False)
    arguments = (service.url, service.token("auditor"), key, service.state)
    _, found = await asyncio.to_thread(lambda: verify_ledger(*arguments, transport=wire))
    return found


@asynccontextmanager
async def put_back(owner):
    """Whatever is done to facts and ledger in between is undone."""
    tables = (*KINDS, *LEDGER)
    for table in tables:
        await owner.execute(f"CREATE TEMP TABLE IF NOT EXISTS kept_{table} AS TABLE {table}")
    await owner.execute("SET session_replication_role = replica")
    yield
    for table in tables:
        await owner.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")


TEXTS = ["in", "out", "auto", "accepted", "disputed", "performed", "declined", "no_answer", "tap", "report", "x", None]


OTHERS = {  # another value of each type
    bool: lambda _, value: not value,
    int: lambda chance, value: value + chance.choice([1, 2, 1000]),
    dt.datetime: lambda chance, value: value + dt.timedelta(microseconds=chance.choice([-1, -60_000_000])),
    bytes: lambda _, value: bytes([value[0] ^ 1]) + value[1:],
    list: lambda _, value: [*value, "x"],
}


def changed(chance, name, value):
    """Another value for a column."""
    if name in {"verdict", "direction", "outcome"} or (isinstance(value, str | None) and chance.random() < 0.3):
        return chance.choice([text for text in TEXTS if text != value])
    if isinstance(value, str) and value[:1] in "{[":
        return json.dumps({"changed": chance.random(), "was": json.loads(value)})
    if isinstance(value, uuid.UUID) or name == "item_id":
        return uuid.UUID(int=chance.getrandbits(128), version=4)
    return OTHERS[type(value)](chance, value) if type(value) in OTHERS else f"{value or ''}x"


async def kinds_told(owner):
    """The kinds of which there are facts."""
    return [kind for kind in KINDS if await owner.fetchval(f"SELECT EXISTS (SELECT FROM {kind})")]


async def tamper(owner, chance):
    """One change of one row of one kind of fact by a superuser; gives what was done, or None where nothing was."""
    kind = chance.choice(await kinds_told(owner))
    verb = chance.choice(["UPDATE", "UPDATE", "DELETE", "INSERT"])
    row = dict(chance.choice(await owner.fetch(f"SELECT * FROM {kind} ORDER BY {KINDS[kind].id}")))
    stored = leaf_row = await owner.fetchrow(
        "SELECT * FROM ledger_leaf WHERE kind = $1 AND fact = $2", kind, leaves.fact_id(kind, row)
    )
    named = KINDS[kind].id
    place = f"FROM {kind} WHERE {named} = $1"
    hides = chance.random() < 0.5  # the leaf row is made to fit, as far as that can be done without the key
    if verb == "DELETE":
        await owner.execute(f"DELETE {place}", row[named])
        if hides:
            await owner.execute("DELETE FROM ledger_leaf WHERE leaf_index = $1", leaf_row["leaf_index"])
        return f"{kind} deleted", leaf_row["leaf_index"]
    if verb == "INSERT":
        row[named] = 10_000 if KINDS[kind].numbered else uuid.UUID(int=chance.getrandbits(128), version=4)
        row |= dict.fromkeys({"version", "seq"} & row.keys(), 10_000)
        another = {"presence": uuid.UUID(int=chance.getrandbits(128)), "month": dt.date(2000, 1, 1)}
        row |= {name: value for name, value in another.items() if name in row}
        row |= {"body_hash": os.urandom(16)} if "body_hash" in row else {}
        index = await owner.fetchval("SELECT max(leaf_index) + 1 FROM ledger_leaf")
    else:
        name = chance.choice([name for name in row if name != "municipality_id"])
        row |= {name: changed(chance, name, row[name])}
        index = leaf_row["leaf_index"]
        await owner.execute(f"DELETE {place}", stored_id(kind, stored))
    columns = ", ".join(row)
    values = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    await owner.execute(f"INSERT INTO {kind} ({columns}) VALUES ({values})", *row.values())
    if hides:
        salt = os.urandom(16)
        hashed = leaves.leaf_for(kind, 188, ledger.of_row(kind, row), salt)
        await owner.execute("DELETE FROM ledger_leaf WHERE leaf_index = $1", index)
        await owner.execute(
            "INSERT INTO ledger_leaf VALUES (188, $1, $2, $3, $4, $5, $6)",
            *(index, kind, leaves.fact_id(kind, row), salt, hashed, stored["mac"]),
        )
    return f"{kind} {verb}", index if verb == "UPDATE" or hides else None


def stored_id(kind, leaf):
    return leaf["fact"].int if KINDS[kind].numbered else leaf["fact"]


async def test_every_change_of_a_superuser_is_found(town, owner):
    assert await verify(town) == []
    kept = (town.state.read_bytes(), town.state.with_name("kept.leaves").read_bytes())
    chance, found, done = random.Random(188), 0, set()
    while found < TRIALS:
        async with put_back(owner):
            try:
                async with owner.transaction():
                    what, index = await tamper(owner, chance)
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
                continue  # the database itself refuses it
            with suppress(LedgerBrokenError):  # where the leaf that was sealed last is gone
                await town.seal()
            findings = await verify(town)
            assert findings, what
            if index is not None:
                assert findings[0].startswith(f"index {index}: "), (what, index, findings)
            found += 1
            done.add(what)
    assert await kinds_told(owner) == list(KINDS)
    assert (found, len(done)) == (TRIALS, 3 * len(KINDS))
    assert (town.state.read_bytes(), town.state.with_name("kept.leaves").read_bytes()) == kept
    assert await verify(town) == []


async def test_check_finds_it_too(town, owner):
    database = town.app.state.database
    assert await check(database, 188) == []
    chance = random.Random(3)
    for _ in range(12):
        async with put_back(owner):
            try:
                async with owner.transaction():
                    what, _ = await tamper(owner, chance)
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
                continue
            with suppress(LedgerBrokenError):
                await town.seal()
            assert [line for line in await check(database, 188) if "ledger" in line or "sealed" in line], what
    assert await check(database, 188) == []


async def test_a_change_made_before_sealing_is_found(town, owner):
    await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
    async with put_back(owner):
        index = await owner.fetchval("SELECT max(leaf_index) FROM ledger_leaf")
        await owner.execute("UPDATE tap SET household = 'B-2' WHERE at = (SELECT max(at) FROM tap)")
        await town.seal()
        assert (await verify(town))[0].startswith(f"index {index}: tap")


async def rebuild_tree(owner, index, hashed):
    """Put another leaf hash into the whole tree, as far as that can be done without the key; gives size and root."""
    hashes = [row["leaf"] for row in await owner.fetch("SELECT leaf FROM ledger_leaf ORDER BY leaf_index")]
    hashes[index] = hashed
    tiles, frontier = {}, Frontier()
    grow(tiles, 0, hashes)
    for one in hashes:
        frontier.add(one)
    await owner.execute("DELETE FROM ledger_tile")
    rows = [(188, *place, tile) for place, tile in tiles.items()]
    await owner.executemany("INSERT INTO ledger_tile VALUES ($1, $2, $3, $4)", rows)
    return len(hashes), frontier.root()


async def falsify(owner):
    """Change a tap and everything that follows from it but what needs a key: its index, and the new size and root."""
    row = dict(await owner.fetchrow("SELECT * FROM tap ORDER BY at LIMIT 1")) | {"household": "B-2"}
    leaf = await owner.fetchrow("SELECT * FROM ledger_leaf WHERE kind = 'tap' AND fact = $1", row["id"])
    hashed = leaves.leaf_for("tap", 188, ledger.of_row("tap", row), leaf["salt"])
    await owner.execute("UPDATE tap SET household = 'B-2' WHERE id = $1", row["id"])
    await owner.execute("UPDATE ledger_leaf SET leaf = $1 WHERE leaf_index = $2", hashed, leaf["leaf_index"])
    return leaf["leaf_index"], *await rebuild_tree(owner, leaf["leaf_index"], hashed)


async def test_a_rewritten_tree_does_not_fit_its_signature(town, owner):
    assert await verify(town) == []
    async with put_back(owner):
        index, _, _ = await falsify(owner)
        findings = await verify(town)
        assert findings[0].startswith(f"index {index}: the leaf is not the one seen before")
        assert findings[-1] == "root: the leaves do not give the root that was signed"
        assert any("root" in line for line in await check(town.app.state.database, 188))
        town.state = town.state.with_name("another who has seen nothing")
        assert any(line.startswith("root: ") for line in await verify(town))


async def test_a_log_forked_by_the_holder_of_the_key_is_found_by_whoever_saw_it_before(town, owner):
    assert await verify(town) == []
    async with put_back(owner):
        index, size, root = await falsify(owner)
        leaf = await owner.fetchrow("SELECT * FROM ledger_leaf WHERE leaf_index = $1", index)
        mac = leaves.mac_of(LEDGER_KEY, 188, index, "tap", leaf["fact"], leaf["leaf"])
        await owner.execute("UPDATE ledger_leaf SET mac = $1 WHERE leaf_index = $2", mac, index)
        await sign(owner, size, root)
        findings = await verify(town)
        assert findings[0] == f"head: the ledger was forked: it does not continue the one of {size} leaves"
        assert findings[1].startswith(f"index {index}: the leaf is not the one seen before; it was rewritten together")
        await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
        await town.seal()
        assert any("forked" in line for line in await verify(town))


async def sign(owner, size, root):
    signer = Signer(LEDGER_KEY, 188)
    note = signer.sign(Head(signer.public.name, size, root).text())
    await owner.execute("UPDATE ledger_head SET size = $1, root = $2, note = $3", size, root, note)


async def begin_anew(owner):
    """As whoever has all rights, and has deleted what was kept of the ledger outside, can begin one."""
    for table in LEDGER:
        await owner.execute(f"DELETE FROM {table}")
    await owner.execute("UPDATE municipality SET leafless = true")


async def test_a_ledger_begun_anew_is_found(town, owner):
    assert await verify(town) == []
    async with put_back(owner):
        await begin_anew(owner)
        await town.seal()
        assert (await verify(town))[0].startswith("head: the ledger was forked")


async def test_a_ledger_that_lost_its_end_is_found(town, owner):
    before = {table: await owner.fetch(f"SELECT * FROM {table}") for table in LEDGER[1:]}
    await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
    await town.seal()
    assert await verify(town) == []
    async with put_back(owner):
        await owner.execute(
            "DELETE FROM tap WHERE id = (SELECT fact FROM ledger_leaf ORDER BY leaf_index DESC LIMIT 1)"
        )
        await owner.execute("DELETE FROM ledger_leaf WHERE leaf_index = (SELECT max(leaf_index) FROM ledger_leaf)")
        for table, rows in before.items():
            await owner.execute(f"DELETE FROM {table}")
            marks = ", ".join(f"${at}" for at in range(1, len(rows[0]) + 1))
            await owner.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row) for row in rows])
        assert any("leaves and now has" in line for line in await verify(town))


async def test_a_sealer_that_stands_is_found(town, owner):
    assert await verify(town) == []
    async with put_back(owner):
        await owner.execute(
            "INSERT INTO ledger_leaf VALUES (188, 1000000000000, 'tap', gen_random_uuid(), '', sha256(''), '')"
        )
        await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
        with pytest.raises(LedgerBrokenError):
            await town.seal()
        assert [line.split()[-1] for line in await verify(town)] == ["promised"]


async def test_a_head_signed_by_another_key_is_believed_in_nothing(town):
    stranger = Signer(bytes(range(32)), 188).public
    assert await verify(town, stranger) == ["head: it is not signed by the key"]
    assert not town.state.exists()


class Lying(httpx.HTTPTransport):
    """The service, with one answer changed on its way."""

    def __init__(self, path, change):
        super().__init__(verify=False)
        self.path, self.change = path, change

    def handle_request(self, request):
        answer = super().handle_request(request)
        if request.url.path != self.path:
            return answer
        answer.read()
        told = json.loads(answer.content)
        return httpx.Response(200, json=self.change(told) or told)


@pytest.mark.parametrize(
    ("path", "change", "finding"),
    [
        ("head", lambda told: told | {"size": told["size"] - 1}, "head: the answer is not what was signed"),
        ("head", lambda told: told | {"note": told["note"].replace("188\n", "189\n", 1)}, "head: it is not signed"),
        ("head", lambda told: told | {"note": None}, "head: it is no signed note"),
        ("consistency", lambda told: {"path": [*told["path"], "00" * 32]}, "head: the ledger was forked"),
        ("entries", lambda told: told["items"][7].update(leaf="00" * 32), "index 7: "),
        ("entries", lambda told: told["items"][7].update(public=None), "index 7: the fact is gone"),
        ("entries", lambda told: told["items"][7].update(authentic=False), "index 7: the stored leaf of"),
        ("entries", lambda told: {"items": told["items"][:-1], "next": None}, "root: "),
        (
            "outside",
            lambda _: {"items": [{"fact": "tap", "id": "x", "reason": "no_leaf"}]},
            "outside: tap x stands beside the ledger",
        ),
    ],
)
async def test_a_lying_answer_is_found(town, path, change, finding):
    assert await verify(town) == []
    await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
    await town.seal()
    wire = Lying(f"/v1/ledger/{path}", change)
    arguments = (town.url, town.token("auditor"), KEY, town.state)
    _, findings = await asyncio.to_thread(lambda: verify_ledger(*arguments, transport=wire))
    assert [line for line in findings if line.startswith(finding)]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("head", lambda told: [told]),
        ("consistency", lambda _: {"path": "x"}),
        ("outside", lambda _: {"items": [{}]}),
        ("entries", lambda told: told["items"][3].update(index=4)),
        ("entries", lambda told: told["items"][3].update(leaf="x")),
        ("entries", lambda told: told["items"][3].pop("personal") and None),
    ],
)
async def test_an_answer_of_another_shape_proves_nothing(town, path, change):
    assert await verify(town) == []
    kept = town.state.read_text()
    await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
    await town.seal()
    wire = Lying(f"/v1/ledger/{path}", change)
    arguments = (town.url, town.token("auditor"), KEY, town.state)
    with pytest.raises(UnverifiableError):
        await asyncio.to_thread(lambda: verify_ledger(*arguments, transport=wire))
    assert town.state.read_text() == kept


# The verb


@pytest.fixture
def taggad(town):
    """`taggad verify-ledger`; gives its exit code and what it printed."""

    async def run(*more, token=None, key=KEY):
        arguments = ("verify-ledger", "--url", town.url, "--token", token or town.token("auditor"))
        arguments += ("--public-key", str(key), "--state", str(town.state), *more)
        result = await asyncio.to_thread(CliRunner().invoke, application, arguments)
        return result.exit_code, result.output

    return run


async def test_the_verb_tells_the_first_bad_index_and_exits_with_1(town, owner, taggad):
    told = (await town.ask("GET", "/v1/ledger/key?municipality=188", role=None)).json()
    assert NoteKey.read(told["public_key"]) == KEY
    head = (await town.ask("GET", "/v1/ledger/head", role="auditor")).json()
    assert await taggad() == (0, f"{head['size']} facts are as they were sealed; root {head['root']}\n")
    await town.tap("S-1", "B-1", "in", day(-1, "20:00"))
    await town.seal()
    assert (await taggad("--municipality", "188"))[0] == 0
    kept = town.state.read_text()
    async with put_back(owner):
        await owner.execute("UPDATE tap SET household = 'B-2' WHERE at IN (SELECT at FROM tap ORDER BY at LIMIT 2)")
        bad = await owner.fetch(
            "SELECT leaf_index FROM ledger_leaf JOIN tap ON fact = id WHERE household = 'B-2' ORDER BY 1"
        )
        code, printed = await taggad()
        lines = printed.splitlines()
        assert code == 1
        assert [line.split(":")[0] for line in lines] == [f"index {row[0]}" for row in bad]
        assert town.state.read_text() == kept
    assert (await taggad())[0] == 0


async def test_the_verb_says_what_it_cannot_do(town, taggad):
    assert "answers 403" in (await taggad(token=town.token("controller")))[1]
    assert "answers 401" in (await taggad(token="x"))[1]
    assert "the key is for taggad/188" in (await taggad("--municipality", "180"))[1]
    assert "a public key is written" in (await taggad(key="x"))[1]
    assert (await taggad())[0] == 0
    code, told = await taggad(key=Signer(bytes(range(32)), 188).public)
    assert (code, "kept under another key" in told) == (1, True)
    town.state.write_text("{}")
    code, told = await taggad()
    assert (code, "does not hold what was kept there" in told) == (1, True)


# What was there before there was a ledger


async def test_an_existing_database_gets_its_leaves_once(town, owner, database_url):
    async with put_back(owner):
        await begin_anew(owner)
        async with serving(database_url) as again:
            again.state = town.state
            await again.seal()
            assert await verify(again) == []
            facts = sum([await owner.fetchval(f"SELECT count(*) FROM {kind}") for kind in KINDS])
            assert await owner.fetchval("SELECT size FROM ledger_head") == facts
            await again.tap("S-1", "B-1", "in", day(-1, "21:00"))
            await again.seal()
            assert await verify(again) == []
            # Later, a fact without a leaf is one that somebody put there.
            await owner.execute("INSERT INTO tap SELECT (jsonb_populate_record(t, jsonb_build_object('id',"
                                " gen_random_uuid()))).* FROM tap AS t LIMIT 1")  # fmt: skip
            await again.seal()
            assert [line.split(" ")[0] for line in await verify(again)] == ["outside:"]
