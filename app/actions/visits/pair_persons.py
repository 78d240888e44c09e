"""Pair the taps of persons again near what a change affects, and note the presences that differ."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TypeVar
from uuid import UUID

from app.actions.visits import apply_corrections
from app.actions.visits.apply_corrections import Changes
from app.domain.register.master import MasterData
from app.domain.time import LONGEST_PRESENCE, ZERO, Window, merged_windows
from app.domain.visits.pairing import BOUNCE, own_spans, pair, presence_order, quiet_before, reopen, tap_order
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.wrong_clocks import clock_flagged
from app.store.connection import Writing
from app.store.visits.foreseen import Unforeseen

# The time around a change that is read at first. If it is not enough (a chain of bounces, overlapping shifts that never
# end), the window grows and is read again; nothing is cut off.
BACK = dt.timedelta(minutes=10)
AHEAD = LONGEST_PRESENCE + dt.timedelta(minutes=30)
# The longest time before a window at which presences read with it began: three, each open when the next one began.
REACHING = 3 * (LONGEST_PRESENCE + dt.timedelta(hours=1))


class _AffectedInstants:
    """The affected windows, apart from each other even if they are read as one."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._of: defaultdict[str, list[Window]] = defaultdict(list)
        for window in merged_windows(windows):
            self._of[window[0]].append(window)

    def meet(self, presence: Presence) -> bool:
        """True when a tap of the presence, or a bounce of one, can lie in a window of its person."""
        own = self._of[presence.person]
        place = bisect_left(own, presence.anchor_at, key=itemgetter(2))
        return place < len(own) and own[place][1] <= presence.reach_at + BOUNCE  # its bounces come after it


def read_at_first(affected: Iterable[Window]) -> list[Window]:
    """The windows of persons that are read at first where these windows are affected."""
    return _around(_apart(affected, ZERO), ZERO)


def _apart(windows: Iterable[Window], slack: dt.timedelta) -> list[Window]:
    # Windows of one person are that far apart that no presence which one of them changes is still open in the next:
    # each is paired from what is stored, and the next would bring back what the first has taken away.
    return merged_windows(windows, AHEAD + BACK + LONGEST_PRESENCE + slack * 2)


def _around(windows: Iterable[Window], slack: dt.timedelta) -> list[Window]:
    return [(person, first - BACK - slack, last + AHEAD + slack) for person, first, last in windows]


async def pair_persons(writing: Writing, affected: Sequence[Window], changes: Changes, foreseen: Unforeseen) -> None:
    """Pair the affected windows of persons, and note what differs in `changes`. What is too narrow is read wider."""
    waiting = affected
    instants = _AffectedInstants(affected)
    slack = ZERO
    while waiting:
        waiting = await _pair_windows(writing, _apart(waiting, slack), slack, changes, instants, foreseen)
        slack = slack * 2 + AHEAD


async def _pair_windows(
    writing: Writing,
    windows: Sequence[Window],
    slack: dt.timedelta,
    changes: Changes,
    affected: _AffectedInstants,
    foreseen: Unforeseen,
) -> list[Window]:
    """Pair every window, and return those for which too little was loaded to be sure."""
    loaded = _around(windows, slack)
    wide = apply_corrections.widened(loaded)
    pairing_input = await foreseen.around(writing, loaded, wide)
    corrected_of = await apply_corrections.near(writing, wide, pairing_input)
    # The clock's flag of a visit depends on the order of the person's taps, which these new taps may change.
    changes.derive_anew += [
        (tap.household, tap.at, tap.at) for tap in pairing_input.flagged if clock_flagged(tap.flags)
    ]
    again: list[Window] = []
    taps = {person: sorted(own, key=tap_order) for person, own in pairing_input.taps.items()}
    presences = {
        person: sorted(corrected_of[person].paired if person in corrected_of else own, key=presence_order)
        for person, own in pairing_input.presences.items()
    }
    for (person, first, last), (_, load_first, load_last) in zip(windows, loaded, strict=True):
        corrected = corrected_of.get(person)
        near = _within(taps[person], load_first, load_last, _at)
        if corrected:
            aside = corrected.corrections.set_aside()
            near = [tap for tap in near if tap.id not in aside]
        known = {one.id: one for one in _within(presences[person], load_first - REACHING, load_last, _anchor_at)}
        start = quiet_before(first, near)
        fresh = _replay(person, start, near, known.values(), writing.as_of)
        end = _in_step_after(last, load_last, near, fresh, known.values())
        too_late_start = near and near[0].at < start and start - load_first <= BOUNCE
        if too_late_start or end is None:
            again.append((person, first, last))
            continue
        if corrected:
            apply_corrections.apply(
                changes, corrected, [one for one in fresh if one.anchor_at < end], (start, end), (first, last)
            )
            continue
        fresh = [one for one in fresh if one.anchor_at < end]
        pairing = _Pairing(writing.master, known, fresh, start, end)
        if not pairing.note(changes, affected, load_last):
            again.append((person, first, last))
    return again


