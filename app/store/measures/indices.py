"""The tallies of the research indices, counted in SQL; the definition is `domain.measures.indices`."""

from app.domain.measures.indices import Tally
from app.domain.measures.measures import Scope
from app.domain.time import Days
from app.store.connection import Reading
from app.store.measures.measures import FOR_ALL_OR_ONE, QUALIFYING, qualifying

TALLIES = f"""
WITH met AS MATERIALIZED (
    SELECT recipient, group_id, min(anchor_at) AS at, array_agg(person) AS persons FROM visit
    WHERE {QUALIFYING} AND (role IS NULL OR role <> ALL($9::text[]))
        AND ($10::text IS NULL OR provider = $10) AND ($11::text IS NULL OR recipient = $11)
    GROUP BY recipient, group_id
), counted AS (
    SELECT recipient, sum(visits) AS visits, count(*) AS persons, max(visits) AS most, sum(visits * visits) AS squares
    FROM (SELECT recipient, count(*) AS visits FROM met, unnest(persons) AS person GROUP BY recipient, person) AS by
    GROUP BY recipient
), followed AS (
    SELECT recipient, count(before) AS pairs, count(*) FILTER (WHERE persons && before) AS again
    FROM (
        SELECT recipient, persons, lag(persons) OVER (PARTITION BY recipient ORDER BY at, group_id) AS before FROM met
    ) AS one GROUP BY recipient
)
SELECT recipient, visits::bigint, persons, most, squares::bigint, pairs, again
FROM counted JOIN followed USING (recipient) ORDER BY recipient
"""


async def tallies(
    reading: Reading,
    scope: Scope,
    days: Days,
    *,
    provider: str | None = None,
    recipient: str | None = None,
) -> dict[str, Tally]:
    """The tally of each recipient with a visit that starts within inclusive local days, for one provider or all."""
    await reading.configure(FOR_ALL_OR_ONE)
    rows = await reading.fetch(TALLIES, *qualifying(scope, days), provider, recipient)
    return {row["recipient"]: Tally(*list(row)[1:]) for row in rows}
