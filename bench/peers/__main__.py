"""`python -m bench.peers`: check-ins a second of other people's servers, beside the floor and our taps, in one run."""

import argparse
import asyncio
import base64
import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench import taps
from bench.cluster import ROOT, Cluster, cluster
from bench.peers import BUILT, HERE
from bench.processes import Outcome, Request, Served, Stream, load, serving
from bench.sizes import TINY, Sizes

DATABASE = "bench_peer"
SECRET = "0123456789abcdef" * 2
EMAIL = "bench@example.org"
CHECKIN = {"staff": "S-07", "tag": "T-12", "direction": "in", "at": "2026-10-01T08:00:00Z"}
TEXTS = [name for name in CHECKIN if name != "at"]
KINTO = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = %(http_port)s

[app:main]
use = egg:kinto
kinto.userid_hmac_secret = {secret}
kinto.storage_backend = kinto.core.storage.postgresql
kinto.storage_url = {url}
kinto.cache_backend = kinto.core.cache.postgresql
kinto.cache_url = {url}
kinto.permission_backend = kinto.core.permission.postgresql
kinto.permission_url = {url}
kinto.bucket_create_principals = system.Authenticated
multiauth.policies = basicauth
"""
Asked = tuple[Served, list[Request]]
"""The server, and what it is asked in turn."""
KINTO_COLLECTIONS = 256
"""Two writes to one collection at once are refused."""


def _post(path: str, authorization: str, body: Mapping[str, Any]) -> Request:
    content = json.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "Host: bench", f"Authorization: {authorization}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines), content, 0


async def _run(home: Path, words: Sequence[str | Path], environment: Mapping[str, str]) -> None:
    """A command of the peer's own that prepares it, in its home. Raises RuntimeError with what it said if it fails."""
    done = await asyncio.to_thread(
        subprocess.run,
        words,
        cwd=home,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} said: {(done.stdout + done.stderr)[-1000:]}")


async def _tell(served: Served, method: str, path: str, authorization: str, body: Mapping[str, Any] | None) -> Any:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as client:
        headers = {"Authorization": authorization} if authorization else {}
        answer = await client.request(method, path, headers=headers, json=body)
    if answer.is_error:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
    return answer.json()


def _starting(name: str, path: str, environment: dict[str, str]) -> Any:
    return serving(("-m", "bench.peers.start", name), path, environment)


@asynccontextmanager
async def django(socket_dir: Path, home: Path) -> AsyncIterator[Asked]:
    """Django REST framework: one model, token authentication, gunicorn."""
    environment = {"PEER_HOME": str(home), "PEER_DATABASE": DATABASE, "PEER_HOST": str(socket_dir)}
    await _run(home, [BUILT / "bin" / "python", HERE / "django_checkins.py", SECRET], environment)
    async with _starting("django", "/ready", environment) as served:
        yield served, [_post("/checkins", f"Token {SECRET}", CHECKIN)]


@asynccontextmanager
async def kinto(socket_dir: Path, home: Path) -> AsyncIterator[Asked]:
    """Kinto: a record of a collection, basic authentication, PostgreSQL for everything."""
    url = f"postgresql://postgres@/{DATABASE}?host={socket_dir}"
    (home / "kinto.ini").write_text(KINTO.format(secret=SECRET, url=url), encoding="utf-8")
    await _run(home, [BUILT / "bin" / "kinto", "migrate", "--ini", home / "kinto.ini"], {})
    basic = f"Basic {base64.b64encode(f'bench:{SECRET}'.encode()).decode()}"
    async with _starting("kinto", "/v1/__heartbeat__", {"PEER_HOME": str(home)}) as served:
        await _tell(served, "PUT", "/v1/buckets/bench", basic, {})
        paths = [f"/v1/buckets/bench/collections/c{number}" for number in range(KINTO_COLLECTIONS)]
        for path in paths:
            await _tell(served, "PUT", path, basic, {})
        yield served, [_post(f"{path}/records", basic, {"data": CHECKIN}) for path in paths]


