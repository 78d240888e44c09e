"""The reference model's count of a day's taps: beyond what a person and a door can have they are set aside."""

from collections import Counter
from dataclasses import replace

from facts import local
from reference import present

MOST = {"person": 20, "household": 26}
"""Far fewer than people can make, so that made-up days have too many."""


class Crowds:
    """What there was before a batch, and what of the batch has been taken since."""

    def __init__(self, facts):
        self.before = replace(facts, taps=dict(facts.taps))
        self.taken = Counter()
        self.ends = None

    def has_room(self, tap):
        """Whether its day has room for one more tap of its person and at its door; it is taken where it has."""
        on = local(tap.at).date()
        own = ("person", self.before.persons[tap.staff], on)
        there = ("household", self.before.household_of(tap), on)
        if any(self._stored(*one) + self.taken[one] >= MOST[one[0]] for one in (own, there)):
            return False
        self.taken.update([own, there])
        return True

    def _stored(self, whose, name, on):
        """All that a person has tapped; at a door what opens or ends a visit there."""
        if whose == "person":
            return sum(local(tap.at).date() == on for tap in self.before.paired(name))
        if name is None:
            return 0
        if self.ends is None:
            self.ends = Counter(
                (presence.household, local(presence.anchor).date())
                for presence in present(self.before)
                for tap in (presence.tap_in, presence.tap_out)
                if tap is not None
            )
        return self.ends[name, on]
