"""The command line and the settings, as an operator meets them."""

import asyncio
import json
import re
import signal
from base64 import b64encode
from pathlib import Path

import pytest
from postgres import SERVER, connect
from processes import PATIENCE_SECONDS, free_port, get
from sqlalchemy import make_url
from typer.testing import CliRunner

from app.api.http.access import ROLES
from app.cli import terminal
from app.cli.main import application
from app.settings import Settings, UnsafeSettingsError
from app.store.clock import Clock
from app.store.server import embedded
from app.store.server.secrets import LooseSecretsError, made_once

ROOT = Path(__file__).parents[2]


def _key(number):
    return b64encode(bytes((number * 37 + at * 101) % 256 for at in range(32))).decode()


OUTSIDE = {
    "TAGGAD_TOKEN_KEY": _key(1),
    "TAGGAD_FIELD_KEYS": f"1:{_key(2)}",
    "TAGGAD_LOOKUP_KEY": _key(3),
    "TAGGAD_LEDGER_KEY": _key(5),
}


# Settings


def _settings(**changed):
    return Settings.from_environment(OUTSIDE | changed)


def test_settings_are_read_from_the_environment_and_defaults_stand():
    settings = _settings(TAGGAD_LATE_TAP_DAYS="30", TAGGAD_DATA_DIR="/srv/taggad", TAGGAD_PG_BIN="", OTHER="1")
    assert (settings.late_tap_days, settings.data_dir, settings.pg_bin) == (30, Path("/srv/taggad"), None)
    assert settings.pool_size == 12
    assert len(settings.lookup_key) == 32
    assert list(settings.field_keys) == ["1"]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=verify-full", "postgresql+asyncpg://u:p@h/d?ssl=verify-full"),
        ("postgresql+asyncpg://u@/d?host=/run/x", "postgresql+asyncpg://u@/d?host=/run/x"),
    ],
)
def test_a_database_is_named_as_everybody_names_it(given, url):
    assert _settings(TAGGAD_DATABASE_URL=given).database_url == url


SECRET = "hemligt-och-alldeles-for-kort"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAGGAD_LATE_TAP_DAYS", "-1"),
        ("TAGGAD_LATE_TAP_DAYS", "a week"),
        ("TAGGAD_POOL_SIZE", "0"),
        ("TAGGAD_MAX_BODY_BYTES", "0"),
        ("TAGGAD_DATABASE_URL", "mysql://h/d"),
        ("TAGGAD_DATABASE_URL", SECRET),
        ("TAGGAD_PUBLIC_URL", "taggad.example"),
        ("TAGGAD_PUBLIC_URL", "https://taggad.example/visits"),
        ("TAGGAD_PUBLIC_URL", "https://who@taggad.example"),
        ("TAGGAD_TOKEN_KEY", SECRET),
        ("TAGGAD_TOKEN_KEY", _key(1) + "," + SECRET),
        ("TAGGAD_LOOKUP_KEY", SECRET),
        ("TAGGAD_FIELD_KEYS", _key(1)),
        ("TAGGAD_FIELD_KEYS", f"1:{SECRET}"),
        ("TAGGAD_FIELD_KEYS", f"1:{_key(1)},1:{_key(2)}"),
        ("TAGGAD_FIELD_KEYS", f":{_key(1)}"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name_and_never_repeated(name, value):
    with pytest.raises(UnsafeSettingsError, match=name) as caught:
        _settings(**{name: value})
    assert SECRET not in str(caught.value)
    assert _key(1) not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"TAGGAD_TOKEN_KEY": b64encode(b"\0" * 32).decode()},
        {"TAGGAD_TOKEN_KEY": b64encode(b"correct horse battery staple 123").decode()},
        {"TAGGAD_LOOKUP_KEY": b64encode(b"ab" * 16).decode()},
        {"TAGGAD_LOOKUP_KEY": _key(1)},
        {"TAGGAD_FIELD_KEYS": f"1:{_key(2)},2:{_key(2)}"},
        {"TAGGAD_FIELD_KEYS": f"1:{_key(3)}"},
        {"TAGGAD_LEDGER_KEY": f"{_key(5)},{_key(1)}"},
    ],
)
def test_secrets_that_are_guessed_or_shared_are_unsafe(changed):
    _settings().require_safe()
    with pytest.raises(UnsafeSettingsError):
        _settings(**changed).require_safe()


def test_secrets_show_in_no_representation():
    shown = repr(_settings())
    assert "token_key" not in shown
    assert str(bytes(_settings().lookup_key))[2:-1] not in shown


