"""All of Sweden in one service: its busiest second for some minutes, and the flush after nine hours' outage."""

import asyncio
import datetime as dt
import random
from collections.abc import Collection, Iterator
from statistics import median

from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import Outcome, Request, Served, Stream, get, load, service, token
from bench.reading_data import whole_month
from bench.sizes import Sizes
from bench.sweden_data import LARGEST, sweden, towns
from bench.workload import Municipality, Phones, Slot, shifts

CORES = 2
P99_MS, FLUSH_P99_MS = 50, 300
SEED = 5
# How many hours ago each part of the load was at the doors: one after the other, so that nobody's visits overlap.
OUTAGE, WARMING, LIVE, PULLING, BESIDE = 14, 8, 6, 4, 2


class Sweden:
    """Every municipality with its phones, and the taps that all of them send, mixed by their sizes."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._towns: list[tuple[Municipality, Phones]] = [(town, Phones(code)) for code, town in towns(sizes)]
        staff = [(number, one.ref) for number, (town, _) in enumerate(self._towns) for one in town.world.staff]
        random.Random(SEED).shuffle(staff)
        self._staff = staff
        self.booted_at = self._towns[0][1].booted_at

    def firsts(self) -> list[Request]:
        """A tap of each municipality."""
        chosen = [(number, town.world.staff[0].ref) for number, (town, _) in enumerate(self._towns)]
        return [phones.send([visits[0][0]]) for phones, visits in self._visits(WARMING, 1, chosen)]

    def live(self, hours: int, seconds: float) -> list[Request]:
        """Taps at the rate of the busiest second: visits begin, then the same end."""
        count = max(1, round(self._sizes.rate_of_all * seconds / 2))
        at_doors = list(self._visits(hours, 1, self._staff[:count]))
        return [phones.send([visits[0][side]]) for side in (0, 1) for phones, visits in at_doors]

    def held_back(self, share: float) -> list[Request]:
        """One batch of each phone, or of a share of them."""
        chosen = self._staff[: max(1, round(len(self._staff) * share))]
        for_hours = self._visits(OUTAGE, self._sizes.outage_visits, chosen)
        return [phones.send([tap for visit in visits for tap in visit]) for phones, visits in for_hours]

    def _visits(self, hours: int, count: int, chosen: list[tuple[int, str]]) -> Iterator[tuple[Phones, Slot]]:
        """The visits of each of the staff, in the order in which they are given."""
        first_at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
        refs: dict[int, list[str]] = {}
        for number, ref in chosen:
            refs.setdefault(number, []).append(ref)
        found: dict[tuple[int, str], Slot] = {}
        for number, own in refs.items():
            for slot in shifts(self._towns[number][0], first_at, 1, count, staff=own):
                for visit in slot:
                    found.setdefault((number, visit[0].staff), []).append(visit)
        return ((self._towns[number][1], found[number, ref]) for number, ref in chosen)


async def figures(cluster: Cluster, sizes: Sizes, wanted: Collection[str]) -> dict[str, Result]:
    """One service through all of it: the first tap of each municipality, the busiest second, the flush."""
    template = await sweden(cluster, sizes)
    everywhere = Sweden(sizes)
    found: dict[str, Result] = {}
    async with cluster.clone(template) as name, service(cluster, name) as served:
        began_mb = served.rss_mb()
        [first] = await load(served, cluster, Stream(everywhere.firsts(), 1, None, 0, everywhere.booted_at))
        memory = f"worker {began_mb:.0f} MB, with everybody's master data {served.rss_mb():.0f} MB"
        if "sweden_cpu_share" in wanted:
            found["sweden_cpu_share"] = await _busiest(cluster, served, everywhere, sizes, (memory, first))
        if "sweden_flush_per_s" in wanted:
            found["sweden_flush_per_s"] = await _flush(cluster, served, everywhere, sizes)
    return found


def _live(everywhere: Sweden, sizes: Sizes, hours: int, seconds: float) -> Stream:
    requests = everywhere.live(hours, seconds)
    return Stream(requests, sizes.connections, sizes.rate_of_all, 0, everywhere.booted_at, patient=True)


async def _busiest(
    cluster: Cluster, served: Served, everywhere: Sweden, sizes: Sizes, before: tuple[str, Outcome]
) -> Result:
    seconds = sizes.minutes * 60
    [live] = await load(served, cluster, _live(everywhere, sizes, LIVE, seconds))
    tapping = asyncio.create_task(load(served, cluster, _live(everywhere, sizes, PULLING, seconds / 10)))
    pull = await _pulls(served, tapping)
    [beside] = await tapping
    share = (live.server_cpu + live.postgres_cpu) / live.seconds / CORES
    memory, first = before
    cpu = [spent * 1e6 / live.items for spent in (live.server_cpu, live.postgres_cpu)]
    note = (
        f"p99 {live.p99_ms:.0f} of {P99_MS} ms, p50 {live.p50_ms:.1f};"
        f" service {cpu[0]:.0f} + PostgreSQL {cpu[1]:.0f} µs a tap;"
        f" {live.accepted / live.items:.1%} accepted, {live.busy} found it busy;"
        f" {pull}, live p99 beside it {beside.p99_ms:.0f} ms;"
        f" {memory}, read in {first.seconds:.1f} s, the largest in {first.p99_ms / 1000:.1f} s"
    )
    return Result(share, note=note, held=live.p99_ms <= P99_MS)


async def _pulls(served: Served, tapping: asyncio.Task[list[Outcome]]) -> str:
    """The month of the largest municipality, asked for again and again while taps come in."""
    path = f"/v1/executed-time?month={whole_month():%Y-%m}&by=recipient,category"
    times: list[float] = []
    size = 0
    while not times or not tapping.done():
        seconds, status, body = await get(served.port, path, token("controller", LARGEST))
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:500]!r}")
        times.append(seconds * 1000)
        size = len(body)
    return f"the largest one's month pulled {len(times)} times in {median(times):.0f} ms ({size / 1e6:.1f} MB)"


async def _flush(cluster: Cluster, served: Served, everywhere: Sweden, sizes: Sizes) -> Result:
    share = min(1.0, sizes.minutes / 10)
    late = everywhere.held_back(share)
    # As many live taps as the flush may take long.
    live = _live(everywhere, sizes, BESIDE, sum(items for _, _, items in late) / 1500)
    flushed, beside = await load(
        served, cluster, Stream(late, sizes.connections, None, 0, everywhere.booted_at, patient=True), live
    )
    note = (
        f"{flushed.items} taps of {len(late)} phones; live p99 {beside.p99_ms:.0f} of {FLUSH_P99_MS} ms;"
        f" {flushed.busy + beside.busy} found the service busy and came again; worker {served.rss_mb():.0f} MB"
    )
    return Result(flushed.rate, note=note, held=beside.p99_ms <= FLUSH_P99_MS)
