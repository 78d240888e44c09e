"""Disputed taps that wait for a decision: those that hold a visit, and those without a visit."""

import datetime as dt
from typing import Any
from uuid import UUID

from app.domain.visits.crowd import TOO_MANY
from app.store.connection import Reading
from app.store.visits.visits import BOUND, HOLDS

Cursor = tuple[dt.datetime, UUID]

HUNG = "SELECT household FROM tag_mount WHERE municipality_id = $1 AND tag = t.tag AND mounted @> t.at LIMIT 1"
# The employer on that day, or the first one before the first day, decides on the tap.
EMPLOYER = """
SELECT s.provider FROM staff_version AS s WHERE s.municipality_id = $1 AND s.ref = t.staff
ORDER BY s.valid @> (t.at AT TIME ZONE 'Europe/Stockholm')::date DESC, s.valid LIMIT 1
"""
# A tap at an unassigned tag has no visit, until the tag gets a household and the visit heals by itself, or until a
# person decides on the tap alone. A tap above the limit of its day never has a visit, wherever its tag hung.
PAGE = f"""
SELECT t.id AS tap, t.code, t.direction, t.at, t.received_at, t.evidence, t.staff, t.tag,
    coalesce(t.household, hung.household) AS household, held.visits
FROM tap AS t LEFT JOIN LATERAL ({HUNG}) AS hung ON true CROSS JOIN LATERAL (
    SELECT array_agg(v.id ORDER BY v.recipient) AS visits, bool_or(v.provider = $4) AS ours
    FROM {BOUND} AS p JOIN visit AS v ON v.municipality_id = $1 AND v.presence = p.id AND {HOLDS}
) AS held
WHERE t.municipality_id = $1 AND t.verdict = 'disputed' AND t.direction <> 'control'
    AND (t.at, t.id) > ($2, $3) AND t.at >= $2
    AND (held.visits IS NOT NULL
        OR (coalesce(t.household, hung.household) IS NULL OR t.code = '{TOO_MANY}') AND NOT EXISTS (
        SELECT FROM correction AS c WHERE c.municipality_id = $1 AND c.tap = t.id AND c.kind = 'settle_dispute'))
    AND ($4::text IS NULL OR held.ours OR held.visits IS NULL AND $4 = ({EMPLOYER}))
ORDER BY t.at, t.id LIMIT $5
"""


async def page(reading: Reading, provider: str | None, after: Cursor, limit: int) -> list[dict[str, Any]]:
    """At most `limit` disputed taps after the cursor, by time, of all staff or of one provider's staff of that day."""
    return [dict(row) for row in await reading.fetch(PAGE, *after, provider, limit)]


ONE = f"""
SELECT staff, at, verdict = 'disputed' AND direction <> 'control' AND NOT EXISTS (
    SELECT FROM correction AS c WHERE c.municipality_id = $1 AND c.tap = t.id AND c.kind = 'settle_dispute')
    AND NOT (code = 'tag_unassigned' AND EXISTS ({HUNG})) AS open
FROM tap AS t WHERE municipality_id = $1 AND id = $2
"""


async def one(reading: Reading, tap: UUID) -> Any:
    """The staff ref and time of a tap, and whether it can still be decided on alone; None for an unknown tap."""
    return await reading.fetchrow(ONE, tap)
