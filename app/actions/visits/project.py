"""From stored facts to visits: derive anew all that a change may alter, and write only the differences.

A change affects persons (their taps) and households (orders, reports, overlapping presences), each in a window of time.
The neighbourhood that may change is loaded in a fixed number of queries, derived by the pure functions of the domain,
compared with the stored one, and replaced. A live tap, a nine-hour-old batch and a rebuild take the same way with a
smaller or wider neighbourhood.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.actions.visits import apply_corrections
from app.actions.visits.apply_corrections import Changes
from app.domain.register.master import MasterData
from app.domain.time import LONGEST_PRESENCE, Window
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.pairing import BOUNCE, own_spans, pair, presence_order, quiet_before, reopen, tap_order
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.visit import Visit
from app.domain.visits.wrong_clocks import clock_flagged
from app.store.connection import Writing
from app.store.visits import corrections as store_corrections
from app.store.visits import presences as store_presences
from app.store.visits import projection as store_projection
from app.store.visits import visits as store_visits
from app.store.visits.pairing_input import around
from app.store.visits.visit_row import StoredVisit

# The time around a change that is read at first. If it is not enough (a chain of bounces, overlapping shifts that never
# end), the window grows and is read again; nothing is cut off.
BACK = dt.timedelta(minutes=10)
AHEAD = LONGEST_PRESENCE + dt.timedelta(minutes=30)
BESIDE_BEFORE = dt.timedelta(hours=1)
BESIDE_AFTER = dt.timedelta(hours=4)
# The longest time before a window at which presences read with it began: three, each open when the next one began.
REACHING = 3 * (LONGEST_PRESENCE + dt.timedelta(hours=1))


@dataclass(slots=True)
class Affected:
    """Persons and households whose visits may change, with the first and last instant, both included.

    `corrected` are stored presences, each of another person, with new corrections only: their taps stay paired as they
    were.
    """

    persons: list[Window] = field(default_factory=list)
    households: list[Window] = field(default_factory=list)
    corrected: list[Presence] = field(default_factory=list)


@dataclass(slots=True)
class Projected:
    """The derived visits, unchanged ones too, by each tap of their presence; the differences; the presences.

    `moved` are the presences that changed, before and after; None for one that is new or gone.
    """

    by_tap: dict[UUID, list[Visit]]
    differences: list[tuple[Visit | None, Visit | None]]
    """Visits that changed, before and after; None for one that is new or gone."""
    presences: Sequence[Presence] = ()
    moved: Sequence[tuple[Presence | None, Presence | None]] = ()


async def project(writing: Writing, touched: Affected) -> Projected:
    """Derive the affected visits anew and store the differences."""
    changes = Changes()
    waiting = touched.persons
    within = _Instants(waiting)
    slack = dt.timedelta(0)
    while waiting:
        # Windows of one person are that far apart that no presence which one of them changes is still open in the next:
        # each is paired from what is stored, and the next would bring back what the first has taken away.
        apart = _merged(waiting, AHEAD + BACK + LONGEST_PRESENCE + slack * 2)
        waiting = await _pair_persons(writing, apart, slack, changes, within)
        slack = slack * 2 + AHEAD
    await apply_corrections.apply_anew(writing, changes, touched.corrected)
    await apply_corrections.cut(writing, changes)
    return await _derive_visits(writing, changes, touched.households)


def _merged(windows: Iterable[Window], gap: dt.timedelta) -> list[Window]:
    """Windows of the same name that lie closer than `gap` as one."""
    merged: list[Window] = []
    for name, first, last in sorted(windows):
        if merged and merged[-1][0] == name and first - merged[-1][2] <= gap:
            merged[-1] = (name, merged[-1][1], max(last, merged[-1][2]))
        else:
            merged.append((name, first, last))
    return merged


class _Instants:
    """The affected windows, apart from each other even if they are read as one."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._of: defaultdict[str, list[Window]] = defaultdict(list)
        for window in _merged(windows, dt.timedelta(0)):
            self._of[window[0]].append(window)

    def meet(self, presence: Presence) -> bool:
        """True when a tap of the presence, or a bounce of one, can lie in a window of its person."""
        own = self._of[presence.person]
        place = bisect_left(own, presence.anchor_at, key=itemgetter(2))
        return place < len(own) and own[place][1] <= presence.reach_at + BOUNCE  # its bounces come after it


