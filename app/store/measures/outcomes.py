"""Outcomes of visits, counted in SQL; the definition is `domain.measures.outcomes`."""

from collections import Counter, defaultdict

from pydantic_core import from_json

from app.domain.measures.outcomes import IN_ADVANCE, OUTCOMES, SINGLE, Counts, Whose
from app.domain.time import Days, local_date
from app.domain.visits.visit import NO_DURATION
from app.store.connection import Reading
from app.store.measures.measures import FOR_ALL_OR_ONE, around
from app.store.register.notices import notices_of
from app.store.register.orders import DEATHS

COUNTED = ", ".join(f"count(*) FILTER (WHERE status = '{status}')" for status in OUTCOMES)
# What somebody without a visit of their own declined stands in the visit of another of the household.
VISITS = f"""
SELECT provider, recipient, date_trunc('month', local_on::timestamp)::date, array_agg(declined)
    FILTER (WHERE declined IS NOT NULL), {COUNTED}
FROM visit WHERE municipality_id = $1 AND local_on BETWEEN $2 AND $3 AND anchor_at >= $4 AND anchor_at < $5
    AND status IN ({", ".join(f"'{status}'" for status in OUTCOMES)}) AND '{NO_DURATION}' <> ALL (anomalies)
    AND ($6::text IS NULL OR provider = $6) AND ($7::text[] IS NULL OR recipient = ANY($7))
GROUP BY 1, 2, 3
"""
HOUSEHOLD = """
SELECT DISTINCT other.ref FROM recipient_version AS own
JOIN recipient_version AS other ON other.municipality_id = $1 AND other.household = own.household
WHERE own.municipality_id = $1 AND own.ref = $2
"""
STANDING = f"""
WITH deaths AS MATERIALIZED ({DEATHS})
SELECT nr FROM unnest($2::text[], $3::text[], $4::text[], $5::date[])
    WITH ORDINALITY AS notice(recipient, provider, intervention, day, nr)
LEFT JOIN deaths AS d ON d.ref = recipient
WHERE day <= coalesce(d.died_on, day) AND EXISTS (
    SELECT FROM care_order AS o
    JOIN order_line AS l ON l.municipality_id = $1 AND l.order_ref = o.ref AND l.part = o.part
    WHERE o.municipality_id = $1 AND o.recipient = notice.recipient AND o.provider = notice.provider
        AND o.in_force @> notice.day AND (notice.intervention IS NULL OR l.intervention = notice.intervention)
)
"""


async def outcomes(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> dict[Whose, Counts]:
    """The outcomes of visits that start, and of notices for visits, within inclusive local days."""
    await reading.configure(FOR_ALL_OR_ONE)
    household = recipient and [row[0] for row in await reading.fetch(HOUSEHOLD, recipient)]
    totals: defaultdict[Whose, Counts] = defaultdict(Counter)
    rows = await reading.fetch(VISITS, *days, *around(days), provider, household)
    for by, ref, month, declined, *counted in rows:
        counts = {(how, None): number for how, number in zip(OUTCOMES.values(), counted, strict=True) if number}
        totals[by, ref, month].update(counts)
        for refusals in declined or ():
            for whose, intervention in from_json(refusals):
                totals[by, whose, month][SINGLE, intervention] += 1
    notices = await notices_of(reading, provider, days)
    notice_days = [local_date(one.at) for one in notices]
    columns = ([getattr(one, name) for one in notices] for name in ("recipient", "provider", "intervention"))
    for (nr,) in await reading.fetch(STANDING, *columns, notice_days):
        one = notices[nr - 1]
        totals[one.provider, one.recipient, notice_days[nr - 1].replace(day=1)][IN_ADVANCE, one.intervention] += 1
    return {whose: counts for whose, counts in totals.items() if recipient in {None, whose[1]}}
