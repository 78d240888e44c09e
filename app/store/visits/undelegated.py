"""Visits in which delegated care was given without a delegation."""

import datetime as dt
from uuid import UUID

from app.domain.register.order import ONE_DAY
from app.domain.time import Days, days_span
from app.domain.visits.visit import Visit
from app.store.connection import Reading
from app.store.visits.visit_row import COLUMNS, visit_of

WITHOUT = f"""
SELECT {", ".join(COLUMNS)} FROM visit
WHERE municipality_id = $1 AND cardinality(anomalies) > 0 AND status = 'complete'
    AND 'delegation_missing' = ANY(anomalies) AND local_on BETWEEN $2 AND $3 AND anchor_at >= $4 AND anchor_at < $5
    AND ($6::text IS NULL OR provider = $6) AND ($7::text IS NULL OR staff = $7)
    AND (anchor_at, id) > ($8, $9::uuid)
ORDER BY anchor_at, id LIMIT $10
"""

Place = tuple[dt.datetime, UUID]


async def without(
    reading: Reading, days: Days, provider: str | None, staff: str | None, after: Place, limit: int
) -> list[Visit]:
    """Performed visits of inclusive local days in which a delegation was missing, in order."""
    # The index is of instants; a day to both sides covers what begins on these days.
    span = days_span(days[0] - ONE_DAY, days[1] + ONE_DAY)
    rows = await reading.fetch(WITHOUT, *days, *span, provider, staff, *after, limit)
    return [visit_of(tuple(row)).visit for row in rows]
