"""Whoever deletes the ledger gets no other one sealed in its place: the sealer stops and says so, and phones go on."""

import asyncio
import datetime as dt

import pytest
import structlog
from postgres import changing
from service import LEDGER_KEY, day, serving

from app import main
from app.actions.check import check, missing
from app.actions.ledger.seal import LedgerBrokenError, Sealed, ledger_fault, seal_all
from app.domain.ledger.ledger import KINDS
from app.main import _seal
from app.store.database import Database
from app.store.ledger import marks as marking
from app.store.ledger import tree
from app.store.ledger.marks import Mark, Marks

LEDGER = ("ledger_leaf", "ledger_tile", "ledger_head")


@pytest.fixture(autouse=True)
def _kept_at_once(monkeypatch):
    monkeypatch.setattr(marking, "LEAST_SECONDS", 0)


@pytest.fixture(autouse=True)
def _nobody_else_seals(monkeypatch):
    """The service's own sealer keeps its mark some time after it has sealed: maybe over one that a test has kept."""

    async def idle(_database, _outage):
        await asyncio.Event().wait()

    monkeypatch.setattr(main, "_keep_sealing", idle)


@pytest.fixture
async def town(database_url, owner, tmp_path):
    """A municipality with a sealed tap, served with a data directory; `owner` may change everything."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    await owner.execute("SET session_replication_role = replica")
    async with serving(database_url, data_dir=tmp_path) as served:
        await served.put("providers", "P-norr", {"name": "Norr", "form": "external"})
        await served.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
        staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
        await served.put("staff", "S-1", staff)
        await served.tap("S-1", "H-1", "in", day(-1, "08:00"))
        await served.seal()
        yield served


async def _wipe(owner, *tables):
    for table in tables:
        await owner.execute(f"DELETE FROM {table}")


async def _leaves(town, owner):
    await _wipe(owner, "ledger_leaf")


async def _all(town, owner):
    await _wipe(owner, *LEDGER)


async def _altered(town, owner):
    await owner.execute("UPDATE tap SET at = at + interval '1 hour'")
    await _wipe(owner, *LEDGER)


async def _adopted_again(town, owner):
    await _altered(town, owner)
    await owner.execute("UPDATE municipality SET leafless = true")


async def _set_back(town, owner):
    before = {table: await owner.fetch(f"SELECT * FROM {table}") for table in LEDGER[1:]}
    await town.tap("S-1", "H-1", "out", day(-1, "09:00"))
    await town.seal()
    size = before["ledger_head"][0]["size"]
    await owner.execute("DELETE FROM ledger_leaf WHERE leaf_index >= $1", size)
    for table, rows in before.items():
        await _wipe(owner, table)
        given = ", ".join(f"${at}" for at in range(1, len(rows[0]) + 1))
        await owner.executemany(f"INSERT INTO {table} VALUES ({given})", [tuple(row) for row in rows])


@pytest.mark.parametrize("attack", [_leaves, _all, _altered, _adopted_again, _set_back])
async def test_a_ledger_that_somebody_made_smaller_is_sealed_no_further_and_phones_are_served(town, owner, attack):
    database = town.app.state.database
    await attack(town, owner)
    head = await owner.fetch("SELECT * FROM ledger_head")
    await town.tap("S-1", "H-1", "in", day(-1, "10:00"))
    with pytest.raises(LedgerBrokenError):
        await town.seal()
    assert await owner.fetch("SELECT * FROM ledger_head") == head
    with structlog.testing.capture_logs() as logs:
        database.stopped.clear()
        await _seal(database, 188)
        await _seal(database, 188)
    assert [one["event"] for one in logs] == ["ledger_broken"]
    ready = await town.ask("GET", "/health/ready", role=None, expect=200)
    assert ready.json() == {"status": "ready", "warnings": ["ledger_stopped"]}
    assert "taggad_ledgers_stopped 1.0" in (await town.ask("GET", "/metrics", role=None)).text
    assert any("the ledger is the one that was sealed here" in line for line in await check(database, 188))


@pytest.mark.parametrize("attack", [_leaves, _all, _altered])
async def test_without_what_was_kept_outside_a_fact_without_its_leaf_stops_the_sealer(town, owner, attack):
    await attack(town, owner)
    assert town.app.state.database.marks.forget() == 1
    await town.tap("S-1", "H-1", "in", day(-1, "10:00"))
    with pytest.raises(LedgerBrokenError):
        await town.seal()


async def test_another_tree_of_the_same_size_or_a_larger_one_is_not_the_one_that_was_seen(town, owner):
    marks = town.app.state.database.marks
    seen = marks.of(188)
    assert (await ledger_fault(town.app.state.database, 188)) is None
    for size in (seen.size, seen.size - 1):
        marks.keep(188, Mark(size, bytes(32)))
        assert "not those that this machine has seen" in await ledger_fault(town.app.state.database, 188)
        with pytest.raises(LedgerBrokenError):
            await town.seal()


async def test_a_file_that_does_not_hold_a_mark_stops_the_sealer(town, tmp_path):
    (tmp_path / marking.DIRECTORY / "188").write_text("")
    with pytest.raises(LedgerBrokenError, match="does not hold what was written there"):
        await town.seal()


async def test_nothing_is_told_of_a_ledger_that_only_grows(town, owner, database_url, tmp_path):
    """Two workers with one data directory, a restart, and a municipality that is new."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (180, 'Stockholm', now())")
    ways = [Database(database_url, pool_size=2, ledger_keys=[LEDGER_KEY], marks=Marks(tmp_path)) for _ in range(2)]
    for minute in range(10, 20):
        await town.tap("S-1", "H-1", "in" if minute % 2 else "out", day(-1, f"11:{minute}"))
        await asyncio.gather(*(seal_all(way, code) for way in ways for code in (180, 188)))
    await seal_all(ways[0], 188)
    head = await tree.head(changing(owner))
    assert ways[1].marks.of(188) == Mark(head.size, head.root)
    async with serving(database_url, data_dir=tmp_path) as again:
        await again.tap("S-1", "H-1", "in", day(-1, "12:00"))
        await again.seal()
        ready = await again.ask("GET", "/health/ready", role=None, expect=200)
        assert ready.json() == {"status": "ready", "warnings": []}
        assert await check(again.app.state.database, 188) == []
    assert [path.name for path in sorted((tmp_path / marking.DIRECTORY).iterdir())] == ["180", "188"]
    for way in ways:
        await way.close()


