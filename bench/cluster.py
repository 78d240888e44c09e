"""The measured PostgreSQL: a cluster of its own under `build`, its databases, its CPU, and the floor over it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from app.store.migrate import MIGRATIONS
from app.store.server.cluster import binaries, log_of
from app.store.server.embedded import Embedded

ROOT = Path(__file__).parents[1]
FLOOR_TABLE = """
CREATE TABLE IF NOT EXISTS floor_tap (
    id uuid PRIMARY KEY DEFAULT uuidv7(), staff text NOT NULL, tag text NOT NULL, at timestamptz NOT NULL)
"""
FLOOR_SCRIPT = "INSERT INTO floor_tap (staff, tag, at) VALUES ('S-001', 'T-001', now());\n"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all it started, those that have ended too."""
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:  # counted by its parent from now on
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class Cluster:
    """A running cluster. Made databases are kept from run to run, as long as what they are made by stays the same."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded
        self._made = embedded.data_dir / "made.json"
        self.socket_dir = embedded.socket_dir
        pid_file = embedded.data_dir / "postgres" / "postmaster.pid"
        self.pid = int(pid_file.read_text().split("\n", 1)[0])

    def url(self, name: str) -> str:
        """The application's way into a database, as its setting has it."""
        return re.sub(r"/taggad\?", f"/{name}?", self._embedded.url)

    def cpu(self) -> float:
        """Seconds that PostgreSQL has worked."""
        return cpu_seconds(self.pid)

    def logged_statements(self) -> int:
        """How many statements the log tells of so far, in databases where `log_statement` is `all`."""
        log = log_of(self._embedded.data_dir).read_bytes()
        return len(re.findall(rb"LOG:  (?:execute|statement)\b", log))

    async def connect(self, name: str = "postgres") -> "asyncpg.Connection[asyncpg.Record]":
        """The superuser's connection."""
        return await asyncpg.connect(host=str(self.socket_dir), user="postgres", database=name)

    async def execute(self, *statements: str, name: str = "postgres") -> None:
        """Run statements, each by itself."""
        connection = await self.connect(name)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def drop(self, name: str) -> None:
        """Take a database away, whoever uses it."""
        await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def is_made(self, name: str, fingerprint: str) -> bool:
        """Whether the database was made whole, and by the same as now."""
        connection = await self.connect()
        try:
            exists = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        finally:
            await connection.close()
        return bool(exists) and self._notes().get(name) == fingerprint

    def note_made(self, name: str, fingerprint: str) -> None:
        """Remember that the database is whole."""
        self._made.write_text(json.dumps(self._notes() | {name: fingerprint}, indent=2), encoding="utf-8")

    def _notes(self) -> dict[str, str]:
        if not self._made.exists():
            return {}
        notes: dict[str, str] = json.loads(self._made.read_text(encoding="utf-8"))
        return notes

    @asynccontextmanager
    async def clone(self, template: str, name: str = "bench_run") -> AsyncIterator[str]:
        """A database of its own for a measurement, gone afterwards."""
        await self.drop(name)
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield name
        finally:
            await self.drop(name)

    async def floor(self, connections: int, seconds: int) -> float:
        """One-row inserts a second, each committed durably, prepared, over as many connections."""
        script = self._embedded.data_dir / "floor.sql"
        script.write_text(FLOOR_SCRIPT, encoding="utf-8")
        await self.execute(FLOOR_TABLE, "TRUNCATE floor_tap")
        pgbench = await asyncio.create_subprocess_exec(
            binaries() / "pgbench",
            *("--no-vacuum", "--protocol", "prepared", "--client", str(connections), "--jobs", "2"),
            *("--time", str(seconds), "--file", str(script), "--host", str(self.socket_dir), "--username", "postgres"),
            "postgres",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaints = await pgbench.communicate()
        found = re.search(rb"^tps = ([0-9.]+)", said, flags=re.MULTILINE)
        if found is None:
            raise RuntimeError(f"pgbench said: {said.decode()}{complaints.decode()}")
        return float(found[1])


@asynccontextmanager
async def cluster(data_dir: Path, shared_buffers: str) -> AsyncIterator[Cluster]:
    """The cluster of a directory, running. Durability is as it is served: fsync and synchronous commit."""
    embedded = Embedded(
        data_dir, settings={"shared_buffers": shared_buffers, "fsync": "on", "synchronous_commit": "on"}
    )
    await asyncio.to_thread(embedded.start)
    try:
        yield Cluster(embedded)
    finally:
        await asyncio.to_thread(embedded.stop)


def fingerprint(*made_by: Any) -> str:
    """What a made database depends on: the schema, the code and the sizes it was made by."""
    told = blake2b(digest_size=16)
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        told.update(path.read_bytes())
    for part in made_by:
        told.update(part.read_bytes() if isinstance(part, Path) else repr(part).encode())
    return told.hexdigest()
