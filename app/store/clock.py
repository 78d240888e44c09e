"""Whether our own clock can be believed: watched against the time since the machine was started and the database's."""

import datetime as dt
import time
from collections.abc import Callable

MOST_SECONDS = 600
"""What clocks may differ by, or be set by at once: more is no correction of a clock but a wrong one."""


def _running() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine sleeps, and nobody sets it


class ClockError(Exception):
    """Our clock was set by more than it can have been off, or differs from the database's; nothing was written."""


class Clock:
    """One process's wall clock and its last value that could be believed.

    A wrong clock would be written into facts that never change, so nothing is written until it is right again. Whoever
    has set it on purpose confirms that by starting the service anew.
    """

    def __init__(self, wall: Callable[[], float] = time.time, running: Callable[[], float] = _running) -> None:
        self._wall, self._running = wall, running
        self._last = wall(), running()

    def now(self) -> dt.datetime:
        """What it says. Raises ClockError unless it goes on as it did.

        What is written later was received by this: it may be right again by then.
        """
        return dt.datetime.fromtimestamp(self._believed()[0], dt.UTC)

    def require(self, database_now: dt.datetime) -> None:
        """Raises ClockError unless the clock goes on as it did and agrees with the database's."""
        wall, running = self._believed()
        off = wall - database_now.timestamp()
        if abs(off) > MOST_SECONDS:
            raise ClockError(f"this machine's clock differs from the database's by {off:+.0f} s")
        self._last = wall, running  # small steps are a clock being kept right, however many there are

    def _believed(self) -> tuple[float, float]:
        wall, running = self._wall(), self._running()
        jumped = (wall - self._last[0]) - (running - self._last[1])
        if abs(jumped) > MOST_SECONDS:
            raise ClockError(f"this machine's clock was set by {jumped:+.0f} s")
        return wall, running
