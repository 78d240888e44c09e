"""The counter rule: the other reads of a tag bound the instant of each read.

A chip counts its reads, so a later read never has a lower counter. Several phones read one tag, some of them offline,
and send their reads in any order; so the instant of a read is bounded from both sides. It is not before the claims of
the reads up to it, and not after the claims of the reads from it on, nor after the receipt of any of those. If the
bounds cross, two phones contradict each other, or somebody kept a link and used it later.

For a read received at R and claimed for `at`, with a tolerance d: `low = at - d` and `high = min(R, at + d)`; LOW is
the greatest low of all reads up to a counter, HIGH the least high of all from it on. Each read carries its own LOW and
HIGH, so its neighbours are enough to judge it. A disputed read stays among them, with its counter and its receipt,
which are facts, but without its claim.
"""

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from app.domain.taps.judging import EPOCH, Judgement, TapRefusal

TOLERANCE = dt.timedelta(seconds=30)
DRIFT = 20_000
"""A phone's clock loses or gains at most one second in so many seconds (50 ppm)."""
GIVE_WAY = frozenset({"tag_unassigned", "received_too_late"})
"""Disputes that a contradiction replaces, because mounting the tag, or a second person, would settle them."""

Place = tuple[str, int]
"""A tag and its epoch, the index of its keys."""


@dataclass(slots=True)
class CountedRead:
    """One read with its phone and the bounds at its counter. `reached_at`: first receipt of this or any later read."""

    counter: int
    tap: UUID
    phone: str
    low_at: dt.datetime
    high_at: dt.datetime
    reached_at: dt.datetime


class Narrowing(NamedTuple):
    """New bounds from a read for those already stored: LOW for higher counters, the rest for lower ones."""

    tag: str
    epoch: int
    counter: int
    low_at: dt.datetime
    high_at: dt.datetime
    reached_at: dt.datetime


@dataclass(slots=True)
class Reads:
    """The reads near those of a batch: the stored ones and those that the batch adds.

    Of the stored ones it needs those with the counters of the batch, and their neighbours on either side.
    """

    added: list[tuple[Place, CountedRead]] = field(default_factory=list)
    narrowings: list[Narrowing] = field(default_factory=list)
    _near: defaultdict[Place, list[CountedRead]] = field(default_factory=lambda: defaultdict(list))

    def know(self, place: Place, reads: Iterable[CountedRead]) -> None:
        """Take in stored reads; one may come twice."""
        near = self._near[place]
        for read in reads:
            at = bisect_left(near, read.counter, key=_counter)
            if at == len(near) or near[at].counter != read.counter:
                near.insert(at, read)

    def judge(self, judged: Judgement, tap: UUID, phone: str, received_at: dt.datetime) -> Judgement:
        """The judgement by the tag's other reads. A read that is not refused is added to them.

        Refused: a counter received before (`counter_replayed`; from the same phone, which reloads a page or loses an
        answer, `counter_replayed_same_device`). Disputed: `harvested` if a later read was received before the claimed
        time, else `time_contradiction`.
        """
        if judged.tag is None or judged.epoch is None or judged.counter is None:
            return judged
        place, near = (judged.tag, judged.epoch), self._near[judged.tag, judged.epoch]
        counter = judged.counter
        index = bisect_left(near, counter, key=_counter)
        below, above = (near[index - 1] if index else None), (near[index] if index < len(near) else None)
        if above and above.counter == counter:
            again: TapRefusal = "counter_replayed_same_device" if above.phone == phone else "counter_replayed"
            return judged._replace(verdict="refused", code=again, evidence=None, flags=())
        low_at, high_at = claimed(judged.at, received_at)
        code = _contradiction(low_at, high_at, below, above)
        if code and (judged.verdict == "accepted" or judged.code in GIVE_WAY):
            judged = judged._replace(verdict="disputed", code=code)
        if judged.verdict != "accepted":
            low_at, high_at = EPOCH, received_at
        read = CountedRead(counter, tap, phone, low_at, high_at, received_at)
        near.insert(index, read)
        self.added.append((place, read))
        self._narrow(place, near, index)
        if below:
            read.low_at = max(low_at, below.low_at)
        if above:
            read.high_at = min(high_at, above.high_at)
            read.reached_at = min(received_at, above.reached_at)
        return judged

    def _narrow(self, place: Place, near: list[CountedRead], index: int) -> None:
        """Narrow the bounds of the neighbours. Bounds rise with the counter, so it stops at the first that stays."""
        new = near[index]
        moved = False
        for read in near[index + 1 :]:
            if read.low_at >= new.low_at:
                break
            read.low_at, moved = new.low_at, True
        for read in reversed(near[:index]):
            if read.high_at <= new.high_at and read.reached_at <= new.reached_at:
                break
            read.high_at, read.reached_at = min(read.high_at, new.high_at), min(read.reached_at, new.reached_at)
            moved = True
        if moved:
            self.narrowings.append(Narrowing(*place, new.counter, new.low_at, new.high_at, new.reached_at))


def claimed(at: dt.datetime, received_at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The earliest and the latest instant of a claimed time, with tolerance and drift since."""
    tolerance = TOLERANCE + (received_at - at) // DRIFT
    return at - tolerance, min(received_at, at + tolerance)


def _contradiction(
    low_at: dt.datetime, high_at: dt.datetime, below: CountedRead | None, above: CountedRead | None
) -> str | None:
    if above and above.reached_at < low_at:
        return "harvested"
    if (above and above.high_at < low_at) or (below and below.low_at > high_at):
        return "time_contradiction"
    return None


def _counter(read: CountedRead) -> int:
    return read.counter
