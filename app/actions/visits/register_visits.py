"""Whole visits entered by hand, if no tap was made: each is a fact of its own that no tap is paired with."""

import datetime as dt
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.actions.visibility import recipients_within
from app.actions.visits.project import Affected, project
from app.actions.visits.validate_correction import CorrectionRefusedError
from app.domain.author import Author
from app.domain.body_hash import digest, hash_beside
from app.domain.register.master import MasterData
from app.domain.time import local_date, whole_second
from app.domain.visits.correction import consistent, manual_presence
from app.domain.visits.visit import visit_id
from app.store.connection import Writing
from app.store.visits import corrections as store
from app.store.visits import visits as store_visits
from app.store.visits.visit_row import StoredVisit

HASHED = ("recipient", "staff", "started_at", "ended_at", "interventions", "reason", "note")


@dataclass(frozen=True, slots=True)
class Manual:
    """A visit entered by hand: the interventions done, with the carer's minutes if known, and why there is no tap."""

    id: UUID
    recipient: str
    staff: str
    started_at: dt.datetime
    ended_at: dt.datetime
    interventions: tuple[tuple[str, int | None], ...]
    reason: str
    note: str | None

    def hashed(self, kept: Collection[bytes] = ()) -> bytes:
        """The hash by which a repeated delivery is recognised, in the version of a hash in `kept`."""
        body = {name: getattr(self, name) for name in HASHED}

        def first() -> bytes:
            given = (self.recipient, self.staff, self.started_at.timestamp(), self.ended_at.timestamp())
            text = repr((*given, self.interventions, self.reason, self.note))
            return digest(text.encode())

        return hash_beside(kept, body, first)


@dataclass(frozen=True, slots=True)
class Registered:
    """A visit by hand as it is stored now; `duplicate` if it was stored before."""

    stored: StoredVisit
    duplicate: bool


async def register_visits(
    writing: Writing, submitted: Sequence[Manual], author: Author
) -> list[Registered | CorrectionRefusedError]:
    """Store visits entered by hand and derive them; an answer for each, in order. One that is refused stops no other.

    Refused: `id_conflict`, `unknown_ref`, `out_of_range`, with a pointer into the visit, and `visit_withdrawn`. Refs
    that the author may not see are unknown, even if another provider has entered the same visit before.
    """
    within = await recipients_within(writing, author.provider, [one.recipient for one in submitted])
    known = await store.known_by_hand(writing, [one.id for one in submitted])
    hashes = {id_: row["body_hash"] for id_, row in known.items()}
    repeated = set(hashes)
    new: list[store.NewManualVisit] = []
    refused: dict[int, CorrectionRefusedError] = {}
    affected = Affected()
    for place, one in enumerate(submitted):
        if one.id in hashes:
            if hashes[one.id] != one.hashed({hashes[one.id]}):
                refused[place] = CorrectionRefusedError("id_conflict", "/id")
            continue
        try:
            new.append(_checked(writing, one, author, within))
        except CorrectionRefusedError as error:
            refused[place] = error
            continue
        hashes[one.id] = one.hashed()
        affected.persons.append((writing.master.person_of(one.staff), new[-1].started_at, new[-1].ended_at))
    if new:
        await store.append_by_hand(writing, new)
        await project(writing, affected)
    presences = [manual_presence(one.id) for one in submitted]
    visits = await store_visits.of_presences(writing, presences)
    stored = {one.visit.id: one for one in visits}
    employers = {one.visit.presence: one.visit.provider for one in visits}
    answers: list[Registered | CorrectionRefusedError] = []
    for place, one in enumerate(submitted):
        visit = stored.get(visit_id(manual_presence(one.id), one.recipient))
        if author.provider not in {None, employers.get(manual_presence(one.id), author.provider)}:
            unknown = _unknown_ref(writing.master, one, author, within)
            refused[place] = unknown or CorrectionRefusedError("id_conflict", "/id")
        if place in refused or visit is None:
            answers.append(refused.get(place) or CorrectionRefusedError("visit_withdrawn"))
        else:
            answers.append(Registered(visit, one.id in repeated))
            repeated.add(one.id)
    return answers


def _unknown_ref(
    master: MasterData, one: Manual, author: Author, within: Container[str]
) -> CorrectionRefusedError | None:
    """The refusal for a ref that the author cannot name, whether it exists or not; None without one."""
    if one.recipient not in within:
        return CorrectionRefusedError("unknown_ref", "/recipient")
    staff = master.staff_on(one.staff, local_date(whole_second(one.started_at)))
    if staff is None or author.provider not in {None, staff.provider}:
        return CorrectionRefusedError("unknown_ref", "/staff")
    return None


def _checked(writing: Writing, one: Manual, author: Author, within: Container[str]) -> store.NewManualVisit:
    """The visit to append. Raises CorrectionRefusedError."""
    master = writing.master
    start, end = whole_second(one.started_at), whole_second(one.ended_at)
    if not consistent(start, end) or start == end or one.ended_at > writing.now:
        raise CorrectionRefusedError("out_of_range", "/ended_at")
    unknown = _unknown_ref(master, one, author, within)
    if unknown is not None:
        raise unknown
    home = master.recipient_on(one.recipient, local_date(start)) or master.recipients[one.recipient].versions[0]
    for place, (intervention, _) in enumerate(one.interventions):
        if intervention not in master.interventions:
            raise CorrectionRefusedError("unknown_ref", f"/interventions/{place}/intervention")
    return store.NewManualVisit(
        id=one.id,
        presence=manual_presence(one.id),
        staff=one.staff,
        recipient=one.recipient,
        household=home.household,
        started_at=start,
        ended_at=end,
        interventions=one.interventions,
        reason=one.reason,
        note=one.note,
        recorded_by=author.subject,
        recorded_at=writing.now,
        body_hash=one.hashed(),
    )
