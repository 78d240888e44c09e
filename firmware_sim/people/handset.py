"""The kinds of phones among the staff, and the items they write: the bodies of taps and reports."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from firmware_sim.people.clock import PhoneClock, rfc3339, uuid7
from firmware_sim.people.records import Body, Staff
from firmware_sim.people.routes import local

CLOCK_KINDS = 12


@dataclass(frozen=True, slots=True)
class Habits:
    """The habits of a phone: items in a batch, shares of answers lost on the way and of batches sent twice."""

    batch_limit: int = 1000
    lost_answers: float = 0.0
    double_sends: float = 0.0
    reports_first: bool = False


class Handset:
    """One phone on one day. `direction_known` is false for a browser, which sends every tap as `auto`.

    `possible_clock_codes` may stand on visits timed by this phone: a clock that moves both ends alike is not reported.
    """

    def __init__(self, staff: str, clock: PhoneClock, habits: Habits, seed: str, *, direction_known: bool) -> None:
        self.staff = staff
        self.clock = clock
        self.habits = habits
        self.direction_known = direction_known
        self.possible_clock_codes: frozenset[str] = frozenset()
        self._ids = random.Random(f"{seed}/{staff}/ids")

    def tap(self, true_at: datetime, direction: str, tag: Body) -> Body:
        """The body of one tap."""
        item: Body = {
            "id": uuid7(self._ids, self.clock.wall(true_at)),
            "direction": direction if self.direction_known else "auto",
            "tapped_at": rfc3339(self.clock.wall(true_at)),
            "tag": tag,
        }
        uptime = self.clock.uptime(true_at)
        if uptime is not None:
            item["boot_id"], item["uptime_ms"] = uptime
        return item

    def report(self, true_at: datetime, tap_id: str, outcome: str, interventions: Sequence[Body]) -> Body:
        """The body of one report on the presence that `tap_id` belongs to."""
        return {
            "id": uuid7(self._ids, self.clock.wall(true_at)),
            "tap": tap_id,
            "reported_at": rfc3339(self.clock.wall(true_at)),
            "outcome": outcome,
            "interventions": list(interventions),
        }

    def straddles_boot(self, one_at: datetime, other_at: datetime) -> bool:
        """True if the phone was restarted in between, so that two boots time the two instants."""
        return any(one_at < boot_at <= other_at for boot_at in self.clock.boots)


def handset(seed: int, staff: Staff, on: date) -> Handset:
    """The phone of one person on one day. It was started at 04:00 and stays up until its queue is sent.

    Most are right to a few seconds. In every twelve: one without monotonic clock that runs up to 20 s late, one two
    hours ahead, one without monotonic clock 95 s behind and one 40 minutes behind, one that is started anew in the
    middle of the morning and of the evening, one that drifts, one that somebody sets an hour ahead at noon. Offsets
    between 20 and 90 s, where the service's tolerance lies, and phones ahead without monotonic clock, whose taps would
    be cut at their receipt, do not occur.
    """
    rng = random.Random(f"{seed}/{staff.ref}/phone")
    boot_at, noon = local(on, time(4)), local(on, time(12))
    late = rng.randint(-20, -1)
    habits = Habits(rng.choice((7, 25, 1000)), rng.choice((0.0, 0.2)), rng.choice((0.0, 0.3)), rng.random() < 0.3)  # noqa: PLR2004
    clock = PhoneClock(f"{seed}/{staff.ref}", offset_seconds=rng.randint(-3, 3), boots=(boot_at,))
    may: frozenset[str] = frozenset()
    adjusted = frozenset({"clock_adjusted"})
    match staff.number % CLOCK_KINDS:
        case 3:
            clock = replace(clock, offset_seconds=late, boots=())
        case 4:
            clock, may = replace(clock, offset_seconds=7200), adjusted
        case 5:
            clock, may = replace(clock, offset_seconds=-95, boots=()), adjusted
        case 6:
            clock = replace(clock, offset_seconds=0, boots=(boot_at, *(local(on, time(hour, 10)) for hour in (8, 18))))
        case 8:
            clock = replace(clock, drift_ppm=25)
        case 10:
            clock, may = replace(clock, jumps=((noon, 3600),)), adjusted
        case 11:
            clock, may = replace(clock, offset_seconds=-2400, boots=()), adjusted
        case _:
            pass
    if not clock.boots:
        # Only the shift of one batch ties the two ends of a visit together on such a phone.
        habits = replace(habits, batch_limit=1000)
    phone = Handset(staff.ref, clock, habits, f"{seed}/{on}", direction_known=staff.number % 5 != 4)  # noqa: PLR2004
    phone.possible_clock_codes = may
    return phone
