"""A wrong clock would be written into facts that never change: nothing is written until it is right again."""

import asyncio
import datetime as dt
import time
import uuid

import pytest
from service import SetClock, day, serving, tap_item

from app.actions.add_municipality import add_municipality
from app.actions.visits.mend_clock import mend_clock
from app.actions.visits.move_clock import let_pass, move_clock
from app.store.clock import MOST_SECONDS, Clock, ClockError
from app.store.database import LOCK_CLASS

DAY = 86400


class Wall:
    """A clock that can be set, beside the time that goes on whatever it says."""

    def __init__(self):
        self.off = self.running = 0.0

    def clock(self):
        return Clock(lambda: 1_000_000 + self.running + self.off, lambda: self.running)

    def now(self):
        return dt.datetime.fromtimestamp(1_000_000 + self.running, dt.UTC)


@pytest.mark.parametrize("jump", [MOST_SECONDS + 1, -MOST_SECONDS - 1, 40 * DAY])
def test_a_clock_that_is_set_by_more_than_it_can_be_off_is_not_believed_until_it_is_set_back(jump):
    wall = Wall()
    clock = wall.clock()
    wall.running += 5 * DAY  # a machine that was asleep has not jumped
    clock.required(wall.now())
    wall.off = jump
    for _ in range(2):
        with pytest.raises(ClockError, match="was set by"):
            clock.required(wall.now() + dt.timedelta(seconds=jump))  # the database on the same machine jumped too
    wall.off = 0
    clock.required(wall.now())


def test_many_small_steps_are_a_clock_that_is_kept_right():
    wall = Wall()
    clock = wall.clock()
    for _ in range(100):
        wall.off += 60
        clock.required(wall.now() + dt.timedelta(seconds=wall.off))


def test_a_clock_unlike_the_databases_is_not_believed():
    wall = Wall()
    with pytest.raises(ClockError, match="differs from the database's"):
        wall.clock().required(wall.now() - dt.timedelta(seconds=MOST_SECONDS + 1))


async def test_a_clock_that_is_handed_in_is_that_of_the_whole_service(database_url, owner):
    """Whose tokens, records, taps and answers all say what time it is there, decades from here."""
    clock = SetClock(dt.datetime(2061, 3, 1, 12, tzinfo=dt.UTC))
    async with serving(database_url, clock=clock) as there:
        await add_municipality(there.app.state.database, 188, "Norrtälje")
        await there.put("providers", "P-1", {"name": "Ett", "form": "external"})
        await there.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": "2061-01-01"})
        await there.put("recipients", "B-1", {"area": "URBAN", "household": "H-1", "birth_date": "2061-03-01"})
        await there.enrol("S-1")
        clock.at += dt.timedelta(minutes=10)
        await there.taps("S-1", [tap_item("H-1", "in", clock.at - dt.timedelta(minutes=20))], sent_at=clock.at)
        here = (await there.ask("GET", "/v1/presence", role="admin", params={"household": "H-1"}, expect=200)).json()
        assert (here["at"], here["items"][0]["since"]) == ("2061-03-01T12:10:00Z", "2061-03-01T11:50:00Z")
        reminded = await there.ask("GET", "/v1/reminders", role="staff", staff="S-1", expect=200)
        assert reminded.json()["at"] == "2061-03-01T12:10:00Z"
        clock.at += dt.timedelta(hours=2)
        await there.ask("GET", "/v1/providers", role="admin", expect=401)  # with the token of two hours ago
        await move_clock(there.app.state.database)
    assert await owner.fetchval("SELECT as_of FROM municipality") == clock.at
    assert {row[0].year for row in await owner.fetch("SELECT recorded_at FROM record")} == {2061}
    assert await owner.fetchval("SELECT received_at FROM tap") == clock.at - dt.timedelta(hours=2)


async def test_nothing_is_written_and_nothing_lost_while_the_clock_is_wrong(home):
    database, item = home.app.state.database, tap_item("H-1", "in", day(-1, "08:00"))
    wall = Wall()
    home.app.state.clock = database.clock = wall.clock()  # which differs from the database's by half a century
    body = {"sent_at": dt.datetime.now(dt.UTC), "taps": [item]}
    refused = await home.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=503)
    assert refused.json()["code"] == "clock_wrong"
    assert int(refused.headers["Retry-After"]) > 0
    await home.ask("GET", "/health/ready", role=None, expect=503)
    assert await home.visits() == []
    with pytest.raises(ClockError):
        await move_clock(database)
    home.app.state.clock = database.clock = Clock()
    await home.ask("GET", "/health/ready", role=None, expect=200)
    [result] = await home.taps("S-1", [item])
    assert (result["verdict"], result["duplicate"]) == ("accepted", False)


async def test_what_was_received_while_the_clock_was_wrong_is_not_written_when_it_is_right_again(home):
    """It waits for the lock meanwhile, and under that the clock is found to be right."""
    database, wall = home.app.state.database, Wall()
    home.app.state.clock = database.clock = Clock(lambda: time.time() + wall.off)
    tap, report = tap_item("H-1", "in", day(-1, "08:00")), {"id": uuid.uuid4(), "tap": uuid.uuid4()}
    report |= {"reported_at": day(-1, "09:00"), "outcome": "performed", "interventions": []}
    bodies = {"/v1/taps": {"sent_at": day(-1, "09:00"), "taps": [tap]}, "/v1/reports": {"reports": [report]}}
    for path, body in bodies.items():
        wall.off = -3 * 3600
        async with database.read(188, "writes") as holding:
            await holding._driver.execute("SELECT pg_advisory_xact_lock($1, 188)", LOCK_CLASS)
            asked = asyncio.create_task(home.ask("POST", path, body, role="staff", staff="S-1", expect=503))
            await asyncio.wait([asked], timeout=0.5)
            wall.off = 0
        assert (await asked).json()["code"] == "clock_wrong"
        await home.ask("POST", path, body, role="staff", staff="S-1", expect=200)


async def test_what_a_clock_ahead_did_to_open_visits_is_taken_back_as_a_fact(home, owner, database_url):
    await home.tap("S-1", "H-1", "in", dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20))
    before = await home.visits()
    assert [visit["status"] for visit in before] == ["open"]
    await let_pass(home.app.state.database, 188, dt.datetime.now(dt.UTC) + dt.timedelta(days=40))
    assert [visit["status"] for visit in await home.visits()] == ["incomplete"]
    told = await mend_clock(home.app.state.database, 188)
    assert told[0].startswith("the time was moved back from")
    [visit] = await home.visits()
    assert visit == before[0] | {"version": visit["version"]}
    assert await mend_clock(home.app.state.database, 188) == []
    [body] = await owner.fetch("SELECT body FROM record WHERE kind = 'clock'")
    assert "before" in body["body"]
    await home.seal()
    async with serving(database_url) as other:  # a process that reads all records anew
        assert [one["status"] for one in await other.visits()] == ["open"]