def test_settings_survive_their_way_through_an_environment():
    settings = _settings(TAGGAD_LATE_TAP_DAYS="3", TAGGAD_TOKEN_KEY=f"{_key(1)},{_key(4)}")
    assert Settings.from_environment(settings.to_environment()) == settings


def test_secrets_are_made_once_for_their_owner_alone(tmp_path):
    data = tmp_path / "data"
    made = made_once(data)
    assert made == made_once(data)
    assert (data / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert made != made_once(tmp_path / "other")
    settings = Settings(data_dir=data).with_secrets(made)
    settings.require_secrets()
    settings.require_safe()
    assert _settings().with_secrets(made) == _settings()


def test_secrets_that_others_can_read_or_that_are_broken_are_refused(tmp_path):
    made_once(tmp_path)
    (tmp_path / "secrets.json").chmod(0o640)
    with pytest.raises(LooseSecretsError, match="chmod 600"):
        made_once(tmp_path)
    (tmp_path / "secrets.json").chmod(0o600)
    for broken in ("{", "[]", "{}", '{"token_key": "x"}'):
        (tmp_path / "secrets.json").write_text(broken)
        with pytest.raises(LooseSecretsError, match=r"secrets\.json"):
            made_once(tmp_path)


def test_a_file_of_an_earlier_version_gets_the_secrets_it_lacks(tmp_path):
    made = made_once(tmp_path)
    earlier = {name: secret for name, secret in made.items() if name != "ledger_key"}
    (tmp_path / "secrets.json").write_text(json.dumps(earlier, indent=2))
    completed = made_once(tmp_path)
    assert completed == earlier | {"ledger_key": completed["ledger_key"]}
    assert completed["ledger_key"] != made["ledger_key"]
    assert made_once(tmp_path) == completed


# Verbs, in this process


def test_a_tenant_is_made_once_and_a_healthy_database_has_nothing_to_tell(taggad):
    assert "up to date" in taggad("migrate")
    assert "is made" in taggad("municipality", "add", "188", "Norrtälje")
    assert "was there already" in taggad("municipality", "add", "188", "Norrtälje")
    assert taggad("check") == "Every invariant holds.\n"
    assert taggad("rebuild") == "No difference.\n"
    assert taggad("rebuild", "--month", "2026-10") == "No difference.\n"


def test_a_backup_comes_back_as_it_was(taggad, tmp_path):
    target = tmp_path / "säkerhets kopia.dump"
    taggad("municipality", "add", "180", "Stockholm")
    assert "bytes" in taggad("db", "backup", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    assert "exists already" in taggad("db", "backup", str(target), code=1)
    taggad("municipality", "add", "181", "Södertälje")
    assert taggad("db", "restore", str(target)).startswith("Restored. ")
    assert "was there already" in taggad("municipality", "add", "180", "Stockholm")
    assert "is made" in taggad("municipality", "add", "181", "Södertälje")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_what_is_no_backup_changes_nothing(taggad, tmp_path):
    taggad("municipality", "add", "182", "Vallentuna")
    (tmp_path / "text").write_text("not a backup")
    assert "pg_restore" in taggad("db", "restore", str(tmp_path / "text"), code=1)
    assert "no file" in taggad("db", "restore", str(tmp_path / "nothing"), code=1)
    assert "was there already" in taggad("municipality", "add", "182", "Vallentuna")


def test_the_status_tells_whose_the_database_is(taggad, tmp_path):
    assert taggad("db", "status").startswith("running since ")
    assert taggad("db", "status", code=3, TAGGAD_DATA_DIR=str(tmp_path / "none")) == "stopped\n"
    assert "not running" in taggad("db", "stop", TAGGAD_DATA_DIR=str(tmp_path / "none"))
    assert "no detached supervisor" in taggad("db", "stop", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "--municipality", "188", "--role", "king"),
        ("token", "--municipality", "188", "--role", "staff"),
        ("token", "--municipality", "188", "--role", "planner"),
        ("token", "--municipality", "188", "--role", "admin", "--ttl", "1"),
        ("token", "--municipality", "188", "--role", "admin", "--ttl", "0h"),
        ("token", "--municipality", "188", "--role", "admin", "--ttl", "25h"),
        ("token", "--municipality", "188", "--role", "admin", "--ttl", "367d", "--long-lived"),
        ("token", "--municipality", "0", "--role", "admin"),
        ("tags", "provision", "--municipality", "188", "--keyset", "k1"),
        ("municipality", "add", "0", "Noll"),
        ("municipality", "add", "188", " "),
        ("rebuild", "--month", "2026-13"),
        ("serve", "--port", "99999"),
        ("nothing",),
    ],
)
def test_what_is_asked_wrongly_exits_with_2(taggad, arguments):
    taggad(*arguments, code=2)


