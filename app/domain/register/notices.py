"""Notices: a visit is declined before it begins."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Declined in advance: the visit at this time, for one intervention or (None) for all that are ordered then."""

    recipient: str
    provider: str
    intervention: str | None
    at: dt.datetime
    notified_at: dt.datetime
