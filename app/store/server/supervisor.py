"""Supervision of one postgres over one cluster directory: launch, watch, restart, end.

Two halves meet here. `Supervisor` runs in the owner (`serve`, `demo`, a detached supervisor). `launch` runs in the
child between fork and postgres: the file is executed by its path, so it imports nothing but the standard library.
A launcher of its own, not a `preexec_fn`: Python code between fork and exec may deadlock in an owner that has threads.

The cluster is always addressed as `/proc/self/fd/<n>`, an open directory that the child inherits. So its user needs no
right to walk the parents (root's home, a private data directory), and neither length nor characters of the path matter.
"""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""After a kill -9 old backends and their shared memory linger; a start is tried anew for this long."""
PREDECESSOR_SECONDS = 30.0
"""Time for a postmaster whose owner died: it ends with a checkpoint and is never killed."""
RECOVERY_SECONDS = 300.0
"""Time for a postgres that replays its log. If it does not answer then, the start has failed."""
STABLE_SECONDS = 5.0
"""A server that lived longer than this did not fail to start: the next start follows at once."""
STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
LOG_BYTES = 10_000_000

_BUSY = 75  # the launcher's word that another postmaster still lives on this cluster
_PR_SET_PDEATHSIG = 1


class EmbeddedError(RuntimeError):
    """The embedded database cannot do as asked; the message says why, for a person."""


class StartFailedError(EmbeddedError):
    """postgres did not come up; the message ends with the last lines of its log."""


def tail(path: Path, lines: int = 5) -> str:
    """Return the last lines of a log, "" without a log."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


@contextlib.contextmanager
def open_private(path: Path) -> Iterator[int]:
    """Open a file (0600, made when missing) for reading and appending. As root, its owner is the directory's."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        if os.geteuid() == 0:
            home = path.parent.stat()
            os.fchown(number, home.st_uid, home.st_gid)
        yield number
    finally:
        os.close(number)


@dataclass(frozen=True)
class Launcher:
    """Starts PostgreSQL's programs over one open cluster directory.

    `uid` and `gid` are taken on when the owner is root, and else ignored.
    """

    bin_dir: Path
    cluster: int
    log: Path
    uid: int
    gid: int

    @property
    def where(self) -> str:
        """The path of the cluster directory in the child."""
        return f"/proc/self/fd/{self.cluster}"

    def popen(self, program: str, *arguments: str, given: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program with standard input `given`; its output goes to the log."""
        ids = (os.getpid(), self.uid, self.gid, self.cluster)
        command = [sys.executable, "-I", "-S", __file__, *map(str, ids), str(self.bin_dir / program), *arguments]
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        with open_private(self.log) as said:
            return subprocess.Popen(  # noqa: S603 - our own launcher, no shell
                command,
                stdin=given,
                stdout=said,
                stderr=said,
                pass_fds=(self.cluster,),
                cwd="/",
                env=environment(),
                start_new_session=True,  # Ctrl-C is for the owner, which ends postgres after its own work
            )

    def run(self, program: str, *arguments: str, text: str = "") -> None:
        """Run a program to its end, with `text` as standard input. Raises StartFailedError."""
        with self.popen(program, *arguments, given=subprocess.PIPE) as process:
            process.communicate(text.encode())
        if process.returncode != 0:
            raise StartFailedError(f"{program} ended with {process.returncode}\n{tail(self.log)}")


def environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs: without our secrets and without PG* variables."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | kept


