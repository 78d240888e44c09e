"""A judged tap, and the presence that taps are paired into: one person at one household."""

import datetime as dt
from typing import NamedTuple
from uuid import UUID

from app.domain.closed_sets import Direction, PresenceState
from app.domain.time import LONGEST_PRESENCE, Span


class Tap(NamedTuple):
    """A judged tap with the household of its tag at that instant, or the one that the carer named.

    `dispute` is the code that holds its visit, `flags` are codes that only have to be acknowledged.
    """

    id: UUID
    staff: str
    household: str
    direction: Direction
    at: dt.datetime
    counter: int | None = None
    evidence: str = "static"
    dispute: str | None = None
    flags: tuple[str, ...] = ()


class SideTap(NamedTuple):
    """A tap that moved no boundary: a bounce at this door, or an OUT at another while only this presence was open."""

    tap: UUID
    at: dt.datetime
    household: str


class Presence(NamedTuple):
    """One person at one household, from an opening tap.

    `id` is the opening tap's (the OUT's own for a missing IN). `closed_at` is the instant it stopped being open: its
    OUT or the IN that took its place. `spans` are the seconds that are its own, once later presences have taken theirs.
    `paired` are the presences by the taps alone, if corrections changed it: the presence itself and those it absorbed.
    """

    id: UUID
    person: str
    staff: str
    household: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    closed_at: dt.datetime | None
    state: PresenceState
    in_tap: UUID | None
    out_tap: UUID | None
    evidence_in: str | None = None
    evidence_out: str | None = None
    dispute_in: str | None = None
    dispute_out: str | None = None
    flags_in: tuple[str, ...] = ()
    flags_out: tuple[str, ...] = ()
    side_taps: tuple[SideTap, ...] = ()
    next_in_at: dt.datetime | None = None
    spans: tuple[Span, ...] = ()
    overlap: bool = False
    paired: "tuple[Presence, ...]" = ()

    @property
    def anchor_at(self) -> dt.datetime:
        """Its place in lists: its start, or its end when no start is known. Raises ValueError without either."""
        at = self.started_at or self.ended_at
        if at is None:
            raise ValueError("a presence has at least one boundary")
        return at

    @property
    def reach_at(self) -> dt.datetime:
        """The latest instant this presence can affect: its end, else its start plus 16 hours."""
        return self.closed_at or self.ended_at or self.anchor_at + LONGEST_PRESENCE

    @property
    def taps(self) -> tuple[UUID, ...]:
        """Every tap of the presence; a report may name any of them. One entered by hand is named by its own id."""
        if self.by_hand:
            return (self.id,)
        boundaries = (self.in_tap, self.out_tap)
        return (*(tap for tap in boundaries if tap), *(side.tap for side in self.side_taps))

    @property
    def by_hand(self) -> bool:
        """True when the whole presence was entered by hand, without any tap."""
        return self.in_tap is None and self.out_tap is None

    @property
    def as_paired(self) -> "Presence":
        """The presence by the taps alone, before corrections."""
        return self.paired[0] if self.paired else self

    @property
    def dispute(self) -> str | None:
        """The code that holds the visit until a person decides."""
        return self.dispute_in or self.dispute_out

    @property
    def confirmed(self) -> bool:
        """Both boundaries known and undisputed: only such a presence has seconds."""
        return self.state == "complete" and self.dispute is None

    def open_at(self, at: dt.datetime) -> bool:
        """True when, just before `at`, its IN was at most 16 hours old and still waited for its OUT."""
        return (
            self.started_at is not None
            and self.started_at < at
            and (self.closed_at is None or self.closed_at >= at)
            and at - self.started_at <= LONGEST_PRESENCE
        )
