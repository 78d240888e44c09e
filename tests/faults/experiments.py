"""The experiments: phones and desks at work, something broken meanwhile, then quiet, and the list of what must hold."""

import asyncio
import datetime as dt
import random
import tempfile
from collections import Counter
from pathlib import Path

import ends
import stored
from breaking import Faults
from desks import Auditor, Follower, Planner, close
from fleet import Contradicting, phones_of
from place import Town
from product import invariants_broken, ledger_findings
from sending import Network
from service import STOCKHOLM

QUIET_SECONDS = 90
PLANNERS = 6
HOUR = 3600


class Run:
    """One experiment with a municipality and its neighbour, on machines that run. `scale` makes it longer."""

    def __init__(self, rig, seed, code, scale=1.0):
        self.rig, self.seed, self.code, self.scale = rig, seed, code, scale
        self.chance = random.Random(f"{seed}/run")
        self.network = Network(rig.servers, random.Random(f"{seed}/network"))
        self.counts = self.network.counts
        self.faults = Faults(rig, self.counts)
        self.began_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
        self.ended_at = None
        self.found = []  # `check: what is wrong`
        self.towns, self.phones, self.desks = [], [], []
        self._workers, self._tasks = [], []

    async def begin(self, days, *, lanes=3, poison=False):
        """Make the municipalities, and let everybody work."""
        for code, width in ((self.code, lanes), (self.code + 1, 1)):
            town = Town(self.network, code, days)
            await town.settle(self.rig.postgres)
            self.towns.append(town)
            phones = [*phones_of(town, self.seed, lanes=width, poison=poison), Contradicting(town, self.seed)]
            follower = Follower(town, self.seed)
            self.desks.append((follower, Auditor(town, self.seed)))
            planners = [Planner(town, follower, f"{self.seed}/{number}") for number in range(PLANNERS)]
            self.phones += phones
            self._workers += [*phones, *self.desks[-1], *planners]
        self.go_on()

    def go_on(self):
        """Let everybody work."""
        for worker in self._workers:
            worker.stopping = False
        self._tasks = [asyncio.create_task(worker.work()) for worker in self._workers]

    async def stop_work(self):
        """Let everybody finish what they are at."""
        for worker in self._workers:
            worker.stopping = True
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def quiet(self):
        """Nothing is broken any more: phones send what they have, and the ledger is sealed."""
        async with asyncio.timeout(QUIET_SECONDS):
            await self.stop_work()
            await asyncio.gather(*(phone.finish() for phone in self.phones))
            await self.network.settle()
        self.ended_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)

    def odd(self):
        """What no caller should ever have been answered."""
        return [f"answers: {line}" for line in self.network.odd[: ends.SHOWN]]

    async def close(self):
        """End whatever is still at work, which nothing is where all went well."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.network.close()

    async def look(self):
        """Whether all holds, in both municipalities."""
        for town, (follower, auditor) in zip(self.towns, self.desks, strict=True):
            self.found += town.findings[: ends.SHOWN]
            self.follower, self.auditor = follower, auditor
            await follower.to_the_end()
            self.listed = await self._listed(town)
            self.head = await self._sealed(town)
            self.executed = await self._executed(town)
            owner = await self.rig.postgres.owner()
            rows = await stored.read(owner, town.code)
            await owner.close()
            self.derived = await asyncio.to_thread(rows.derived)
            self.found += await asyncio.to_thread(lambda town=town, rows=rows: list(ends.findings(town, rows, self)))
            self.found += [f"check: {line}" for line in await invariants_broken(self.rig.postgres.url, town.code)]
            self.found += [f"ledger: {line}" for line in await self._verified(town)]
            broken = [line for server in self.rig.servers for line in server.said("ledger_broken")]
            self.found += [f"ledger: {line}" for line in broken[: ends.SHOWN]]
            self._count(town)

    def _count(self, town):
        for kind, known in (("taps", town.taps), ("reports", town.reports)):
            self.counts[f"{kind} acknowledged"] += sum(bool(sent.answers) for sent in known.values())
        self.counts["visits compared"] += len(self.derived)
        self.counts["closes"] += len(town.closes)
        self.counts["öre settled"] += sum(close["total_ore"] for close in town.closes.values())

    async def _listed(self, town):
        listed, cursor = {}, None
        while True:
            params = {"limit": 500} | ({"cursor": cursor} if cursor else {})
            page = (await town.surely("GET", "/v1/visits", role="controller", params=params)).json()
            listed |= {visit["id"]: visit for visit in page["items"]}
            cursor = page["next"]
            if cursor is None:
                return listed

    async def _sealed(self, town):
        """The head when nothing waits to be sealed, or when that takes too long."""
        owner = await self.rig.postgres.owner()
        leaves = await owner.fetchval("SELECT count(*) FROM ledger_leaf WHERE municipality_id = $1", town.code)
        await owner.close()
        for _ in range(100):
            head = (await town.surely("GET", "/v1/ledger/head", role="auditor")).json()
            if head["size"] >= leaves:
                break
            await asyncio.sleep(0.1)
        return head

    async def _executed(self, town):
        found = {}
        for month in sorted({visit["local_date"][:7] for visit in self.listed.values()}):
            params = {"month": month, "by": "recipient,category"}
            answer = await town.surely("GET", "/v1/executed-time", role="controller", params=params)
            for row in answer.json()["rows"]:
                key = month, row["recipient"], row["category"]
                found[key] = [row["executed_seconds"], row["payable_seconds"]]
        return found

    async def _verified(self, town):
        answer = await town.surely("GET", "/v1/ledger/key", role="auditor", params={"municipality": town.code})
        with tempfile.TemporaryDirectory() as directory:
            key, state = answer.json()["public_key"], Path(directory) / "state"
            return await ledger_findings(self.rig.servers[0].base, town.code, key, state)


def lately(count=60):
    """Days that are over, with a night and a day between any two."""
    today = dt.datetime.now(STOCKHOLM).date()
    return [today - dt.timedelta(days=2 + 2 * number) for number in range(count)]


def of_months(count):
    """The months before this one, and days in them, of the two mixed."""
    months, day = [], dt.datetime.now(STOCKHOLM).date()
    for _ in range(count):
        day = day.replace(day=1) - dt.timedelta(days=1)
        months.append(f"{day:%Y-%m}")
    days = [dt.date.fromisoformat(f"{month}-{on:02}") for on in range(2, 28, 2) for month in months]
    return sorted(months), days


async def kills(run):
    """Servers killed, connections ended every 20 ms on a slow disk, a wrong clock, a tap that cannot be stored."""
    await run.begin(lately(), poison=True)
    first, second = run.rig.servers
    async with asyncio.TaskGroup() as group:
        group.create_task(run.faults.poison(2 * run.scale))
        group.create_task(run.faults.jump(second, run.chance.choice([-3 * HOUR, 3 * HOUR]), 1.5 * run.scale))
    async with asyncio.TaskGroup() as group:
        group.create_task(run.faults.slow_down(4 * run.scale))
        group.create_task(run.faults.terminate(4 * run.scale))
        group.create_task(run.faults.kill_server(first))
    await run.faults.restart_server(second)


async def database(run):
    """The postmaster killed, the database frozen, its disk full now and then."""
    await run.begin(lately())
    await asyncio.sleep(1)
    await run.faults.kill_postgres()
    await asyncio.sleep(0.5)
    await run.faults.freeze(0.7, times=3)
    await run.faults.fill(2 * run.scale)
    await run.faults.freeze(3.5 * run.scale)
    await run.faults.kill_postgres()


async def closing(run):
    """Sealers are slow; then two months are closed on a slow disk, with facts, corrections and ended connections."""
    months, days = of_months(2)
    await run.begin(days)
    town = run.towns[0]
    await run.faults.overtake(5 * run.scale)
    async with asyncio.TaskGroup() as group:
        group.create_task(run.faults.terminate(3 * run.scale, every=0.2))
        group.create_task(run.faults.slow_down(3 * run.scale))
        group.create_task(close(town, months[0]))
    await asyncio.sleep(1 * run.scale)
    await close(town, months[1])
    await asyncio.sleep(1 * run.scale)


async def restore(run):
    """A backup is put back, and phones send again what they still know; a cursor of before is worth nothing."""
    await run.begin(lately(), lanes=2)
    await asyncio.sleep(1.5 * run.scale)
    backup = run.rig.directory / f"backup-{run.code}"
    await run.rig.back_up(backup)
    await asyncio.sleep(1.5 * run.scale)
    await run.stop_work()
    await run.rig.restore(backup)
    run.counts["restores"] += 1
    for town, (_, auditor) in zip(run.towns, run.desks, strict=True):
        town.life += 1
        auditor.begin_again()
    await run.rig.start_servers()
    await asyncio.gather(*(phone.send_again() for phone in run.phones))
    run.go_on()
    await asyncio.sleep(1.5 * run.scale)


EXPERIMENTS = {"kills": kills, "database": database, "closing": closing, "restore": restore}


async def experiment(rig, name, seed, code, scale=1.0):
    """Run one; gives what was found, and what was counted."""
    run = Run(rig, seed, code, scale)
    try:
        await EXPERIMENTS[name](run)
        await run.quiet()
        await run.look()
    except Exception as error:  # noqa: BLE001 - a server that is broken may answer anything
        run.found.append(f"quiet: never, {type(error).__name__} {error}")
    finally:
        await run.close()
    return [*run.odd(), *run.found], Counter(run.counts)
