"""The expected verdict of each tap at a dynamic tag, from the rule alone: bounds are computed from all earlier taps.

The service answers the same question with a constant number of look-ups. The algorithm here is plain, so that the two
can be compared.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from firmware_sim.campaign.campaign import Campaign, Tap

TOLERANCE = timedelta(seconds=30)
DRIFT_PPM = 50
# A phone whose clock is off by less than the service corrects sends times that differ by this much from the true ones.
CLOCK_ERROR = timedelta(seconds=22)
Expected = tuple[str, str | None] | None
"""Verdict and code (None: any flag), or None where it depends on the errors of two honest clocks."""


@dataclass(frozen=True)
class Seen:
    """A tap as the service knows it: number of the read, claimed instant, instant of receipt."""

    counter: int
    at: datetime
    received_at: datetime
    staff: str
    disputed: bool

    @cached_property
    def _room(self) -> timedelta:
        return TOLERANCE + (self.received_at - self.at) * DRIFT_PPM / 1_000_000

    @cached_property
    def earliest(self) -> datetime:
        """The earliest true instant of an honest claim."""
        return self.at - self._room

    @cached_property
    def latest(self) -> datetime:
        """The latest true instant of an honest claim."""
        return self.at + self._room


def foretell(campaign: Campaign) -> dict[str, Expected]:
    """The expected verdict of every tap of a campaign, by id, in the order in which they reach the service."""
    seen: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    epochs: dict[str, int] = {}
    expected: dict[str, Expected] = {}
    changes = sorted((at, call.body["uid"], call.body["key_version"]) for at, call in campaign.calls)
    for tap in campaign.taps:
        while changes and changes[0][0] <= tap.sent_at:
            _, uid, version = changes.pop(0)
            epochs[uid] = version
        must = campaign.musts.get(tap.id)
        verdict = _verdict(tap, seen, epochs)
        if must is not None and tap.message is None:
            verdict = must
        expected[tap.id] = verdict
    return expected


def _verdict(tap: Tap, seen: dict[tuple[str, int], list[Seen]], epochs: dict[str, int]) -> Expected:
    message = tap.message
    if message is None:
        return None
    if message.epoch < epochs.get(message.uid, 1):
        return "refused", "tag_epoch_stale"
    others = seen[message.uid, message.epoch]
    for other in others:
        if other.counter == message.counter:
            same = other.staff == tap.staff
            return "refused", "counter_replayed_same_device" if same else "counter_replayed"
    own = Seen(message.counter, tap.at, tap.sent_at, tap.staff, disputed=False)
    surely, perhaps = (contradiction(own, others, more) for more in (CLOCK_ERROR, -CLOCK_ERROR))
    others.append(Seen(own.counter, own.at, own.received_at, own.staff, disputed=surely is not None))
    if surely != perhaps:
        return None
    return ("disputed", surely) if surely else ("accepted", None)


def contradiction(own: Seen, others: list[Seen], more: timedelta = timedelta(0)) -> str | None:
    """`harvested` (proven), `time_contradiction` (claimed) or None, with `more` slack for every claim.

    The claim of a disputed tap proves nothing against others, but its read and its receipt do.
    """
    later = [one for one in others if one.counter > own.counter]
    earlier = [one for one in others if one.counter < own.counter]
    if any(one.received_at < own.earliest - more for one in later):
        return "harvested"
    before, after = own.earliest - 2 * more, own.latest + 2 * more
    if any(one.latest < before and not one.disputed for one in later) or any(
        one.earliest > after and not one.disputed for one in earlier
    ):
        return "time_contradiction"
    return None
