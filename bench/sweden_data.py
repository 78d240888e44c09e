"""Sweden in one database: each municipality with its master data, the largest also with a month of visits."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from app.actions.add_municipality import add_municipality
from app.actions.ledger.seal import seal_all
from app.actions.register.place_order import Placed, place_orders
from app.actions.versions import keep
from app.api.http.records import stored_body
from app.api.http.shapes import Wire
from app.api.money.contracts import ContractBody
from app.api.register.orders import OrderBody
from app.api.register.register import InterventionBody, ProviderBody, RecipientBody, StaffBody
from app.api.taps.tags import TagBody
from app.store.connection import Writing
from app.store.database import Database
from app.store.invariants import COUNT_ANEW, SUM_ANEW
from app.store.migrate import migrate
from app.store.register import orders, register
from app.store.register.records import Stored
from app.store.taps import tags
from bench.cluster import Cluster, fingerprint
from bench.processes import KEYS
from bench.reading_data import AS_VISITS, whole_month
from bench.sizes import Sizes
from bench.workload import CODE as WORKLOAD
from bench.workload import SEED, Municipality, make_municipality
from firmware_sim.people.district import FEWEST_STAFF, staff_of
from firmware_sim.people.world import Call, World

SWEDEN = "bench_sweden"
CODE = (WORKLOAD, Path(__file__))
LARGEST = 1
"""The code of the largest municipality; the others follow by size."""
LARGEST_RECIPIENTS = 15_300
"""As many as Stockholm has: fewer than its population alone would give, because its people are younger."""
RECIPIENTS_OF_STAFF = 5
ORDERS_AT_ONCE = 1_000
BY = "bench"
DEVICE: dict[str, Any] = {"public_key": {}, "enrolled_at": "2026-01-01T00:00:00Z", "revoked_at": None, "reason": None}

# Hundreds of inhabitants of the 290 municipalities of Sweden, 10.5 million in all, as in 2023 and within two per cent.
# fmt: off
POPULATIONS = (
    9840, 5900, 3529, 2370, 1670, 1577, 1565, 1509, 1447, 1447, 1307, 1276, 1156, 1144, 1075, 1072, 1052, 1045, 1037,
    1001, 966, 961, 961, 949, 870, 856, 846, 818, 796, 761, 737, 735, 725, 697, 668, 668, 653, 645, 607, 599, 596,
    576, 575, 573, 561, 551, 530, 529, 506, 495, 491, 488, 481, 481, 476, 473, 468, 461, 461, 441, 438, 433, 429, 426,
    405, 404, 402, 396, 395, 380, 376, 372, 371, 354, 354, 353, 351, 350, 336, 334, 333, 327, 325, 323, 312, 308, 304,
    303, 296, 294, 289, 287, 285, 280, 278, 276, 276, 275, 273, 271, 263, 260, 258, 257, 255, 254, 254, 253, 250, 248,
    238, 228, 226, 226, 226, 225, 224, 224, 220, 212, 206, 204, 203, 203, 200, 196, 196, 193, 190, 189, 189, 186, 181,
    180, 177, 175, 174, 173, 172, 171, 167, 165, 165, 165, 164, 163, 162, 161, 161, 161, 159, 157, 157, 157, 157, 155,
    154, 153, 152, 151, 148, 147, 146, 143, 141, 141, 140, 139, 138, 137, 135, 135, 135, 135, 135, 133, 131, 130, 129,
    128, 127, 126, 125, 125, 124, 123, 122, 122, 121, 121, 118, 118, 117, 116, 116, 116, 116, 116, 115, 115, 113, 113,
    112, 111, 111, 110, 110, 109, 108, 107, 106, 103, 103, 103, 102, 102, 101, 101, 101, 100, 98, 97, 97, 97, 96, 95,
    95, 94, 94, 94, 93, 93, 93, 92, 91, 91, 91, 89, 86, 86, 86, 81, 81, 78, 74, 74, 73, 72, 72, 71, 71, 71, 70, 69,
    69, 69, 69, 68, 67, 65, 64, 60, 60, 59, 59, 58, 58, 58, 57, 55, 54, 53, 53, 52, 51, 49, 49, 44, 44, 41, 39, 37,
    37, 33, 32, 29, 29, 25, 25, 24,
)
# fmt: on

BODIES: dict[str, type[Wire]] = {
    "providers": ProviderBody,
    "interventions": InterventionBody,
    "recipients": RecipientBody,
    "tags": TagBody,
    "staff": StaffBody,
    "contracts": ContractBody,
    "orders": OrderBody,
}

# A visit for each pair of an order's daily lines, every day.
MONTH = """
    SELECT 5 * row_number() OVER () + CASE WHEN cardinality(lines) = 2 THEN 0 ELSE 2 END AS mix, told.*,
        uuidv7(started_at - now()) AS presence, uuidv7(started_at - now() + interval '30 minutes') AS in_tap
    FROM (
        SELECT o.recipient, o.provider, l.pair, day, s.refs[1 + (l.number + day::int) % cardinality(s.refs)] AS staff,
            600 + (l.number * 7919 + day::int) % 1800 AS seconds, l.categories, l.interventions, l.lines,
            (date '{first_on}' + day::int + time '07:00' + (l.pair * 180 + l.number * 7 % 170) * interval '1 minute')
                AT TIME ZONE 'Europe/Stockholm' AS started_at
        FROM care_order AS o
        JOIN (
            SELECT l.order_ref, (l.line_no - 1) / 2 AS pair, row_number() OVER () AS number,
                array_agg(i.category ORDER BY l.line_no) AS categories,
                array_agg(l.intervention ORDER BY l.line_no) AS interventions,
                array_agg(l.order_ref || '/' || l.ref ORDER BY l.line_no) AS lines
            FROM order_line AS l
            JOIN intervention_version AS i ON i.municipality_id = {code} AND i.ref = l.intervention
            WHERE l.municipality_id = {code} AND l.period_unit = 'd' GROUP BY l.order_ref, pair
        ) AS l ON l.order_ref = o.ref
        JOIN (
            SELECT provider, array_agg(ref) AS refs FROM staff_version WHERE municipality_id = {code} GROUP BY provider
        ) AS s ON s.provider = o.provider
        CROSS JOIN generate_series(0, {days} - 1) AS day
        WHERE o.municipality_id = {code}
    ) AS told ORDER BY started_at
