"""The figures of writing: taps in, visits derived."""

import datetime as dt
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from statistics import median
from uuid import UUID

from app.actions.taps.foresee import foresee
from app.actions.taps.record_taps import record_taps
from app.actions.taps.submission import Submission
from app.domain.taps.judging import Claim, Envelope
from app.store.database import Database
from bench import bases
from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import KEYS, LATE_TAP_DAYS, MUNICIPALITY, Outcome, Request, Stream, hello, load, request, service
from bench.sizes import Sizes
from bench.workload import Phones, Tap, make_municipality, midnight, shifts

Results = dict[str, Result]
LONE = {"lone_tap_cpu_vs_hello": "cpu_us"}
SINGLE = {"single_taps_ratio": "rate", "tap_cpu_vs_hello_single": "cpu_us"}
BATCHES = {"batch100_taps_ratio": "rate", "tap_cpu_vs_hello_batch100": "cpu_us"}
TODAY = dt.timedelta(hours=12)
"""How long ago today's visits begin: long enough for all of them, and nobody's presence gets too old to be open."""
STATEMENT_BATCHES = (1, 10, 100, 1000)


async def single(cluster: Cluster, sizes: Sizes, wanted: Collection[str]) -> Results:
    """Single taps, one request each, as they happen."""
    template = await bases.base(cluster, sizes)
    found: Results = {}
    if SINGLE.keys() & wanted:
        rounds = []
        for _ in range(sizes.rounds):
            floor = await cluster.floor(sizes.connections, sizes.floor_seconds)
            yardstick = await _hello(sizes)
            async with cluster.clone(template) as name:
                async with service(cluster, name) as served:
                    phones = Phones()
                    requests = _today(phones, sizes)
                    stream = Stream(requests, sizes.connections, None, len(requests) // 10, phones.booted_at)
                    [outcome] = await load(served, cluster, stream)
                in_place = await _in_place(cluster, name)
            rounds.append((outcome, floor, yardstick))
        found |= _against_floors(SINGLE, rounds)
        if (key := "tap_cpu_vs_hello_single") in found:
            found[key] = replace(found[key], note=f"{found[key].note}; {in_place}")
    if LONE.keys() & wanted:
        rounds = []
        for _ in range(sizes.rounds):
            yardstick = await _hello(sizes)
            async with cluster.clone(template) as name, service(cluster, name) as served:
                phones = Phones()
                requests = _today(phones, sizes)[: sizes.lone_taps]
                [outcome] = await load(
                    served, cluster, Stream(requests, 1, None, len(requests) // 10, phones.booted_at)
                )
            rounds.append((outcome, 0.0, yardstick))
        found |= _against_floors(LONE, rounds)
    if "open_loop_p99_ms" in wanted:
        async with cluster.clone(template) as name, service(cluster, name) as served:
            phones, warm = Phones(), sizes.open_rate
            requests = _today(phones, sizes)[: warm + sizes.open_rate * sizes.open_seconds]
            stream = Stream(requests, sizes.connections, sizes.open_rate, warm, phones.booted_at)
            [outcome] = await load(served, cluster, stream)
        async with hello() as served:
            [floor_outcome] = await load(
                served,
                None,
                Stream(_hellos(sizes.open_rate * sizes.open_seconds), sizes.connections, sizes.open_rate),
            )
        note = f"p50 {outcome.p50_ms:.1f} ms, {outcome.cpu_us:.0f} µs a tap; the floor is the hello-world's p99"
        found["open_loop_p99_ms"] = Result(outcome.p99_ms, floor_outcome.p99_ms, note=note)
    return found


async def _in_place(cluster: Cluster, name: str) -> str:
    """The shares of updates that touched no index, since the database was cloned."""
    shares = []
    connection = await cluster.connect(name)
    try:
        for table in ("presence", "visit"):
            share = await connection.fetchval(
                "SELECT n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables WHERE relname = $1", table
            )
            shares.append(f"{share:.0%} of {table}s")
    finally:
        await connection.close()
    return f"updates that touched no index: {' and '.join(shares)}"


async def batches(cluster: Cluster, sizes: Sizes, wanted: Collection[str]) -> Results:
    """Batches and the backlog, one service through all of it; its memory afterwards."""
    template = await bases.base(cluster, sizes)
    found: Results = {}
    town, phones = make_municipality(sizes.recipients, sizes.staff), Phones()
    async with AsyncExitStack() as stack:
        name = await stack.enter_async_context(cluster.clone(template))
        served = await stack.enter_async_context(service(cluster, name))
        memory = [(0, served.rss_mb())]
        taps = 0
        if {*BATCHES, "worker_rss_mb"} & set(wanted):
            rounds = []
            for number in range(sizes.rounds):
                floor = await cluster.floor(sizes.connections, sizes.floor_seconds)
                yardstick = await _hello(sizes)
                first_at = midnight(sizes.days_untold - 1 - number * sizes.days_of_batch)
                slots = shifts(town, first_at, sizes.days_of_batch, sizes.visits_a_day)
                requests = phones.in_batches(slots, sizes.batch)
                warm = len(requests) // 20
                [outcome] = await load(served, cluster, Stream(requests, sizes.few, None, warm, phones.booted_at))
                rounds.append((outcome, floor, yardstick))
                taps += len(requests) * sizes.batch
                memory.append((taps, served.rss_mb()))
            found |= _against_floors(BATCHES, rounds)
        if {"backlog_s", "worker_rss_mb"} & set(wanted):
            slots = shifts(town, midnight(sizes.days_of_backlog + 1), sizes.days_of_backlog, sizes.visits_a_day)
            late = phones.in_batches(slots, sizes.taps_of_phone, sizes.phones_of_staff)
            live = phones.one_by_one(shifts(town, dt.datetime.now(dt.UTC) - TODAY, 1, sizes.visits_today))
            drained, beside = await load(
                served,
                cluster,
                Stream(late, sizes.few, None, 0, phones.booted_at),
                Stream(live[: sizes.live_rate * 40], sizes.connections, sizes.live_rate, 0, phones.booted_at),
            )
            taps += drained.items + beside.items
            memory.append((taps, served.rss_mb()))
            note = f"{drained.items} taps, {drained.rate:,.0f}/s; live taps' p99 {beside.p99_ms:.0f} ms"
            found["backlog_s"] = Result(drained.seconds, note=note)
    if "worker_rss_mb" in wanted:
        steps = ", ".join(f"{rss:.0f} after {count // 1000}k" for count, rss in memory)
        found["worker_rss_mb"] = Result(memory[-1][1], memory[0][1], note=f"MB {steps}")
    return found


async def statements(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> Results:
    """Every statement of a batch that reaches PostgreSQL, begin and commit with them, as its own log has them."""
    template = await bases.base(cluster, sizes)
    slots = shifts(make_municipality(sizes.recipients, sizes.staff), dt.datetime.now(dt.UTC) - TODAY, 1, 3)
    taps = [visit[side] for slot in slots for side in (0, 1) for visit in slot]
    counts = {}
    async with cluster.clone(template) as name:
        await cluster.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
        database = Database(cluster.url(name), pool_size=1, ledger_keys=[KEYS["ledger"]])
        try:
            await _record(database, taps[:1])  # connects, and reads the master data
            start = 1
            for size in STATEMENT_BATCHES:
                chosen, start = taps[start : start + size], start + size
                if len(chosen) == size:
                    before = cluster.logged_statements()
                    await _record(database, chosen)
                    counts[size] = cluster.logged_statements() - before
        finally:
            await database.close()
    note = ", ".join(f"{count} of {size} taps" for size, count in counts.items())
    return {"statements_per_batch": Result(max(counts.values()), min(counts.values()), note=note)}


async def _record(database: Database, taps: list[Tap]) -> None:
    """A batch as the service's group commit writes it: many phones, one transaction."""
    now = dt.datetime.now(dt.UTC)
    submissions = [
        Submission(tap.staff, f"D-{tap.staff}", Envelope(now, now, None, None), [_claim(tap)]) for tap in taps
    ]
    master = database.remembered(MUNICIPALITY)
    ahead = foresee(submissions, master) if master else None
    async with database.write(MUNICIPALITY, ahead=ahead) as writing:
        await record_taps(writing, submissions, dt.timedelta(days=LATE_TAP_DAYS), lambda _: "", ahead)


def _claim(tap: Tap) -> Claim:
    return Claim(id=UUID(tap.id), direction=tap.direction, tapped_at=tap.at, uid=tap.uid)


async def history(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> Results:
    """A tap of staff and households with two years behind them, and of others with a day: block by block."""
    template = await bases.long(cluster, sizes)
    town, phones = make_municipality(sizes.recipients, sizes.staff), Phones()
    ratios, costs = [], ([], [])  # type: tuple[list[float], tuple[list[float], list[float]]]
    async with cluster.clone(template) as name, service(cluster, name) as served:
        for number in range(sizes.long_rounds + 1):
            pair = []
            for side in (number % 2, 1 - number % 2):
                staff, doors = bases.group(town, sizes, side)
                first_at = midnight(2 * (sizes.long_rounds - number) + 3)
                slots = shifts(town, first_at, 2, 2 * sizes.visits_a_day, staff=staff, doors=doors)
                stream = Stream(phones.one_by_one(slots), sizes.connections // 8 or 1, None, 0, phones.booted_at)
                [outcome] = await load(served, cluster, stream)
                pair.append((side, outcome.cpu_us))
            if number:  # the first pair warms up
                cost = dict(pair)
                ratios.append(cost[0] / cost[1])
                for side in (0, 1):
                    costs[side].append(cost[side])
    note = "each " + ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return {"history_cost_ratio": Result(median(ratios), median(costs[1]), median(costs[0]), note=note)}


async def rebuilding(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> Results:
    """A month of visits derived anew: from nothing, and over what stands already, which is told as the floor."""
    template = await bases.base(cluster, sizes)
    in_history = midnight(sizes.days_untold + 5).date()
    month = f"{in_history:%Y-%m}"
    async with cluster.clone(template) as name:
        count = await _visits_of(cluster, name, in_history)
        began = time.perf_counter()
        await bases.derive(cluster, name, month)
        standing = count / (time.perf_counter() - began)
        await cluster.execute(
            "TRUNCATE presence, visit, visit_change, withdrawn_visit, month_sum, anomaly_count", name=name
        )
        began = time.perf_counter()
        await bases.derive(cluster, name, month)
        seconds = time.perf_counter() - began
        count = await _visits_of(cluster, name, in_history)
    note = f"{count} visits; the floor is the same over visits that stand"
    return {"rebuild_visits_per_s": Result(count / seconds, standing, note=note)}


async def _visits_of(cluster: Cluster, name: str, day: dt.date) -> int:
    connection = await cluster.connect(name)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM visit WHERE date_trunc('month', local_on) = date_trunc('month', $1::date)", day
            )
        )
    finally:
        await connection.close()


def _today(phones: Phones, sizes: Sizes) -> list[Request]:
    town = make_municipality(sizes.recipients, sizes.staff)
    return phones.one_by_one(shifts(town, dt.datetime.now(dt.UTC) - TODAY, 1, sizes.visits_today))


def _hellos(count: int) -> list[Request]:
    return [request("GET", "/", "none")] * count


async def _hello(sizes: Sizes) -> Outcome:
    async with hello() as served:
        warm = sizes.hello_requests // 10
        [outcome] = await load(served, None, Stream(_hellos(sizes.hello_requests), sizes.connections, None, warm))
    return outcome


def _against_floors(keys: dict[str, str], rounds: list[tuple[Outcome, float, Outcome]]) -> Results:
    """Rate and CPU of each round against the floor and the yardstick of the same round; the medians."""
    found = {}
    for key, what in keys.items():
        floors = [floor if what == "rate" else yardstick.cpu_us for _, floor, yardstick in rounds]
        values = [float(getattr(outcome, what)) for outcome, _, _ in rounds]
        ratio = median(value / floor for value, floor in zip(values, floors, strict=True))
        if what == "rate":
            note = f"p50 {_median(rounds, 'p50_ms'):.1f}, p99 {_median(rounds, 'p99_ms'):.1f} ms"
            accepted = sum(outcome.accepted for outcome, _, _ in rounds) / sum(
                outcome.items for outcome, _, _ in rounds
            )
            note += f"; {accepted:.1%} accepted"
        else:
            parts = [
                median(getattr(outcome, part) * 1e6 / outcome.items for outcome, _, _ in rounds)
                for part in ("server_cpu", "postgres_cpu")
            ]
            note = f"service {parts[0]:.0f} + PostgreSQL {parts[1]:.0f} µs"
        found[key] = Result(ratio, median(floors), median(values), note)
    return found


def _median(rounds: list[tuple[Outcome, float, Outcome]], what: str) -> float:
    return median(float(getattr(outcome, what)) for outcome, _, _ in rounds)
