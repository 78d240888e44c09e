"""Enrolled phones, with their staff and the instant from which they are no longer trusted."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device. Its taps made at or after `revoked_at` do not count as its staff's."""

    ref: str
    staff: str
    revoked_at: dt.datetime | None = None

    def trusted_with(self, staff: str) -> bool:
        """True when it is bound to that staff ref and not revoked."""
        return self.staff == staff and self.revoked_at is None
