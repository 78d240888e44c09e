"""Time passes: who forgot to tap out is reminded, and what nobody ends becomes incomplete without any tap."""

import asyncio
import datetime as dt

import pytest
from service import serving
from world import H1, H2, H3, PAR, ago, at, codes, suggestion

from app import main
from app.actions.visits.move_clock import let_pass
from app.store.database import Database

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
STORED = """
SELECT (SELECT coalesce(jsonb_agg(v ORDER BY id), '[]') FROM visit AS v)::text,
    (SELECT coalesce(jsonb_agg(c ORDER BY no), '[]') FROM visit_change AS c)::text,
    (SELECT jsonb_agg(m) FROM municipality AS m)::text
"""


@pytest.fixture
async def still(settle_another, monkeypatch):
    """The service over a settled municipality whose clock nobody but the story moves."""

    async def stand(*_):
        """A clock that never moves."""

    monkeypatch.setattr(main, "_keep_time", stand)
    return await settle_another()


async def stored(service):
    """Every visit, change and clock, as the database holds them."""
    async with service.app.state.database.read(188) as reading:
        return tuple(await reading._driver.fetchrow(STORED))


async def reminded(service, staff="S-1", *, language="en"):
    """What the staff is reminded of."""
    headers = {"Accept-Language": language}
    answer = await service.ask("GET", "/v1/reminders", role="staff", staff=staff, headers=headers, expect=200)
    return answer.json()["items"]


async def test_who_is_still_logged_in_is_reminded_after_the_ordered_minutes(still):
    start = ago(minutes=31)  # a shower and insulin: 30 minutes
    tapped = await still.tap("S-1", H1, "in", start)
    before = await stored(still)
    [reminder] = await reminded(still)
    assert reminder == {
        "visit": tapped["visits"][0]["id"],
        "recipient": "B-1",
        "household": "H-1",
        "started_at": reminder["started_at"],
        "expected_end_at": reminder["expected_end_at"],
        "code": "still_logged_in",
        "text": "You are still logged in.",
    }
    assert (at(reminder["started_at"]), at(reminder["expected_end_at"])) == (start, start + 30 * MINUTE)
    assert [one["text"] for one in await reminded(still, language="sv")] == ["Du är fortfarande inloggad."]
    assert await stored(still) == before
    assert await reminded(still, "S-2") == []
    await still.tap("S-1", H1, "out", ago(minutes=0))
    assert await reminded(still) == []


async def test_nobody_is_reminded_before_the_ordered_minutes_are_over(still):
    await still.tap("S-1", H1, "in", ago(minutes=25))
    await still.tap("S-2", PAR, "in", ago(minutes=31))  # both of them together: 30 minutes
    assert await reminded(still) == []
    assert {one["recipient"] for one in await reminded(still, "S-2")} == {"B-a", "B-b"}


async def test_a_report_says_what_takes_time_also_while_the_visit_is_open(still):
    tapped = await still.tap("S-1", H1, "in", ago(minutes=25))
    await still.report("S-1", tapped["id"], ["insulin"])  # 10 of the 30
    [reminder] = await reminded(still)
    assert at(reminder["expected_end_at"]) - at(reminder["started_at"]) == 10 * MINUTE


async def test_where_nothing_was_ordered_the_setting_says_when(settle_another):
    for minutes, expected in ((60, []), (30, [30 * MINUTE])):
        home = await settle_another(reminder_minutes=minutes)
        await home.tap("S-1", H3, "in", ago(minutes=40))
        found = await reminded(home)
        assert [at(one["expected_end_at"]) - at(one["started_at"]) for one in found] == expected


async def test_a_server_that_has_just_started_reminds_too(still):
    await still.tap("S-1", H1, "in", ago(minutes=31))
    url = still.app.state.database.engine.url.render_as_string(hide_password=False)
    async with serving(url) as other:
        assert other.app.state.database.remembered(188) is None
        assert await reminded(other) == await reminded(still)


async def test_an_open_visit_becomes_incomplete_with_a_provisional_end_without_any_tap(still):
    start = ago(hours=2)
    await still.tap("S-1", H1, "in", start)
    await let_pass(still.app.state.database, 188, start + 16 * HOUR)
    [visit] = await still.visits()
    assert (visit["status"], visit["ended_at"], codes(visit)) == ("open", None, set())
    await let_pass(still.app.state.database, 188, start + 16 * HOUR + dt.timedelta(seconds=1))
    [visit] = await still.visits()
    assert (visit["status"], codes(visit), visit["provisional"]) == ("incomplete", {"missing_out"}, True)
    assert at(visit["ended_at"]) == start + 30 * MINUTE
    assert suggestion(visit, "missing_out")["kind"] == "set_end"
    assert (visit["seconds"], visit["payable"]) == (0, False)
    assert await reminded(still) == []


async def test_the_same_hour_told_again_changes_nothing(still):
    start = ago(hours=2)
    await still.tap("S-1", H1, "in", start)
    later = start + 17 * HOUR
    await let_pass(still.app.state.database, 188, later)
    before = await stored(still)
    await let_pass(still.app.state.database, 188, later)
    await let_pass(still.app.state.database, 188, later - HOUR)  # a server whose clock is slow
    assert await stored(still) == before
    await let_pass(still.app.state.database, 188, later + HOUR)
    visits, changes, _ = await stored(still)
    assert (visits, changes) == before[:2]


async def test_several_servers_at_once_end_a_visit_once(still):
    for staff, tag in (("S-1", H1), ("S-2", H2), ("S-3", H3)):
        await still.tap(staff, tag, "in", ago(hours=2))
    opened = {visit["id"]: visit["version"] for visit in await still.visits(status="open")}
    later = ago(hours=-17)
    url = still.app.state.database.engine.url
    servers = [still.app.state.database, Database(url, pool_size=4), Database(url, pool_size=4)]
    try:
        await asyncio.gather(*(let_pass(one, 188, later) for one in servers * 2))
    finally:
        for one in servers[1:]:
            await one.close()
    ended = {visit["id"]: visit["version"] for visit in await still.visits(status="incomplete")}
    assert len(ended) == 3
    assert ended == {visit: version + 1 for visit, version in opened.items()}
