"""Whoever reads slowly, or not at all, keeps nothing that others need."""

import asyncio
import socket
from contextlib import suppress

import pytest

from app import server
from app.api.http import kept, spool
from app.api.http.problems import Problem

READERS = 12  # more than there are connections to the database
ROWS = 40_000
ASKED = "GET /v1/executed-time?month=2020-02&by=recipient HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"


@pytest.fixture
async def large(service, owner):
    """A service with an answer of several megabytes, more than the lines between take by themselves."""
    await owner.execute(
        "INSERT INTO month_sum SELECT 188, '2020-02-01', 'B-' || n, 'P-1', 'CARE', 'dusch', '', n, n, 1, 1, 1, 1, 0, 0,"
        " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, $1::int) AS n",
        ROWS,
    )
    return service


async def connected(service):
    """A socket of a client that takes as little as it can in advance."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    host, port = service.url.removeprefix("http://").split(":")
    await asyncio.get_running_loop().sock_connect(line, (host, int(port)))
    return line


async def reader_of(service):
    """A client that has asked for the large answer and read the first of it, and no more."""
    line, loop = await connected(service), asyncio.get_running_loop()
    await loop.sock_sendall(line, ASKED.format(token=service.token("controller")).encode())
    begun = await loop.sock_recv(line, 1024)
    assert begun.startswith(b"HTTP/1.1 200"), begun
    return line


async def rest_of(line):
    """How much more comes before the connection ends, however it does."""
    count = 0
    with suppress(ConnectionError):
        while got := await asyncio.get_running_loop().sock_recv(line, 65536):
            count += len(got)
    return count


async def test_no_connection_to_the_database_is_held_while_a_client_is_sent_to(large):
    lines = []
    try:
        while len(lines) < READERS:
            lines.append(await reader_of(large))
        answer = await large.ask("GET", "/v1/executed-time", params={"month": "2020-02", "by": ""})
        assert answer.json()["rows"][0]["visits"] == ROWS
        await large.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    finally:
        for line in lines:
            line.close()


async def test_slow_readers_do_not_fill_the_disk(large, monkeypatch):
    async def asked(expect):
        return await large.ask(
            "GET", "/v1/executed-time", params={"month": "2020-02", "by": "recipient"}, expect=expect
        )

    monkeypatch.setattr(kept, "MOST_KEPT_BYTES", 0)
    size = len((await asked(200)).content)
    monkeypatch.setattr(spool, "MOST_WAITING_BYTES", 2 * size - 1)
    line = await reader_of(large)
    refused = await asked(503)
    assert refused.json()["code"] == "busy"
    assert int(refused.headers["Retry-After"]) > 0
    line.close()
    while (await asked((200, 503))).status_code == 503:
        pass  # until the service sees that the reader is gone
    assert len((await asked(200)).content) == size, "what was sent or refused gives its room back"


async def test_what_slow_readers_hold_of_forgotten_answers_is_bounded(monkeypatch):
    monkeypatch.setattr(spool, "MOST_SHARED_BYTES", spool.Shared.of_all + 5 * spool.IN_MEMORY_BYTES)

    async def pieces():
        for _ in range(2):
            yield b"x" * spool.IN_MEMORY_BYTES

    async def answer():
        return await spool.shared(await spool.spooled(pieces(), "text/plain", {}), 3 * spool.IN_MEMORY_BYTES)

    held = [await answer() for _ in range(3)]
    assert [isinstance(one, spool.Shared) for one in held] == [True, True, False]
    del held[0]
    assert isinstance(await answer(), spool.Shared)


async def test_an_answer_that_is_never_sent_gives_its_room_back(monkeypatch):
    monkeypatch.setattr(spool, "MOST_WAITING_BYTES", 3 * spool.IN_MEMORY_BYTES)

    async def pieces():
        for _ in range(2):
            yield b"x" * spool.IN_MEMORY_BYTES

    for _ in range(5):
        await spool.spooled(pieces(), "text/plain", {})
    kept = await spool.spooled(pieces(), "text/plain", {})
    with pytest.raises(Problem, match="busy"):
        await spool.spooled(pieces(), "text/plain", {})
    del kept


async def test_whoever_stops_reading_is_hung_up_on(large, monkeypatch):
    whole = await large.ask("GET", "/v1/executed-time", params={"month": "2020-02", "by": "recipient"})
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 0.2)
    line = await reader_of(large)
    while any(one.client == line.getsockname() for one in large.connections):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.05)
    assert await rest_of(line) < len(whole.content)
    line.close()


@pytest.mark.parametrize(
    "sent", ["", "\r\n", "GET /health/live HT", "POST /v1/taps HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_whoever_does_not_finish_a_request_is_hung_up_on(service, monkeypatch, sent):
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 0.1)
    line = await connected(service)
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(line, sent.encode())
    await rest_of(line)  # which comes to an end
    line.close()


@pytest.mark.parametrize("ended", [True, False])
async def test_a_head_without_an_end_is_not_read_to_it(service, ended):
    line, loop = await connected(service), asyncio.get_running_loop()
    got = b""
    with suppress(ConnectionError):
        await loop.sock_sendall(line, b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + b"a" * server.MOST_HEAD_BYTES)
        if ended:
            await loop.sock_sendall(line, b"\r\n\r\n")
        while not ended:
            await loop.sock_sendall(line, b"a" * 65536)
        got = await loop.sock_recv(line, 1024)
    assert not got.startswith(b"HTTP/1.1 200")
    line.close()


async def test_a_head_of_many_short_headers_is_as_long_as_its_bytes(service):
    line, loop = await connected(service), asyncio.get_running_loop()
    headers = b"a:\r\n" * (server.MOST_HEAD_BYTES // 4)
    with suppress(ConnectionError):
        await loop.sock_sendall(line, b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
        assert not (await loop.sock_recv(line, 1024)).startswith(b"HTTP/1.1 200")
    line.close()
