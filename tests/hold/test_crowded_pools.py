"""Who takes every connection of a kind stands in the way of that kind alone."""

from contextlib import AsyncExitStack

import pytest
from service import day, serving

from app.api.http import pulls


@pytest.fixture
async def small(database_url, owner):
    """A service with one connection for reads, one for exports and two for writes."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, pool_size=4) as served:
        await served.put("providers", "P-norr", {"name": "Norr", "form": "external"})
        await served.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
        staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
        await served.put("staff", "S-1", staff)
        yield served


async def _crowded(small, *kinds):
    database, held = small.app.state.database, AsyncExitStack()
    for kind in kinds:
        await held.enter_async_context(database.snapshot(188) if kind == "exports" else database.read(188, kind))
    return held


async def test_taps_are_taken_while_nothing_can_be_read(small):
    async with await _crowded(small, "reads", "exports"):
        device, _ = await small.enrol("S-1")  # a phone, of which it is read whether it was revoked
        await small.tap("S-1", "H-1", "in", day(-1, "08:00"), device=device)
        await small.ask("GET", "/v1/visits", expect=503)
        await small.ask("GET", "/health/ready", role=None, expect=200)
    assert len(await small.visits()) == 1


async def test_lists_are_read_while_nothing_can_be_exported(small):
    async with await _crowded(small, "exports"):
        refused = await small.ask("GET", "/v1/executed-time", params={"month": "2020-02"}, expect=503)
        assert int(refused.headers["Retry-After"]) > 0
        assert await small.visits() == []


async def test_the_service_is_ready_while_all_is_taken(small):
    async with await _crowded(small, "writes", "writes", "reads", "exports"):
        await small.ask("GET", "/health/ready", role=None, expect=200)
        await small.ask("PUT", "/v1/providers/P-syd", {"name": "Syd", "form": "external"}, role="system", expect=503)


async def test_a_municipality_that_pulls_many_reports_is_told_to_wait_and_others_are_not(service, owner, monkeypatch):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (114, 'Upplands Väsby', now())")
    monkeypatch.setattr(pulls, "TURN_SECONDS", 0.1)
    turns = service.app.state.exporting[188]
    query = {"month": "2020-02"}
    for _ in range(pulls.EXPORTS_AT_ONCE):
        await turns.acquire()
    refused = await service.ask("GET", "/v1/executed-time", params=query, expect=429)
    assert refused.json()["code"] == "too_many_exports"
    assert int(refused.headers["Retry-After"]) > 0
    await service.ask("GET", "/v1/executed-time", params=query, municipality=114, expect=200)
    turns.release()
    for _ in range(3):  # a turn is given back, by a refusal too
        await service.ask("GET", "/v1/executed-time", params=query, expect=200)
        await service.ask("GET", "/v1/executed-time", params=query | {"staff": "S-9"}, expect=404)


HEAVY = {
    "compensation/simulate": {"from": "2026-01-01", "to": "2026-01-31", "compensation": {"preset": "executed"}},
    "periods/P-norr/2026-01/close": {"accept_open": True},
}


@pytest.mark.parametrize("path", HEAVY)
async def test_what_reads_as_much_as_a_report_takes_a_turn_too(home, monkeypatch, path):
    monkeypatch.setattr(pulls, "TURN_SECONDS", 0.1)
    turns = home.app.state.exporting[188]
    for _ in range(pulls.EXPORTS_AT_ONCE):
        await turns.acquire()
    refused = await home.ask("POST", f"/v1/{path}", HEAVY[path], role="controller", expect=429)
    assert refused.json()["code"] == "too_many_exports"
    turns.release()
    for _ in range(2):
        await home.ask("POST", f"/v1/{path}", HEAVY[path], role="controller", expect=(200, 201))