T = TypeVar("T")


_at: Callable[[Tap], dt.datetime] = attrgetter("at")


_anchor_at: Callable[[Presence], dt.datetime] = attrgetter("anchor_at")


def _within(
    things: Sequence[T], first: dt.datetime, last: dt.datetime, when: Callable[[T], dt.datetime]
) -> Sequence[T]:
    """The things from `first` to `last`, both included, of things sorted by `when`."""
    start = bisect_left(things, first, key=when)
    return things[start : bisect_right(things, last, lo=start, key=when)]


def _replay(
    person: str, start: dt.datetime, taps: Sequence[Tap], known: Iterable[Presence], now: dt.datetime
) -> list[Presence]:
    """The person's presences from a quiet moment on, including those open at that moment."""
    carried = [
        reopen(presence, start)
        for presence in known
        if presence.started_at is not None and presence.started_at < start and presence.open_at(start)
    ]
    return pair(person, carried, [tap for tap in taps if tap.at >= start], now)


def _in_step_after(
    last: dt.datetime, load_last: dt.datetime, taps: Sequence[Tap], fresh: Sequence[Presence], known: Iterable[Presence]
) -> dt.datetime | None:
    """The first quiet moment after `last` from which the new pairing continues as the stored one.

    From then on the same taps meet the same open presences, so nothing later can differ. None if the loaded taps do not
    reach far enough to decide.
    """
    known = list(known)
    later = [tap.at for tap in taps if tap.at > last]
    moments = [
        at + BOUNCE + dt.timedelta(seconds=1)
        for at, following in zip([last, *later], [*later, None], strict=True)
        if following is None or following - at > BOUNCE
    ]
    for moment in moments:
        no_more = not later or moment > later[-1]
        if no_more:
            return moment if load_last - (later[-1] if later else last) >= LONGEST_PRESENCE else None
        if _open_at(fresh, moment) == _open_at(known, moment):
            settled = all(
                presence.closed_at is not None or load_last - presence.anchor_at >= LONGEST_PRESENCE
                for presence in fresh
                if presence.anchor_at < moment
            )
            return moment if settled else None
    return None


def _open_at(presences: Iterable[Presence], at: dt.datetime) -> set[tuple[UUID, str]]:
    """(id, household) of the open presences: a tag's new mount moves an open presence to another household."""
    return {
        (presence.id, presence.household)
        for presence in presences
        if presence.started_at is not None and presence.started_at < at and presence.open_at(at)
    }


@dataclass(slots=True)
class _Pairing:
    """One person's stored presences and the fresh ones that replace those anchored in `[start, end)`."""

    master: MasterData
    known: dict[UUID, Presence]
    fresh: list[Presence]
    start: dt.datetime
    end: dt.datetime

    def note(self, changes: Changes, affected: _AffectedInstants, load_last: dt.datetime) -> bool:
        """Note the presences that differ or are affected; False if one to be cut reaches beyond the loaded window."""
        fresh_ids = {one.id for one in self.fresh}
        others = {id_: one for id_, one in self.known.items() if id_ not in fresh_ids}
        gone = {id_: one for id_, one in others.items() if self.start <= one.anchor_at < self.end}
        beside = [one for id_, one in others.items() if id_ not in gone]
        replaced = [*self.fresh, *gone.values(), *(self.known[id_] for id_ in fresh_ids if id_ in self.known)]
        cutting = [(one.anchor_at, one.reach_at) for one in replaced if one.confirmed]
        cut = {one.id for one in beside if any(one.anchor_at < high and one.reach_at > low for low, high in cutting)}
        if any(self.known[id_].reach_at > load_last for id_ in cut):
            return False
        for presence in own_spans(sorted([*self.fresh, *beside], key=presence_order), self.master.provider_of):
            if presence.id not in fresh_ids and presence.id not in cut:
                continue
            old = self.known.get(presence.id)
            if presence != old:
                changes.changed[presence.id] = changes.current[presence.id] = presence
                changes.removed.pop(presence.id, None)
                changes.derive(presence)
                if old is not None:
                    changes.stood[presence.id] = old
                    changes.derive(old)
            elif affected.meet(presence):
                changes.current[presence.id] = presence
                changes.derive(presence)
        for presence in gone.values():
            if presence.id not in changes.current.keys() | changes.uncut.keys():  # where it stands with another person
                changes.removed[presence.id] = presence
            changes.derive(presence)
        return True
