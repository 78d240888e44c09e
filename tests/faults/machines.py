"""What is broken in an experiment: one PostgreSQL of its own and two servers over it, all real processes."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
from postgres import SERVER, connect
from processes import ROOT, Process, free_port, get
from product import Embedded, environment, migrate

# A commit is on disk before it is told, as in service. That a machine loses power is no part of this: no process does
# anything about it, and nothing here is lost that the operating system has.
DURABLE = SERVER | {"synchronous_commit": "on"}
PATIENCE_SECONDS = 60
STARTS = 10
CLOCKED = Path(__file__).with_name("clocked.py")


async def until(ready, what, seconds=PATIENCE_SECONDS):
    """Wait for what `ready` says in a thread. Raises AssertionError when it never says so."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        with suppress(OSError):  # among them urllib's errors
            if await asyncio.to_thread(ready):
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never: {what}")


class Postgres:
    """The database and its processes. Killed, it is started again by its owner, which is this process."""

    def __init__(self, directory):
        self.directory = directory
        self.embedded = Embedded(directory, settings=DURABLE)
        self.url = ""

    async def start(self):
        await asyncio.to_thread(self.embedded.start)
        self.url = self.embedded.url
        await migrate(self.url)

    async def stop(self):
        await asyncio.to_thread(self.embedded.stop)

    def family(self):
        """The server's processes: the first, and those it has made."""
        first = int((self.directory / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        return [first, *(child.pid for child in psutil.Process(first).children())]

    async def kill(self):
        """Kill -9 of the postmaster; back when another answers."""
        killed = self.family()[0]
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(OSError, ValueError, psutil.Error):
                    if self.family()[0] != killed and (owner := await self.owner()):
                        await owner.close()
                        return
                await asyncio.sleep(0.05)

    async def owner(self):
        """The superuser's connection; None while there is none to be had."""
        try:
            return await connect(self.url)
        except Exception:  # noqa: BLE001 - it is starting, or was killed just now: there is no end of such errors
            return None

    @contextmanager
    def frozen(self):
        """Every process stands still, and no error tells of it."""
        family = self.family()
        try:
            for one in family:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGSTOP)
            yield
        finally:
            for one in family:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)


class Server:
    """One of the two instances: a machine of its own, with its own data directory and its own clock."""

    def __init__(self, directory, name, tree):
        self.directory = directory / name
        self.directory.mkdir()
        self.tree = tree
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.lives = 0
        self.process = None
        self._clock = self.directory / "clock"
        self.set_clock(0)

    def set_clock(self, seconds):
        """Be wrong by so many seconds from now on."""
        part = self._clock.with_suffix(".part")
        part.write_text(str(seconds), encoding="ascii")
        part.replace(self._clock)

    async def start(self, url):
        """Be ready. Whose connection is ended while it starts may end, and is started again, as by any supervisor."""
        for _ in range(STARTS):
            self._begin(url)
            await until(self._is_decided, f"{self.base} ready")
            if self.process.popen.poll() is None:
                return
        raise AssertionError(f"the server ended {STARTS} times\n{self.process.said.read_text()}")

    def _begin(self, url):
        self.lives += 1
        life = self.directory / str(self.lives)
        life.mkdir()
        self.process = Process(
            life, "serve", "--port", str(self.port),
            command=("-P", str(CLOCKED), str(self._clock)), tree=self.tree,
            **environment(url, self.directory / "data"), PYTHONPATH=str(self.tree), PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip

    def _is_decided(self):
        return self.process.popen.poll() is not None or get(f"{self.base}/health/ready")

    def kill(self):
        self.process.kill()

    async def end(self):
        """Ask it to end, as a rolling restart does."""
        await asyncio.to_thread(self.process.end)

    def said(self, event):
        """Lines of the log of all its lives that tell of an event."""
        logs = (life / "serve.out" for life in self.directory.iterdir() if life.is_dir())
        lines = (line for log in logs if log.exists() for line in log.read_text().splitlines())
        return [line for line in lines if f'"event":"{event}"' in line]


class Rig:
    """The machines of an experiment."""

    def __init__(self, directory, tree=ROOT):
        self.directory, self.tree = directory, tree
        self.postgres = Postgres(directory / "database")
        self.servers = [Server(directory, name, tree) for name in ("a", "b")]

    async def start_servers(self):
        await asyncio.gather(*(server.start(self.postgres.url) for server in self.servers))

    async def back_up(self, file):
        """`taggad db backup`, beside everything that goes on."""
        await self._operator("db", "backup", str(file))

    async def restore(self, file):
        """`taggad db restore`, and what each machine then has to be told. Ends the servers before."""
        for server in self.servers:
            await server.end()
        await self._operator("db", "restore", str(file))
        for server in self.servers:
            told = environment(self.postgres.url, server.directory / "data")
            await self._operator("db", "restored", **told)

    async def _operator(self, *verb, **told):
        """A verb of the command line of the tree, over the embedded database unless told otherwise."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("TAGGAD_")}
        given |= environment("", self.postgres.directory) | told | {"PYTHONPATH": str(self.tree)}
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "app", *verb), cwd=self.tree, env=given, stdout=PIPE, stderr=STDOUT
        )
        said, _ = await done.communicate()
        if done.returncode:
            raise AssertionError(f"taggad {' '.join(verb)}: {said.decode()}")

    def kill(self):
        for server in self.servers:
            if server.process is not None:
                server.kill()


@asynccontextmanager
async def running(directory, tree=ROOT):
    """The machines, up; gone afterwards."""
    rig = Rig(directory, Path(tree))
    try:
        await rig.postgres.start()
        await rig.start_servers()
        yield rig
    finally:
        rig.kill()
        await rig.postgres.stop()
