"""The owner of a data directory: a lock that ends with its process, and the owner's description in the lock file."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from app.store.server.supervisor import EmbeddedError, environment, open_private

SOCKET_PARENT = Path("/tmp")  # noqa: S108 - mkdtemp makes an unguessable 0700 directory in it; TMPDIR may be too long
SOCKET_PREFIX = "taggad-"


class AlreadyRunningError(EmbeddedError):
    """Another process owns this data; it is not disturbed."""


@dataclass(frozen=True)
class Owner:
    """The owner's description in the lock file."""

    pid: int
    started_at: str
    detached: bool
    socket_dir: str
    bin_dir: str

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@/taggad?host={quote(self.socket_dir)}"

    def ready(self) -> bool:
        command = [f"{self.bin_dir}/pg_isready", "-q", "-h", self.socket_dir, "-p", "5432", "-U", "postgres", "-t", "3"]
        try:
            return subprocess.run(command, check=False, env=environment(), timeout=5).returncode == 0  # noqa: S603 - ours
        except (OSError, subprocess.TimeoutExpired):
            return False


@contextlib.contextmanager
def locked(data_dir: Path) -> Iterator[int]:
    """Hold the owner's lock and give its file descriptor. Raises AlreadyRunningError."""
    with open_private(data_dir / "postgres.lock") as lock:
        for patience in (0.1, 0.2, 0.2, 0.0):  # whoever asks for the status shares the lock for an instant
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(patience)
        else:
            raise AlreadyRunningError(owned_by(data_dir))
        yield lock


def holder(data_dir: Path) -> tuple[bool, Owner | None]:
    """Return if this data has an owner, and its description; that is None while the owner is still starting."""
    try:
        lock = os.open(data_dir / "postgres.lock", os.O_RDONLY)
    except FileNotFoundError:
        return False, None
    except PermissionError as error:
        raise EmbeddedError(f"{data_dir} is closed to this user") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True, _read(lock)
    finally:
        os.close(lock)
    return False, None


def owned_by(data_dir: Path) -> str:
    _, owner = holder(data_dir)
    return f"{data_dir} is owned by process {owner.pid if owner else '(beginning)'}"


def _read(lock: int) -> Owner | None:
    try:
        return Owner(**json.loads(os.pread(lock, 65536, 0)))
    except (ValueError, TypeError):  # empty, or just being written
        return None


def claim(lock: int, owner: Owner) -> None:
    """Write the owner's description into the lock file that `sweep` has emptied."""
    os.write(lock, json.dumps(asdict(owner)).encode())


def sweep(data_dir: Path, lock: int) -> None:
    """Clear what a dead owner left: its description, its socket directory, a half-made cluster."""
    gone = _read(lock)
    os.ftruncate(lock, 0)
    if gone is not None:
        name = Path(gone.socket_dir).name  # only the name is believed: a file that others may write guides a removal
        if name.startswith(SOCKET_PREFIX):
            shutil.rmtree(SOCKET_PARENT / name, ignore_errors=True)
    for half_made in data_dir.glob("postgres.new-*"):
        shutil.rmtree(half_made, ignore_errors=True)
