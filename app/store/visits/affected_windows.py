"""Windows of the facts that a change of master data affects, found by their refs: only these are derived anew."""

import datetime as dt
from collections.abc import Sequence

from app.domain.time import Window
from app.store.connection import Reading
from app.store.fragments import arrays, windows
from app.store.taps.submissions import NOT_SET_ASIDE

REACHED = f"""
SELECT wanted.name, wanted.first_at, wanted.last_at FROM {windows(2, "name")}
WHERE EXISTS (
    SELECT FROM presence AS p
    WHERE p.municipality_id = $1 AND p.household = wanted.name
        AND p.anchor_at BETWEEN wanted.first_at AND wanted.last_at)
UNION ALL
SELECT v.household, wanted.first_at, wanted.last_at FROM {windows(5, "name")}
CROSS JOIN LATERAL (
    SELECT DISTINCT household FROM visit
    WHERE municipality_id = $1 AND recipient = wanted.name
        AND anchor_at BETWEEN wanted.first_at AND wanted.last_at
) AS v
"""

EVERYWHERE = """
SELECT household, min(anchor_at), max(anchor_at) FROM presence
WHERE municipality_id = $1 AND anchor_at BETWEEN $2 AND $3 GROUP BY household
"""

OF_PROVIDER = """
SELECT household, min(anchor_at), max(anchor_at) FROM visit
WHERE municipality_id = $1 AND provider = $2 AND anchor_at BETWEEN $3 AND $4 GROUP BY household
"""

OF_STAFF = f"""
SELECT least(t.first_at, m.first_at), greatest(t.last_at, m.last_at) FROM (
    SELECT min(at) AS first_at, max(at) AS last_at FROM tap
    WHERE municipality_id = $1 AND staff = $2 AND at BETWEEN $3 AND $4 AND {NOT_SET_ASIDE}
) AS t, (
    SELECT min(started_at) AS first_at, max(started_at) AS last_at FROM manual_visit
    WHERE municipality_id = $1 AND staff = $2 AND started_at BETWEEN $3 AND $4
) AS m
"""

# Visits that were corrected to the staff ref stand on the taps of another.
CORRECTED_TO = """
SELECT p.paired_by, min(p.paired_at), max(p.paired_at)
FROM visit AS v JOIN presence AS p ON p.municipality_id = $1 AND p.id = v.presence AND p.paired_by IS NOT NULL
WHERE v.municipality_id = $1 AND v.staff = $2 AND v.anchor_at BETWEEN $3 AND $4
GROUP BY p.paired_by
"""


async def households_reached(
    reading: Reading, households: Sequence[Window], recipients: Sequence[Window]
) -> list[Window]:
    """The households among these with a presence, and others where the recipients had visits, each with its window."""
    arguments = (*arrays(households), *arrays(recipients))
    return [tuple(row) for row in await reading.fetch(REACHED, *arguments)]


async def households_between(reading: Reading, first_at: dt.datetime, last_at: dt.datetime) -> list[Window]:
    """Every household with a presence between two instants, with its window."""
    return [tuple(row) for row in await reading.fetch(EVERYWHERE, first_at, last_at)]


async def households_of_provider(
    reading: Reading, provider: str, first_at: dt.datetime, last_at: dt.datetime
) -> list[Window]:
    """Every household that the provider visited between two instants, with its window."""
    return [tuple(row) for row in await reading.fetch(OF_PROVIDER, provider, first_at, last_at)]


async def taps_of_staff(
    reading: Reading, staff: str, first_at: dt.datetime, last_at: dt.datetime
) -> tuple[dt.datetime, dt.datetime] | None:
    """The window from the first to the last tap or manual visit of a staff ref between two instants."""
    row = await reading.one(OF_STAFF, staff, first_at, last_at)
    return None if row[0] is None else (row[0], row[1])


async def persons_corrected_to(
    reading: Reading, staff: str, first_at: dt.datetime, last_at: dt.datetime
) -> list[Window]:
    """The persons whose taps between two instants were corrected to be those of a staff ref, each with its window."""
    return [tuple(row) for row in await reading.fetch(CORRECTED_TO, staff, first_at, last_at)]
