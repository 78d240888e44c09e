"""What an operator meets: keys that do not fit, a port that is taken, rights that are missing, the log, the doctor."""

import asyncio
import json
import os
import re
import secrets
import signal
import socket
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import contextmanager

import psutil
import pytest
from postgres import SERVER, connect, of_database
from processes import free_port, get
from sqlalchemy import make_url

from app.store.migrate import roles_script
from app.store.server import embedded


@contextmanager
def _running(data):
    with embedded.attach(data, settings=SERVER) as url:
        yield url, {"TAGGAD_DATA_DIR": str(data)}


def _serving(start, data, *options, **environment):
    port = free_port()
    server = start("serve", "--port", str(port), *options, TAGGAD_DATA_DIR=str(data), **environment)
    server.until(lambda: f"Serving at http://127.0.0.1:{port}" in server.said.read_text(), "serving")
    return server, f"http://127.0.0.1:{port}"


def _log(server):
    return [json.loads(line) for line in server.said.read_text().splitlines() if line.startswith("{")]


@pytest.fixture
def old(start, taggad, tmp_path):
    """A data directory that has been served and knows a personal number, and a backup of it."""
    data, dump = tmp_path / "old", tmp_path / "old.dump"
    with _running(data) as (_, there):
        taggad("municipality", "add", "188", "Norrtälje", **there)
        server, base = _serving(start, data)
        token = taggad("token", "--municipality", "188", "--role", "system", **there).strip()
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{base}/v1/recipients/B-1",
            json.dumps({"area": "URBAN", "personal_number": "191212121212"}).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="PUT",
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30):
            pass
        server.until(lambda: get(f"{base}/health/ready"), "ready")
        assert server.end() == (0, [])
        taggad("db", "backup", str(dump), **there)
    return data, dump


def test_a_drill_restores_a_backup_beside_and_says_if_it_can_be_relied_on(old, taggad, tmp_path):
    """It needs no running database, touches none, and finds a backup of rows that somebody has changed."""
    data, dump = old
    there = {"TAGGAD_DATA_DIR": str(data)}
    untouched = sorted(path.name for path in data.iterdir())
    told = taggad("db", "drill", str(dump), **there)
    assert re.fullmatch(
        r"188: [1-9]\d* facts in the ledger\nThe backup is good: restored and checked in \d+ s\.\n", told
    )
    assert sorted(path.name for path in data.iterdir()) == untouched
    told = taggad("db", "drill", str(dump), code=1, TAGGAD_DATA_DIR=str(tmp_path / "other"))
    assert "These keys do not fit the data" in told
    with _running(data) as (url, _):
        asyncio.run(_changed(url))
        taggad("db", "backup", str(tmp_path / "changed.dump"), **there)
    told = taggad("db", "drill", str(tmp_path / "changed.dump"), code=1, **there)
    assert "recipient_version" in told
    assert "The backup cannot be relied on." in told


async def _changed(url):
    connection = await connect(url)
    try:
        await connection.execute("UPDATE recipient_version SET area = 'RURAL'")
    finally:
        await connection.close()


def test_a_backup_is_put_back_only_with_the_keys_it_was_written_with(old, taggad, tmp_path):
    """Without them nobody could open a personal number or go on with the ledger, and it would show much later."""
    data, dump = old
    new = tmp_path / "new"
    with _running(new) as (_, there):
        taggad("municipality", "add", "180", "Stockholm", **there)
        told = taggad("db", "restore", str(dump), code=1, **there)
        assert "188: the key '1' of TAGGAD_FIELD_KEYS is not the one that encrypted personal data" in told
        assert "188: TAGGAD_LOOKUP_KEY is not the key" in told
        assert "188: the ledger's head is not one that was signed with TAGGAD_LEDGER_KEY" in told
        assert f"put back those it was written with, in {new}/secrets.json" in told
        assert "was there already" in taggad("municipality", "add", "180", "Stockholm", **there)
        (new / "secrets.json").write_text((data / "secrets.json").read_text())
        assert taggad("db", "restore", str(dump), **there).startswith("Restored. ")
        assert "was there already" in taggad("municipality", "add", "188", "Norrtälje", **there)
        assert "is made" in taggad("municipality", "add", "180", "Stockholm", **there)


