"""A phone that was enrolled: whose it is, and since when it is no longer trusted."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device. Its taps made at or after `revoked_at` do not count as its staff's."""

    ref: str
    staff: str
    revoked_at: dt.datetime | None = None
