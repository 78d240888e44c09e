"""The load: a process of its own that speaks plain HTTP/1.1 and spends as little of the machine as it can.

Standard input gives one line of JSON, the job: `port` and `streams`, each with `connections`, `rate` (a second; null:
each connection asks again when it is answered), `booted_at` (of the phones, epoch seconds), `warm` (how many requests
go ahead, unmeasured), `patient` (a request that finds the service busy comes again after a second, as a phone's does,
and its time goes on) and `requests`: `[head, body, items]`. Where there are items the body goes on after the phone's
clocks, which are written when it is sent. It answers `ready`, begins at the next line, and tells a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import uvloop

END = b"\r\n\r\n"
STAMP = '{{"sent_at":"{}","sent_uptime_ms":{},'
STAMP_BYTES = len(STAMP.format("2026-10-24T08:31:02.000+00:00", 3_000_000_000))
Request = tuple[bytes, bytes, int]
RETRY_SECONDS = 1


class Connection(asyncio.Protocol):
    """One connection of a stream, one request at a time."""

    def __init__(self, stream: "Stream") -> None:
        self.stream = stream
        self.buffer = b""
        self.due_at = 0.0
        self.request: Request = (b"", b"", 0)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, request: Request, stamp: bytes, due_at: float) -> None:
        self.request, self.due_at = request, due_at
        assert self.transport is not None
        head, body, _ = request
        self.transport.write(head + stamp + body)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head_end = self.buffer.find(END)
        if head_end < 0:
            return
        head = self.buffer[:head_end].lower()
        place = head.find(b"content-length:")
        if place >= 0:
            length = int(head[place + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < head_end + 4 + length:
                return
        elif not self.buffer.endswith(b"0\r\n\r\n"):
            return
        answer, self.buffer = self.buffer, b""
        self.stream.answered(self, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stream.lost(exc)


class Stream:
    """Requests over some connections, as fast as they are answered or at a rate of their own."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.connections = int(job["connections"])
        self.rate: float | None = job["rate"]
        self.booted_at = float(job["booted_at"])
        self.patient = bool(job["patient"])
        self.busy = 0
        given = [(head.encode(), body.encode(), items) for head, body, items in job["requests"]]
        self.warm: list[Request] = given[: job["warm"]]
        self.requests: list[Request] = given[job["warm"] :]
        self.waiting: deque[tuple[float | None, Request]] = deque()
        self.idle: deque[Connection] = deque()  # in turn, or the service would hang up on those that rest
        self.all: list[Connection] = []
        self.left = 0
        self.done: asyncio.Future[None] | None = None
        self.latencies: list[float] = []
        self.accepted = 0
        self.failed: list[str] = []

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self.connections):
            _, made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
            self.all.append(made)
        self.idle.extend(self.all)

    async def run(self, requests: list[Request], rate: float | None) -> float:
        """Send them; returns the seconds until the last was answered."""
        self.latencies, self.accepted, self.left = [], 0, len(requests)
        self.done = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        if rate is None:
            self.waiting.extend((None, request) for request in requests)
            self._pump()
        else:
            for number, request in enumerate(requests):
                due_at = began + number / rate
                if (early := due_at - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                self.waiting.append((due_at, request))
                self._pump()
        if requests:
            await self.done
        return time.perf_counter() - began

    def _pump(self) -> None:
        while self.idle and self.waiting:
            due_at, request = self.waiting.popleft()
            stamp = b""
            if request[2]:
                now = datetime.now(UTC)
                uptime_ms = int((now.timestamp() - self.booted_at) * 1000)
                stamp = STAMP.format(now.isoformat(timespec="milliseconds"), uptime_ms).encode()
            self.idle.popleft().ask(request, stamp, time.perf_counter() if due_at is None else due_at)

    def answered(self, connection: Connection, answer: bytes) -> None:
        if self.patient and answer[9:12] in {b"503", b"429"}:
            self.busy += 1
            again = (connection.due_at, connection.request)
            self.idle.append(connection)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._again, again)
            self._pump()
            return
        self.latencies.append(time.perf_counter() - connection.due_at)
        if connection.request[2]:
            self.accepted += answer.count(b'"verdict":"accepted"')
        if answer[9:10] != b"2" and len(self.failed) < 3:
            self.failed.append(answer[:1000].decode(errors="replace"))
        self.left -= 1
        self.idle.append(connection)
        self._pump()
        if not self.left and self.done is not None and not self.done.done():
            self.done.set_result(None)

    def _again(self, again: tuple[float, Request]) -> None:
        self.waiting.append(again)
        self._pump()

    def lost(self, error: Exception | None) -> None:
        if self.left and self.done is not None and not self.done.done():
            self.done.set_exception(error or ConnectionError("the service hung up"))

    def told(self, seconds: float) -> dict[str, Any]:
        ordered = sorted(self.latencies) or [0.0]
        return {
            "seconds": seconds,
            "requests": len(self.latencies),
            "items": sum(items for _, _, items in self.requests),
            "accepted": self.accepted,
            "busy": self.busy,
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
            "failed": self.failed,
        }


async def main() -> None:
    job = json.loads(sys.stdin.buffer.readline())
    streams = [Stream(one) for one in job["streams"]]
    for stream in streams:
        await stream.connect(job["port"])
        await stream.run(stream.warm, None)
    print("ready", flush=True)
    sys.stdin.buffer.readline()
    seconds = await asyncio.gather(*(stream.run(stream.requests, stream.rate) for stream in streams))
    print(json.dumps([stream.told(took) for stream, took in zip(streams, seconds, strict=True)]), flush=True)
    for stream in streams:
        for connection in stream.all:
            assert connection.transport is not None
            connection.transport.abort()


if __name__ == "__main__":
    uvloop.run(main())
