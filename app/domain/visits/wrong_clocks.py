"""Which flags of wrong clocks ask a person to look at a visit; all others are a finding of the phone."""

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
    """When a tap was judged to be and when its phone said that it was.

    `astray`: among the taps of its person not further away than a presence can last, one comes before it that by the
    phones' words came after it, or the other way round.
    """

    at: dt.datetime
    tapped_at: dt.datetime
    astray: bool = False

    @property
    def off(self) -> dt.timedelta:
        return self.at - self.tapped_at


Clocks = Mapping[UUID, Said]
"""By tap, for both ends of every presence that a clock has flagged."""


def clock_flagged(flags: Collection[str]) -> bool:
    """Whether a wrong clock is among what flags a tap: `flags_of` must then know what the phone said."""
    return any(flag in CLOCK_FLAGS for flag in flags)


def flags_of(presence: Presence, clocks: Clocks) -> list[str]:
    """The flags of the presence's ends that its visits show.

    A clock's only where the clocks changed how long the presence lasted or where the tap stands among the person's.
    Both ends moved alike have moved no second, and an end that a person has told asks no clock.
    """
    ends = [
        (said if said and said.at == at else None, flags)
        for at, said, flags in (
            (presence.started_at, clocks.get(presence.in_tap) if presence.in_tap else None, presence.flags_in),
            (presence.ended_at, clocks.get(presence.out_tap) if presence.out_tap else None, presence.flags_out),
        )
    ]
    came, left = (said.off if said else ZERO for said, _ in ends)
    lasted = presence.started_at is not None and presence.ended_at is not None
    moved = lasted and abs(left - came) > MOVED
    return [
        flag for said, flags in ends for flag in flags if flag not in CLOCK_FLAGS or (said and (moved or said.astray))
    ]
