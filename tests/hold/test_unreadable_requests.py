"""What is no request of HTTP/1.1 is refused with a problem document, as everything else is that is refused."""

import asyncio
import json

import pytest

from app import server

LONG = b"a" * server.MOST_HEAD_BYTES


async def answer_to(service, sent):
    """The status, the headers and the body that these bytes are answered with, until the connection is closed."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    got = await reader.read()
    writer.close()
    head, _, body = got.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, value in (one.split(": ", 1) for one in headers)}, body


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health/live HTTP/1.1\r\n",
        b"POST /v1/taps HTTP/1.1\r\nContent-Length: 0\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n",
        b"TAP /health/live HTTP/1.1\r\nHost: a\r\n",
        b"get /health/live HTTP/1.1\r\nHost: a\r\n",
        b"GET /health/live HTTP/9.9\r\nHost: a\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: " + LONG + b"\r\n",
        b"nothing of the kind\r\n",
    ],
)
async def test_it_is_refused_with_a_problem_document(service, head):
    status, headers, body = await answer_to(service, head + b"Connection: close\r\n\r\n")
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    told = json.loads(body)
    assert (told["code"], told["status"], len(body)) == ("malformed_request", 400, int(headers["content-length"]))
    assert len(told["trace_id"]) == 32
    assert {"x-content-type-options", "content-security-policy", "cache-control"} <= headers.keys()


async def test_a_request_of_http_1_0_needs_no_host(service):
    status, _, _ = await answer_to(service, b"GET /health/live HTTP/1.0\r\n\r\n")
    assert status == 200


async def test_what_is_refused_is_counted(service):
    async def counted():
        lines = (await service.client().get("/metrics")).text.splitlines()
        wanted = 'method="other",route="none",status="400"'
        return sum(float(one.split()[-1]) for one in lines if wanted in one and "_seconds_count" in one)

    before = await counted()
    await answer_to(service, b"TAP /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
    assert await counted() == before + 1
