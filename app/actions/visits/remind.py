"""Remind staff of open visits that have lasted longer than ordered: read when a phone asks, nothing is changed."""

import datetime as dt
from typing import NamedTuple

from app.domain.register.master import MasterData
from app.domain.visits.presence_plan import expected_end
from app.domain.visits.visit import Visit
from app.store.connection import Reading
from app.store.database import Database
from app.store.visits import presences, visit_list, visits
from app.store.visits.visibility import Visibility
from app.store.visits.visit_list import VisitFilter

MOST = 100
"""More visits than anybody has open at once."""


class Reminder(NamedTuple):
    """An open visit whose expected end has passed."""

    visit: Visit
    expected_end_at: dt.datetime


async def reminders(
    reading: Reading, master: MasterData, visibility: Visibility, unordered: dt.timedelta
) -> list[Reminder]:
    """The open visits that the caller may see whose expected end has passed, in the order of the list of visits.

    `unordered` is the expected length of a presence for which nothing ordered gives one.
    """
    open_visits = await visit_list.page(reading, visibility, VisitFilter(status="open"), None, MOST)
    ids = list(dict.fromkeys(stored.visit.presence for stored in open_visits))
    open_now = list((await presences.of_ids(reading, ids)).values())
    taps = [tap for presence in open_now for tap in presence.taps]
    known = await visits.standing(reading, [], taps)
    ends = {
        presence.id: expected_end(presence, known.reports, master, known.chains, unordered) for presence in open_now
    }
    return [
        Reminder(stored.visit, end)
        for stored in open_visits
        if (end := ends.get(stored.visit.presence)) is not None and end < reading.now
    ]


async def recent_master(database: Database, municipality_id: int) -> MasterData:
    """Master data at most half a minute old, because the clock is moved that often; a reminder needs no lock.

    Raises BusyError.
    """
    master = database.remembered(municipality_id)
    if master is None:
        async with database.write(municipality_id) as writing:
            master = writing.master
    return master
