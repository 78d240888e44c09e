"""Sessions by the digests of their secrets. A row is forgotten when its session ends; the record of it stays."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic_core import from_json

from app.domain.access.member import Member
from app.domain.access.session import Session
from app.store import rows, schema
from app.store.access.members import member_of
from app.store.connection import Changing, Reading, Row, RowHashes, Writing

NAMES = rows.names(schema.session)
COLUMNS = ", ".join(NAMES)
PUT = f"""
INSERT INTO session ({COLUMNS}) VALUES ({", ".join(f"${place}" for place in range(1, len(NAMES) + 1))})
{rows.replacing(schema.session)}
"""
# The newest version of its membership comes with a session, so that whoever is no member any more is out at once.
FIND = f"""
SELECT s.*, m.body FROM (SELECT {COLUMNS} FROM session WHERE municipality_id = $1 AND digest = $2) AS s
LEFT JOIN LATERAL (
    SELECT body FROM record WHERE municipality_id = $1 AND kind = 'members' AND ref = s.member
    ORDER BY version DESC LIMIT 1
) AS m ON true
"""
LIST = f"SELECT {COLUMNS} FROM session WHERE municipality_id = $1 AND ends_at > $2 AND seen_at > $3 ORDER BY started_at"
OPENING = "SELECT id FROM session WHERE municipality_id = $1 AND $2 = ANY(choices)"
DROP = "DELETE FROM session WHERE municipality_id = $1 AND id = $2"
DROP_ENDED = "DELETE FROM session WHERE municipality_id = $1 AND (ends_at <= $2 OR seen_at <= $3)"
SEEN = "UPDATE session SET seen_at = $3, mac = $4 WHERE municipality_id = $1 AND id = $2 AND seen_at < $3"


class Found(NamedTuple):
    """A session with the digest of its secret, and its membership as it now is."""

    session: Session
    digest: bytes
    member: Member | None


def _session(row: Row) -> Session:
    values = {name: row[name] for name in NAMES if name not in {"municipality_id", "digest", "mac"}}
    return Session(**values | {"choices": tuple(row["choices"]), "id": UUID(str(row["id"]))})


def _row(municipality_id: int, session: Session, digest: bytes) -> tuple[object, ...]:
    values = {"municipality_id": municipality_id, "digest": digest, "choices": list(session.choices)}
    return tuple(values.get(name, getattr(session, name, None)) for name in NAMES if name != "mac")


async def put(writing: Writing, session: Session, digest: bytes) -> None:
    """Write a session under the digest of its secret; one with the same id is replaced."""
    _, *row = writing.macs.add("session", _row(writing.municipality_id, session, digest))
    await writing.execute(PUT, *row)


async def find(reading: Reading, macs: RowHashes, digest: bytes) -> Found | None:
    """The session with this secret; None without one, or if the service did not write it."""
    row = await reading.fetchrow(FIND, digest)
    if row is None or not macs.is_ours("session", [row[name] for name in NAMES]):
        return None
    member = member_of(row["member"], from_json(row["body"])) if row["body"] else None
    return Found(_session(row), digest, member)


async def saw(changing: Changing, macs: RowHashes, found: Found, at: dt.datetime) -> None:
    """Note that a session was used at an instant."""
    values = dict(zip(NAMES, _row(changing.municipality_id, found.session, found.digest), strict=False))
    *_, mac = macs.add("session", list((values | {"seen_at": at}).values()))
    await changing.execute(SEEN, found.session.id, at, mac)


async def present(reading: Reading, idle: dt.timedelta) -> Sequence[Session]:
    """Every session that is not over, the oldest first."""
    return [_session(row) for row in await reading.fetch(LIST, reading.now, reading.now - idle)]


async def opening(writing: Writing, member: str) -> Sequence[UUID]:
    """The sessions whose login opened a membership, over or not."""
    return [row["id"] for row in await writing.fetch(OPENING, member)]


async def drop(writing: Writing, session: UUID) -> None:
    """Forget a session."""
    await writing.execute(DROP, session)


async def drop_ended(writing: Writing, idle: dt.timedelta) -> None:
    """Forget every session that is over."""
    await writing.execute(DROP_ENDED, writing.now, writing.now - idle)