@pytest.mark.parametrize(
    ("name", "prefix", "told"),
    [
        ("field_keys", "2:", "TAGGAD_FIELD_KEYS lacks the key '1', which encrypted personal data"),
        ("field_keys", "1:", "the key '1' of TAGGAD_FIELD_KEYS is not the one that encrypted personal data"),
        ("lookup_key", "", "TAGGAD_LOOKUP_KEY is not the key"),
        ("ledger_key", "", "the ledger's head is not one that was signed with TAGGAD_LEDGER_KEY"),
    ],
)
def test_a_key_that_does_not_fit_the_data_is_named_before_anything_is_served(old, taggad, name, prefix, told):
    data, _ = old
    with _running(data) as (_, there):
        kept = (data / "secrets.json").read_text()
        another = prefix + b64encode(secrets.token_bytes(32)).decode()
        (data / "secrets.json").write_text(json.dumps(json.loads(kept) | {name: another}))
        for verb in (("serve", "--port", str(free_port())), ("check",), ("doctor",)):
            assert told in taggad(*verb, code=1, **there)
        (data / "secrets.json").write_text(kept)
        assert taggad("check", **there) == "Every invariant holds.\n"


def test_the_doctor_tells_what_needs_attention(old, taggad):
    data, _ = old
    with _running(data) as (_, there):
        told = taggad("doctor", **there)
        assert "!!" not in told
        assert "ok  188: the keys are those the data was written with" in told
        assert "ok  the newest backup is 0 hours old" in told
        (data / "last-backup.txt").unlink()
        assert "!!  no backup has been made" in taggad("doctor", code=1, **there)