def test_an_outside_database_needs_its_secrets_and_its_schema(taggad, empty_url):
    assert "needs TAGGAD_TOKEN_KEY" in taggad("serve", code=1, TAGGAD_DATABASE_URL=empty_url)
    told = taggad("serve", code=1, TAGGAD_DATABASE_URL=empty_url, **OUTSIDE)
    assert "run `taggad migrate`" in told
    assert "run `taggad migrate`" in taggad("check", code=1, TAGGAD_DATABASE_URL=empty_url)
    taggad("migrate", TAGGAD_DATABASE_URL=empty_url)
    assert "Every invariant holds" in taggad("check", TAGGAD_DATABASE_URL=empty_url)
    unsafe = OUTSIDE | {"TAGGAD_LOOKUP_KEY": _key(1)}
    assert "each purpose needs its own" in taggad("serve", code=1, TAGGAD_DATABASE_URL=empty_url, **unsafe)
    assert "outside one has its own" in taggad("db", "backup", "x", code=1, TAGGAD_DATABASE_URL=empty_url)


def test_a_database_where_no_migration_leads_on_is_told_in_a_line(taggad, database_url):
    async def stand_earlier():
        connection = await connect(database_url)
        await connection.execute("UPDATE alembic_version SET version_num = '0027'")
        await connection.close()

    asyncio.run(stand_earlier())
    told = taggad("migrate", code=1, TAGGAD_DATABASE_URL=database_url)
    assert len(told.strip().splitlines()) == 1
    assert "stands at revision 0027" in told


def test_a_database_that_does_not_answer_is_told_in_a_line(taggad):
    told = taggad("migrate", code=1, TAGGAD_DATABASE_URL="postgresql://taggad:hemligt@127.0.0.1:1/taggad")
    assert len(told.strip().splitlines()) == 1
    assert told.startswith("the database does not answer")
    assert "hemligt" not in told


TOKEN = ["token", "--municipality", "188", "--role", "admin"]


@pytest.mark.parametrize("verb", [["serve"], TOKEN])
def test_a_database_that_refuses_is_told_in_a_line(taggad, database_url, verb):
    taggad("municipality", "add", "188", "Norrtälje", TAGGAD_DATABASE_URL=database_url, **OUTSIDE)

    async def refuse():
        connection = await connect(database_url)
        name = make_url(database_url).database
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await connection.close()

    asyncio.run(refuse())
    told = taggad(*verb, code=1, TAGGAD_DATABASE_URL=database_url, **OUTSIDE)
    assert len(told.strip().splitlines()) == 1
    assert told.startswith("the database refuses: cannot execute")


@pytest.mark.parametrize("verb", [["serve"], TOKEN])
def test_a_wrong_clock_is_told_in_a_line(taggad, database_url, monkeypatch, verb):
    taggad("municipality", "add", "188", "Norrtälje", TAGGAD_DATABASE_URL=database_url, **OUTSIDE)
    monkeypatch.setattr(terminal, "CLOCK", Clock(lambda: 0.0, lambda: 0.0))
    told = taggad(*verb, code=1, TAGGAD_DATABASE_URL=database_url, **OUTSIDE)
    assert len(told.strip().splitlines()) == 1
    assert told.startswith("this machine's clock differs from the database's by")


# The server and the demo, as processes of their own


def test_serve_migrates_serves_with_workers_beside_other_verbs_and_ends(start, taggad, tmp_path):
    data, port = tmp_path / "new data", free_port()
    base = f"http://127.0.0.1:{port}"
    server = start("serve", "--port", str(port), "--workers", "2", TAGGAD_DATA_DIR=str(data))
    server.until(lambda: get(f"{base}/health/ready"), "ready")
    there = {"TAGGAD_DATA_DIR": str(data)}
    taggad("municipality", "add", "188", "Norrtälje", **there)
    token = taggad("token", "--municipality", "188", "--role", "controller", "--ttl", "1m", **there).strip()
    assert json.loads(get(f"{base}/v1/visits", token)) == {"items": [], "next": None}
    assert "Every invariant holds" in taggad("check", **there)
    assert 'route="/v1/visits",status="200"} 1.0' in get(f"{base}/metrics")
    taggad("db", "backup", str(tmp_path / "beside.dump"), **there)
    assert "in use" in taggad("db", "restore", str(tmp_path / "beside.dump"), code=1, **there)
    code, alive = server.end()
    assert (code, alive) == (0, [])
    assert taggad("db", "status", code=3, **there) == "stopped\n"


