"""A batch of taps costs the same few statements whatever its size."""

import datetime as dt
from itertools import cycle

import pytest
from service import day, tap_item
from sqlalchemy import event

from app import main

MOST_STATEMENTS = 4  # BEGIN and COMMIT among them
SIZES = (1, 10, 1000)
CARERS = ("S-1", "S-2", "S-3")
YESTERDAY, FIRST = (day(offset, "06:00").astimezone(dt.UTC) for offset in (-5, -4))
STEP = dt.timedelta(minutes=4)


@pytest.fixture
async def counted(settle_another, monkeypatch):
    """A service and its transactions, each the list of statements it sent."""
    for background in ("CLOCK_SECONDS", "SEAL_SECONDS"):
        monkeypatch.setattr(main, background, 3600)
    home = await settle_another()
    for who in CARERS:
        for door in doors(who):
            await home.put("recipients", door, {"area": "URBAN"})
    engine = home.app.state.database.engine.sync_engine
    transactions = []

    def note(statement):
        if statement.startswith("BEGIN") or not transactions:
            transactions.append([])
        transactions[-1].append(statement)

    def connected(connection, _):
        connection.driver_connection.add_query_logger(lambda record: note(record.query))

    await home.app.state.database.engine.dispose()
    event.listen(engine, "connect", connected)
    yield home, transactions
    event.remove(engine, "connect", connected)


def doors(who):
    """Homes that only this carer visits: company there would be a wider neighbourhood, not a larger batch."""
    return [f"{who}-home-{n}" for n in range(3)]


def batch(who, first, count, directions, *, homes=3):
    """Taps in and out by turns, a few minutes apart, home after home."""
    ways, places = cycle(directions), cycle([home for home in doors(who)[:homes] for _ in directions])
    return [tap_item(next(places), next(ways), first + n * STEP) for n in range(count)]


async def statements(counted, who, items):
    """What the one transaction that stored these taps sent."""
    home, transactions = counted
    transactions.clear()
    results = await home.taps(who, items)
    assert {(one["verdict"], one["duplicate"], bool(one["visits"])) for one in results} == {("accepted", False, True)}
    [sent] = [one for one in transactions if any("INSERT INTO tap " in statement for statement in one)]
    assert (sent[0].split()[0], sent[-1]) == ("BEGIN;", "COMMIT")
    return sent


async def test_taps_that_come_in_order_cost_the_same_whatever_their_number(counted):
    told = []
    for who, size in zip(CARERS, SIZES, strict=True):
        await statements(counted, who, batch(who, YESTERDAY, 2, ("in", "out")))
        told.append(await statements(counted, who, batch(who, FIRST, size, ("in", "out"))))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) <= MOST_STATEMENTS


async def test_outs_of_open_visits_cost_the_same_whatever_their_number(counted):
    told = []
    for who, size in zip(CARERS, SIZES, strict=True):
        await statements(counted, who, batch(who, FIRST - STEP, 1, ("in",)))
        told.append(await statements(counted, who, batch(who, FIRST, size, ("out", "in"), homes=1)))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) <= MOST_STATEMENTS


async def test_a_repeated_batch_costs_no_more(counted):
    home, transactions = counted
    items = batch("S-1", FIRST, 1000, ("in", "out"))
    fresh = await statements(counted, "S-1", items)
    transactions.clear()
    assert all(one["duplicate"] for one in await home.taps("S-1", items))
    [sent] = [one for one in transactions if any("pg_advisory" in statement for statement in one)]
    assert len(sent) < len(fresh)


async def test_outs_that_come_late_and_in_disorder_cost_the_same_whatever_their_number(counted):
    told = []
    for who, size in zip(CARERS, (1, 10, 500), strict=True):
        items = batch(who, FIRST, 2 * size, ("in", "out"))
        await statements(counted, who, items[::2])
        told.append(await statements(counted, who, items[:0:-2]))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) <= MOST_STATEMENTS
