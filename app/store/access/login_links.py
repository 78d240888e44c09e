"""Login links that nobody has used yet, by the digests of their secrets."""

import datetime as dt

from app.store.connection import Reading, RowHashes, Writing

PUT = "INSERT INTO login_link (municipality_id, digest, member, expires_at, mac) VALUES ($1, $2, $3, $4, $5)"
DROP_EXPIRED = "DELETE FROM login_link WHERE municipality_id = $1 AND expires_at <= $2"
DROP_OF = "DELETE FROM login_link WHERE municipality_id = $1 AND member = $2"
GET = """
SELECT municipality_id, digest, member, expires_at, mac FROM login_link
WHERE municipality_id = $1 AND digest = $2 AND expires_at > $3
"""
TAKE = """
DELETE FROM login_link WHERE municipality_id = $1 AND digest = $2 AND expires_at > $3
RETURNING municipality_id, digest, member, expires_at, mac
"""


async def put(writing: Writing, digest: bytes, member: str, expires_at: dt.datetime) -> None:
    """Keep a link by its digest, and forget those that nobody used in time."""
    await writing.execute(DROP_EXPIRED, writing.now)
    _, *row = writing.macs.add("login_link", (writing.municipality_id, digest, member, expires_at))
    await writing.execute(PUT, *row)


async def drop_of(writing: Writing, member: str) -> None:
    """Forget the links that open a membership."""
    await writing.execute(DROP_OF, member)


async def member_of(reading: Reading, macs: RowHashes, digest: bytes) -> str | None:
    """The membership that a link opens; None if it is unknown, used or has expired, or has a wrong hash."""
    row = await reading.fetchrow(GET, digest, reading.now)
    return row["member"] if row and macs.is_ours("login_link", tuple(row)) else None


async def take(writing: Writing, digest: bytes) -> str | None:
    """The membership that a link opens, after which it opens nothing any more. None as in `member_of`."""
    row = await writing.fetchrow(TAKE, digest, writing.now)
    return row["member"] if row and writing.macs.is_ours("login_link", tuple(row)) else None
