"""Employments as they were put, for what they say of delegations; and the visits in which leave was missing."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from app.domain.author import who
from app.domain.delegation import Put
from app.domain.order import ONE_DAY
from app.domain.time import Days, days_span
from app.domain.visit import Visit
from app.store.records import staff_of
from app.store.visits import COLUMNS, visit_of

# Who is whose now; what such a one was given by an earlier employer under the same ref belongs to it.
REFS = """
SELECT ref FROM (
    SELECT DISTINCT ON (ref) ref, body FROM record
    WHERE municipality_id = $1 AND kind = 'staff' AND ref > $2 AND ($4::text IS NULL OR ref = $4)
    ORDER BY ref, version DESC
) AS newest
WHERE $3::text IS NULL OR body->>'provider' = $3 ORDER BY ref LIMIT $5
"""
PUTS = """
SELECT ref, body, recorded_at, recorded_by FROM record
WHERE municipality_id = $1 AND kind = 'staff' AND ref = ANY($2::text[]) ORDER BY ref, version
"""
WITHOUT = f"""
SELECT {", ".join(COLUMNS)} FROM visit
WHERE municipality_id = $1 AND cardinality(anomalies) > 0 AND status = 'complete'
    AND 'delegation_missing' = ANY(anomalies) AND local_on BETWEEN $2 AND $3 AND sort_at >= $4 AND sort_at < $5
    AND ($6::text IS NULL OR provider = $6) AND ($7::text IS NULL OR staff = $7)
    AND (sort_at, id) > ($8, $9::uuid)
ORDER BY sort_at, id LIMIT $10
"""
Place = tuple[dt.datetime, UUID]


async def refs(
    sql: Any, municipality_id: int, provider: str | None, staff: str | None, after: str, limit: int
) -> list[str]:
    """Staff refs after one, of a provider or of all."""
    return [row[0] for row in await sql.fetch(REFS, municipality_id, after, provider, staff, limit)]


async def puts(sql: Any, municipality_id: int, staff: Iterable[str]) -> dict[str, list[Put]]:
    """Everything that was put of staff refs, each in its order."""
    found: defaultdict[str, list[Put]] = defaultdict(list)
    for ref, body, at, by in await sql.fetch(PUTS, municipality_id, list(staff)):
        found[ref].append(Put(staff_of(ref, from_json(body)), at, who(by)))
    return found


async def without(
    sql: Any, municipality_id: int, days: Days, provider: str | None, staff: str | None, after: Place, limit: int
) -> list[Visit]:
    """Performed visits of inclusive local days in which leave was missing, in their order."""
    # The index is of instants; a day to both sides covers what begins on these days.
    span = days_span(days[0] - ONE_DAY, days[1] + ONE_DAY)
    rows = await sql.fetch(WITHOUT, municipality_id, *days, *span, provider, staff, *after, limit)
    return [visit_of(row).visit for row in rows]
