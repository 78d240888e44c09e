"""`python -m bench.sim_report`: honest people and an adversary, lived against the service, and what it saw of them.

Weeks are lived in minutes: the service and the phones here share a clock that the simulation sets. Everything else is
as it is served: HTTP, PostgreSQL, every check.
"""

import argparse
import asyncio
import datetime as dt
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn

from app.actions.add_municipality import add_municipality
from app.main import configure_logs, create_app
from app.server import server_options
from app.settings import Settings
from app.store.clock import Clock
from app.store.database import Database
from app.store.migrate import migrate
from bench.cluster import ROOT, cluster
from bench.processes import MUNICIPALITY, environment, token
from firmware_sim.campaign.adversary import every_scheme
from firmware_sim.campaign.campaign import plan
from firmware_sim.campaign.measure import Figures, Hands, figures, play, printed
from firmware_sim.campaign.oracle import foretell
from firmware_sim.people.live import enrol_all, put_world
from firmware_sim.people.world import build_world
from firmware_sim.wire import Wire

SEED = 7
FIRST_ON = dt.date(2026, 9, 1)
NAME = "sim_report"
PHONES_AT_ONCE = 8
SEND_EVERY_SECONDS = 8 * 3600
"""Phones with a net. The longer they wait, the more of what they tell is late and out of order."""
RECIPIENTS, STAFF = 1000, 250
TAPS_A_DAY = 2_950
"""What honest people of such a district tap at doors that are left alone; for choosing the number of days."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # Ctrl-C is for the whole report


class ReceivedAt(Clock):
    """The machine's clock, but for the time of receipt, which `hands` show: a simulation lives weeks in minutes."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands

    def received(self) -> dt.datetime:
        return self._hands.now


@asynccontextmanager
async def serving(url: str, hands: Hands) -> AsyncIterator[str]:
    """The service in this process, receiving at the time that `hands` shows; gives its address."""
    app = create_app(Settings.from_environment(environment(url)), clock=ReceivedAt(hands))
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, **server_options()))
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def report(data_dir: Path, taps: int, times: int, recipients: int, staff: int) -> Figures:
    """Live as many days as the taps take, with each scheme of the adversary carried out so many times."""
    days = max(2, round(taps / (TAPS_A_DAY * recipients / RECIPIENTS)))
    lived = tuple(FIRST_ON + dt.timedelta(days=number) for number in range(days))
    world = build_world(SEED, lived[-1], recipients, staff, sun_share=1.0)
    _say(f"{days} days of {recipients} recipients and {staff} staff")
    campaign = plan(world, lived, every_scheme(times), SEED, every_seconds=SEND_EVERY_SECONDS)
    expected = foretell(campaign)
    (data_dir.parent / "sim_truth.json").write_text(campaign.truth_log(expected), encoding="utf-8")
    _say(f"{len(campaign.taps)} taps planned, and what must become of each")
    hands = Hands(campaign.taps[0].sent_at - dt.timedelta(days=1))
    async with cluster(data_dir, "256MB") as server:
        await server.drop(NAME)
        await server.execute(f"CREATE DATABASE {NAME}")
        url = server.url(NAME)
        await migrate(url)
        database = Database(url, pool_size=1)
        await add_municipality(database, MUNICIPALITY, "Norrtälje")
        await database.close()
        async with serving(url, hands) as base, Wire(base, connections=PHONES_AT_ONCE) as wire:
            await put_world(wire, token("system"), world, admin_token=token("admin"))
            devices = await enrol_all(wire, token("admin"), world)
            _say(f"the district is put, and {len(devices)} phones are enrolled")
            outcome = await play(wire, devices, token("admin"), campaign, hands, _say)
    return figures(outcome, expected)


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Print the report; 1 when something became of a tap that was not foretold, or an honest one was accused."""
    parser = argparse.ArgumentParser(prog="python -m bench.sim_report", description=__doc__)
    parser.add_argument("--taps", type=int, default=100_000, help="honest taps at doors that are left alone [100000]")
    parser.add_argument("--times", type=int, default=10, help="how often each scheme is carried out [10]")
    parser.add_argument("--recipients", type=int, default=RECIPIENTS)
    parser.add_argument("--staff", type=int, default=STAFF)
    arguments = parser.parse_args()
    configure_logs()
    data_dir = ROOT / "build" / "sim"
    data_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    shown = asyncio.run(report(data_dir, arguments.taps, arguments.times, arguments.recipients, arguments.staff))
    print(f"\n{printed(shown)}\ntook {time.monotonic() - began:.0f} s")
    return 1 if shown.surprises or shown.quiet.harvested or shown.quiet.refused else 0


if __name__ == "__main__":
    sys.exit(main())