def test_a_taken_port_is_told_in_a_line_before_anything_is_begun(taggad, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for verb in ("serve", "demo"):
            told = taggad(verb, "--port", str(port), code=1, TAGGAD_DATA_DIR=str(tmp_path / "data"))
            assert told == f"port {port} is taken by another program: choose one with --port\n"
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_data_directory_that_cannot_be_written_is_told_in_a_sentence(taggad, tmp_path):
    (tmp_path / "file").write_text("")
    for verb in (("serve",), ("db", "start"), ("check",)):
        told = taggad(*verb, code=1, TAGGAD_DATA_DIR=str(tmp_path / "file" / "data"))
        assert told.strip().splitlines()[-1].endswith("TAGGAD_DATA_DIR names the directory of the data")
        assert "Errno" not in told


def test_the_log_tells_start_requests_a_workers_death_and_the_end(start, taggad, tmp_path):
    data = tmp_path / "data"
    server, base = _serving(start, data, "--workers", "2")
    traced = urllib.request.Request(f"{base}/v1/visits/B-hemlig?recipient=B-hemlig")  # noqa: S310 - our own
    traced.add_header("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(traced, timeout=30)

    def asked():
        return [one for one in _log(server) if one["event"] == "request" and one["trace_id"] == "ab" * 16]

    [line] = server.until(asked, "the request's line")
    told = {"method": "GET", "route": "/v1/visits/{visit_id}", "status": 401}
    assert {name: line[name] for name in told} == told
    assert line["ms"] > 0
    assert "hemlig" not in server.said.read_text()

    def workers(count):
        found = {one["pid"] for one in _log(server) if one["event"] == "started"}
        return len(found) == count and found

    victim = server.until(lambda: workers(2), "both workers").pop()
    psutil.Process(victim).kill()
    server.until(lambda: [one for one in _log(server) if one == one | {"event": "worker_died", "pid": victim}], "death")
    server.until(lambda: workers(3), "the next worker")
    assert server.end() == (0, [])
    assert [one["event"] for one in _log(server)].count("stopped") == 2


def test_workers_that_are_slow_to_load_are_waited_for(start, tmp_path):
    """Where a machine starts everything at once they are, and one that is killed for it is followed by another such."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif '--multiprocessing-fork' in sys.orig_argv:\n    time.sleep(8)\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    server, base = _serving(start, tmp_path / "data", "--workers", "2", PYTHONPATH=path)
    server.until(lambda: get(f"{base}/health/ready"), "ready")
    assert server.end() == (0, [])
    assert "worker_died" not in server.said.read_text()


def test_an_outage_of_the_database_is_told_once_and_so_is_its_end(start, tmp_path):
    data = tmp_path / "data"
    server, base = _serving(start, data)
    server.until(lambda: get(f"{base}/health/ready"), "ready")
    [postmaster] = [one for one in psutil.Process(server.popen.pid).children() if one.name() == "postgres"]
    (data / "postgres" / "postgresql.auto.conf").write_text("work_mem = 'none'\n")  # it cannot be started again so
    postmaster.send_signal(signal.SIGINT)
    server.until(lambda: [one for one in _log(server) if one["event"] == "database_gone"], "gone")
    for _ in range(20):
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{base}/health/ready")
    (data / "postgres" / "postgresql.auto.conf").write_text("")
    server.until(lambda: [one for one in _log(server) if one["event"] == "database_back"], "back")
    told = [one["event"] for one in _log(server) if one["event"] not in {"request", "started", "server"}]
    assert told == ["database_gone", "database_back"]
    plain = [line for line in server.said.read_text().splitlines() if not line.startswith("{")]
    assert plain == [f"Serving at {base}; Ctrl-C ends it."]
    assert server.end() == (0, [])


def test_an_owner_who_may_make_roles_needs_nobody_else(taggad, tmp_path):
    """Since PostgreSQL 16 whoever makes a role may give it away, and may take it on only once it is given to it."""
    with _running(tmp_path / "server") as (url, _):

        async def prepare():
            connection = await connect(url)
            await connection.execute("CREATE ROLE maker LOGIN CREATEROLE")
            await connection.execute("CREATE DATABASE made OWNER maker")
            await connection.close()

        async def take_on(address, role):
            connection = await connect(address)
            await connection.execute(f"SET ROLE {role}")
            await connection.close()

        asyncio.run(prepare())
        its = make_url(of_database(url, "made")).set(username="maker").render_as_string(hide_password=False)
        assert "has been brought up to date" in taggad("migrate", TAGGAD_DATABASE_URL=its)
        for role in ("taggad_app", "taggad_purge"):
            asyncio.run(take_on(its, role))


def test_an_ordinary_owner_migrates_once_a_superuser_has_made_the_roles(taggad, tmp_path):
    """A municipality's database department gives an empty database and an owner, and no right to make roles."""
    with _running(tmp_path / "server") as (url, _):

        def superuser(*statements):
            async def run():
                connection = await connect(url)
                for statement in statements:
                    await connection.execute(statement)
                await connection.close()

            asyncio.run(run())

        superuser("CREATE ROLE visits LOGIN", "CREATE DATABASE visits OWNER visits")
        its = make_url(of_database(url, "visits")).set(username="visits").render_as_string(hide_password=False)
        keys = ("TOKEN_KEY", "LOOKUP_KEY", "LEDGER_KEY", "FIELD_KEYS")
        made = {f"TAGGAD_{name}": b64encode(secrets.token_bytes(32)).decode() for name in keys}
        there = made | {"TAGGAD_FIELD_KEYS": f"1:{made['TAGGAD_FIELD_KEYS']}", "TAGGAD_DATABASE_URL": its}
        told = taggad("migrate", code=1, **there)
        assert "taggad migrate --roles" in told
        assert len(told.splitlines()) == 1
        printed = taggad("migrate", "--roles", **there)
        assert printed.strip() == roles_script(its)
        superuser(printed)
        assert "has been brought up to date" in taggad("migrate", **there)
        assert "was up to date already" in taggad("migrate", **there)
        assert "is made" in taggad("municipality", "add", "188", "Norrtälje", **there)
        assert "Every invariant holds" in taggad("check", **there)
        assert "--  the disk and the backups of an outside database" in taggad("doctor", code=1, **there)
        assert "!!  TAGGAD_PUBLIC_URL is not set" in taggad("doctor", code=1, **there)
        assert "ok  callers know" in taggad("doctor", **there, TAGGAD_PUBLIC_URL="https://taggad.example/")
        superuser("CREATE ROLE stranger LOGIN")
        strangers = make_url(its).set(username="stranger").render_as_string(hide_password=False)
        assert "must own the database" in taggad("migrate", code=1, **there | {"TAGGAD_DATABASE_URL": strangers})
