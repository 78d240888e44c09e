"""The typed tables of tags and of the households they hang at, and the staff that a mount affects."""

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
# An order is open if it has not ended on that day, whether or not it has begun.
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
    """Write the newest bodies of tags by ref. A UID belongs to one ref: constraint `tag_one_ref_a_uid`."""
    tags = [{"ref": ref, "kind": body["kind"], "uid": body["uid"]} for ref, body in bodies.items()]
    await changing.execute(PUT, to_json(tags).decode())


async def put_mounts(changing: Changing, bodies: Mapping[str, Json]) -> None:
    """Write the households of tags, each until the instant of the next one; no instant occurs twice."""
    await changing.execute(CLEAR_MOUNTS, list(bodies))
    mounts = [{**mount, "tag": ref} for ref, body in bodies.items() for mount in body.get("mounts", ())]
    await changing.execute(PUT_MOUNTS, to_json(mounts).decode())


async def households_served(reading: Reading, provider: str, households: Iterable[str]) -> set[str]:
    """The households among these with somebody for whom the provider has, has had or will have an order."""
    return {row[0] for row in await reading.fetch(SERVED, provider, list(households))}


class Moved(NamedTuple):
    """A tag that was taken from a household, and a provider with an open order there that did not take it."""

    at: dt.datetime
    tag: str
    provider: str
    household: str
    moved_by: str | None
    """The provider whose planner moved it, None for the municipality."""


async def moved(reading: Reading, provider: str | None, after: tuple[dt.datetime, str, str], limit: int) -> list[Moved]:
    """Tags that others took from households where the provider (None: any) has an open order.

    At most `limit` after `after`, in order of instant, tag and provider.
    """
    return [Moved(*row) for row in await reading.fetch(MOVED, provider, *after, limit)]


async def staff_at(
    reading: Reading, ref: str, first_at: dt.datetime, before_at: dt.datetime
) -> list[tuple[str, dt.datetime, dt.datetime]]:
    """The staff refs that tapped the tag in the span, each with the first and the last instant."""
    rows = await reading.fetch(TAPPED, ref, first_at, before_at)
    return [(row["staff"], row["first_at"], row["last_at"]) for row in rows]
