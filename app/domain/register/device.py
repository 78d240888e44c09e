"""A phone that was enrolled: whose it is, and since when it is no longer trusted."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device. Its taps made at or after `revoked_at` do not count as its staff's."""

    ref: str
    staff: str
    revoked_at: dt.datetime | None = None

    def trusted_with(self, staff: str) -> bool:
        """Whether it is that staff's and has not been revoked."""
        return self.staff == staff and self.revoked_at is None
