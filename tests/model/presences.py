"""The reference model's pairing: which taps of one person belong together, and which seconds are whose.

Everything of a person is looked at from the first tap to the last, every time.
"""

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID

from facts import Tap, local

LONGEST = dt.timedelta(hours=16)
BOUNCE = dt.timedelta(seconds=60)


@dataclass(eq=False)
class Presence:
    """One person at one household. `start` is None where only an OUT is known, `end` where only an IN is."""

    id: UUID  # its opening tap's, or one of its own where it was told by hand
    tapped_by: str  # the person whose taps they are
    person: str  # who is taken to have been there
    staff: str
    household: str
    tap_in: Tap | None
    tap_out: Tap | None
    start: dt.datetime | None
    end: dt.datetime | None = None
    is_open: bool = False
    omitted: bool = False
    crossed: bool = False
    beside: list = field(default_factory=list)  # taps that bounced, were made at the wrong door, or came too late
    wrong_doors: int = 0
    by_hand: set = field(default_factory=set)  # which ends a person told
    apart: dict = field(default_factory=dict)  # by end: why it could not have been tapped
    confirmed_taps: set = field(default_factory=set)  # whose disputes a person settled
    attested: set = field(default_factory=set)  # what a second person attested: start, end and staff
    later_facts: bool = False  # whether a tap came after a correction that it contradicts
    spans: list = field(default_factory=list)
    later_ins: list = field(default_factory=list)  # when the same person came in anywhere after this
    replaced_at: dt.datetime | None = None  # when the same person came in by this door once more

    @property
    def taps(self):
        """Every tap that belongs to it."""
        return [tap for tap in (self.tap_in, self.tap_out, *self.beside) if tap is not None]

    @property
    def names(self):
        """What reports and corrections may call it."""
        return {tap.id for tap in self.taps} or {self.id}

    @property
    def anchor(self):
        """Where it stands in time."""
        return self.start or self.end

    @property
    def disputes(self):
        """Why a person must decide on one of its ends. A tag that hung nowhere hangs somewhere now."""
        return {tap.dispute for tap in (self.tap_in, self.tap_out) if self.is_disputed(tap)}

    @property
    def complete(self):
        """Whether both ends are known."""
        return self.start is not None and self.end is not None

    @property
    def confirmed(self):
        """Whether its seconds count."""
        return self.complete and not self.disputes and not self.omitted

    @property
    def nowhere(self):
        """Whether nobody was there for a single second."""
        return self.confirmed and not self.spans

    @property
    def seconds(self):
        """The seconds that are its own."""
        return sum(int((end - start).total_seconds()) for start, end in self.spans)

    def is_disputed(self, tap):
        """Whether a person must decide on one of its taps."""
        return tap is not None and tap.dispute not in {None, "tag_unassigned"} and tap.id not in self.confirmed_taps

    def evidence(self, way, tap):
        """What proves one of its ends."""
        if self.is_disputed(tap):
            return "disputed"
        return "manual" if way in self.by_hand else tap and tap.evidence

    @property
    def counted_as(self):
        """Where figures of evidence count it: by its weaker end, of those that could have been tapped."""
        ends = {
            self.apart.get(way) or self.evidence(way, tap) for way, tap in (("in", self.tap_in), ("out", self.tap_out))
        }
        return next(kind for kind in ("manual", "system_down", "off_site", "static") if kind in ends)

    @property
    def told_by_hand(self):
        """Whether an end of it was told by hand, before or by a correction."""
        return self.by_hand or "manual" in {tap.evidence for tap in (self.tap_in, self.tap_out) if tap is not None}

    def unattested(self, limit):
        """Whether one person told so long a visit alone; `limit` are minutes, None where none were agreed."""
        longest = dt.timedelta(minutes=60 if limit is None else limit)
        if not self.told_by_hand or not self.complete or self.end - self.start <= longest:
            return False
        return (self.start, self.end, self.staff) not in self.attested


def presences_of(person, taps, household_of, now):
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
            presence = Presence(tap.id, person, person, tap.staff, place, tap, None, tap.at)
            _follow(found, here, tap.at)
            found.append(presence)
            open_at[place] = presence
        elif here:
            presence = here
            presence.end, presence.tap_out = tap.at, tap
            del open_at[place]
        else:
            elsewhere = [one for one in open_at.values() if _still_open(one, tap.at) and one.household != place]
            if len(elsewhere) == 1:
                [presence] = elsewhere
                presence.beside.append(tap)
                presence.wrong_doors += 1
            else:
                presence = Presence(tap.id, person, person, tap.staff, place, None, tap, None, end=tap.at)
                found.append(presence)
        last_at[place] = (tap, way, presence)
    for presence in open_at.values():
        presence.is_open = presence.start + LONGEST >= now
    return found


def _follow(found, here, at):
    """Note when somebody came in anywhere, and by the same door, after each of the earlier presences."""
    for earlier in found:
        earlier.later_ins.append(at)
    if here:
        here.replaced_at = at


def _order(tap):
    return tap.at, tap.direction != "out", tap.id


def _still_open(presence, at):
    return presence if presence is not None and at - presence.start <= LONGEST else None


def give_seconds(facts, found):
    """Each second of a person to the presence opened last, but none that was tapped to one told by hand.

    What crosses instead of nesting says so, and so do what was told by hand and the taps it meets, and what meets
    for two providers.
    """

    def employer(presence):
        job = facts.employment_of(presence.staff, local(presence.anchor).date())
        return job and job.provider

    confirmed = sorted((one for one in found if one.confirmed), key=lambda one: (bool(one.taps), one.start, one.id))
    for number, presence in enumerate(confirmed):
        spans = [(presence.start, presence.end)]
        for later in confirmed[number + 1 :]:
            spans = [piece for span in spans for piece in _without(span, (later.start, later.end))]
            meet = max(presence.start, later.start) < min(presence.end, later.end)
            unlike = bool(later.taps) != bool(presence.taps) or employer(later) != employer(presence)
            if meet and (later.end > presence.end or unlike):
                presence.crossed = later.crossed = True
        presence.spans = [(start, end) for start, end in spans if start < end]


def _without(span, taken):
    (start, end), (first, last) = span, taken
    if last <= start or end <= first or first == last:
        return [span]
    return [(start, min(first, end)), (max(last, start), end)]
