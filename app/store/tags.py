"""Tags and the households they hang at, in their typed tables, and whose taps a mount reaches."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

PUT = """
INSERT INTO tag (municipality_id, ref, kind, uid) VALUES ($1, $2, $3, $4)
ON CONFLICT (municipality_id, ref) DO UPDATE SET kind = excluded.kind, uid = excluded.uid
"""
CLEAR_MOUNTS = "DELETE FROM tag_mount WHERE municipality_id = $1 AND tag = $2"
PUT_MOUNTS = """
INSERT INTO tag_mount (municipality_id, tag, household, mounted)
SELECT $1, $2, household, tstzrange(at, lead(at) OVER (ORDER BY at))
FROM unnest($3::text[], $4::timestamptz[]) AS new(household, at)
"""
TAPPED = """
SELECT staff, min(at) AS first_at, max(at) AS last_at FROM tap
WHERE municipality_id = $1 AND tag = $2 AND at >= $3 AND at < $4 GROUP BY staff
"""


async def put(sql: Any, municipality_id: int, ref: str, kind: str, uid: str) -> None:
    """Write a tag as it now is. A UID belongs to one ref: constraint `tag_one_ref_a_uid`."""
    await sql.execute(PUT, municipality_id, ref, kind, uid)


async def put_mounts(sql: Any, municipality_id: int, ref: str, mounts: Sequence[tuple[dt.datetime, str]]) -> None:
    """Write where the tag has hung, each household until the next one's instant; no instant twice."""
    await sql.execute(CLEAR_MOUNTS, municipality_id, ref)
    await sql.execute(
        PUT_MOUNTS, municipality_id, ref, [household for _, household in mounts], [at for at, _ in mounts]
    )


async def staff_at(
    sql: Any, municipality_id: int, ref: str, first_at: dt.datetime, before_at: dt.datetime
) -> list[tuple[str, dt.datetime, dt.datetime]]:
    """Staff refs that tapped the tag in the span, with the first and last time."""
    rows = await sql.fetch(TAPPED, municipality_id, ref, first_at, before_at)
    return [(row["staff"], row["first_at"], row["last_at"]) for row in rows]
