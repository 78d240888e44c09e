"""The inbox: anomalies of visits in order of the visits, and their counts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.register.order import ONE_DAY
from app.domain.time import FIRST_DAY, day_start
from app.store.connection import Reading
from app.store.visits.visit_row import COLUMNS, StoredVisit, visit_of

# Found in the index of visits with anomalies, which holds all columns of the conditions but the person; the bound
# beside the row is the entry to the index. Only the visits of the page are fetched.
PAGE = f"""
WITH listed AS MATERIALIZED (
    SELECT v.anchor_at, v.id, code FROM visit AS v CROSS JOIN LATERAL unnest(v.anomalies) AS a(code)
    WHERE {{where}} AND v.anchor_at >= $2 AND (v.anchor_at, v.id, code) > ($2, $3::uuid, $4::text)
    ORDER BY v.anchor_at, v.id, code LIMIT $5
)
SELECT listed.code, {", ".join(f"v.{name}" for name in COLUMNS)}
FROM listed JOIN visit AS v ON v.municipality_id = $1 AND v.id = listed.id
ORDER BY listed.anchor_at, listed.id, listed.code
"""
# Kept by month: in the first month that has any, the oldest is looked for in the same index.
KEPT = """
SELECT kept.code, kept.state, kept.found, oldest.at
FROM (
    SELECT code, state, sum(found)::bigint AS found, min(month) FILTER (WHERE found > 0) AS first_on FROM anomaly_count
    WHERE municipality_id = $1 AND ($2::text IS NULL OR provider = $2)
      AND ($3::text[] IS NULL OR code = ANY ($3)) AND ($4::text IS NULL OR state = $4)
    GROUP BY code, state HAVING sum(found) > 0
) AS kept CROSS JOIN LATERAL (
    SELECT v.anchor_at AS at FROM visit AS v
    WHERE v.municipality_id = $1 AND cardinality(v.anomalies) > 0
      AND v.anchor_at >= kept.first_on::timestamp AT TIME ZONE 'Europe/Stockholm'
      AND ($2::text IS NULL OR v.provider = $2)
      AND kept.code = ANY (v.anomalies) AND coalesce(v.anomaly_states->>kept.code, 'open') = kept.state
    ORDER BY v.anchor_at, v.id LIMIT 1
) AS oldest
ORDER BY kept.code, kept.state
"""
# Counts by day or person are not stored; they are counted in the part of that index that the conditions leave.
COUNTED = """
SELECT code, coalesce(v.anomaly_states->>code, 'open') AS state, count(*), min(v.anchor_at)
FROM visit AS v CROSS JOIN LATERAL unnest(v.anomalies) AS a(code)
WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
"""
# The entries lie side by side in the index; to start workers would take longer than to read them.
ALONE = "SET LOCAL max_parallel_workers_per_gather = 0"
START = day_start(FIRST_DAY)
Cursor = tuple[dt.datetime, UUID, str]


class ListedAnomaly(NamedTuple):
    """One anomaly with its visit."""

    code: str
    stored: StoredVisit


class Count(NamedTuple):
    """The number of anomalies of a code in a state, and the start of the oldest visit among them."""

    code: str
    state: str
    found: int
    oldest_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AnomalyFilter:
    """A filter of the inbox; days are local and inclusive."""

    provider: str | None = None
    codes: Sequence[str] | None = None
    state: str | None = None
    first_on: dt.date | None = None
    last_on: dt.date | None = None
    recipient: str | None = None
    staff: str | None = None

    def where(self, arguments: list[Any]) -> str:
        """The condition on a visit `v` and its `code`; its values are appended to `arguments`."""
        limits = {
            "v.provider = ${}": self.provider,
            "code = ANY (${}::text[])": self.codes,
            "coalesce(v.anomaly_states->>code, 'open') = ${}": self.state,
            "v.anchor_at >= ${}": day_start(self.first_on) if self.first_on else None,
            "v.anchor_at < ${}": day_start(self.last_on + ONE_DAY) if self.last_on else None,
            "v.recipient = ${}": self.recipient,
            "v.staff = ${}": self.staff,
        }
        clauses = ["v.municipality_id = $1", "cardinality(v.anomalies) > 0"]
        for clause, value in limits.items():
            if value is not None:
                arguments.append(value)
                clauses.append(clause.format(len(arguments) + 1))  # the first is the municipality
        return " AND ".join(clauses)


async def page(reading: Reading, wanted: AnomalyFilter, after: Cursor | None, limit: int) -> list[ListedAnomaly]:
    """At most `limit` anomalies after the cursor, in order of the start of their visit."""
    await reading.configure(ALONE)
    arguments = [*(after or (START, UUID(int=0), "")), limit]
    query = PAGE.format(where=wanted.where(arguments))
    return [ListedAnomaly(row[0], visit_of(tuple(row)[1:])) for row in await reading.fetch(query, *arguments)]


async def counts(reading: Reading, wanted: AnomalyFilter) -> list[Count]:
    """The anomalies of the filter, counted by code and state."""
    if wanted.first_on or wanted.last_on or wanted.recipient or wanted.staff:
        arguments: list[Any] = []
        rows = await reading.fetch(COUNTED.format(where=wanted.where(arguments)), *arguments)
    else:
        rows = await reading.fetch(KEPT, wanted.provider, wanted.codes, wanted.state)
    return [Count(*row) for row in rows]
