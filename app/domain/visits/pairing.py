"""Taps become presences: one person's taps, in order, paired into stays at households with a start and an end.

`pair` is a fold over sorted taps. It may start with nothing and every tap of a person's life, or with the presences
that were open at a quiet moment and the taps after it: the answer for the later taps is the same.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from app.domain.closed_sets import PresenceState
from app.domain.time import LONGEST_PRESENCE, subtract
from app.domain.visits.presence import Presence, SideTap, Tap

BOUNCE = dt.timedelta(seconds=60)


def tap_order(tap: Tap) -> tuple[dt.datetime, int, bool, UUID]:
    """Time, then tag counter, then OUT before IN, then id."""
    return tap.at, -1 if tap.counter is None else tap.counter, tap.direction != "out", tap.id


def quiet_before(at: dt.datetime, taps: Sequence[Tap]) -> dt.datetime:
    """The latest moment up to `at` with no tap within the bounce time before it, as far as `taps` (sorted) reach.

    At such a moment only open presences matter for later taps.
    """
    moment = at
    for tap in reversed(taps):
        if tap.at >= moment:
            continue
        if moment - tap.at > BOUNCE:
            break
        moment = tap.at
    return moment


def reopen(presence: Presence, at: dt.datetime) -> Presence:
    """The presence as it stood just before `at`, while it was open: everything from then on taken back."""
    return presence._replace(
        ended_at=None,
        closed_at=None,
        state="open",
        out_tap=None,
        evidence_out=None,
        dispute_out=None,
        flags_out=(),
        side_taps=tuple(side for side in presence.side_taps if side.at < at),
        next_in_at=presence.next_in_at if presence.next_in_at and presence.next_in_at < at else None,
        spans=(),
        overlap=False,
    )


class _Open:
    """State of the fold: presences by household while they are open, and the last real tap at each door.

    `last_at` has by household the presence that the last real tap opened, closed or stands beside: a bounce of the tap
    goes with it.
    """

    def __init__(self, person: str, carried: Iterable[Presence]) -> None:
        self.person = person
        self.open = {presence.household: presence for presence in carried}
        self.last: dict[str, Tap] = {}
        self.last_at: dict[str, UUID] = {}
        self.done: list[Presence] = []

    def expire(self, at: dt.datetime) -> None:
        for household, presence in list(self.open.items()):
            if presence.started_at is not None and at - presence.started_at > LONGEST_PRESENCE:
                self.done.append(self.open.pop(household))

    def take(self, tap: Tap) -> None:
        self.expire(tap.at)
        here = self.open.get(tap.household)
        last = self.last.get(tap.household)
        bouncing = last is not None and tap.at - last.at <= BOUNCE
        direction = tap.direction
        if direction == "auto":
            if bouncing:
                self._bounce(tap)
                return
            direction = "out" if here else "in"
        if direction == "in":
            if here and bouncing:
                self._bounce(tap)
                return
            self.last_at[tap.household] = self._open(tap, here)
        elif here:
            self.last_at[tap.household] = self._close(tap, here)
        elif bouncing:
            # Nothing is open here, so what was there within the minute was an OUT.
            self._bounce(tap)
            return
        else:
            self.last_at[tap.household] = self._stray_out(tap)
        self.last[tap.household] = tap

    def _open(self, tap: Tap, here: Presence | None) -> UUID:
        if here:
            self.done.append(here._replace(closed_at=tap.at, state="incomplete"))
        # The first IN elsewhere is where a forgotten OUT at the latest must have been.
        for household, presence in self.open.items():
            if household != tap.household and presence.next_in_at is None:
                self.open[household] = presence._replace(next_in_at=tap.at)
        self.open[tap.household] = Presence(
            id=tap.id,
            person=self.person,
            staff=tap.staff,
            household=tap.household,
            started_at=tap.at,
            ended_at=None,
            closed_at=None,
            state="open",
            in_tap=tap.id,
            out_tap=None,
            evidence_in=tap.evidence,
            dispute_in=tap.dispute,
            flags_in=tap.flags,
        )
        return tap.id

    def _close(self, tap: Tap, here: Presence) -> UUID:
        del self.open[tap.household]
        self.done.append(
            here._replace(
                ended_at=tap.at,
                closed_at=tap.at,
                state="complete",
                out_tap=tap.id,
                evidence_out=tap.evidence,
                dispute_out=tap.dispute,
                flags_out=tap.flags,
            )
        )
        return here.id

    def _stray_out(self, tap: Tap) -> UUID:
        if len(self.open) == 1:
            [(household, presence)] = self.open.items()
            self.open[household] = _beside(presence, tap)
            return presence.id
        self.done.append(
            Presence(
                id=tap.id,
                person=self.person,
                staff=tap.staff,
                household=tap.household,
                started_at=None,
                ended_at=tap.at,
                closed_at=tap.at,
                state="incomplete",
                in_tap=None,
                out_tap=tap.id,
                evidence_out=tap.evidence,
                dispute_out=tap.dispute,
                flags_out=tap.flags,
            )
        )
        return tap.id

    def _bounce(self, tap: Tap) -> None:
        """A bounce is kept with the presence of its real tap, so that a report may name it."""
        real = self.last_at[tap.household]
        for household, presence in self.open.items():
            if presence.id == real:
                self.open[household] = _beside(presence, tap)
                return
        for index in range(len(self.done) - 1, -1, -1):
            if self.done[index].id == real:
                self.done[index] = _beside(self.done[index], tap)
                return


def _beside(presence: Presence, tap: Tap) -> Presence:
    return presence._replace(side_taps=(*presence.side_taps, SideTap(tap.id, tap.at, tap.household)))


def pair(person: str, carried: Iterable[Presence], taps: Sequence[Tap], now: dt.datetime) -> list[Presence]:
    """Every presence of the carried and the sorted taps; `own_spans` cuts their spans afterwards.

    `now` decides whether a presence without OUT is still open. Sorted by anchor.
    """
    state = _Open(person, carried)
    for tap in taps:
        state.take(tap)
    for presence in state.open.values():
        state.done.append(presence)
    return sorted((_aged(presence, now) for presence in state.done), key=presence_order)


def _aged(presence: Presence, now: dt.datetime) -> Presence:
    if presence.closed_at is not None or presence.started_at is None:
        return presence
    state: PresenceState = "open" if now - presence.started_at <= LONGEST_PRESENCE else "incomplete"
    return presence if presence.state == state else presence._replace(state=state)


def presence_order(presence: Presence) -> tuple[dt.datetime, UUID]:
    """Sort key: the anchor (start, or end without a start), then id."""
    return presence.anchor_at, presence.id


def _one_provider(_: str, __: dt.datetime) -> None:
    """The same provider for everybody."""


def own_spans(
    presences: Sequence[Presence], provider_of: Callable[[str, dt.datetime], str | None] = _one_provider
) -> list[Presence]:
    """The presences of one person with their own spans cut: each second belongs to the one opened last.

    `presences` are sorted as they opened. An inner presence is simply taken out of the outer; where two cross,
    both get the flag `overlap`. A second that taps show never belongs to a presence entered by hand, whichever opened
    last; both get the flag then, and so do two that meet for different providers, because each loses or gains pay by
    a presence that it cannot see. `provider_of` gives the employer of a staff ref at an instant.
    """
    timed: list[_Timed] = [
        (
            presence.started_at,
            presence.ended_at,
            presence.by_hand,
            provider_of(presence.staff, presence.anchor_at),
        )
        for presence in presences
        if presence.confirmed and presence.started_at and presence.ended_at
    ]
    running: list[_Timed] = []
    cut: list[Presence] = []
    index = 0
    for presence in presences:
        if not presence.confirmed:
            cut.append(presence._replace(spans=(), overlap=False) if presence.spans or presence.overlap else presence)
            continue
        own = start, end, by_hand, _ = timed[index]
        index += 1
        running = [earlier for earlier in running if earlier[1] > start]
        overlap = any(_overlap(earlier, own) for earlier in running)
        taken = [earlier[:2] for earlier in running if by_hand and not earlier[2]]
        for place in range(index, len(timed)):
            later = timed[place]
            if later[0] >= end:
                break
            if by_hand or not later[2]:
                taken.append(later[:2])
            overlap = overlap or _overlap(own, later)
        running.append(own)
        cut.append(presence._replace(spans=subtract((start, end), taken), overlap=overlap))
    return cut


_Timed = tuple[dt.datetime, dt.datetime, bool, str | None]
"""Start and end of a confirmed presence, whether it was entered by hand, and its provider."""


def _overlap(earlier: _Timed, later: _Timed) -> bool:
    """True when two that meet contradict each other.

    The later outlasts the earlier, only one of them was tapped, or they were for two providers.
    """
    return later[1] > earlier[1] or (earlier[2:] != later[2:] and later[1] > later[0])
