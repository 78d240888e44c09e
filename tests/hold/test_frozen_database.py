"""A database that hangs, which no error tells of: callers are told to come back, and what was said to be stored is."""

import asyncio
import datetime as dt
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from postgres import SERVER, connect
from service import day, serving, tap_item

from app import main
from app.store import pools
from app.store.migrate import migrate
from app.store.server.embedded import attach


def _family(pid):
    """The server's processes: the first, and those it has made."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *map(int, children.read_text().split())]


@contextmanager
def _frozen(pid):
    frozen = _family(pid)
    try:
        for one in frozen:
            os.kill(one, signal.SIGSTOP)
        yield
    finally:
        for one in frozen:
            os.kill(one, signal.SIGCONT)


@pytest.fixture
async def alone(tmp_path, monkeypatch):
    """A service and the process of its database, which is nobody else's."""
    monkeypatch.setattr(main, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(pools, "EXPORT_SECONDS", 1)
    with attach(tmp_path / "server", settings=SERVER) as url:
        await migrate(url)
        owner = await connect(url)
        await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
        pid = int((await owner.fetchval("SELECT pg_read_file('postmaster.pid')")).splitlines()[0])
        await owner.close()
        async with serving(url) as served:
            await served.put("providers", "P-norr", {"name": "Norr", "form": "external"})
            await served.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
            staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
            await served.put("staff", "S-1", staff)
            yield served, pid


async def test_whoever_asks_of_a_frozen_database_is_told_to_come_back_and_nothing_is_lost(alone):
    service, pid = alone
    before, after = tap_item("H-1", "in", day(-1, "08:00")), tap_item("H-1", "out", day(-1, "08:30"))
    await service.taps("S-1", [before])
    batch = {"sent_at": dt.datetime.now(dt.UTC), "taps": [after]}
    asked = [
        ("GET", "/health/ready", None, {"role": None}),
        ("POST", "/v1/taps", batch, {"role": "staff", "staff": "S-1"}),
        ("GET", "/v1/visits", None, {"role": "controller"}),
        ("GET", "/v1/executed-time?month=2020-02", None, {"role": "controller"}),
        ("PUT", "/v1/providers/P-syd", {"name": "Syd", "form": "external"}, {"role": "system"}),
    ] * 4  # more than a pool of connections has, so that new ones are tried too
    with _frozen(pid):
        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                *(service.ask(method, path, body, expect=503, **who) for method, path, body, who in asked)
            )
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        await service.ask("GET", "/health/live", role=None, expect=200)
    while (await service.client().get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.1)
    results = await service.taps("S-1", [before, after])
    assert results[0]["duplicate"]
    [visit] = await service.visits()
    assert (visit["status"], visit["seconds"]) == ("complete", 1800)