@asynccontextmanager
async def directus(socket_dir: Path, home: Path) -> AsyncIterator[Asked]:
    """Directus: an item of a collection, static token, PostgreSQL."""
    environment = {
        "PEER_HOME": str(home), "SECRET": SECRET, "KEY": SECRET, "HOST": "127.0.0.1", "TELEMETRY": "false",
        "DB_CLIENT": "pg", "DB_HOST": str(socket_dir), "DB_PORT": "5432", "DB_DATABASE": DATABASE,
        "DB_USER": "postgres", "DB_PASSWORD": "unused", "ADMIN_EMAIL": EMAIL, "ADMIN_PASSWORD": SECRET,
        "ADMIN_TOKEN": SECRET, "LOG_LEVEL": "warn", "LOG_HTTP_IGNORE_PATHS": "/items/checkins",
    }  # fmt: skip
    node = shutil.which("node") or "node"
    await _run(home, [node, BUILT / "node_modules" / "directus" / "cli.js", "bootstrap"], environment)
    key = {"field": "id", "type": "integer", "schema": {"is_primary_key": True, "has_auto_increment": True}}
    fields = [key, *({"field": name, "type": "string"} for name in TEXTS), {"field": "at", "type": "timestamp"}]
    async with _starting("directus", "/server/ping", environment) as served:
        collection = {"collection": "checkins", "schema": {}, "meta": {}, "fields": fields}
        await _tell(served, "POST", "/collections", f"Bearer {SECRET}", collection)
        yield served, [_post("/items/checkins", f"Bearer {SECRET}", CHECKIN)]


@asynccontextmanager
async def pocketbase(_: Path, directory: Path) -> AsyncIterator[Asked]:
    """PocketBase: a record of a collection, a user's token, its own SQLite, which syncs at checkpoints alone."""
    home = directory / "data"  # it keeps migrations beside its data, and would apply those of the run before
    home.mkdir()
    await _run(home, [BUILT / "bin" / "pocketbase", "superuser", "upsert", EMAIL, SECRET, "--dir", home], {})
    fields = [*({"name": name, "type": "text"} for name in TEXTS), {"name": "at", "type": "date"}]
    async with _starting("pocketbase", "/api/health", {"PEER_HOME": str(home)}) as served:
        login = {"identity": EMAIL, "password": SECRET}
        token = (await _tell(served, "POST", "/api/collections/_superusers/auth-with-password", "", login))["token"]
        collection = {"name": "checkins", "type": "base", "fields": fields}
        await _tell(served, "POST", "/api/collections", token, collection)
        yield served, [_post("/api/collections/checkins/records", token, CHECKIN)]


PEERS = {"django": django, "kinto": kinto, "directus": directus, "pocketbase": pocketbase}


async def measure(name: str, server: Cluster, sizes: Sizes) -> Outcome:
    """Check-ins over as many connections as our single taps, in a fresh database."""
    await server.drop(DATABASE)
    await server.execute(f"CREATE DATABASE {DATABASE}")
    with TemporaryDirectory(prefix="taggad-peer-") as home:
        async with PEERS[name](server.socket_dir, Path(home)) as (served, asked):
            stream = Stream(
                list(islice(cycle(asked), sizes.peer_requests)), sizes.connections, None, sizes.peer_requests // 10
            )
            [outcome] = await load(served, server, stream)
    return outcome


async def run(names: Sequence[str], data_dir: Path, sizes: Sizes) -> dict[str, dict[str, float]]:
    """Each peer's check-ins a second and CPU; the floor and our own taps of the same run."""
    found: dict[str, dict[str, float]] = {}
    async with cluster(data_dir, sizes.shared_buffers) as server:
        ours = (await taps.single(server, dataclasses.replace(sizes, rounds=1), ["single_taps_ratio"]))[
            "single_taps_ratio"
        ]
        assert ours.floor is not None
        assert ours.measured is not None
        found["floor"] = {"per_s": ours.floor}
        print(f"{'one-row insert':<16}{ours.floor:>10,.0f}/s")
        found["taggad"] = {"per_s": ours.measured}
        print(f"{'taggad':<16}{ours.measured:>10,.0f}/s  {ours.note}", flush=True)
        for name in names:
            try:
                outcome = await measure(name, server, sizes)
            except (RuntimeError, httpx.HTTPError) as error:
                print(f"{name:<16}not measured: {error}", flush=True)
                continue
            found[name] = {"per_s": outcome.rate, "p99_ms": outcome.p99_ms, "cpu_us": outcome.cpu_us}
            said = f"p50 {outcome.p50_ms:.1f}, p99 {outcome.p99_ms:.1f} ms; {outcome.cpu_us:.0f} µs of CPU each"
            print(f"{name:<16}{outcome.rate:>10,.0f}/s  {said}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--only", default=",".join(PEERS), help="peers, with commas between")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench-peers.json", help="where it is written")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "build" / "bench", help="the cluster of the bench")
    parser.add_argument("--tiny", action="store_true", help="only show that everything runs")
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments.only.split(","), arguments.data_dir, TINY if arguments.tiny else Sizes()))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if len(found) < 2 + len(arguments.only.split(",")):
        sys.exit(1)


if __name__ == "__main__":
    main()
