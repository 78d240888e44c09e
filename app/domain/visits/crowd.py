"""The limit of taps paired a day: more than people can make are set aside, so that nobody's visits wait for them.

A tap is judged by what is known when it arrives, and the verdict is a fact like any other: taps before the limit stay
paired, taps after it are kept, disputed, and part of no presence.
"""

import datetime as dt
from collections import Counter
from typing import Literal, NamedTuple

from app.domain.register.master import MasterData
from app.domain.taps.judging import Claim, Judgement, counted
from app.domain.time import local_date

TOO_MANY = "too_many"
MOST = {"person": 400, "household": 1000}
"""Taps per local day. A door has more than a person, so that nobody alone can shut it to the others."""


class Crowd(NamedTuple):
    """A group of taps counted together on one local day: a person's, or those at a household's door."""

    whose: Literal["person", "household"]
    name: str
    on: dt.date


def crowds_of(claim: Claim, staff: str, at: dt.datetime, master: MasterData) -> list[Crowd]:
    """The crowds a tap counts in: none for a control tap, only its person's if no household is known."""
    if claim.direction == "control":
        return []
    on = local_date(at)
    household = _household(claim, at, master)
    own = Crowd("person", master.person_of(staff), on)
    return [own, Crowd("household", household, on)] if household else [own]


def _household(claim: Claim, at: dt.datetime, master: MasterData) -> str | None:
    tag = master.tag_by_uid(claim.uid) if claim.uid else None
    if claim.message is not None:
        read = counted(claim.message, master)
        tag = master.tags[read[0]] if read else None
    return tag.household_at(at) if tag else claim.household


class Crowds:
    """The number of paired taps of each crowd, including those that a batch adds."""

    def __init__(self, stored: dict[Crowd, int]) -> None:
        self._taps = Counter(stored)

    def judge(self, judged: Judgement, crowds: list[Crowd]) -> Judgement:
        """The verdict on a tap that is to be stored: `too_many`, before any other code, if a crowd of it is full."""
        if any(self._taps[crowd] >= MOST[crowd.whose] for crowd in crowds):
            return judged._replace(verdict="disputed", code=TOO_MANY, flags=())
        self._taps.update(crowds)
        return judged
