"""The tenants: making one, and figures over all of them without personal data."""

import datetime as dt
from dataclasses import asdict, dataclass
from uuid import UUID

from app.store.connection import Reading
from app.store.database import Database

MOST_COUNTED = 100_000
"""Taps are counted up to this number: a start page must not read a year of them."""

ADD = """
INSERT INTO municipality (municipality_id, name, as_of) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
RETURNING municipality_id
"""
LATEST_CHANGE = "SELECT epoch, change_no, master_seq FROM municipality WHERE municipality_id = $1"
NAME = "SELECT name FROM municipality WHERE municipality_id = $1"
COUNT = f"""
SELECT
    (SELECT count(*) FROM (SELECT FROM tap WHERE municipality_id = $1 LIMIT {MOST_COUNTED}) AS some_taps) AS taps,
    (SELECT count(*) FROM visit WHERE municipality_id = $1 AND anchor_at >= $2) AS visits_today,
    (SELECT count(*) FROM presence WHERE municipality_id = $1 AND state = 'open') AS logged_in
"""


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Counts over all municipalities."""

    municipalities: int
    taps: int
    visits_today: int
    logged_in: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


async def add(reading: Reading, name: str, now: dt.datetime) -> bool:
    """Create the tenant; False when it existed already (its name stays)."""
    return await reading.fetchval(ADD, name, now) is not None


async def name_of(reading: Reading) -> str:
    """The municipality's name."""
    name: str = await reading.fetchval(NAME)
    return name


async def latest_change(reading: Reading) -> tuple[UUID, int, int]:
    """The database's epoch, and the numbers of the last change of a visit and of master data in it.

    As long as they stay the same, so do all visits, orders and other master data.
    """
    epoch, change_no, master_seq = await reading.one(LATEST_CHANGE)
    return epoch, change_no, master_seq


async def figures(database: Database, today_at: dt.datetime) -> ServiceFigures:
    """Counts over all municipalities; of visits, those after `today_at`."""
    codes = await database.municipalities()
    taps = visits = logged_in = 0
    for code in codes:
        async with database.read(code) as reading:
            row = await _counted(reading, today_at)
        taps, visits, logged_in = taps + row[0], visits + row[1], logged_in + row[2]
    return ServiceFigures(len(codes), taps, visits, logged_in)


async def _counted(reading: Reading, today_at: dt.datetime) -> tuple[int, int, int]:
    row = await reading.fetchrow(COUNT, today_at)
    return (row["taps"], row["visits_today"], row["logged_in"]) if row else (0, 0, 0)
