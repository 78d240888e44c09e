"""What people have said, laid over what was paired: the part of the projection that few presences need.

A person without corrections near is paired and cut as `project` does it. For one with some, more is read: the taps'
own presences of a wider window and everything said beside them. Corrections may move a presence in time or to another
person, so spans are cut at the end, for every person concerned.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.domain.time import LONGEST_PRESENCE, Span, Window
from app.domain.visits.correction import chain_of, correct, latest
from app.domain.visits.pairing import BOUNCE, own_spans, presence_order
from app.domain.visits.presence import Presence
from app.store.connection import Writing
from app.store.visits import corrections as store_corrections
from app.store.visits import presences as store_presences
from app.store.visits.corrections import CorrectionsNear
from app.store.visits.pairing_input import PairingInput

# A tap may stand beside a corrected presence that began 16 hours before it, and that one beside another.
AROUND = LONGEST_PRESENCE * 2 + dt.timedelta(hours=1)
# What a corrected start or end can take in was tapped in this long before the presence, or out this long after it.
BESIDE = LONGEST_PRESENCE + dt.timedelta(hours=1)


@dataclass(slots=True)
class Changes:
    """Presences that differ from what is stored, those that are gone, all as they now are, and what to tell anew.

    `uncut` are corrected ones whose spans are still to be cut, `before` is what is stored of them, `stood` what is
    stored of the changed; `concerned` is whose seconds they may move. `read` are windows of persons that have been
    read, all in them stands in `before`.
    """

    changed: dict[UUID, Presence] = field(default_factory=dict)
    removed: dict[UUID, Presence] = field(default_factory=dict)
    current: dict[UUID, Presence] = field(default_factory=dict)
    derive_anew: list[Window] = field(default_factory=list)
    uncut: dict[UUID, Presence] = field(default_factory=dict)
    before: dict[UUID, Presence] = field(default_factory=dict)
    stood: dict[UUID, Presence] = field(default_factory=dict)
    concerned: list[Window] = field(default_factory=list)
    read: list[Window] = field(default_factory=list)

    def tell(self, presence: Presence) -> None:
        self.derive_anew.append((presence.household, presence.anchor_at, presence.reach_at))

    def concern(self, presence: Presence) -> None:
        self.concerned.append((presence.person, presence.anchor_at, presence.reach_at))


@dataclass(frozen=True, slots=True)
class Corrected:
    """A person's presences in a wide window: as stored, as the taps alone gave them, and what is said beside them."""

    stored: Mapping[UUID, Presence]
    paired: Sequence[Presence]
    said: CorrectionsNear
    writing: Writing


def widened(windows: Iterable[Window]) -> list[Window]:
    """How far what is said may lie from what it has to do with."""
    return [(person, first - AROUND, last + AROUND) for person, first, last in windows]


async def near(writing: Writing, windows: Sequence[Window], found: PairingInput) -> dict[str, Corrected]:
    """Of the persons, those that corrections or manual visits in their widened windows concern, with all it takes."""
    said = found.said
    marked = {person for person, own in found.presences.items() if any(one.paired or one.by_hand for one in own)}
    concerned = [window for window in windows if window[0] in said or window[0] in marked]
    if not concerned:
        return {}
    rows = await store_presences.of_persons(writing, concerned)
    paired = await store_presences.paired_of_persons(writing, concerned)
    return {
        person: _laid(person, [*rows[person], *paired[person]], said.get(person, CorrectionsNear({}, [])), writing)
        for person in rows
    }


def _laid(person: str, rows: Iterable[Presence], said: CorrectionsNear, writing: Writing) -> Corrected:
    own = {row.id: row for row in rows if row.as_paired.person == person}
    raw = {
        one.id: one._replace(spans=(), overlap=False)
        for row in own.values()
        for one in (row.paired or (row,))
        if not one.by_hand
    }
    return Corrected(own, list(raw.values()), said, writing)


def lay(changes: Changes, laid: Corrected, fresh: Sequence[Presence], replaced: Span, touched: Span) -> None:
    """Lay corrections over a person's presences, of which `fresh` take the place of those anchored in `replaced`."""
    start, end = replaced
    raw = {one.id: one for one in laid.paired if not start <= one.anchor_at < end}
    raw |= {one.id: one for one in fresh}
    told = correct(
        [*raw.values(), *laid.said.by_hand], laid.said.chains, laid.writing.master.person_of, laid.writing.as_of
    )
    new = {one.id: one for one in told}
    # What follows a corrected start may be 16 hours after it, and that as long after its tap.
    low, high = min(start, touched[0]) - LONGEST_PRESENCE * 2, max(end, touched[1]) + LONGEST_PRESENCE
    for id_ in {*new, *laid.stored}:
        now, old = new.get(id_), laid.stored.get(id_)
        sides = [one for one in (now, old) if one is not None]
        if not any(low <= one.as_paired.anchor_at <= high for one in sides):
            continue
        differs = now is None or old is None or now != old._replace(spans=(), overlap=False)
        # Touched is what the taps alone said, wherever corrections have moved it, and what was taken in beside it.
        meets = any(_meets(said, touched) for one in sides for said in (one, *one.paired))
        if differs or meets:
            _note(changes, id_, now, old)


