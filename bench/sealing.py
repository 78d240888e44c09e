"""What the ledger costs: taps a second with it, of taps a second without."""

from collections.abc import Collection
from statistics import median

from bench import bases
from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import Stream, load, service
from bench.sizes import Sizes
from bench.workload import Phones, make_municipality, midnight, shifts

SIDES = {True: "app", False: "bench.unsealed"}
"""The programs that are measured: with the ledger and without."""


async def figures(cluster: Cluster, sizes: Sizes, _: Collection[str]) -> dict[str, Result]:
    """Late taps in batches, where the leaves are the largest part of what a tap costs; by turns, in fresh copies."""
    template = await bases.base(cluster, sizes)
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(sizes.rounds):
        for sealed in (number % 2 == 0, number % 2 == 1):
            town, phones = make_municipality(sizes.recipients, sizes.staff), Phones()
            slots = shifts(town, midnight(sizes.days_untold - 1), sizes.days_of_batch, sizes.visits_a_day)
            requests = phones.in_batches(slots, sizes.batch)
            async with cluster.clone(template) as name, service(cluster, name, SIDES[sealed]) as served:
                stream = Stream(requests, sizes.few, None, len(requests) // 20, phones.booted_at)
                [outcome] = await load(served, cluster, stream)
            rates[sealed].append(outcome.rate)
    ratios = [with_it / without for with_it, without in zip(rates[True], rates[False], strict=True)]
    note = "each " + ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return {"sealing_ratio": Result(median(ratios), median(rates[False]), median(rates[True]), note=note)}