"""


def recipients_of(sizes: Sizes) -> list[int]:
    """How many recipients each municipality has, the largest first."""
    chosen = POPULATIONS[:: len(POPULATIONS) // sizes.municipalities][: sizes.municipalities]
    share = sizes.recipients_of_all / sum(chosen)
    return [max(1, min(round(hundreds * share), LARGEST_RECIPIENTS)) for hundreds in chosen]


def towns(sizes: Sizes) -> Iterator[tuple[int, Municipality]]:
    """Each municipality by its code: the largest, and as many of its homes as each other one has."""
    counts = recipients_of(sizes)
    whole = make_municipality(counts[0], FEWEST_STAFF).world
    for code, recipients in enumerate(counts, LARGEST):
        yield code, Municipality(_part(whole, recipients))


def _part(whole: World, recipients: int) -> World:
    people = whole.recipients[:recipients]
    refs, homes = {one.ref for one in people}, {one.household for one in people}
    return dataclasses.replace(
        whole,
        recipients=people,
        staff=staff_of(SEED, max(FEWEST_STAFF, recipients // RECIPIENTS_OF_STAFF)),
        orders=tuple(one for one in whole.orders if one.recipient in refs),
        tags=tuple(one for one in whole.tags if one.household in homes),
    )


async def sweden(cluster: Cluster, sizes: Sizes) -> str:
    """The database, made by batches of what the API does one by one."""
    made_by = fingerprint("sweden", sizes.municipalities, sizes.recipients_of_all, whole_month(), *CODE)
    if await cluster.is_made(SWEDEN, made_by):
        return SWEDEN
    print(f"making {sizes.municipalities} municipalities", flush=True)
    await cluster.drop(SWEDEN)
    await cluster.execute(f"CREATE DATABASE {SWEDEN}")
    await migrate(cluster.url(SWEDEN))
    database = Database(cluster.url(SWEDEN), pool_size=1, ledger_keys=[KEYS["ledger"]])
    try:
        for code, town in towns(sizes):
            await add_municipality(database, code, f"K-{code}")
            async with database.write(code) as writing:
                await _put(writing, town.world)
        await _month(cluster)
        # Only now are there statistics by which the sealer finds what has no leaf.
        for code in range(LARGEST, LARGEST + sizes.municipalities):
            await seal_all(database, code)
    finally:
        await database.close()
    cluster.note_made(SWEDEN, made_by)
    return SWEDEN


async def _put(writing: Writing, world: World) -> None:
    first, second = world.calls()
    calls: dict[str, list[Call]] = {}
    for call in (*first, *second):
        calls.setdefault(call.path.split("/", 4)[2] if call.method == "PUT" else "mounts", []).append(call)
    mounts = {_ref(call): [call.body] for call in calls.pop("mounts")}
    stored = {
        kind: [Stored(_ref(call), 1, removed=False, body=_body(kind, call, mounts)) for call in own]
        for kind, own in calls.items()
    }
    stored["devices"] = [
        Stored(f"D-{one.ref}-1", 1, removed=False, body={"staff": one.ref, **DEVICE}) for one in world.staff
    ]
    placed = [Placed(one.ref, one.body) for one in stored.pop("orders")]
    for kind, versions in stored.items():
        await keep(writing, kind, BY, versions)
    for one in stored["providers"]:
        await register.put_provider(writing, one.ref, one.body)
    for kind in ("interventions", "recipients", "staff"):
        await register.put_versions(writing, kind, [one.ref for one in stored[kind]], first=True)
    for one in stored["contracts"]:
        await orders.put_contract(writing, one.ref, one.body)
    hung = {one.ref: one.body for one in stored["tags"]}
    await tags.put(writing, hung)
    await tags.put_mounts(writing, hung)
    for start in range(0, len(placed), ORDERS_AT_ONCE):
        await place_orders(writing, placed[start : start + ORDERS_AT_ONCE], by=BY)


def _ref(call: Call) -> str:
    return call.path.split("/")[3]


def _body(kind: str, call: Call, mounts: dict[str, list[Any]]) -> dict[str, Any]:
    """What the API stores for the call; a tag hangs from the beginning."""
    read = BODIES[kind].model_validate_json(to_json(call.body), context=dt.datetime.now(dt.UTC))
    body, ref = stored_body(read), _ref(call)
    if kind == "recipients":
        body.pop("personal_number")
        body["household"] = body["household"] or ref
    elif kind == "staff":
        body["person"] = ref
    elif kind == "tags":
        body |= {"mounts": mounts[ref], "states": [], "epochs": []}
    elif kind == "interventions":
        body.pop("licensed")
    return body


async def _month(cluster: Cluster) -> None:
    first_on = whole_month()
    days = ((first_on + dt.timedelta(days=31)).replace(day=1) - first_on).days
    made = MONTH.format(code=LARGEST, first_on=first_on, days=days)
    connection = await cluster.connect(SWEDEN)
    try:
        await connection.execute(AS_VISITS.format(code=LARGEST, made=made))
        for kept in (SUM_ANEW, COUNT_ANEW):
            await connection.execute(kept, LARGEST, None, None)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
