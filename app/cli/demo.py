"""The demo: the server and a simulated district against it, until it is stopped."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Unpack

import uvicorn
from rich.console import Console

from app.actions.access.log_in import LINK_MINUTES
from app.actions.add_municipality import add_municipality
from app.api.http.access import ROLES, Bearer, Tokens
from app.cli.login_link import link_to
from app.cli.terminal import CLOCK
from app.domain.time import local
from app.main import create_app
from app.server import server_options
from app.settings import Settings
from app.store.database import Database
from app.store.migrate import migrate

MUNICIPALITY = 188
NAME = "Norrtälje"
SEED = 1
TOKEN_SECONDS = 12 * 3600
PATIENCE_SECONDS = 10
LOG = "demo.log"
MARK = "demo"
"""The file in a data directory that marks its data as an example."""


class NotADemoError(Exception):
    """The data directory holds real data."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the demo listens for them itself: more than a server must end


async def run(settings: Settings, url: str, at: socket.socket, speed: float, out: Console) -> int:
    """Serve at a bound address and simulate; returns 0 after SIGINT or SIGTERM, 1 when either part fails."""
    out.print("Migrating the database")
    await migrate(url)
    if not await _prepare(settings, url):
        out.print(f"{settings.data_dir} holds data that no demo made: set TAGGAD_DATA_DIR to another directory")
        return 1
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = _Server(uvicorn.Config(create_app(settings, url, demo=True, clock=CLOCK), **server_options()))
    tasks = {"ended": asyncio.create_task(ended.wait()), "server": asyncio.create_task(server.serve(sockets=[at]))}
    up = asyncio.create_task(server.answers.wait())
    try:
        await asyncio.wait((up, *tasks.values()), return_when=asyncio.FIRST_COMPLETED)
        if up.done():
            base = f"http://127.0.0.1:{at.getsockname()[1]}"
            staff = json.loads(await _ask("staff", "--seed", str(SEED)))
            _welcome(out, settings, base, staff)
            tasks["days"] = asyncio.create_task(_days(settings, url, base, speed, staff[0], out))
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped = ended.is_set()
        out.print("Ending" if stopped else "Something broke; ending")
        server.should_exit = True
        up.cancel()
        for name in ("days", "ended"):
            if name in tasks:
                tasks[name].cancel()
        await asyncio.gather(up, *tasks.values(), return_exceptions=True)
    return 0 if stopped else 1


async def _prepare(settings: Settings, url: str) -> bool:
    """Make the municipality; False when the database holds data that is no example."""
    database = Database(url, pool_size=1, clock=CLOCK)
    try:
        mark = settings.data_dir / MARK
        known = await database.municipalities()
        if known and not mark.exists():
            return False
        mark.touch()
        await add_municipality(database, MUNICIPALITY, NAME)
    finally:
        await database.close()
    return True


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "firmware_sim", *arguments)


async def _start(*arguments: str) -> Process:
    # A session of its own: Ctrl-C reaches this process alone, which then ends the other in order.
    root = Path(__file__).parents[2]
    return await asyncio.create_subprocess_exec(
        *_command(*arguments), stdin=PIPE, stdout=PIPE, cwd=root, start_new_session=True
    )


async def _ask(*arguments: str) -> bytes:
    process = await _start(*arguments)
    said, _ = await process.communicate()
    return said


async def _days(settings: Settings, url: str, base: str, speed: float, one: dict[str, Any], out: Console) -> None:
    await asyncio.gather(_simulate(settings, base, speed, out.print), _offer_links(settings, url, base, one, out))


async def _offer_links(settings: Settings, url: str, base: str, one: dict[str, Any], out: Console) -> None:
    """Print a login link for each role that people have, when the simulation has put the provider and the staff."""
    refs = {"planner": {"provider": one["provider"]}, "staff": {"provider": one["provider"], "staff": one["ref"]}}
    database = Database(url, pool_size=1, ledger_keys=settings.ledger_key, clock=CLOCK)
    lines = []
    try:
        for role in ROLES:
            status = "refused" if role != "system" else ""
            while status == "refused":
                outcome, path = await link_to(database, MUNICIPALITY, role, settings.lookup_key, **refs.get(role, {}))
                status = outcome.status
                if status == "refused":
                    await asyncio.sleep(1)
                else:
                    lines.append(f"  {role:<13} {base.replace('127.0.0.1', 'localhost')}{path}")
    finally:
        await database.close()
    out.print(
        f"\nLogin links, each good once, for {LINK_MINUTES} minutes (`taggad login-link` makes more):", style="bold"
    )
    out.print("\n".join(lines) + "\n", markup=False, soft_wrap=True)


async def _simulate(settings: Settings, base: str, speed: float, say: Callable[[str], None]) -> None:
    """Run the simulation until it ends by itself; end it when cancelled."""
    token = _tokens(settings)
    given = {"admin_token": token("admin"), "system_token": token("system")}
    process = await _start("live", "--base-url", base, "--seed", str(SEED), "--speed", str(speed))
    assert process.stdin is not None  # noqa: S101 - pipes were asked for
    assert process.stdout is not None  # noqa: S101 - as above
    try:
        process.stdin.write(json.dumps(given).encode())
        process.stdin.close()
        async for line in process.stdout:
            say(line.decode(errors="replace").rstrip())
        await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _tokens(settings: Settings) -> Callable[..., str]:
    def token(role: str, **refs: Unpack[Bearer]) -> str:
        return Tokens(settings.token_key, CLOCK).mint(MUNICIPALITY, role, ttl_seconds=TOKEN_SECONDS, **refs)

    return token


def _welcome(out: Console, settings: Settings, base: str, staff: list[dict[str, Any]]) -> None:
    token = _tokens(settings)
    one = staff[0]
    out.print(f"\nTaggad serves municipality {MUNICIPALITY} {NAME} of the example at {base}\n", style="bold")
    month = f"{local(CLOCK.now()):%Y-%m}"
    for path, what in (
        ("/", "the start page, with live figures"),
        ("/docs", "the API, to try by hand"),
        ("/v1/visits?limit=5", "visits (controller, system, planner)"),
        (f"/v1/executed-time?month={month}&by=recipient,category", "executed time (the same)"),
        ("/metrics", "metrics"),
    ):
        out.print(f"  {base}{path}", markup=False)
        out.print(f"      {what}", markup=False)
    logins = {
        "system": token("system"),
        "controller": token("controller"),
        f"planner of {one['provider']}": token("planner", provider=one["provider"]),
        f"staff {one['ref']}": token("staff", staff=one["ref"], provider=one["provider"]),
        "admin": token("admin"),
    }
    out.print(f"\nTokens, valid for {TOKEN_SECONDS // 3600} hours (`taggad token` makes more):")
    for who, bearer in logins.items():
        out.print(f"\n{who}", style="bold")
        out.print(bearer, markup=False)
    out.print(f'\ncurl -H "Authorization: Bearer <token>" "{base}/v1/visits?limit=5"\n', markup=False)
    out.print(f"The log is {settings.data_dir / LOG}. Ctrl-C ends everything.\n", markup=False)
