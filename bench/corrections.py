"""What a correction costs: planners who put visits right, all at once, each visit once."""

import datetime as dt
import random
from collections.abc import Collection, Iterator
from itertools import cycle
from typing import Any
from uuid import UUID

from bench import bases
from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import MUNICIPALITY, Request, Stream, load, request, service, token
from bench.sizes import Sizes

VISITS = """
SELECT id, provider, staff, ended_at, share_intervention FROM visit
WHERE municipality_id = $1 AND status = 'complete' ORDER BY id LIMIT $2
"""
SEED = 11


async def figures(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> dict[str, Result]:
    """Corrections a second: other ends, other staff, other interventions, visits left out."""
    template = await bases.base(cluster, sizes)
    async with cluster.clone(template) as name, service(cluster, name) as served:
        connection = await cluster.connect(name)
        try:
            visits = await connection.fetch(VISITS, MUNICIPALITY, sizes.corrections)
        finally:
            await connection.close()
        floor = await cluster.floor(sizes.planners, sizes.floor_seconds)
        requests = list(_corrections(visits, sizes.planners))
        [outcome] = await load(served, cluster, Stream(requests, sizes.planners, None, len(requests) // 10))
    note = (
        f"p50 {outcome.p50_ms:.1f}, p99 {outcome.p99_ms:.1f} ms;"
        f" service {outcome.server_cpu * 1e6 / outcome.requests:.0f}"
        f" + PostgreSQL {outcome.postgres_cpu * 1e6 / outcome.requests:.0f} µs"
    )
    return {"corrections_per_s": Result(outcome.rate, floor, note=note)}


def _corrections(visits: list[Any], planners: int) -> Iterator[Request]:
    rng = random.Random(SEED)
    rng.shuffle(visits)
    staff: dict[str, list[str]] = {}
    for visit in visits:
        staff.setdefault(visit["provider"], []).append(visit["staff"])
    tokens = {
        (provider, number): token("planner", provider=provider, staff=f"planner-{number}")
        for provider in staff
        for number in range(planners)
    }
    for visit, number in zip(visits, cycle(range(planners)), strict=False):
        kind = rng.choice(["set_end", "set_end", "set_end", "set_staff", "set_interventions", "omit"])
        said: dict[str, Any] = {
            "set_end": {"ended_at": (visit["ended_at"] - dt.timedelta(seconds=rng.randrange(1, 60))).isoformat()},
            "set_staff": {"staff": rng.choice(staff[visit["provider"]])},
            "set_interventions": {"interventions": [one for one in visit["share_intervention"] if one] or ["dusch"]},
            "omit": {},
        }[kind]
        body = {"id": str(UUID(int=rng.getrandbits(128), version=4)), "kind": kind, "reason": "equipment", **said}
        headers = {"If-Match": "*"}  # one planner's correction may move another's visit
        path = f"/v1/visits/{visit['id']}/corrections"
        yield request("POST", path, tokens[visit["provider"], number], body, headers)
