"""What it takes to close a month: a large municipality's million visits, paid by five models and frozen."""

from collections.abc import Collection

from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import Stream, load, request, service, token
from bench.reading_data import PROVIDERS, whole_month, year
from bench.sizes import Sizes


async def figures(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> dict[str, Result]:
    """Every provider's month closed over HTTP, asked for at once, in a copy of the year."""
    bearer, month = token("controller"), f"{whole_month():%Y-%m}"
    paths = [f"/v1/periods/P-{number}/{month}/close" for number in range(PROVIDERS)]
    calls = [request("POST", path, bearer, {"accept_open": True}) for path in paths]
    async with cluster.clone(await year(cluster, sizes)) as name, service(cluster, name) as served:
        [outcome] = await load(served, cluster, Stream(calls, connections=PROVIDERS, patient=True))
        connection = await cluster.connect(name)
        try:
            closed = await connection.fetch("SELECT line_count, total_ore FROM period_close")
        finally:
            await connection.close()
    if not all(close["total_ore"] for close in closed):
        raise RuntimeError("a provider was paid nothing for the month")
    lines = sum(close["line_count"] for close in closed)
    note = (
        f"{lines} lines, the last answer after {outcome.p99_ms / 1000:.1f} s; "
        f"{outcome.busy} found no turn and came again; "
        f"CPU of the service {outcome.server_cpu:.1f} s, of PostgreSQL {outcome.postgres_cpu:.1f} s"
    )
    return {"close_month_s": Result(outcome.seconds, note=note)}
