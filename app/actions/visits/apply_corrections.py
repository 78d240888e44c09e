"""Corrections applied to paired presences: the part of the projection that few presences need.

A person without corrections near is paired and cut by `project` alone. For a person with some, more is read: the raw
presences of a wider window and all corrections near them. Corrections may move a presence in time or to another person,
so spans are cut at the end, for every person concerned.
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
# A corrected start or end can absorb an IN at most this long before the presence, or an OUT this long after it.
BESIDE = LONGEST_PRESENCE + dt.timedelta(hours=1)


@dataclass(slots=True)
class Changes:
    """Presences that differ from the stored ones, those removed, all current ones, and households to derive anew.

    `uncut` are corrected ones whose spans are still to be cut, `before` the stored versions of these, `stood` those of
    the changed; `concerned` are the persons whose seconds they may move. `read` are windows of persons that are read:
    all presences in them stand in `before`.
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

    def derive(self, presence: Presence) -> None:
        """Have the visits near the presence derived anew."""
        self.derive_anew.append((presence.household, presence.anchor_at, presence.reach_at))

    def concern(self, presence: Presence) -> None:
        self.concerned.append((presence.person, presence.anchor_at, presence.reach_at))


@dataclass(frozen=True, slots=True)
class Corrected:
    """A person's presences in a wide window: as stored, by the taps alone, and the corrections near them."""

    stored: Mapping[UUID, Presence]
    paired: Sequence[Presence]
    corrections: CorrectionsNear
    writing: Writing


def widened(windows: Iterable[Window]) -> list[Window]:
    """The windows, widened by the farthest that a correction may lie from a presence that it changes."""
    return [(person, first - AROUND, last + AROUND) for person, first, last in windows]


async def near(writing: Writing, windows: Sequence[Window], read: PairingInput) -> dict[str, Corrected]:
    """The persons with corrections or visits by hand in their widened windows, with all needed to apply them."""
    corrections = read.corrections
    marked = {person for person, own in read.presences.items() if any(one.paired or one.by_hand for one in own)}
    concerned = [window for window in windows if window[0] in corrections or window[0] in marked]
    if not concerned:
        return {}
    rows = await store_presences.of_persons(writing, concerned)
    paired = await store_presences.paired_of_persons(writing, concerned)
    return {
        person: _corrected(
            person, [*rows[person], *paired[person]], corrections.get(person, CorrectionsNear({}, [])), writing
        )
        for person in rows
    }


def _corrected(person: str, rows: Iterable[Presence], corrections: CorrectionsNear, writing: Writing) -> Corrected:
    own = {row.id: row for row in rows if row.as_paired.person == person}
    raw = {
        one.id: one._replace(spans=(), overlap=False)
        for row in own.values()
        for one in (row.paired or (row,))
        if not one.by_hand
    }
    return Corrected(own, list(raw.values()), corrections, writing)


def apply(changes: Changes, own: Corrected, fresh: Sequence[Presence], replaced: Span, affected: Span) -> None:
    """Apply corrections to a person's presences, of which `fresh` replace those anchored in `replaced`."""
    start, end = replaced
    raw = {one.id: one for one in own.paired if not start <= one.anchor_at < end}
    raw |= {one.id: one for one in fresh}
    result = correct(
        [*raw.values(), *own.corrections.by_hand],
        own.corrections.chains,
        own.writing.master.person_of,
        own.writing.as_of,
    )
    new = {one.id: one for one in result}
    # A later presence may begin 16 hours after a corrected start, and that as long after its tap.
    low, high = min(start, affected[0]) - LONGEST_PRESENCE * 2, max(end, affected[1]) + LONGEST_PRESENCE
    for id_ in {*new, *own.stored}:
        now, old = new.get(id_), own.stored.get(id_)
        sides = [one for one in (now, old) if one is not None]
        if not any(low <= one.as_paired.anchor_at <= high for one in sides):
            continue
        differs = now is None or old is None or now != old._replace(spans=(), overlap=False)
        # The raw presence counts as affected, wherever corrections have moved it, and so do those it absorbed.
        meets = any(_meets(raw_one, affected) for one in sides for raw_one in (one, *one.paired))
        if differs or meets:
            _note(changes, id_, now, old)


def _note(changes: Changes, id_: UUID, now: Presence | None, old: Presence | None) -> None:
    """Note a presence as corrected now, its spans uncut, and as stored."""
    for one in (now, old):
        if one is not None:
            changes.concern(one)
            changes.derive(one)
    if old is not None:
        changes.before[id_] = old
    if now is not None:
        changes.uncut[id_] = now
        changes.removed.pop(id_, None)
    elif old is not None and id_ not in changes.uncut:
        changes.removed[id_] = old  # unless it stands with another person, handled before


async def apply_anew(writing: Writing, changes: Changes, corrected: Sequence[Presence]) -> None:
    """Apply corrections anew to presences, each of another person, whose taps stay paired as they were.

    Other presences change only if a corrected start or end absorbs them, or no longer does. So no other person is
    handled, and the person's other presences are read for such corrections alone.
    """
    if not corrected:
        return
    raws = [(one.as_paired.person, one.as_paired.anchor_at) for one in corrected]
    corrections = await store_corrections.near(
        writing, writing.master, [(person, at - AROUND, at + AROUND) for person, at in raws]
    )
    beside: list[Window] = []
    for presence, (person, at) in zip(corrected, raws, strict=True):
        chain = chain_of(presence, corrections[person].chains)
        # Undone corrections too: the presences that they had absorbed stand by themselves again.
        starts = [one.at for one in chain if one.kind == "set_start" and one.at]
        if starts or latest(chain, "set_end"):
            beside.append((person, at - BESIDE, max([at, *starts]) + BESIDE))
    rows: dict[str, list[Presence]] = defaultdict(list)
    if beside:
        rows |= await store_presences.of_persons(writing, beside)
        changes.read += beside
        changes.before |= {one.id: one for own_rows in rows.values() for one in own_rows}
        for person, own_rows in (await store_presences.paired_of_persons(writing, beside)).items():
            rows[person] += own_rows
    for presence, (person, _) in zip(corrected, raws, strict=True):
        own = _corrected(person, [*rows[person], presence], corrections[person], writing)
        paired = [*own.paired, *own.corrections.by_hand]
        results = {
            one.id: one for one in correct(paired, own.corrections.chains, writing.master.person_of, writing.as_of)
        }
        now = results[presence.id]
        if now == presence._replace(spans=(), overlap=False):
            changes.current[presence.id] = presence
            changes.derive(presence)
            continue
        for id_ in {one.id for one in (presence, *presence.paired, *now.paired)}:
            _note(changes, id_, results.get(id_), own.stored.get(id_))


def _meets(presence: Presence, window: Span) -> bool:
    return presence.anchor_at <= window[1] and presence.reach_at + BOUNCE >= window[0]


def _within(one: Window, other: Window) -> bool:
    return one[0] == other[0] and other[1] <= one[1] and one[2] <= other[2]


async def cut(writing: Writing, changes: Changes) -> None:
    """Cut the spans of all persons concerned by corrected presences, and note the differences."""
    if not changes.uncut and not changes.concerned:
        return
    windows = [(person, first, last + LONGEST_PRESENCE) for person, first, last in changes.concerned]
    unread = [one for one in windows if not any(_within(one, window) for window in changes.read)]
    stored = await store_presences.of_persons(writing, unread) if unread else {}
    known = changes.before | {one.id: one for own in stored.values() for one in own}
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
                        changes.derive(side)
            elif one.id in changes.uncut:
                changes.current[one.id] = one
