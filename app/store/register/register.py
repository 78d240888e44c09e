"""The typed tables of providers, recipients, staff and interventions.

The versions of refs are derived from their stored records in one statement: each is in force from its first day until
the next one's, and of two with the same first day the later record counts.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.time import FIRST_DAY
from app.store.connection import Changing, Reading

PUT_PROVIDER = """
INSERT INTO provider (municipality_id, ref, form) VALUES ($1, $2, $3)
ON CONFLICT (municipality_id, ref) DO UPDATE SET form = excluded.form
"""
VERSIONS = f"""
INSERT INTO {{table}} (municipality_id, ref, valid, {{columns}})
SELECT $1, ref, daterange(first_on, lead(first_on) OVER (PARTITION BY ref ORDER BY first_on NULLS FIRST)), {{values}}
FROM (
    SELECT DISTINCT ON (ref, first_on) ref, nullif((body->>'valid_from')::date, '{FIRST_DAY}') AS first_on, body
    FROM record
    WHERE municipality_id = $1 AND kind = $3 AND ref = ANY($2::text[]) ORDER BY ref, first_on, version DESC
) AS newest
"""
TABLES = {
    "recipients": VERSIONS.format(
        table="recipient_version",
        columns="household, area, birth_date, died_on, protected",
        values="body->>'household', body->>'area', (body->>'birth_date')::date, (body->>'died_on')::date,"
        " (body->>'protected')::boolean",
    ),
    "staff": VERSIONS.format(
        table="staff_version",
        columns="person, provider, role",
        values="body->>'person', body->>'provider', body->>'role'",
    ),
    "interventions": VERSIONS.format(
        table="intervention_version",
        columns="category, standard_minutes",
        values="body->>'category', (body->>'standard_minutes')::int",
    ),
}
CLEAR = {
    "recipients": "DELETE FROM recipient_version WHERE municipality_id = $1 AND ref = ANY($2::text[])",
    "staff": "DELETE FROM staff_version WHERE municipality_id = $1 AND ref = ANY($2::text[])",
    "interventions": "DELETE FROM intervention_version WHERE municipality_id = $1 AND ref = ANY($2::text[])",
}
DEALT_WITH = """
SELECT ref FROM unnest($3::text[]) AS wanted(ref)
WHERE EXISTS (
    SELECT FROM care_order AS o WHERE o.municipality_id = $1 AND o.recipient = wanted.ref AND o.provider = $2
) OR EXISTS (
    SELECT FROM visit AS v WHERE v.municipality_id = $1 AND v.recipient = wanted.ref AND v.provider = $2
)
"""
EMPLOYED = """
SELECT coalesce((body->>'valid_to')::date >= $3, true) FROM record
WHERE municipality_id = $1 AND kind = 'staff' AND ref = $2 AND coalesce((body->>'valid_from')::date <= $3, true)
ORDER BY (body->>'valid_from')::date DESC NULLS LAST, version DESC LIMIT 1
"""
SERVED = "SELECT EXISTS (SELECT FROM care_order WHERE municipality_id = $1 AND recipient = $2 AND provider = $3)"


async def put_provider(changing: Changing, ref: str, body: Mapping[str, Any]) -> None:
    """Write the newest body of a provider."""
    await changing.execute(PUT_PROVIDER, ref, body["form"])


async def put_versions(changing: Changing, kind: str, refs: Sequence[str], *, first: bool) -> None:
    """Write all versions of recipients, staff refs or interventions, from the records appended so far."""
    if not first:
        await changing.execute(CLEAR[kind], refs)
    await changing.execute(TABLES[kind], refs, kind)


async def is_employed(reading: Reading, staff: str, on: dt.date) -> bool:
    """True if an employment of the staff ref has begun and is not over on that day."""
    return await reading.fetchval(EMPLOYED, staff, on) is True


async def is_served_by(reading: Reading, recipient: str, provider: str) -> bool:
    """True if the provider has an order for the recipient, in force at any time."""
    served: bool = await reading.fetchval(SERVED, recipient, provider)
    return served


async def dealt_with(reading: Reading, provider: str, recipients: Sequence[str]) -> set[str]:
    """The recipients among these for whom the provider has or had an order, or whom it has visited."""
    return {row[0] for row in await reading.fetch(DEALT_WITH, provider, recipients)}
