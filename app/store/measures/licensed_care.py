"""Licensed health care and alarms, counted in SQL.

The definitions are `domain.measures.prescribed`.
"""

from collections import defaultdict

from app.domain.measures.licensed_care import Alarms, Licensed
from app.domain.time import Days
from app.store.connection import Reading
from app.store.measures.executed_time import CATALOGUE
from app.store.measures.measures import around
from app.store.register.orders import DEATHS

# `$1` is the municipality, `$2` and `$3` the first and last day, `$4` and `$5` instants around them, for the index.
DONE = """
    SELECT v.provider, v.recipient, v.local_on, done.seconds, done.unordered FROM visit AS v CROSS JOIN LATERAL (
        SELECT sum(seconds) AS seconds, bool_or(line IS NULL) AS unordered
        FROM unnest(v.share_category, v.share_line, v.share_seconds) AS share(category, line, seconds)
        WHERE category = '{category}'
    ) AS done
    WHERE v.municipality_id = $1 AND v.status = 'complete' AND v.local_on BETWEEN $2 AND $3
        AND v.sort_at >= $4 AND v.sort_at < $5 AND '{category}' = ANY(v.share_category)
        AND ($6::text IS NULL OR v.provider = $6) AND ($7::text IS NULL OR v.recipient = $7)
"""
LICENSED = f"""
SELECT provider, grouping(provider), count(*), sum(seconds)::bigint, count(DISTINCT recipient),
    count(*) FILTER (WHERE unordered)
FROM ({DONE.format(category="LICENSED_HSL")}) AS done GROUP BY GROUPING SETS ((provider), ())
"""
ENROLLED = f"""
WITH catalogue AS MATERIALIZED ({CATALOGUE}), deaths AS MATERIALIZED ({DEATHS})
SELECT o.provider, grouping(o.provider), count(DISTINCT o.recipient)
FROM care_order AS o
JOIN order_line AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
JOIN catalogue AS c ON c.ref = l.intervention AND c.category = 'LICENSED_HSL'
LEFT JOIN deaths AS d ON d.ref = o.recipient
WHERE o.municipality_id = $1 AND o.valid && daterange($2, $3, '[]')
    AND ($4::text IS NULL OR o.provider = $4) AND ($5::text IS NULL OR o.recipient = $5)
    AND NOT isempty(o.in_force * datemultirange(
        daterange($2, $3, '[]') * daterange(NULL, d.died_on, '[]') * c.valid))
GROUP BY GROUPING SETS ((o.provider), ())
"""
# Another provider's order is one too: what tells a visit apart is whether anybody comes for anything else.
ALARMS = f"""
WITH catalogue AS MATERIALIZED ({CATALOGUE}), deaths AS MATERIALIZED ({DEATHS}), classified AS (
    SELECT done.*, EXISTS (
        SELECT FROM care_order AS o
        JOIN order_line AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
        LEFT JOIN catalogue AS c ON c.ref = l.intervention AND c.valid @> done.local_on
        WHERE o.municipality_id = $1 AND o.recipient = done.recipient AND o.in_force @> done.local_on
            AND c.category IS DISTINCT FROM 'ALARM'
    ) AND done.local_on <= coalesce(d.died_on, done.local_on) AS beside
    FROM ({DONE.format(category="ALARM")}) AS done LEFT JOIN deaths AS d ON d.ref = done.recipient
)
SELECT provider, grouping(provider), count(*), sum(seconds)::bigint, count(DISTINCT recipient),
    count(*) FILTER (WHERE beside), count(DISTINCT recipient) - count(DISTINCT recipient) FILTER (WHERE beside)
FROM classified GROUP BY GROUPING SETS ((provider), ())
"""
Who = tuple[bool, str | None]
"""True with None for all providers together, else False with a provider; that is None for visits of unknown staff."""
ALL: Who = (True, None)


async def licensed(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[Who, Licensed]:
    """Licensed health care in visits that start within inclusive local days, and the enrolled of those days."""
    figures: defaultdict[Who, list[int]] = defaultdict(lambda: [0] * 5)
    asked = provider, recipient
    for by, together, *counted in await reading.fetch(LICENSED, *days, *around(days), *asked):
        figures[bool(together), by][:4] = [number or 0 for number in counted]
    for by, together, enrolled in await reading.fetch(ENROLLED, *days, *asked):
        figures[bool(together), by][4] = enrolled
    return {who: Licensed(*counted) for who, counted in figures.items()}


async def alarms(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[Who, Alarms]:
    """Alarms answered in visits that start within inclusive local days."""
    rows = await reading.fetch(ALARMS, *days, *around(days), provider, recipient)
    return {(bool(together), by): Alarms(*(number or 0 for number in counted)) for by, together, *counted in rows}
