"""The inbox: anomalies of visits in the order of the visits, and how many there are."""

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from app.store.database import Reading
from app.store.visits import COLUMNS, StoredVisit, visit_of

# Found in the index of visits that have any, which holds all that is asked for; the bound beside the row is what it is
# entered by. Only the page's own visits are fetched.
PAGE = f"""
WITH found AS MATERIALIZED (
    SELECT v.sort_at, v.id, code FROM visit AS v CROSS JOIN LATERAL unnest(v.anomalies) AS a(code)
    WHERE v.municipality_id = $1 AND cardinality(v.anomalies) > 0
      AND ($2::text IS NULL OR v.provider = $2)
      AND ($3::text IS NULL OR code = $3)
      AND ($4::text IS NULL OR coalesce(v.settled->>code, 'open') = $4)
      AND v.sort_at >= $5 AND (v.sort_at, v.id, code) > ($5, $6::uuid, $7::text)
    ORDER BY v.sort_at, v.id, code LIMIT $8
)
SELECT found.code, {", ".join(f"v.{name}" for name in COLUMNS)}
FROM found JOIN visit AS v ON v.municipality_id = $1 AND v.id = found.id
ORDER BY found.sort_at, found.id, found.code
"""
# Kept by month: in the first month that has any, the oldest is looked for in the same index.
COUNTS = """
SELECT kept.code, kept.state, kept.found, oldest.at
FROM (
    SELECT code, state, sum(found)::bigint AS found, min(month) FILTER (WHERE found > 0) AS first_on FROM anomaly_count
    WHERE municipality_id = $1 AND ($2::text IS NULL OR provider = $2)
    GROUP BY code, state HAVING sum(found) > 0
) AS kept CROSS JOIN LATERAL (
    SELECT v.sort_at AS at FROM visit AS v
    WHERE v.municipality_id = $1 AND cardinality(v.anomalies) > 0
      AND v.sort_at >= kept.first_on::timestamp AT TIME ZONE 'Europe/Stockholm'
      AND ($2::text IS NULL OR v.provider = $2)
      AND kept.code = ANY (v.anomalies) AND coalesce(v.settled->>kept.code, 'open') = kept.state
    ORDER BY v.sort_at, v.id LIMIT 1
) AS oldest
ORDER BY kept.code, kept.state
"""
# What is asked for lies side by side in the index; to start workers would take longer than to read it.
ALONE = "SET LOCAL max_parallel_workers_per_gather = 0"
START = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
Cursor = tuple[dt.datetime, UUID, str]


class Found(NamedTuple):
    """One anomaly with its visit."""

    code: str
    stored: StoredVisit


class Count(NamedTuple):
    """How many anomalies of a code are in a state, and since when the oldest is."""

    code: str
    state: str
    found: int
    oldest_at: dt.datetime


async def page(
    reading: Reading, provider: str | None, code: str | None, state: str | None, after: Cursor | None, limit: int
) -> list[Found]:
    """Anomalies by the start of their visit, after the cursor."""
    await reading.sql.execute(ALONE)
    first: tuple[Any, ...] = after or (START, UUID(int=0), "")
    rows = await reading.sql.fetch(PAGE, reading.municipality_id, provider, code, state, *first, limit)
    return [Found(row[0], visit_of(tuple(row)[1:])) for row in rows]


async def counts(reading: Reading, provider: str | None) -> list[Count]:
    """All of a provider's anomalies, or everybody's, counted by code and state."""
    return [Count(*row) for row in await reading.sql.fetch(COUNTS, reading.municipality_id, provider)]
