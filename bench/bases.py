"""The databases that measurements are cloned from, made once: told over HTTP, filled as facts, derived by `rebuild`."""

import dataclasses
import datetime as dt
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.actions.add_municipality import add_municipality
from app.actions.ledger.seal import seal_all
from app.actions.versions import keep
from app.actions.visits.rebuild import rebuild
from app.main import collect_seldom
from app.store.database import Database
from app.store.migrate import migrate
from app.store.register.records import Stored
from bench.cluster import Cluster, fingerprint
from bench.processes import KEYS, MUNICIPALITY, Stream, load, request, service, token
from bench.sizes import Sizes
from bench.workload import CODE as WORKLOAD
from bench.workload import Door, Municipality, Slot, make_municipality, midnight, shifts

CODE = (WORKLOAD, Path(__file__))
"""What the databases are made by, beside the schema and the sizes."""

TOLD = "bench_told"
BASE = "bench_base"
LONG = "bench_long"
CALLS_AT_ONCE = 8
PHONES_OF_STAFF = 5
"""As many as the late taps of any size come from."""
TAP_COLUMNS = (
    "municipality_id", "id", "staff", "device", "direction", "at", "tapped_at", "received_at", "tag", "evidence",
    "verdict", "flags", "body_hash",
)  # fmt: skip


async def base(cluster: Cluster, sizes: Sizes) -> str:
    """The municipality with its months of history, up to where the late taps begin."""
    made_by = fingerprint("base", _of_history(sizes), *CODE)
    if not await cluster.is_made(BASE, made_by):
        await _told(cluster, sizes)
        print("making the history", flush=True)
        town = make_municipality(sizes.recipients, sizes.staff)
        first_at = midnight(sizes.days_untold + sizes.history_days)
        await _make(cluster, BASE, shifts(town, first_at, sizes.history_days, sizes.visits_a_day))
        cluster.note_made(BASE, made_by)
    return BASE


async def long(cluster: Cluster, sizes: Sizes) -> str:
    """The same municipality with two years of a few staff at a few doors, and one day of as many others."""
    made_by = fingerprint("long", dataclasses.astuple(sizes), *CODE)
    if not await cluster.is_made(LONG, made_by):
        await _told(cluster, sizes)
        print("making two years of history", flush=True)
        town = make_municipality(sizes.recipients, sizes.staff)
        last = 2 * sizes.long_rounds + 5
        slots: list[Slot] = []
        for number, days in enumerate((sizes.long_days, 1)):
            staff, doors = group(town, sizes, number)
            slots += shifts(town, midnight(last + days), days, sizes.visits_a_day // 2, staff=staff, doors=doors)
        await _make(cluster, LONG, slots)
        cluster.note_made(LONG, made_by)
    return LONG


def group(town: Municipality, sizes: Sizes, number: int) -> tuple[Sequence[str], dict[str, list[Door]]]:
    """Staff and doors of one of two groups that never meet: 0 with two years behind them, 1 with a day."""
    plain = [one for one in town.world.staff if one.role in {"care_assistant", "assistant_nurse"}]
    share = max(1, sizes.long_doors // len(town.doors))
    doors = {provider: own[number::2][:share] or own for provider, own in town.doors.items()}
    return [one.ref for one in plain[number::2][: sizes.long_staff]], doors


async def empty(cluster: Cluster, name: str) -> None:
    """A migrated database with the municipality and nothing in it."""
    await cluster.drop(name)
    await cluster.execute(f"CREATE DATABASE {name}")
    await migrate(cluster.url(name))
    database = Database(cluster.url(name), pool_size=1, ledger_keys=[KEYS["ledger"]])
    try:
        await add_municipality(database, MUNICIPALITY, "Norrtälje")
    finally:
        await database.close()


async def _told(cluster: Cluster, sizes: Sizes) -> None:
    made_by = fingerprint("told", sizes.recipients, sizes.staff, *CODE)
    if await cluster.is_made(TOLD, made_by):
        return
    print("telling the municipality", flush=True)
    await empty(cluster, TOLD)
    bearer = token("system")
    async with service(cluster, TOLD) as served:
        for phase in make_municipality(sizes.recipients, sizes.staff).world.calls():
            calls = [request(call.method, call.path, bearer, call.body) for call in phase]
            await load(served, None, Stream(calls, CALLS_AT_ONCE))
    await _enrol(cluster, sizes)
    await cluster.execute("VACUUM (ANALYZE)", name=TOLD)
    cluster.note_made(TOLD, made_by)


async def _enrol(cluster: Cluster, sizes: Sizes) -> None:
    """The staff's phones, named as the workload names them, as if each had shown a key."""
    body = {"public_key": {}, "enrolled_at": "2026-01-01T00:00:00Z", "revoked_at": None, "reason": None}
    phones = [
        Stored(f"D-{one.ref}-{phone}", 1, removed=False, body={"staff": one.ref, **body})
        for one in make_municipality(sizes.recipients, sizes.staff).world.staff
        for phone in range(1, PHONES_OF_STAFF + 1)
    ]
    database = Database(cluster.url(TOLD), pool_size=1, ledger_keys=[KEYS["ledger"]])
    try:
        async with database.write(MUNICIPALITY) as writing:
            await keep(writing, "devices", "bench", phones)
        # Taps that are put beside the ledger afterwards are let be; at its beginning they would stop the sealer.
        await seal_all(database, MUNICIPALITY)
    finally:
        await database.close()


async def _make(cluster: Cluster, name: str, slots: Iterable[Slot]) -> None:
    """Clone the told municipality, store the taps as facts and derive everything from them."""
    await cluster.drop(name)
    await cluster.execute(f"CREATE DATABASE {name} TEMPLATE {TOLD} STRATEGY FILE_COPY")
    connection = await cluster.connect(name)
    try:
        await connection.copy_records_to_table("tap", columns=TAP_COLUMNS, records=_records(slots))
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
    await derive(cluster, name)
    await cluster.execute("VACUUM (ANALYZE)", name=name)


def _records(slots: Iterable[Slot]) -> Iterable[tuple[object, ...]]:
    for slot in slots:
        for visit in slot:
            for tap in visit:
                received_at = tap.at + dt.timedelta(seconds=2)
                yield (
                    MUNICIPALITY, tap.id, tap.staff, f"D-{tap.staff}-1", tap.direction, tap.at, tap.at, received_at,
                    tap.tag, "static", "accepted", [], os.urandom(16),
                )  # fmt: skip


async def derive(cluster: Cluster, name: str, month: str | None = None) -> int:
    """Rebuild as the operator's verb does; returns how many differences it told of."""
    collect_seldom()
    database = Database(cluster.url(name), pool_size=2, ledger_keys=[KEYS["ledger"]])
    try:
        return len([line async for line in rebuild(database, MUNICIPALITY, month)])
    finally:
        await database.close()


def _of_history(sizes: Sizes) -> tuple[int, ...]:
    return sizes.recipients, sizes.staff, sizes.history_days, sizes.visits_a_day, sizes.days_untold
