"""Whose taps and reports are taken, and how much of what is refused of them is kept."""

import datetime as dt
from collections.abc import Iterable
from typing import Literal, NamedTuple

from app.domain.register.master import MasterData
from app.domain.time import local_date

MOST_REFUSED = 1000
"""Refused items of a staff ref that are kept a local day: as many as a batch holds, and more than a person can make."""
TOO_MANY_REFUSED: Literal["too_many_refused"] = "too_many_refused"


def is_taken(
    master: MasterData,
    staff: str,
    received_at: dt.datetime,
    told_of: Iterable[dt.datetime],
    repeats: Iterable[bool],
) -> bool:
    """Whether a batch of a staff ref is taken: it is known, and its employment is not over, or was not at one of these.

    Whoever has not begun is taken as well, because an employment may be told with too late a first day. A phone that
    was away over the end of an employment still brings what was made before, and what is with it. So it does with
    `repeats` of what was taken, whatever is said of the employment since.
    """
    timeline = master.staff.get(staff)
    if timeline is None:
        return False
    last_on = timeline.versions[-1].valid_to
    if last_on is None or local_date(received_at) <= last_on:
        return True
    return any(master.is_employed(staff, at) for at in told_of) or any(repeats)


class Kept(NamedTuple):
    """How many refused items are kept of one local day."""

    on: dt.date
    items: int


class RefusedItems:
    """What is kept of each staff ref's refused items, those that a batch adds among them."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self.added: dict[str, Kept] = {}
        """By staff ref, what is to be stored."""

    def know(self, staff: str, kept: Kept) -> None:
        """What was kept of a staff ref before."""
        self._kept[staff] = kept

    def add(self, staff: str, received_at: dt.datetime) -> bool:
        """Whether one more is kept."""
        on = local_date(received_at)
        kept = self._kept.get(staff)
        items = kept.items if kept and kept.on == on else 0
        if items >= MOST_REFUSED:
            return False
        self._kept[staff] = self.added[staff] = Kept(on, items + 1)
        return True
