"""Counting the taps of persons and households by day, no further than to where there are too many."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from app.domain.register.master import MasterData
from app.domain.time import Window, days_span
from app.domain.visits.crowd import MOST, Crowd
from app.store.connection import Reading
from app.store.fragments import arrays, windows
from app.store.taps.submissions import NOT_SET_ASIDE
from app.store.visits.presences import of_staff

# A household's taps are counted by its presences, whatever tags hang there. Other taps beside these count for the
# person.


def counts(first: int) -> str:
    """The query of the taps of persons and households by day, windows in six array parameters from `$first` on."""
    persons, households = (windows(at, "name") for at in (first, first + 3))
    return f"""
SELECT 'person' AS whose, wanted.name, wanted.first_at, counted.taps
FROM {persons}
CROSS JOIN LATERAL (
    SELECT count(*) AS taps FROM (
        SELECT FROM tap WHERE municipality_id = $1 AND staff = wanted.name AND direction <> 'control'
          AND at >= wanted.first_at AND at < wanted.last_at AND {NOT_SET_ASIDE}
        ORDER BY at LIMIT {MOST["person"]}) AS own
) AS counted
UNION ALL
SELECT 'household', wanted.name, wanted.first_at, counted.taps
FROM {households}
CROSS JOIN LATERAL (
    SELECT count(p.in_tap) + count(p.out_tap) AS taps FROM (
        SELECT in_tap, out_tap FROM presence WHERE municipality_id = $1 AND household = wanted.name
          AND anchor_at >= wanted.first_at AND anchor_at < wanted.last_at
        ORDER BY anchor_at LIMIT {MOST["household"]}) AS p
) AS counted
"""


COUNTS = counts(2)


async def counted(reading: Reading, master: MasterData, crowds: Collection[Crowd]) -> dict[Crowd, int]:
    """The number of taps in each crowd, without those that were set aside."""
    if not crowds:
        return {}
    return counted_of(master, crowds, await reading.fetch(COUNTS, *asked_for(master, crowds)))


def asked_for(master: MasterData, crowds: Collection[Crowd]) -> tuple[Sequence[Any], ...]:
    """The parameters of `counts`."""
    persons, households = (
        [_window(crowd) for crowd in crowds if crowd.whose == whose] for whose in ("person", "household")
    )
    return (*arrays(of_staff(master, persons)), *arrays(households))


def counted_of(master: MasterData, crowds: Collection[Crowd], rows: Iterable[Iterable[Any]]) -> dict[Crowd, int]:
    """The number of taps in each crowd, of rows of `counts`."""
    days = {_window(crowd)[1]: crowd.on for crowd in crowds}
    found = dict.fromkeys(crowds, 0)
    for whose, name, first_at, taps in rows:
        found[Crowd(whose, master.person_of(name) if whose == "person" else name, days[first_at])] += taps
    return found


def _window(crowd: Crowd) -> Window:
    return (crowd.name, *days_span(crowd.on, crowd.on))
