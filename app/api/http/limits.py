"""Limits on requests by caller and by municipality, in windows of a minute. Each process counts for itself.

Taps and reports are not counted: after an outage every phone brings what it has, and none of it may be lost. What holds
them is their queue, which refuses with 503 what it cannot take.
"""

import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

WINDOW_SECONDS = 60


class Usage(NamedTuple):
    """The rest of each quota after a request."""

    remaining: Mapping[str, int]
    """The number of further requests, by policy."""
    reset_seconds: int
    """The seconds until the window ends, at least 1."""

    @property
    def exceeded(self) -> bool:
        """True when the request is beyond a quota."""
        return any(left < 0 for left in self.remaining.values())

    def field(self) -> str:
        """The value of the header `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
        return ", ".join(f'"{name}";r={max(left, 0)};t={self.reset_seconds}' for name, left in self.remaining.items())


class Limits:
    """Counts requests in a window that is the same for everybody, so that the counts of one are dropped at once."""

    def __init__(self, caller_requests: int, municipality_requests: int) -> None:
        self._quotas = {"caller": caller_requests, "municipality": municipality_requests}
        self._counted: Counter[tuple[int, str | None]] = Counter()
        self._ends_at = 0.0
        self.policy = ", ".join(f'"{name}";q={quota};w={WINDOW_SECONDS}' for name, quota in self._quotas.items())
        """The value of the header `RateLimit-Policy`."""

    def count(self, municipality_id: int, caller: str) -> Usage:
        """Count a request, and return what is left. One too many of a caller takes nothing from its municipality."""
        now = time.monotonic()
        if now >= self._ends_at:
            self._counted.clear()
            self._ends_at = now + WINDOW_SECONDS
        own, whole = (municipality_id, caller), (municipality_id, None)
        self._counted[own] += 1
        left = self._quotas["caller"] - self._counted[own]
        if left >= 0:
            self._counted[whole] += 1
        remaining = {"caller": left, "municipality": self._quotas["municipality"] - self._counted[whole]}
        return Usage(remaining, int(self._ends_at - now) + 1)
