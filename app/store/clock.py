"""Our own clock, compared with the time since the machine was started and with the database's clock.

Nothing else here reads the time of day: the service and each command make one clock and hand it in.
"""

import datetime as dt
import time
from collections.abc import Callable

MOST_SECONDS = 600
"""The largest difference between two clocks, or step of one clock, in seconds. Beyond it a clock is wrong."""


def _running() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while the machine sleeps, and nobody sets it


class ClockError(Exception):
    """Our clock was moved by more than MOST_SECONDS, or differs from the database's by more; nothing was written."""


class Clock:
    """One process's wall clock, and the last value of it that was right.

    A wrong clock would be written into facts that never change, so nothing is written until it is right again. If it
    was set on purpose, starting the service anew confirms it.
    """

    def __init__(self, wall: Callable[[], float] = time.time, running: Callable[[], float] = _running) -> None:
        self._wall, self._running = wall, running
        self._last = wall(), running()

    def now(self) -> dt.datetime:
        """The time now, in UTC, right or wrong: reads go on while the clock is wrong."""
        return dt.datetime.fromtimestamp(self._wall(), dt.UTC)

    def received(self) -> dt.datetime:
        """The time of receipt, in UTC. Raises ClockError unless the clock goes on as it did.

        It is asked for at receipt, because the clock may be right again when the fact is written.
        """
        return dt.datetime.fromtimestamp(self._believed()[0], dt.UTC)

    def required(self, database_now: dt.datetime) -> dt.datetime:
        """The time now, in UTC. Raises ClockError unless the clock goes on as it did and agrees with the database's."""
        wall, running = self._believed()
        off = wall - database_now.timestamp()
        if abs(off) > MOST_SECONDS:
            raise ClockError(f"this machine's clock differs from the database's by {off:+.0f} s")
        self._last = wall, running  # small steps are a clock being kept right, however many there are
        return dt.datetime.fromtimestamp(wall, dt.UTC)

    def _believed(self) -> tuple[float, float]:
        wall, running = self._wall(), self._running()
        jumped = (wall - self._last[0]) - (running - self._last[1])
        if abs(jumped) > MOST_SECONDS:
            raise ClockError(f"this machine's clock was set by {jumped:+.0f} s")
        return wall, running
