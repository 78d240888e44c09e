"""Whoever holds connections and asks for nothing makes room for whoever asks."""

import asyncio
from contextlib import suppress

import pytest
from postgres import waits_for_the_lock

from app import server
from app.store.database import LOCK_CLASS

MOST = 20
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def crowded(monkeypatch):
    """A server that holds twenty connections."""
    monkeypatch.setattr(server, "most_connections", lambda: MOST)
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 3600)


async def opened(service, said):
    """A connection on which so much has been said; where that is a whole request, it has been answered."""
    reader, writer = await asyncio.open_connection(*service.url.removeprefix("http://").split(":"))
    writer.write(said)
    if said == ALIVE:
        await reader.readuntil(b"}")
    return reader, writer


@pytest.mark.parametrize(
    "said", [b"", b"GET /health/live HTT", ALIVE, b"POST /oauth/token HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_who_only_holds_a_connection_gives_it_up_to_who_asks(crowded, service, said):
    held = [await opened(service, said) for _ in range(2 * MOST)]
    assert (await service.ask("GET", "/v1/visits")).status_code == 200
    assert len(service.connections) <= MOST
    for reader, _ in held[:MOST]:  # the first are those that have been silent for longest
        with suppress(ConnectionError):
            await reader.read()  # which comes to an end
    for _, writer in held:
        writer.close()


async def test_a_request_that_is_being_answered_is_not_given_up(crowded, service, owner):
    await owner.execute("SELECT pg_advisory_lock($1, 188)", LOCK_CLASS)
    putting = asyncio.create_task(service.put("providers", "P-1", {"name": "Ett", "form": "external"}))
    await waits_for_the_lock(owner)
    held = [await opened(service, ALIVE) for _ in range(2 * MOST)]
    await owner.execute("SELECT pg_advisory_unlock($1, 188)", LOCK_CLASS)
    assert (await putting)["version"] == 1
    for _, writer in held:
        writer.close()
