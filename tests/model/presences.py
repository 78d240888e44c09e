"""The reference model's pairing: which taps of one person belong together, and which seconds are whose.

Everything of a person is looked at from the first tap to the last, every time.
"""

import datetime as dt
from dataclasses import dataclass, field

from facts import Tap

LONGEST = dt.timedelta(hours=16)
BOUNCE = dt.timedelta(seconds=60)


@dataclass(eq=False)
class Presence:
    """One person at one household. `start` is None where only an OUT is known, `end` where only an IN is."""

    household: str
    opening: Tap
    start: dt.datetime | None
    end: dt.datetime | None = None
    closing: Tap | None = None
    is_open: bool = False
    crossed: bool = False
    beside: list = field(default_factory=list)  # taps that bounced, or were made at the wrong door
    wrong_doors: int = 0
    spans: list = field(default_factory=list)
    next_in: dt.datetime | None = None  # the latest at which somebody can have left without an OUT

    @property
    def taps(self):
        """Every tap that belongs to it."""
        return [tap for tap in (self.opening, self.closing, *self.beside) if tap is not None]

    @property
    def disputes(self):
        """Why a person must decide on one of its ends. A tag that hung nowhere hangs somewhere now."""
        ends = (self.opening, self.closing) if self.closing else (self.opening,)
        return {tap.dispute for tap in ends if is_disputed(tap)}

    @property
    def complete(self):
        """Whether both ends are known."""
        return self.start is not None and self.end is not None

    @property
    def confirmed(self):
        """Whether its seconds count."""
        return self.complete and not self.disputes

    @property
    def seconds(self):
        """The seconds that are its own."""
        return sum(int((end - start).total_seconds()) for start, end in self.spans)


def is_disputed(tap):
    """Whether a person must decide on it."""
    return tap.dispute not in {None, "tag_unassigned"}


def shown(tap):
    """How strongly an end is shown by it."""
    return "disputed" if is_disputed(tap) else tap.evidence


def presences_of(taps, household_of, now):
    """The presences of one person, in the order they were opened."""
    found, open_at, last_at = [], {}, {}
    for tap in sorted(taps, key=_order):
        place = household_of(tap)
        here = _still_open(open_at.get(place), tap.at)
        before = last_at.get(place)
        near = before is not None and tap.at - before[0].at <= BOUNCE
        way = tap.direction
        if way == "auto":
            way = "out" if here else "in"
            if near:
                before[2].beside.append(tap)
                continue
        if near and ((way == "in" and here) or (way == "out" and not here and before[1] == "out")):
            before[2].beside.append(tap)
            continue
        if way == "in":
            presence = Presence(place, tap, tap.at)
            for earlier in found:
                earlier.next_in = earlier.next_in or tap.at
            found.append(presence)
            open_at[place] = presence
        elif here:
            presence = here
            presence.end, presence.closing = tap.at, tap
            del open_at[place]
        else:
            elsewhere = [one for one in open_at.values() if _still_open(one, tap.at) and one.household != place]
            if len(elsewhere) == 1:
                [presence] = elsewhere
                presence.beside.append(tap)
                presence.wrong_doors += 1
            else:
                presence = Presence(place, tap, None, end=tap.at)
                found.append(presence)
        last_at[place] = (tap, way, presence)
    for presence in open_at.values():
        presence.is_open = presence.start + LONGEST >= now
    _give_seconds(found)
    return found


def _order(tap):
    return tap.at, tap.direction != "out", tap.id


def _still_open(presence, at):
    return presence if presence is not None and at - presence.start <= LONGEST else None


def _give_seconds(found):
    """Each second to the presence opened last; what crosses instead of nesting says so."""
    confirmed = [presence for presence in found if presence.confirmed]
    for number, presence in enumerate(confirmed):
        spans = [(presence.start, presence.end)]
        for later in confirmed[number + 1 :]:
            spans = [piece for span in spans for piece in _without(span, (later.start, later.end))]
            if later.start < presence.end < later.end:
                presence.crossed = later.crossed = True
        presence.spans = [(start, end) for start, end in spans if start < end]


def _without(span, taken):
    (start, end), (first, last) = span, taken
    if last <= start or end <= first or first == last:
        return [span]
    return [(start, min(first, end)), (max(last, start), end)]