def _note(changes: Changes, id_: UUID, now: Presence | None, old: Presence | None) -> None:
    """What is laid over a presence now, its spans uncut, and what is stored of it."""
    for one in (now, old):
        if one is not None:
            changes.concern(one)
            changes.tell(one)
    if old is not None:
        changes.before[id_] = old
    if now is not None:
        changes.uncut[id_] = now
        changes.removed.pop(id_, None)
    elif old is not None and id_ not in changes.uncut:
        changes.removed[id_] = old  # unless it stands with another person, who was laid before


async def lay_anew(writing: Writing, changes: Changes, corrected: Sequence[Presence]) -> None:
    """Lay corrections anew over presences, each of another person, whose taps are as they were paired.

    Others come to stand otherwise only where a corrected start or end takes them in, or no longer does, so nobody else
    is laid over, and the person's other presences are read for such corrections alone.
    """
    if not corrected:
        return
    raws = [(one.as_paired.person, one.as_paired.anchor_at) for one in corrected]
    said = await store_corrections.near(
        writing, writing.master, [(person, at - AROUND, at + AROUND) for person, at in raws]
    )
    beside: list[Window] = []
    for presence, (person, at) in zip(corrected, raws, strict=True):
        chain = chain_of(presence, said[person].chains)
        # Those that were undone too: what they had taken in stands by itself again.
        starts = [one.at for one in chain if one.kind == "set_start" and one.at]
        if starts or latest(chain, "set_end"):
            beside.append((person, at - BESIDE, max([at, *starts]) + BESIDE))
    rows: dict[str, list[Presence]] = defaultdict(list)
    if beside:
        rows |= await store_presences.of_persons(writing, beside)
        changes.read += beside
        changes.before |= {one.id: one for found in rows.values() for one in found}
        for person, found in (await store_presences.paired_of_persons(writing, beside)).items():
            rows[person] += found
    for presence, (person, _) in zip(corrected, raws, strict=True):
        laid = _laid(person, [*rows[person], presence], said[person], writing)
        paired = [*laid.paired, *laid.said.by_hand]
        told = {one.id: one for one in correct(paired, laid.said.chains, writing.master.person_of, writing.as_of)}
        now = told[presence.id]
        if now == presence._replace(spans=(), overlap=False):
            changes.current[presence.id] = presence
            changes.tell(presence)
            continue
        for id_ in {one.id for one in (presence, *presence.paired, *now.paired)}:
            _note(changes, id_, told.get(id_), laid.stored.get(id_))


def _meets(presence: Presence, touched: Span) -> bool:
    return presence.anchor_at <= touched[1] and presence.reach_at + BOUNCE >= touched[0]


def _within(one: Window, other: Window) -> bool:
    return one[0] == other[0] and other[1] <= one[1] and one[2] <= other[2]


async def cut(writing: Writing, changes: Changes) -> None:
    """Cut the spans of all whom corrected presences concern, and note what comes out differently."""
    if not changes.uncut and not changes.concerned:
        return
    windows = [(person, first, last + LONGEST_PRESENCE) for person, first, last in changes.concerned]
    unread = [one for one in windows if not any(_within(one, window) for window in changes.read)]
    stored = await store_presences.of_persons(writing, unread) if unread else {}
    known = changes.before | {one.id: one for found in stored.values() for one in found}
    now = {id_: one for id_, one in {**known, **changes.current, **changes.uncut}.items() if id_ not in changes.removed}
    by_person: defaultdict[str, list[Presence]] = defaultdict(list)
    for one in now.values():
        by_person[one.person].append(one)
    for person in {person for person, _, _ in windows}:
        spans = [(first, last) for name, first, last in changes.concerned if name == person]
        for one in own_spans(sorted(by_person[person], key=presence_order), writing.master.provider_of):
            if not any(one.anchor_at <= last and one.reach_at >= first for first, last in spans):
                continue
            old = known.get(one.id)
            if one != old:
                changes.changed[one.id] = changes.current[one.id] = one
                changes.stood |= {} if old is None else {one.id: old}
                for side in (one, old):
                    if side is not None:
                        changes.tell(side)
            elif one.id in changes.uncut:
                changes.current[one.id] = one
