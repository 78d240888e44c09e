"""Senders of taps and reports: which batches are taken, and how many refused items are stored."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from app.domain.closed_sets import ClaimedDirection
from app.domain.register.master import MasterData
from app.domain.time import LONGEST_PRESENCE, local_date

MOST_REFUSED = 1000
"""Refused items stored per staff ref and local day: as many as a batch holds, and more than a person can make."""
TOO_MANY_REFUSED: Literal["too_many_refused"] = "too_many_refused"


def is_taken(
    master: MasterData,
    staff: str,
    received_at: dt.datetime,
    times: Iterable[dt.datetime],
    repeats: Iterable[bool],
) -> bool:
    """True when a batch of a staff ref is taken: the ref is known, and its employment was not over at receipt.

    An employment that has not begun is enough, because its first day may be registered too late. After its end a batch
    is taken if the ref was employed at one of the `times` in it (of a tap as `instants_of` says), for a phone that was
    offline over the end, or if any of `repeats` is true: an item that was taken before, whatever has changed since.
    """
    timeline = master.staff.get(staff)
    if timeline is None:
        return False
    last_on = timeline.versions[-1].valid_to
    if last_on is None or local_date(received_at) <= last_on:
        return True
    return any(master.is_employed(staff, at) for at in times) or any(repeats)


def instants_of(direction: ClaimedDirection, at: dt.datetime) -> Iterator[dt.datetime]:
    """The instants at which a tap shows its sender at work: its own, and for a way out the earliest start it can end.

    Whoever came on the last day of an employment and leaves after midnight ends a visit of that day.
    """
    yield at
    if direction in {"out", "auto"}:
        yield at - LONGEST_PRESENCE


class Kept(NamedTuple):
    """Number of refused items stored for one local day."""

    on: dt.date
    items: int


class RefusedItems:
    """The number of refused items stored for each staff ref, including those that a batch adds."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self.added: dict[str, Kept] = {}
        """The new numbers to store, by staff ref."""

    def know(self, staff: str, kept: Kept) -> None:
        """Take in the stored number of a staff ref."""
        self._kept[staff] = kept

    def add(self, staff: str, received_at: dt.datetime) -> bool:
        """Count one more refused item; False if the day's limit is reached, and it is not to be stored."""
        on = local_date(received_at)
        kept = self._kept.get(staff)
        items = kept.items if kept and kept.on == on else 0
        if items >= MOST_REFUSED:
            return False
        self._kept[staff] = self.added[staff] = Kept(on, items + 1)
        return True
