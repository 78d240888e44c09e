"""Notices: somebody says before a visit that it is not wanted."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Told before: nobody need come at this time, for this intervention or (None) for all that is ordered then."""

    recipient: str
    provider: str
    intervention: str | None
    at: dt.datetime
    notified_at: dt.datetime
