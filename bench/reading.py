"""The figures of reading: whole answers over HTTP, against what PostgreSQL takes for the same by a covering index."""

import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.cluster import Cluster
from bench.figures import Result
from bench.processes import MUNICIPALITY, Served, get, service, token
from bench.reading_data import whole_month, year
from bench.sizes import Sizes
from bench.workload import STOCKHOLM

# The outer sums keep PostgreSQL from sending rows, which is no part of the floor.
EXECUTED = """
SELECT count(*), extract(epoch FROM sum(taken)) FROM (
    SELECT recipient, category, sum(ended_at - started_at) AS taken FROM floor_visit
    WHERE municipality = $1 AND started_at >= $2 AND started_at < $3 GROUP BY recipient, category) AS told
"""
CONTINUITY = """
SELECT count(*), sum(met) FROM (
    SELECT recipient, count(DISTINCT staff) AS met FROM floor_visit
    WHERE municipality = $1 AND started_at >= $2 AND started_at < $3 GROUP BY recipient) AS told
"""
CHANGE = "UPDATE municipality SET change_no = change_no + 1 WHERE municipality_id = $1"
PAGE = """
SELECT * FROM visit WHERE municipality_id = $1 AND anchor_at >= $2 AND anchor_at < $3 ORDER BY anchor_at, id LIMIT 101
"""
CONTINUITY_DAYS = 14
Ask = Callable[[str], Awaitable[tuple[float, Any]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """A service over the year, and the superuser's connection to the same database."""

    served: Served
    connection: Any
    rounds: int
    bearer: str

    async def ask(self, path: str) -> tuple[float, Any]:
        """Milliseconds of a whole answer, and what it says. Raises RuntimeError for any but 200."""
        seconds, status, body = await get(self.served.port, path, self.bearer)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:500]!r}")
        return seconds * 1000, json.loads(body)

    async def ask_anew(self, path: str) -> tuple[float, Any]:
        """The same after a change, so that no kept answer holds."""
        await self.connection.execute(CHANGE, MUNICIPALITY)
        return await self.ask(path)

    async def query(self, text: str, first_on: dt.date, end_on: dt.date) -> tuple[float, Any]:
        """Milliseconds of a query over local days, and its rows."""
        span = [dt.datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM) for day in (first_on, end_on)]
        began = time.perf_counter()
        rows = await self.connection.fetch(text, MUNICIPALITY, *span)
        return (time.perf_counter() - began) * 1000, rows

    async def medians(self, *asked: Callable[[], Awaitable[tuple[float, Any]]]) -> list[float]:
        """The medians of what is asked in turn, after once for warming up."""
        times: list[list[float]] = [[] for _ in asked]
        for number in range(self.rounds + 1):
            for taken, one in zip(times, asked, strict=True):
                milliseconds, _ = await one()
                if number:
                    taken.append(milliseconds)
        return [median(taken) for taken in times]


async def figures(cluster: Cluster, sizes: Sizes, wanted: Collection[str]) -> dict[str, Result]:
    """The figures asked for, over one service."""
    name = await year(cluster, sizes)
    found: dict[str, Result] = {}
    async with service(cluster, name) as served:
        connection = await cluster.connect(name)
        try:
            reader = Reader(served, connection, sizes.reads, token("controller"))
            for key, figure in FIGURES.items():
                if key in wanted:
                    found[key] = await figure(reader)
        finally:
            await connection.close()
    return found


async def _executed_time(reader: Reader) -> Result:
    first_on = whole_month()
    end_on = (first_on + dt.timedelta(days=31)).replace(day=1)
    path = f"/v1/executed-time?month={first_on:%Y-%m}&by=recipient,category"
    rows = (await reader.ask(path))[1]["rows"]
    floor_sum = (await reader.query(EXECUTED, first_on, end_on))[1][0][1]
    if sum(row["executed_seconds"] for row in rows) != floor_sum:
        raise RuntimeError("the service and its floor do not tell of the same visits")
    measured, floor = await reader.medians(
        lambda: reader.ask_anew(path), lambda: reader.query(EXECUTED, first_on, end_on)
    )
    again, _ = await reader.ask(path)
    return Result(measured / floor, floor, measured, f"{len(rows)} rows; {again:.1f} ms when nothing has changed")


async def _continuity(reader: Reader) -> Result:
    return await _measured(reader, reader.ask_anew)


async def _continuity_again(reader: Reader) -> Result:
    return await _measured(reader, reader.ask)


async def _measured(reader: Reader, ask: Ask) -> Result:
    first_on = whole_month() + dt.timedelta(days=7)
    path = f"/v1/measures/continuity?from={first_on}"
    answer = (await reader.ask(path))[1]
    end_on = first_on + dt.timedelta(days=CONTINUITY_DAYS)
    measured, floor = await reader.medians(lambda: ask(path), lambda: reader.query(CONTINUITY, first_on, end_on))
    note = f"{answer['eligible']} eligible, mean {answer['mean'] or 0:.1f}"
    return Result(measured / floor, floor, measured, note)


async def _visits(reader: Reader) -> Result:
    on = whole_month() + dt.timedelta(days=14)
    page = f"/v1/visits?from={on}&limit=100"
    first = (await reader.ask(page))[1]
    visit = first["items"][0]
    paths = {
        "page": page,
        "next page": f"{page}&cursor={first['next']}",
        "of a recipient": f"/v1/visits?recipient={visit['recipient']}&limit=100",
        "of a provider": f"{page}&provider={visit['provider']}",
        "anomalies": f"{page}&anomaly=clock_adjusted",
        "inbox": "/v1/anomalies?limit=100",
        "inbox of a provider": f"/v1/anomalies?provider={visit['provider']}&state=open&limit=100",
        "one": f"/v1/visits/{visit['id']}",
    }
    *measured, floor = await reader.medians(
        *((lambda path=path: reader.ask(path)) for path in paths.values()),
        lambda: reader.query(PAGE, on, on + dt.timedelta(days=400)),
    )
    note = ", ".join(f"{name} {taken:.1f}" for name, taken in zip(paths, measured, strict=True))
    return Result(max(measured), floor, note=f"{note}; the floor is a page's query")


FIGURES = {
    "executed_time_ratio": _executed_time,
    "visit_list_ms": _visits,
    "continuity_ratio": _continuity,
    "continuity_again_ratio": _continuity_again,
}
