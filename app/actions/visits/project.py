"""From stored facts to visits: derive anew all that a change may alter, and write only the differences.

A change affects persons (their taps) and households (orders, reports, overlapping presences), each in a window of time.
The neighbourhood that may change is loaded in a fixed number of queries, derived by the pure functions of the domain,
compared with the stored one, and replaced. A live tap, a nine-hour-old batch and a rebuild take the same way with a
smaller or wider neighbourhood.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.actions.visits import apply_corrections
from app.actions.visits.apply_corrections import Changes
from app.actions.visits.neighbourhoods import neighbourhoods_of
from app.actions.visits.pair_persons import pair_persons
from app.domain.time import Window, merged_windows
from app.domain.visits.derive_visits import visits_at
from app.domain.visits.presence import Presence
from app.domain.visits.visit import Visit
from app.domain.visits.wrong_clocks import clock_flagged
from app.store.connection import Writing
from app.store.visits import corrections as store_corrections
from app.store.visits import presences as store_presences
from app.store.visits import projection as store_projection
from app.store.visits.foreseen import Unforeseen
from app.store.visits.visit_row import StoredVisit

WRITTEN_AT_ONCE = 2500
"""Presences and visits that are written while the next ones are derived: more than any batch of taps gives."""
SENT_EVERY = 16
"""Neighbourhoods that are derived before the driver is let send on: a millisecond or two."""


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


async def project(writing: Writing, affected: Affected, foreseen: Unforeseen | None = None) -> Projected:
    """Derive the affected visits anew and store the differences. What was foreseen is not read again."""
    foreseen = foreseen or Unforeseen()
    changes = Changes()
    await pair_persons(writing, affected.persons, changes, foreseen)
    await apply_corrections.apply_anew(writing, changes, affected.corrected)
    await apply_corrections.cut(writing, changes)
    return await _derive_visits(writing, changes, affected.households, foreseen)


async def _derive_visits(
    writing: Writing, changes: Changes, households: Sequence[Window], foreseen: Unforeseen
) -> Projected:
    """Derive the visits of every affected presence and of all that overlap it, and store the differences."""
    derive_anew = merged_windows([*changes.derive_anew, *households])
    if not derive_anew:
        return Projected({}, [])
    neighbourhoods = await neighbourhoods_of(writing, changes, derive_anew, foreseen)
    all_presences = [presence for presences in neighbourhoods for presence in presences]
    ids = [presence.id for presence in all_presences]
    taps = [tap for presence in all_presences for tap in presence.taps]
    known = await foreseen.standing(writing, [*ids, *changes.removed], taps)
    reports = known.reports
    by_hand = [presence.id for presence in all_presences if presence.by_hand]
    if by_hand:
        reports |= await store_corrections.manual_reports(writing, by_hand)
    flagged = [one for one in all_presences if clock_flagged(one.flags_in) or clock_flagged(one.flags_out)]
    clocks = await store_presences.clocks_of(writing, writing.master, flagged)
    compared = _Compared({one.visit.id: one for one in known.visits}, dict(changes.changed))
    async with store_projection.beside(writing) as beside:
        for number, there in enumerate(neighbourhoods):
            compared.add(there, visits_at(there, reports, writing.master, known.chains, clocks))
            if number % SENT_EVERY == 0:
                await beside.send()
            if compared.fill_a_set():
                await beside.write(*compared.take())
    derived = compared.derived
    gone = _with_successors(list(compared.stored.values()), all_presences, derived)
    compared.differences += [(old.visit, None) for old, _ in gone]
    presences, visits, before = compared.take()
    await store_projection.write(
        writing,
        presences=[*presences, *compared.changed.values()],
        removed=changes.removed,
        visits=visits,
        gone=gone,
        before=[*before, *(old.visit for old, _ in gone)],
    )
    by_presence: defaultdict[UUID, list[Visit]] = defaultdict(list)
    for visit in derived:
        by_presence[visit.presence].append(visit)
    by_tap = {tap: by_presence[one.id] for one in all_presences for tap in one.taps}
    moved = [(changes.stood.get(id_), one) for id_, one in changes.changed.items()]
    gone_presences = ((one, None) for one in changes.removed.values())
    return Projected(by_tap, compared.differences, all_presences, [*moved, *gone_presences])


@dataclass(slots=True)
class _Compared:
    """Derived visits beside the stored ones, and the set of differences that is written next.

    What is left of `stored` in the end is gone, and of `changed` not yet written.
    """

    stored: dict[UUID, StoredVisit]
    changed: dict[UUID, Presence]
    derived: list[Visit] = field(default_factory=list)
    differences: list[tuple[Visit | None, Visit | None]] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    visits: list[StoredVisit] = field(default_factory=list)
    before: list[Visit] = field(default_factory=list)

    def add(self, presences: Sequence[Presence], visits: Sequence[Visit]) -> None:
        """Compare the visits of a neighbourhood."""
        self.derived += visits
        self.presences += [self.changed.pop(one.id) for one in presences if one.id in self.changed]
        for visit in visits:
            old = self.stored.pop(visit.id, None)
            if old is not None and old.visit == visit:
                continue
            self.visits.append(StoredVisit(visit, old.version + 1 if old else 1))
            self.differences.append((old.visit if old else None, visit))
            self.before += [old.visit] if old else []

    def fill_a_set(self) -> bool:
        """True when so much differs that the database can write it meanwhile."""
        return len(self.visits) + len(self.presences) >= WRITTEN_AT_ONCE

    def take(self) -> tuple[list[Presence], list[StoredVisit], list[Visit]]:
        """The presences and visits to write, and the visits as they were; none of them is taken again."""
        taken = self.presences, self.visits, self.before
        self.presences, self.visits, self.before = [], [], []
        return taken


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
    own = [heirs[one, old.recipient] for one in presences if (one, old.recipient) in heirs]
    return min(own)[1] if own else None


async def derive(writing: Writing, affected: Affected) -> None:
    """Derive the affected visits anew, if there are any."""
    if affected.persons or affected.households:
        await project(writing, affected)
