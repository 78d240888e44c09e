"""The processes that are measured, and the one that loads them."""

import asyncio
import json
import os
import random
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from tempfile import TemporaryDirectory, TemporaryFile
from types import MappingProxyType
from typing import Any

import psutil
from pydantic_core import to_json

from app.api.http.access import Tokens
from app.store.clock import Clock
from bench.cluster import ROOT, Cluster, cpu_seconds

MUNICIPALITY = 188
LATE_TAP_DAYS = 90
TOKEN_SECONDS = 12 * 3600
PATIENCE_SECONDS = 60
KEYS = {name: sha256(f"bench/{name}".encode()).digest() for name in ("token", "field", "lookup", "ledger")}
TOKENS = Tokens([KEYS["token"]], Clock())
Request = tuple[str, str, int]
"""Head, body and items: see `bench.load`."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server of ours: where it answers, and its process."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds it has worked."""
        return cpu_seconds(self.pid)

    def rss_mb(self) -> float:
        """Memory of its largest process: the worker."""
        process = psutil.Process(self.pid)
        return max(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 2**20


@dataclass(frozen=True, slots=True)
class Stream:
    """What one stream of the load sends: see `bench.load`."""

    requests: Sequence[Request]
    connections: int
    rate: float | None = None
    warm: int = 0
    booted_at: float = 0.0
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a stream, and the CPU that server and PostgreSQL spent while all streams ran."""

    seconds: float
    requests: int
    items: int
    accepted: int
    busy: int
    p50_ms: float
    p99_ms: float
    server_cpu: float
    postgres_cpu: float

    @property
    def rate(self) -> float:
        """Items a second; requests where there are none."""
        return (self.items or self.requests) / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of server and PostgreSQL for each item, or request."""
        return (self.server_cpu + self.postgres_cpu) * 1e6 / (self.items or self.requests)


def token(role: str, municipality: int = MUNICIPALITY, **refs: str) -> str:
    """A bearer token that the measured service takes."""
    return TOKENS.mint(municipality, role, ttl_seconds=TOKEN_SECONDS, **refs)


def request(
    method: str, path: str, bearer: str, body: Any = None, headers: Mapping[str, str] = MappingProxyType({})
) -> Request:
    """An ordinary request of the load."""
    content = "" if body is None else to_json(body).decode()
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {bearer}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content.encode())}"]
    return "\r\n".join((*lines, "", "")), content, 0


_DATA_DIRS: list[TemporaryDirectory[str]] = []
"""One for each database that is served, until the bench ends: what a ledger was is remembered there."""


def environment(url: str) -> dict[str, str]:
    """The settings of a service over a database."""
    key = {name: b64encode(secret).decode() for name, secret in KEYS.items()}
    _DATA_DIRS.append(TemporaryDirectory(prefix="taggad-bench-"))
    return {
        "TAGGAD_DATABASE_URL": url,
        "TAGGAD_DATA_DIR": _DATA_DIRS[-1].name,
        "TAGGAD_TOKEN_KEY": key["token"],
        "TAGGAD_FIELD_KEYS": f"1:{key['field']}",
        "TAGGAD_LOOKUP_KEY": key["lookup"],
        "TAGGAD_LEDGER_KEY": key["ledger"],
        "TAGGAD_LATE_TAP_DAYS": str(LATE_TAP_DAYS),
        "TAGGAD_CALLER_REQUESTS": "100000000",  # one token asks for a whole municipality here
        "TAGGAD_MUNICIPALITY_REQUESTS": "100000000",
    }


@asynccontextmanager
async def service(cluster: Cluster, name: str, module: str = "app") -> AsyncIterator[Served]:
    """`taggad serve` over a database, one worker."""
    settings = environment(cluster.url(name))
    async with serving(("-m", module, "serve", "--port"), "/health/ready", settings) as served:
        yield served


@asynccontextmanager
async def hello() -> AsyncIterator[Served]:
    """The yardstick."""
    async with serving(("-m", "bench.hello"), "/", {}) as served:
        yield served


@asynccontextmanager
async def serving(command: Sequence[str], path: str, environment: dict[str, str]) -> AsyncIterator[Served]:
    """What Python runs by a command that takes a port, from when it answers `path` there."""
    port = _free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TAGGAD_")}
    with TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, str(port)), cwd=ROOT, env=inherited | environment, stdout=DEVNULL, stderr=log
        )
        try:
            await _answers(process, port, path)
            yield Served(port, process.pid)
        except RuntimeError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-2000:])
            raise
        finally:
            await _end(process)


def _free_port() -> int:
    """Outside the range that the system gives to whoever asks for any port, so that nobody gets it meanwhile."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def _answers(process: Process, port: int, path: str) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if process.returncode is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        try:
            _, status, _ = await get(port, path)
        except OSError:
            status = 0
        if status == 200:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server does not answer")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def get(port: int, path: str, bearer: str = "") -> tuple[float, int, bytes]:
    """One GET on a connection of its own: seconds from asking to the last byte, status, body as it was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        said = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
        began = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{said}Connection: close\r\n\r\n".encode())
        answer = await reader.read(-1)
        seconds = time.perf_counter() - began
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = _joined(body)
    return seconds, int(head[9:12] or 0), body


def _joined(chunked: bytes) -> bytes:
    parts = []
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        chunked = rest[length + 2 :] if length else b""
    return b"".join(parts)


async def load(served: Served, cluster: Cluster | None, *streams: Stream) -> list[Outcome]:
    """Send the streams, side by side. Raises RuntimeError when an answer is none of success."""
    job = {
        "port": served.port,
        "streams": [
            {
                "connections": stream.connections,
                "rate": stream.rate,
                "warm": stream.warm,
                "booted_at": stream.booted_at,
                "patient": stream.patient,
                "requests": stream.requests,
            }
            for stream in streams
        ],
    }
    loader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"), cwd=ROOT, stdin=PIPE, stdout=PIPE, limit=2**20
    )
    assert loader.stdin is not None
    assert loader.stdout is not None
    try:
        loader.stdin.write(to_json(job) + b"\n")
        await loader.stdin.drain()
        if await loader.stdout.readline() != b"ready\n":
            raise RuntimeError("the load did not get ready")
        before = served.cpu(), cluster.cpu() if cluster else 0.0
        loader.stdin.write(b"go\n")
        said = await loader.stdout.readline()
        server_cpu, postgres_cpu = served.cpu() - before[0], (cluster.cpu() if cluster else 0.0) - before[1]
        loader.stdin.close()
        await loader.wait()
    finally:
        await _end(loader)
    if not said:
        raise RuntimeError("the load broke")
    outcomes = json.loads(said)
    failed = [answer for outcome in outcomes for answer in outcome.pop("failed")]
    if failed:
        raise RuntimeError(f"the service refused: {failed[0]}")
    return [Outcome(**outcome, server_cpu=server_cpu, postgres_cpu=postgres_cpu) for outcome in outcomes]
