"""Licensed health care, counted in SQL; the definition is `domain.measures.licensed_care`."""

from collections import defaultdict

from app.domain.closed_sets import LICENSED
from app.domain.measures.licensed_care import LicensedCare
from app.domain.time import Days
from app.store.connection import Reading
from app.store.measures.executed_time import CATALOGUE
from app.store.measures.measures import around
from app.store.measures.performed import Who, performed
from app.store.register.orders import DEATHS

VISITS = f"""
SELECT provider, grouping(provider), count(*), sum(seconds)::bigint, count(DISTINCT recipient),
    count(*) FILTER (WHERE unordered)
FROM ({performed(LICENSED)}) AS done GROUP BY GROUPING SETS ((provider), ())
"""
ENROLLED = f"""
WITH catalogue AS MATERIALIZED ({CATALOGUE}), deaths AS MATERIALIZED ({DEATHS})
SELECT o.provider, grouping(o.provider), count(DISTINCT o.recipient)
FROM care_order AS o
JOIN order_line AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
JOIN catalogue AS c ON c.ref = l.intervention AND c.category = '{LICENSED}'
LEFT JOIN deaths AS d ON d.ref = o.recipient
WHERE o.municipality_id = $1 AND o.valid && daterange($2, $3, '[]')
    AND ($4::text IS NULL OR o.provider = $4) AND ($5::text IS NULL OR o.recipient = $5)
    AND NOT isempty(o.in_force * datemultirange(
        daterange($2, $3, '[]') * daterange(NULL, d.died_on, '[]') * c.valid))
GROUP BY GROUPING SETS ((o.provider), ())
"""


async def licensed_care(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[Who, LicensedCare]:
    """Licensed health care in visits that start within inclusive local days, and the enrolled of those days."""
    figures: defaultdict[Who, list[int]] = defaultdict(lambda: [0] * 5)
    asked = provider, recipient
    for by, together, *counted in await reading.fetch(VISITS, *days, *around(days), *asked):
        figures[bool(together), by][:4] = [number or 0 for number in counted]
    for by, together, enrolled in await reading.fetch(ENROLLED, *days, *asked):
        figures[bool(together), by][4] = enrolled
    return {who: LicensedCare(*counted) for who, counted in figures.items()}