async def test_a_restored_ledger_goes_on_once_what_was_seen_is_forgotten(town, owner):
    database = town.app.state.database
    await _set_back(town, owner)
    await _seal(database, 188)
    assert database.stopped
    database.marks.forget()  # as `db restore` and `db restored` do
    await _seal(database, 188)
    assert not database.stopped
    assert database.marks.of(188).size == (await tree.head(changing(owner))).size


async def test_a_directory_that_takes_no_file_stops_nothing_and_is_told(town, tmp_path):
    marks = town.app.state.database.marks
    marks.forget()
    (tmp_path / marking.DIRECTORY).rmdir()
    (tmp_path / marking.DIRECTORY).symlink_to(tmp_path / "nowhere" / "at all")
    marks.keep(188, Mark(0, bytes(32)))
    assert marks.fault
    await town.tap("S-1", "H-1", "out", day(-1, "09:00"))
    await town.seal()
    assert await ledger_fault(town.app.state.database, 188) is None
    (tmp_path / marking.DIRECTORY).unlink()
    marks.keep(188, Mark(0, bytes(32)))
    assert (marks.fault, marks.of(188)) == (None, Mark(0, bytes(32)))


async def test_facts_of_before_the_ledger_get_leaves_once_and_a_fact_says_so(owner, database):
    """An earlier version marked whoever had facts and no leaf; nobody else's facts ever get leaves later."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (180, 'Stockholm', now())")
    await owner.execute(
        "INSERT INTO record (municipality_id, kind, ref, version, seq, recorded_at, recorded_by, body)"
        " VALUES (188, 'providers', 'P-1', 1, 1, $1, 'test', '{\"name\": \"Norr\", \"form\": \"external\"}')",
        dt.datetime.now(dt.UTC),
    )
    await owner.execute("INSERT INTO provider VALUES (188, 'P-1', 'external')")
    await owner.execute("UPDATE municipality SET master_seq = 1, leafless = true WHERE municipality_id = 188")
    marked = "SELECT municipality_id FROM municipality WHERE leafless"
    assert await seal_all(database, 188) == Sealed(3, 0)
    assert await owner.fetch(marked) == []
    told = await owner.fetch("SELECT ref, version, body FROM record WHERE kind = 'ledger' ORDER BY ref")
    assert [tuple(row) for row in told] == [("adopted", 1, '{"facts": 1}'), ("marked", 1, '{"rows": 0}')]
    assert await check(database, 188) == []
    assert await owner.fetchval("SELECT count(*) FROM ledger_leaf") == 3
    older = {"tap", "report", "correction", "manual_visit", "attempt", "record", "period_close"}
    assert set(KINDS) - older == {"access_block"}, "younger than the ledger, so that none is without a leaf"


async def test_a_municipality_that_was_taken_away_is_missed_where_its_ledger_was_seen(town, owner, tmp_path):
    seen = Database(town.app.state.database.engine.url.render_as_string(hide_password=False), marks=Marks(tmp_path))
    assert await missing(seen) == []
    await owner.execute("DELETE FROM municipality")
    assert await missing(seen) == ["188: not so: the municipality is there (its ledger was seen here)"]
    await seen.close()
