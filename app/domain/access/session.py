"""Sessions of people who have logged in."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from app.domain.closed_sets import LoginMethod


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The longest time without a request, and the longest time in all, before a session is over."""

    idle: dt.timedelta
    whole: dt.timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """One login. `choices` are the memberships that it opened; `member` is the chosen one, None until one is chosen."""

    id: UUID
    member: str | None
    choices: tuple[str, ...]
    method: LoginMethod
    started_at: dt.datetime
    seen_at: dt.datetime
    ends_at: dt.datetime

    def is_over(self, now: dt.datetime, idle: dt.timedelta) -> bool:
        """True when it has lasted or been idle for too long."""
        return now >= self.ends_at or now >= self.seen_at + idle
