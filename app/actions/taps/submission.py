"""One phone's batch as received, and its division into parts that are written one after the other."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.register.device import DeviceUser, WorkShift
from app.domain.register.master import MasterData
from app.domain.taps.judging import Claim, Envelope, TapRefusal, counted, leads_of, shift_of, time_of
from app.domain.time import FIRST_DAY, local_date
from app.store.taps.submissions import Asked


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item of a readable envelope that is no valid tap of this caller. `id` if it could be read; `raw` is stored."""

    id: UUID | None
    raw: Any
    body_hash: bytes
    code: TapRefusal = "malformed"


DAYS_AT_ONCE = 4
"""Number of days of a batch written at once: each may hold many other taps, all of which are read."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One phone's batch as received, or the part of it that is written at once.

    `whole` are all items of the batch if this is a part; `days` is the number of days in the part.
    """

    staff: str
    device: str | None
    envelope: Envelope
    items: Sequence[Claim | Unreadable]
    by_staff: bool = True
    """True when only current or former employees may send it; False for an inspector."""
    whole: Sequence[Claim | Unreadable] | None = None
    days: int = 1
    work_shift: WorkShift | None = None
    """The work shift of the sender, where the phone is a shared one."""

    @property
    def phone(self) -> str:
        """The key of the phone's stored clock. Without a device the staff ref stands for it."""
        return f"{self.device or self.staff}/{self.envelope.boot_id or ''}"

    def user(self, master: MasterData, at: dt.datetime) -> DeviceUser:
        """The sender as the user of its device at an instant. The employer is only looked up for a work shift."""
        provider = master.provider_of(self.staff, at) if self.work_shift else None
        return DeviceUser(self.staff, provider, self.work_shift)

    @property
    def reader(self) -> str:
        """The sender of a tag's read: the device, or without one the staff ref."""
        return f"device {self.device}" if self.device else f"staff {self.staff}"


def claims_of(items: Iterable[Claim | Unreadable]) -> Iterator[Claim]:
    """The items that can be read."""
    return (item for item in items if isinstance(item, Claim))


def parts_of(batch: Submission) -> list[tuple[Sequence[int], Submission]]:
    """A batch in parts of at most `DAYS_AT_ONCE` days, earlier days first, each with the places of its items.

    The lock is free in between. If a later part fails, the written items are duplicates when the batch is sent again.
    """
    if len(batch.items) == 1:
        return [([0], replace(batch, whole=batch.items))]
    shift = shift_of(batch.envelope, None)
    leads = leads_of(claims_of(batch.items), batch.envelope, shift)
    by_day: defaultdict[dt.date, list[int]] = defaultdict(list)
    for place, item in enumerate(batch.items):
        # An item that cannot be read has no day, and costs nothing.
        on = local_date(time_of(item, batch.envelope, shift, leads)[0]) if isinstance(item, Claim) else FIRST_DAY
        by_day[on].append(place)
    days = sorted(by_day)
    parts = [days[start : start + DAYS_AT_ONCE] for start in range(0, len(days), DAYS_AT_ONCE)]
    places_of = [(sorted(place for on in part for place in by_day[on]), len(part)) for part in parts]
    return [
        (places, replace(batch, items=[batch.items[place] for place in places], whole=batch.items, days=count))
        for places, count in places_of
    ]


def asked_of(submissions: Sequence[Submission], master: MasterData) -> Asked:
    """The questions to the store about batches."""
    items = [item for submission in submissions for item in submission.items]
    messages = [item.message for item in items if isinstance(item, Claim) and item.message is not None]
    return Asked(
        [item.id for item in items if item.id is not None],
        sorted({submission.phone for submission in submissions}),
        nameless(items),
        [read for message in messages if (read := counted(message, master))],
        sorted({submission.staff for submission in submissions}),
    )


def nameless(items: Iterable[Any]) -> list[bytes]:
    """Hashes of the items whose id could not be read."""
    return [item.body_hash for item in items if isinstance(item, Unreadable) and item.id is None]
