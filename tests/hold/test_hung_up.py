"""What a phone asked for that has given up is not written, so it makes nobody wait; the phone sends it again."""

import asyncio
import datetime as dt
import socket
import struct

import httpx
import pytest
import uvicorn
import uvloop
from postgres import waits_for_the_lock
from service import day, tap_item, written
from uvicorn.server import ServerState

from app.api.taps import group_commit
from app.server import Patient, server_options
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


def test_an_answer_to_a_client_that_has_just_gone_is_no_error():
    """In the step of the loop in which a lost connection is told, something may still be written to it."""
    faults, over = [], asyncio.Event()

    class Late(Patient):
        def connection_lost(self, exc):
            self.transport.write(b"an answer")
            super().connection_lost(exc)
            self.loop.call_soon(over.set)

    async def leave():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, fault: faults.append(fault))
        config = uvicorn.Config(None, **server_options() | {"lifespan": "off"})
        config.load()
        async with await loop.create_server(lambda: Late(config, ServerState(), {}), "127.0.0.1", 0) as server:
            with socket.create_connection(server.sockets[0].getsockname()) as line:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await over.wait()

    loop = uvloop.new_event_loop()  # the one that a process serves with
    loop.run_until_complete(leave())
    loop.close()
    assert faults == []
