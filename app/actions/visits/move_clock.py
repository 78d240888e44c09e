"""Let time pass: presences that were open longer than they can be become incomplete without any tap."""

import datetime as dt

from app.actions.visits.project import Affected, project
from app.domain.time import LONGEST_PRESENCE, whole_second
from app.store.database import Database
from app.store.ledger import macs
from app.store.visits import presences


async def move_clock(database: Database) -> None:
    """Move every municipality's `as_of` to now. Safe to run again, and in several servers at once."""
    for municipality_id in await database.municipalities():
        await let_pass(database, municipality_id, whole_second(database.clock.now()))


async def let_pass(database: Database, municipality_id: int, now: dt.datetime) -> None:
    """Move one municipality's `as_of` on to `now`, never back, and derive the presences that end by it."""
    async with database.write(municipality_id) as writing:
        if now <= writing.as_of:
            return
        await macs.stamp(writing, now)
        since, writing.as_of = writing.as_of - LONGEST_PRESENCE, now
        over = await presences.expired(writing, since, now - LONGEST_PRESENCE)
        if over:
            await project(writing, Affected(persons=over))