async def _pair_persons(
    writing: Writing, windows: Sequence[Window], slack: dt.timedelta, changes: Changes, touched: _Instants
) -> list[Window]:
    """Pair every window, and return those for which too little was loaded to be sure."""
    loaded = [(person, first - BACK - slack, last + AHEAD + slack) for person, first, last in windows]
    wide = apply_corrections.widened(loaded)
    pairing_input = await around(writing, writing.master, loaded, wide)
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
            aside = corrected.said.set_aside()
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
        if not pairing.note(changes, touched, load_last):
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

    def note(self, changes: Changes, touched: _Instants, load_last: dt.datetime) -> bool:
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
            elif touched.meet(presence):
                changes.current[presence.id] = presence
                changes.derive(presence)
        for presence in gone.values():
            if presence.id not in changes.current.keys() | changes.uncut.keys():  # where it stands with another person
                changes.removed[presence.id] = presence
            changes.derive(presence)
        return True


async def _derive_visits(writing: Writing, changes: Changes, households: Sequence[Window]) -> Projected:
    """Derive the visits of every affected presence and of all that overlap it, and store the differences."""
    derive_anew = _merged([*changes.derive_anew, *households], dt.timedelta(0))
    if not derive_anew:
        return Projected({}, [])
    neighbourhoods = await _neighbourhoods(writing, changes, derive_anew)
    all_presences = [presence for presences in neighbourhoods for presence in presences]
    ids = [presence.id for presence in all_presences]
    taps = [tap for presence in all_presences for tap in presence.taps]
    known = await store_visits.standing(writing, [*ids, *changes.removed], taps)
    stored = {found.visit.id: found for found in known.visits}
    reports = known.reports
    by_hand = [presence.id for presence in all_presences if presence.by_hand]
    if by_hand:
        reports |= await store_corrections.manual_reports(writing, by_hand)
    flagged = [one for one in all_presences if clock_flagged(one.flags_in) or clock_flagged(one.flags_out)]
    clocks = await store_presences.clocks_of(writing, writing.master, flagged)
    derived = [
        visit for there in neighbourhoods for visit in visits_at(there, reports, writing.master, known.chains, clocks)
    ]
    changed: list[StoredVisit] = []
    differences: list[tuple[Visit | None, Visit | None]] = []
    for visit in derived:
        old = stored.pop(visit.id, None)
        if old is None:
            changed.append(StoredVisit(visit, 1))
            differences.append((None, visit))
        elif old.visit != visit:
            changed.append(StoredVisit(visit, old.version + 1))
            differences.append((old.visit, visit))
    gone = _with_successors(list(stored.values()), all_presences, derived)
    differences += [(old.visit, None) for old, _ in gone]
    before = [old for old, _ in differences if old is not None]
    writing.change_no = await store_projection.write(
        writing,
        writing.change_no,
        presences=changes.changed.values(),
        removed=changes.removed,
        visits=changed,
        gone=gone,
        before=before,
    )
    by_presence: defaultdict[UUID, list[Visit]] = defaultdict(list)
    for visit in derived:
        by_presence[visit.presence].append(visit)
    by_tap = {tap: by_presence[one.id] for one in all_presences for tap in one.taps}
    moved = [(changes.stood.get(id_), one) for id_, one in changes.changed.items()]
    return Projected(by_tap, differences, all_presences, [*moved, *((one, None) for one in changes.removed.values())])