class Supervisor:
    """Keeps one postgres running from `start` to `stop`.

    One thread does every launch and every wait: the parent-death signal is bound to the *thread* that launched, so a
    caller's short-lived thread would take the database down with it.
    """

    def __init__(self, launcher: Launcher, arguments: Sequence[str], ready: Callable[[], bool]) -> None:
        self._launcher = launcher
        self._arguments = tuple(arguments)
        self._ready = ready
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._settled = threading.Event()  # came up once, or gave up
        self._failure: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="postgres", daemon=True)

    def start(self) -> None:
        """Return when postgres answers. Raises StartFailedError when it will not."""
        self._thread.start()
        self._settled.wait()
        if self._failure is not None:
            self._thread.join()
            raise StartFailedError(f"postgres did not start: {self._failure}\n{tail(self._launcher.log)}")

    def stop(self) -> None:
        """End postgres: disconnect clients and write a checkpoint; stronger signals follow when that hangs."""
        self._stopping.set()
        if self._thread.ident is None:
            return
        for number, seconds in STOP_STEPS:
            with self._guard:
                if self._process is not None:
                    self._process.send_signal(number)
            self._thread.join(seconds)
            if not self._thread.is_alive():
                return
            log.error("postgres did not end within %s s of %s", seconds, number.name)

    def _run(self) -> None:
        began = last_busy = time.monotonic()
        pause = 0.05
        while not self._stopping.is_set():
            launched_at = time.monotonic()
            code = self._live_once()
            now = time.monotonic()
            if self._settled.is_set():
                if not self._stopping.is_set():
                    log.warning("postgres ended with %s; starting it again", code)
            else:
                if code == _BUSY and now - began < PREDECESSOR_SECONDS:
                    last_busy = now
                if now - last_busy > RETRY_SECONDS:
                    self._failure = f"tried for {now - began:.0f} s, last it ended with {code}"
                    break
            pause = 0.1 if now - launched_at > STABLE_SECONDS else min(pause * 2, 1.0)
            self._stopping.wait(pause)
        self._settled.set()

    def _live_once(self) -> int | None:
        """Launch postgres and wait for its end; return its exit code, None when it could not even be launched."""
        try:
            with self._guard:
                if self._stopping.is_set():
                    return 0
                self._process = self._launcher.popen("postgres", "-D", self._launcher.where, *self._arguments)
        except OSError:  # no process or file to be had just now: as transient as a crash
            log.exception("postgres could not be launched")
            return None
        began = time.monotonic()
        while self._process.poll() is None:
            if self._ready():
                self._settled.set()
                break
            if not self._settled.is_set() and time.monotonic() - began > RECOVERY_SECONDS:
                self._process.kill()
            time.sleep(0.03)
        return self._process.wait()


def launch(arguments: Sequence[str]) -> None:
    """Become the server's user, end with the parent process, call `clear_way`, and execute the program.

    `arguments`: parent's pid, uid, gid, cluster's file descriptor, program, its arguments.
    """
    parent, uid, gid, cluster = map(int, arguments[:4])
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which clears it. SIGINT is postgres's fast shutdown: even an owner's kill -9 ends clean.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("the owner died before postgres began")
    clear_way(cluster)
    os.execv(arguments[4], list(arguments[4:]))  # noqa: S606 - a program of ours, by its full path


def clear_way(cluster: int) -> None:
    """Make a stale `postmaster.pid` harmless, or exit with `_BUSY` while its postmaster lives.

    Runs as the server's user with the owner's lock held, so no second start is under way. postgres refuses to start
    when the file names any live process of its user, though the number may long belong to a stranger. The number is
    replaced by our own, which is to be the postmaster's and which it takes for stale; the other lines stay, because by
    them postgres knows the shared memory of backends that outlived a kill -9 and must not write beside us.
    """
    try:
        file = os.fdopen(os.open("postmaster.pid", os.O_RDWR, dir_fd=cluster), "r+", encoding="utf-8")
    except FileNotFoundError:
        return
    with file:
        lines = file.read().split("\n")
        here = set(_servers(cluster))
        if lines[0].strip() in here:
            sys.stderr.write(f"postgres {lines[0]} still runs on this cluster\n")
            sys.exit(_BUSY)
        for orphan in here:  # what a postmaster itself would do after a crash
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(orphan), signal.SIGQUIT)
        lines[0] = str(os.getpid())
        file.seek(0)
        file.truncate()
        file.write("\n".join(lines))


def _servers(cluster: int) -> Iterable[str]:
    """Yield the pids of postgres processes whose working directory is the cluster."""
    home = os.fstat(cluster)
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                at_home = os.path.samestat(home, (process / "cwd").stat())
                if at_home and (process / "comm").read_text(encoding="utf-8").strip() == "postgres":
                    yield process.name
            except OSError:  # gone meanwhile, or another user's
                continue


if __name__ == "__main__":
    launch(sys.argv[1:])
