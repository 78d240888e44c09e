"""How many taps of a day are paired: more than people can make are set aside, so that nobody's visits wait for them.

A tap is judged by what is known when it arrives, and the verdict is a fact as every other: what came before the limit
stays paired, what comes after it is kept, disputed, and part of no presence.
"""

import datetime as dt
from collections import Counter
from typing import Literal, NamedTuple

from app.domain.register.master import MasterData
from app.domain.taps.judging import Claim, Judgement, counted
from app.domain.time import local_date

TOO_MANY = "too_many"
MOST = {"person": 400, "household": 1000}
"""Taps a local day. At a door more than of a person, so that nobody alone can shut it to the others."""


class Crowd(NamedTuple):
    """Whose taps are counted together on one local day: a person's, or those at a household's door."""

    whose: Literal["person", "household"]
    name: str
    on: dt.date


def crowds_of(claim: Claim, staff: str, at: dt.datetime, master: MasterData) -> list[Crowd]:
    """What a tap is counted with: none for a control tap, and only its person's where no household is known."""
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
    """The taps of some crowds, those that a batch adds among them; none that were set aside."""

    def __init__(self, stored: dict[Crowd, int]) -> None:
        self._taps = Counter(stored)

    def judge(self, judged: Judgement, crowds: list[Crowd]) -> Judgement:
        """The verdict on a tap that is to be stored. Where it would be one too many, that goes before all else."""
        if any(self._taps[crowd] >= MOST[crowd.whose] for crowd in crowds):
            return judged._replace(verdict="disputed", code=TOO_MANY, flags=())
        self._taps.update(crowds)
        return judged
