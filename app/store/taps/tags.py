"""Tags and the households they hang at, in their typed tables, and whose taps a mount reaches."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic_core import to_json

from app.store.connection import Changing, Reading
from app.store.taps.submissions import NOT_SET_ASIDE

PUT = """
INSERT INTO tag (municipality_id, ref, kind, uid)
SELECT $1, ref, kind, uid FROM json_to_recordset($2::json) AS new(ref text, kind text, uid text)
ON CONFLICT (municipality_id, ref) DO UPDATE SET kind = excluded.kind, uid = excluded.uid
"""
CLEAR_MOUNTS = "DELETE FROM tag_mount WHERE municipality_id = $1 AND tag = ANY($2::text[])"
PUT_MOUNTS = """
INSERT INTO tag_mount (municipality_id, tag, household, mounted, hung_by)
SELECT $1, tag, household, tstzrange(at, lead(at) OVER (PARTITION BY tag ORDER BY at)), by
FROM json_to_recordset($2::json) AS new(tag text, household text, at timestamptz, by text)
"""
SERVED = """
SELECT DISTINCT v.household FROM recipient_version AS v
JOIN care_order AS o ON o.municipality_id = $1 AND o.recipient = v.ref AND o.valid && v.valid
WHERE v.municipality_id = $1 AND o.provider = $2 AND v.household = ANY($3::text[])
"""
# An order is open that has not ended that day, begun or not.
MOVED = """
SELECT DISTINCT upper(m.mounted) AS at, m.tag, o.provider, m.household, n.hung_by FROM tag_mount AS m
JOIN tag_mount AS n ON n.municipality_id = $1 AND n.tag = m.tag AND lower(n.mounted) = upper(m.mounted)
JOIN recipient_version AS v ON v.municipality_id = $1 AND v.household = m.household
JOIN care_order AS o ON o.municipality_id = $1 AND o.recipient = v.ref AND o.valid && v.valid
WHERE m.municipality_id = $1 AND n.household <> m.household AND o.provider IS DISTINCT FROM n.hung_by
    AND o.valid * v.valid && daterange((upper(m.mounted) AT TIME ZONE 'Europe/Stockholm')::date, NULL)
    AND ($2::text IS NULL OR o.provider = $2) AND (upper(m.mounted), m.tag, o.provider) > ($3, $4, $5)
ORDER BY at, tag, provider LIMIT $6
"""
TAPPED = f"""
SELECT staff, min(at) AS first_at, max(at) AS last_at FROM tap
WHERE municipality_id = $1 AND tag = $2 AND at >= $3 AND at < $4 AND {NOT_SET_ASIDE}
GROUP BY staff
"""

Json = Mapping[str, Any]


async def put(changing: Changing, bodies: Mapping[str, Json]) -> None:
    """Write tags by ref as they now are. A UID belongs to one ref: constraint `tag_one_ref_a_uid`."""
    told = [{"ref": ref, "kind": body["kind"], "uid": body["uid"]} for ref, body in bodies.items()]
    await changing.execute(PUT, to_json(told).decode())


async def put_mounts(changing: Changing, bodies: Mapping[str, Json]) -> None:
    """Write where tags have hung, each household until the next one's instant; no instant twice."""
    await changing.execute(CLEAR_MOUNTS, list(bodies))
    told = [{**mount, "tag": ref} for ref, body in bodies.items() for mount in body.get("mounts", ())]
    await changing.execute(PUT_MOUNTS, to_json(told).decode())


async def households_served(reading: Reading, provider: str, households: Iterable[str]) -> set[str]:
    """Those of the households where the provider has, has had or will have an order for somebody who lives there."""
    return {row[0] for row in await reading.fetch(SERVED, provider, list(households))}


class Moved(NamedTuple):
    """A tag that left a household, and a provider with an open order there that did not do it."""

    at: dt.datetime
    tag: str
    provider: str
    household: str
    moved_by: str | None
    """The provider whose planner did, None for the municipality."""


async def moved(reading: Reading, provider: str | None, after: tuple[dt.datetime, str, str], limit: int) -> list[Moved]:
    """Tags that others took from where a provider, or any, has an open order, by instant, tag and provider."""
    return [Moved(*row) for row in await reading.fetch(MOVED, provider, *after, limit)]


async def staff_at(
    reading: Reading, ref: str, first_at: dt.datetime, before_at: dt.datetime
) -> list[tuple[str, dt.datetime, dt.datetime]]:
    """Staff refs that tapped the tag in the span, with the first and last time."""
    rows = await reading.fetch(TAPPED, ref, first_at, before_at)
    return [(row["staff"], row["first_at"], row["last_at"]) for row in rows]
