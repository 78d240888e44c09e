"""Work shifts: who uses which shared device, from when until when."""

import datetime as dt
from typing import NamedTuple
from uuid import UUID

from app.store.connection import Reading, Writing

COLUMNS = "municipality_id, id, device, staff, began_at, ends_at, mac"
BEGIN = f"INSERT INTO work_shift ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
END = "UPDATE work_shift SET ends_at = $3, mac = $4 WHERE municipality_id = $1 AND id = $2"
ONE = f"SELECT {COLUMNS} FROM work_shift WHERE municipality_id = $1 AND id = $2"
LASTING = f"""
SELECT {COLUMNS} FROM work_shift WHERE municipality_id = $1 AND ends_at > $2 AND (device = $3 OR staff = $4)
"""
FORGET = "DELETE FROM work_shift WHERE municipality_id = $1 AND ends_at < $2"
ENDED = "SELECT id FROM work_shift WHERE municipality_id = $1 AND ends_at > $2 AND ends_at <= $3"


class StoredShift(NamedTuple):
    """A work shift. `ends_at` is when it ended, or when it will at the latest."""

    id: UUID
    device: str
    staff: str
    began_at: dt.datetime
    ends_at: dt.datetime


async def begin(writing: Writing, shift: StoredShift) -> None:
    """Store a new work shift."""
    _, *row = writing.macs.add("work_shift", (writing.municipality_id, *shift))
    await writing.execute(BEGIN, *row)


async def end(writing: Writing, shift: StoredShift, at: dt.datetime) -> None:
    """Let a work shift end at an instant."""
    *_, mac = writing.macs.add("work_shift", (writing.municipality_id, *shift._replace(ends_at=at)))
    await writing.execute(END, shift.id, at, mac)


async def lasting(writing: Writing, device: str, staff: str) -> list[StoredShift]:
    """The work shifts of a device or of a person that have not ended."""
    rows = await writing.fetch(LASTING, writing.now, device, staff)
    return [StoredShift(*tuple(row)[1:-1]) for row in rows]


async def one(writing: Writing, id_: UUID) -> StoredShift | None:
    """A work shift by its id. None if there is none, or one that the service did not write."""
    row = await writing.fetchrow(ONE, id_)
    ours = row is not None and writing.macs.is_ours("work_shift", tuple(row))
    return StoredShift(*tuple(row)[1:-1]) if row is not None and ours else None


async def forget(writing: Writing, before: dt.datetime) -> None:
    """Delete the work shifts that ended before an instant."""
    await writing.execute(FORGET, before)


async def ended(reading: Reading, since: dt.datetime) -> set[str]:
    """The ids of the work shifts that have ended since an instant."""
    return {str(row["id"]) for row in await reading.fetch(ENDED, since, reading.now)}
