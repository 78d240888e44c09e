"""The inbox: anomalies of visits in the order of the visits, and how many there are."""

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from app.store.database import Reading
from app.store.visits import COLUMNS, StoredVisit, visit_of

# Both are found in the index of visits that have any, which holds all that they ask for; the bound beside the row is
# what it is entered by. Only the page's own visits are fetched.
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
# Few visits differ in their anomalies and what was said of these: they are counted first and taken apart then.
COUNTS = """
SELECT code, coalesce(settled->>code, 'open') AS state, sum(found)::bigint AS found, min(oldest_at) AS oldest_at
FROM (
    SELECT anomalies, settled, count(*) AS found, min(sort_at) AS oldest_at FROM visit
    WHERE municipality_id = $1 AND cardinality(anomalies) > 0 AND ($2::text IS NULL OR provider = $2)
    GROUP BY anomalies, settled
) AS alike CROSS JOIN LATERAL unnest(anomalies) AS a(code)
GROUP BY 1, 2 ORDER BY 1, 2
"""
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
    first: tuple[Any, ...] = after or (START, UUID(int=0), "")
    rows = await reading.sql.fetch(PAGE, reading.municipality_id, provider, code, state, *first, limit)
    return [Found(row[0], visit_of(tuple(row)[1:])) for row in rows]


async def counts(reading: Reading, provider: str | None) -> list[Count]:
    """All of a provider's anomalies, or everybody's, counted by code and state."""
    return [Count(*row) for row in await reading.sql.fetch(COUNTS, reading.municipality_id, provider)]
