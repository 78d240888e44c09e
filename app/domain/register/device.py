"""Enrolled phones: the staff or the provider that they belong to, who uses a shared one, and when trust ended."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.time import CLOCK_TOLERANCE


class WorkShift(NamedTuple):
    """The time in which one person uses a shared device. `ended_at` is None while it lasts."""

    id: str
    began_at: dt.datetime
    ended_at: dt.datetime | None = None

    def holds(self, at: dt.datetime) -> bool:
        """True at the instants that lie in it, by a phone's clock."""
        ends = self.ended_at is None or at <= self.ended_at + CLOCK_TOLERANCE
        return self.began_at - CLOCK_TOLERANCE <= at and ends


class DeviceUser(NamedTuple):
    """A person with a device in hand: its staff ref, and if the device is shared its work shift and its employer."""

    staff: str
    provider: str | None = None
    work_shift: WorkShift | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device of one staff ref, or shared by the staff of `provider`.

    Its taps made at or after `revoked_at` do not count as its user's.
    """

    ref: str
    staff: str | None
    revoked_at: dt.datetime | None = None
    provider: str | None = None

    def is_used_by(self, user: DeviceUser, at: dt.datetime) -> bool:
        """True when it belongs to the user; of a shared one, when the user's work shift holds `at` that instant."""
        if self.provider is None:
            return self.staff == user.staff
        return self.provider == user.provider and user.work_shift is not None and user.work_shift.holds(at)

    def trusted_with(self, user: DeviceUser, now: dt.datetime) -> bool:
        """True when it is in the hands of its user `now`, and not revoked."""
        ended = user.work_shift is not None and user.work_shift.ended_at is not None
        return self.is_used_by(user, now) and not ended and self.revoked_at is None
