"""Flags of wrong clocks that ask a person to look at a visit; all others are only a finding about the phone."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from app.domain.taps.judging import ADJUSTED, IN_FUTURE
from app.domain.time import ZERO
from app.domain.visits.presence import Presence

CLOCK_FLAGS = (ADJUSTED, IN_FUTURE)
MOVED = dt.timedelta(minutes=1)


class Said(NamedTuple):
    """The judged instant of a tap and the instant by its phone's clock.

    `astray`: some tap of its person, at most the length of a presence away, comes before it by the judged instants but
    after it by the phones' clocks, or the other way round.
    """

    at: dt.datetime
    tapped_at: dt.datetime
    astray: bool = False

    @property
    def off(self) -> dt.timedelta:
        return self.at - self.tapped_at


Clocks = Mapping[UUID, Said]
"""By tap, for both ends of every presence with a clock's flag."""


def clock_flagged(flags: Collection[str]) -> bool:
    """True when a flag is of a wrong clock: `flags_of` must then know the phone's instants."""
    return any(flag in CLOCK_FLAGS for flag in flags)


def flags_of(presence: Presence, clocks: Clocks) -> list[str]:
    """The flags of the presence's ends that its visits show.

    A clock's flag is shown only if the clocks changed the length of the presence by more than a minute, or the order of
    the person's taps. Both ends moved alike have moved no second, and an end entered by hand depends on no clock.
    """
    if not presence.flags_in and not presence.flags_out:
        return []
    ends = [
        (clock if clock and clock.at == at else None, flags)
        for at, clock, flags in (
            (presence.started_at, clocks.get(presence.in_tap) if presence.in_tap else None, presence.flags_in),
            (presence.ended_at, clocks.get(presence.out_tap) if presence.out_tap else None, presence.flags_out),
        )
    ]
    came, left = (clock.off if clock else ZERO for clock, _ in ends)
    lasted = presence.started_at is not None and presence.ended_at is not None
    moved = lasted and abs(left - came) > MOVED
    return [
        flag
        for clock, flags in ends
        for flag in flags
        if flag not in CLOCK_FLAGS or (clock and (moved or clock.astray))
    ]
