"""Answered alarms, counted in SQL; the definition is `domain.measures.alarms`."""

from app.domain.closed_sets import ALARM
from app.domain.measures.alarms import Alarms
from app.domain.time import Days
from app.store.connection import Reading
from app.store.measures.executed_time import CATALOGUE
from app.store.measures.measures import around
from app.store.measures.performed import Who, performed
from app.store.register.orders import DEATHS

# Another provider's order is one too: what tells a visit apart is whether anybody comes for anything else.
ANSWERED = f"""
WITH catalogue AS MATERIALIZED ({CATALOGUE}), deaths AS MATERIALIZED ({DEATHS}), classified AS (
    SELECT done.*, EXISTS (
        SELECT FROM care_order AS o
        JOIN order_line AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
        LEFT JOIN catalogue AS c ON c.ref = l.intervention AND c.valid @> done.local_on
        WHERE o.municipality_id = $1 AND o.recipient = done.recipient AND o.in_force @> done.local_on
            AND c.category IS DISTINCT FROM '{ALARM}'
    ) AND done.local_on <= coalesce(d.died_on, done.local_on) AS beside
    FROM ({performed(ALARM)}) AS done LEFT JOIN deaths AS d ON d.ref = done.recipient
)
SELECT provider, grouping(provider), count(*), sum(seconds)::bigint, count(DISTINCT recipient),
    count(*) FILTER (WHERE beside), count(DISTINCT recipient) - count(DISTINCT recipient) FILTER (WHERE beside)
FROM classified GROUP BY GROUPING SETS ((provider), ())
"""


async def alarms(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[Who, Alarms]:
    """Alarms answered in visits that start within inclusive local days."""
    rows = await reading.fetch(ANSWERED, *days, *around(days), provider, recipient)
    return {(bool(together), by): Alarms(*(number or 0 for number in counted)) for by, together, *counted in rows}
