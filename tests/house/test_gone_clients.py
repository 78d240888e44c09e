"""Clients that are gone before their request is whole, or in the middle of the answer: nothing of it is an error."""

import asyncio
import json
import re
import socket
import struct

import pytest
from postgres import SERVER, connect
from processes import free_port, get

from app.store.server import embedded

UNFINISHED = [
    ("POST", "/v1/taps", "staff"),
    ("POST", "/v1/reports", "staff"),
    ("PUT", "/v1/orders/O-1", "admin"),
    ("POST", "/v1/orders:batch", "admin"),
    ("POST", "/v1/devices/enrol", None),
    ("POST", "/oauth/token", None),
    ("POST", "/nowhere", None),
]
LARGE = [
    ("/v1/executed-time?month=2020-02&by=recipient", "application/json"),
    ("/v1/executed-time?month=2020-02&by=recipient", "text/csv"),
    ("/docs/master-data", "*/*"),
    ("/openapi.json", "*/*"),
]
ROWS = (
    "INSERT INTO month_sum SELECT 188, '2020-02-01', 'B-' || n, 'P-1', 'CARE', 'dusch', '', n, n, 1, 1, 1, 1, 0, 0,"
    " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, 20000) AS n"
)


@pytest.fixture
def served(start, taggad, tmp_path):
    """A server process with some large answers; its port and what it needs to be asked."""
    data = tmp_path / "data"
    with embedded.attach(data, settings=SERVER) as url:
        there = {"TAGGAD_DATA_DIR": str(data)}
        taggad("migrate", **there)
        taggad("municipality", "add", "188", "Norrtälje", **there)
        asyncio.run(insert(url))
        port = free_port()
        server = start("serve", "--port", str(port), **there)
        server.until(lambda: f"Serving at http://127.0.0.1:{port}" in server.said.read_text(), "serving")
        tokens = {
            role: taggad("token", "--municipality", "188", "--role", role, *more, **there).strip()
            for role, *more in (("admin",), ("staff", "--staff", "S-1"))
        }
        yield server, port, tokens


async def insert(url):
    owner = await connect(url)
    await owner.execute(ROWS)
    await owner.close()


def begin(port, method, path, token, *headers):
    """A connection on which a request has been begun."""
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    told = [f"Authorization: Bearer {token}"] if token else []
    line.sendall("\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *told, *headers, "", ""]).encode())
    return line


def leave(line, *, abruptly):
    if abruptly:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def test_nobody_is_told_of_clients_that_are_gone(served):
    server, port, tokens = served
    for abruptly in (False, True):
        for method, path, role in UNFINISHED:
            length = ("Content-Type: application/json", "Content-Length: 1000")
            line = begin(port, method, path, tokens.get(role), *length)
            line.sendall(b'{"taps": [')
            leave(line, abruptly=abruptly)
        for path, accept in LARGE:
            line = begin(port, "GET", path, tokens["admin"], f"Accept: {accept}")
            assert line.recv(512).startswith(b"HTTP/1.1 200")
            leave(line, abruptly=abruptly)
            leave(begin(port, "GET", path, tokens["admin"], f"Accept: {accept}"), abruptly=abruptly)
    asked = 2 * (len(UNFINISHED) + 2 * len(LARGE))
    server.until(lambda: requests_of(server) >= asked, "every request is told of")
    metrics = get(f"http://127.0.0.1:{port}/metrics")
    assert 'status="500"' not in metrics
    assert server.end() == (0, [])
    said = server.said.read_text()
    assert "Traceback" not in said
    others = [one for one in map(json.loads, re.findall(r"^\{.*\}$", said, re.MULTILINE)) if one["level"] != "info"]
    assert others == []


def requests_of(server):
    """The requests that the log tells of, but for those that ask whether it is there."""
    lines = re.findall(r'^\{.*"event":"request".*\}$', server.said.read_text(), re.MULTILINE)
    return sum("/health/" not in line for line in lines)
