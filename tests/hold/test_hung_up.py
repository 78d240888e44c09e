"""What a phone asked for that has given up is not written, so it makes nobody wait; the phone sends it again."""

import asyncio
import datetime as dt

import httpx
import pytest
from postgres import waits_for_the_lock
from service import day, tap_item, written

from app.api.taps import group_commit
from app.store.database import LOCK_CLASS


async def test_taps_of_a_phone_that_hung_up_while_it_waited_are_sent_again_and_are_new(home, owner, monkeypatch):
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0)
    before, given_up, behind = (tap_item("H-1", "auto", day(-1, at)) for at in ("08:00", "08:10", "08:20"))
    await owner.execute("SELECT pg_advisory_lock($1, 188)", LOCK_CLASS)
    first = asyncio.create_task(home.taps("S-1", [before]))
    await waits_for_the_lock(owner)
    body = written({"sent_at": dt.datetime.now(dt.UTC), "taps": [given_up]})
    with pytest.raises(httpx.ReadTimeout):
        await home.client("staff", staff="S-1").post("/v1/taps", json=body, timeout=0.5)
    last = asyncio.create_task(home.taps("S-1", [behind]))
    await owner.execute("SELECT pg_advisory_unlock($1, 188)", LOCK_CLASS)
    assert [one["verdict"] for one in [*await first, *await last]] == ["accepted", "accepted"]
    [result] = await home.taps("S-1", [given_up])
    assert (result["verdict"], result["duplicate"]) == ("accepted", False)