async def _neighbourhoods(writing: Writing, changes: Changes, derive_anew: Sequence[Window]) -> list[list[Presence]]:
    """For each household the affected presences with all that overlap them, directly or through others."""
    found: list[list[Presence]] = []
    asked: list[Window] = [
        (household, first - BESIDE_BEFORE, last + BESIDE_AFTER) for household, first, last in derive_anew
    ]
    core = list(derive_anew)
    # The stored versions of these are outdated; a tag's new mount even moves them to another household.
    known = [*changes.current, *changes.removed]
    taken: set[UUID] = set()
    while core:
        loaded: defaultdict[str, dict[UUID, Presence]] = defaultdict(dict)
        once = _merged(asked, dt.timedelta(0))
        for presence in await store_presences.at_households(writing, once, known):
            loaded[presence.household][presence.id] = presence
        for presence in changes.current.values():
            loaded[presence.household][presence.id] = presence
        together = {household: _together(presences.values()) for household, presences in loaded.items()}
        wider: list[Window] = []
        for (household, first, last), (_, load_first, load_last) in zip(core, asked, strict=True):
            reached = _reaching(together.get(household, []), first, last)
            low = min([first, *(one.low for one in reached)])
            high = max([last, *(one.high for one in reached)])
            if low < load_first or high > load_last:
                wider.append((household, low, high))
                continue
            # Two windows of one household may reach the same presences; their visits are derived once.
            members = [one for cluster in reached for one in cluster.members if one.id not in taken]
            taken.update(one.id for one in members)
            found.append(members)
        core = _merged(wider, dt.timedelta(0))
        asked = [(household, low - AHEAD, high + AHEAD) for household, low, high in core]
    return found


class _Cluster(NamedTuple):
    """Presences connected by overlap, with the first and last instant."""

    low: dt.datetime
    high: dt.datetime
    members: list[Presence]


def _together(presences: Iterable[Presence]) -> list[_Cluster]:
    """Presences of one household in clusters that do not overlap each other, by time."""
    clusters: list[_Cluster] = []
    for presence in sorted(presences, key=presence_order):
        reach_at = presence.reach_at
        if clusters and presence.anchor_at <= clusters[-1].high:
            last = clusters[-1]
            last.members.append(presence)
            if reach_at > last.high:
                clusters[-1] = last._replace(high=reach_at)
        else:
            clusters.append(_Cluster(presence.anchor_at, reach_at, [presence]))
    return clusters


def _reaching(clusters: Sequence[_Cluster], first: dt.datetime, last: dt.datetime) -> Sequence[_Cluster]:
    """The clusters that meet the window; they are consecutive."""
    start = bisect_left(clusters, first, key=lambda cluster: cluster.high)
    return clusters[start : bisect_right(clusters, last, lo=start, key=lambda cluster: cluster.low)]


def _with_successors(
    gone: Sequence[StoredVisit], presences: Sequence[Presence], derived: Sequence[Visit]
) -> list[tuple[StoredVisit, UUID | None]]:
    """Withdrawn visits, each with its successor: the same recipient's visit with one of its taps; None without one."""
    if not gone:
        return []
    of_tap = {tap: presence.id for presence in presences for tap in presence.taps}
    heirs = {(visit.presence, visit.recipient): (place, visit.id) for place, visit in enumerate(derived)}
    return [(old, _successor(old.visit, of_tap, heirs)) for old in gone]


def _successor(
    old: Visit, of_tap: Mapping[UUID, UUID], heirs: Mapping[tuple[UUID, str], tuple[int, UUID]]
) -> UUID | None:
    presences = [of_tap[tap] for tap in (old.in_tap, old.out_tap) if tap and tap in of_tap]
    found = [heirs[one, old.recipient] for one in presences if (one, old.recipient) in heirs]
    return min(found)[1] if found else None


async def derive(writing: Writing, touched: Affected) -> None:
    """Derive the affected visits anew, if there are any."""
    if touched.persons or touched.households:
        await project(writing, touched)