def test_a_login_link_is_printed_for_who_there_is(taggad):
    taggad("municipality", "add", "191", "Sigtuna")
    asked = ("login-link", "--municipality", "191")
    printed = taggad(*asked, "--role", "admin", "--url", "https://taggad.example/")
    assert re.fullmatch(r"https://taggad\.example/login/link/191\.[A-Za-z0-9_-]{43}\n", printed)
    assert taggad(*asked, "--role", "admin").startswith("http://localhost:8000/login/link/191.")
    for refused in (("king",), ("planner",), ("admin", "--provider", "P-1"), ("staff", "--provider", "P-1")):
        taggad(*asked, "--role", *refused, code=2)
    assert "no such provider" in taggad(*asked, "--role", "planner", "--provider", "P-1", code=1)
    assert "no municipality 17" in taggad("login-link", "--municipality", "17", "--role", "admin", code=1)


def test_the_demo_lives_and_ctrl_c_ends_everything_it_started(start, taggad, tmp_path):
    data, port = tmp_path / "demo", free_port()
    base = f"http://127.0.0.1:{port}"
    demo = start("demo", "--port", str(port), "--speed", "600", TAGGAD_DATA_DIR=str(data))
    demo.until(lambda: "now in real time" in demo.said.read_text(), "the district in real time")
    figures = json.loads(get(f"{base}/figures"))
    assert figures["municipalities"] == 1
    assert figures["taps"] > 100
    there = {"TAGGAD_DATA_DIR": str(data)}
    token = taggad("token", "--municipality", "188", "--role", "controller", **there).strip()
    assert len(json.loads(get(f"{base}/v1/visits?limit=50", token))["items"]) == 50
    told = demo.said.read_text()
    printed = re.findall(r"^(eyJ\S+)$", told, flags=re.MULTILINE)
    assert len(printed) == 5
    assert json.loads(get(f"{base}/v1/visits?limit=1", printed[0]))["items"]
    assert base in told
    demo.until(lambda: "Login links" in demo.said.read_text(), "a login link for each role")
    links = re.findall(
        rf"^  (\w+) +http://localhost:{port}(/login/link/188\.\S+)$", demo.said.read_text(), flags=re.MULTILINE
    )
    assert {role for role, _ in links} == {*ROLES} - {"system"}
    assert all("<button" in get(f"{base}{path}") for _, path in links)
    code, alive = demo.end(signal.SIGINT)
    assert (code, alive) == (0, []), demo.said.read_text()
    assert "Traceback" not in demo.said.read_text()
    assert taggad("db", "status", code=3, **there) == "stopped\n"


def test_the_demo_leaves_real_data_alone(start, taggad, tmp_path):
    there = {"TAGGAD_DATA_DIR": str(tmp_path / "real")}
    with embedded.attach(tmp_path / "real", settings=SERVER):
        taggad("municipality", "add", "188", "Norrtälje", **there)
        demo = start("demo", "--port", str(free_port()), **there)
        assert demo.popen.wait(timeout=PATIENCE_SECONDS) == 1
    assert "holds data that no demo made" in demo.said.read_text()


# Tags


def test_messages_of_tags_are_explained_line_by_line_without_a_database(tmp_path):
    vectors = json.loads((ROOT / "tests/data/ntag424.json").read_text())["vectors"]
    vector = next(one for one in vectors if one["id"] == "an12196-t4")
    keys = {name: vector[name] for name in ("meta_read_key", "file_read_key")}
    lines = [json.dumps(keys | vector["params"]), "", "{", "\\xff", json.dumps(keys | {"url": vector["url"]})]
    done = CliRunner().invoke(
        application,
        ["tags", "explain"],
        input="\n".join(lines).encode() + b"\n\xff\n",
        env={"TAGGAD_DATA_DIR": str(tmp_path)},
    )
    assert done.exit_code == 0, done.output
    nothing = {"valid": None, "uid": None, "counter": None, "file_data": None}
    read = nothing | {"valid": True, "uid": "04DE5F1EACC040", "counter": 61, "error": None}
    bad = nothing | {"error": "malformed"}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [read, bad, bad, read, bad]
    assert list(tmp_path.iterdir()) == []
