"""The error of a phone's clock by day, computed from its taps."""

import datetime as dt
from typing import NamedTuple

from app.domain.time import day_start
from app.domain.visits.wrong_clocks import CLOCK_FLAGS
from app.store.connection import Reading

# The number of flags is what the index of flagged taps is entered by.
BY_DAY = """
SELECT (at AT TIME ZONE 'Europe/Stockholm')::date AS local_date, count(DISTINCT id) AS taps,
    array_agg(DISTINCT flag) AS codes,
    (array_agg(clock.ahead ORDER BY abs(clock.ahead) DESC, at))[1] AS ahead_seconds, min(at) AS first_at,
    max(at) AS last_at
FROM tap CROSS JOIN LATERAL (SELECT round(extract(epoch FROM tapped_at - at))::bigint AS ahead) AS clock
CROSS JOIN LATERAL (SELECT unnest(flags) AS flag) AS one
WHERE municipality_id = $1 AND device = $2 AND cardinality(flags) > 0 AND flag = ANY($3::text[])
  AND ($4::timestamptz IS NULL OR at >= $4)
GROUP BY 1 ORDER BY 1 LIMIT $5
"""


class ClockDay(NamedTuple):
    """The taps of a phone on a local day for which its clock was wrong.

    `ahead_seconds` is the largest difference of the phone's time from the time that counts; below zero it was behind.
    """

    local_date: dt.date
    taps: int
    codes: list[str]
    ahead_seconds: int
    first_at: dt.datetime
    last_at: dt.datetime


async def clock_days(reading: Reading, device: str, after: dt.date | None, limit: int) -> list[ClockDay]:
    """At most `limit` days on which a device's clock was wrong, after `after`, in order."""
    since = None if after is None else day_start(after + dt.timedelta(days=1))
    rows = await reading.fetch(BY_DAY, device, list(CLOCK_FLAGS), since, limit)
    return [ClockDay(*row) for row in rows]
