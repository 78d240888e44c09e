"""People correct visits: each correction is checked against what stands, appended, and the visits follow."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from app.actions.versions import Condition
from app.actions.visibility import recipients_within
from app.actions.visits.project import Affected, project
from app.actions.visits.validate_correction import Check, CorrectionRefusedError, CorrectionRequest, suggested
from app.domain.author import Author
from app.domain.time import LONGEST_PRESENCE
from app.domain.visits.attestation import entered_by
from app.domain.visits.correction import chain_of, standing
from app.domain.visits.presence import Presence
from app.domain.visits.presence_plan import recorded_done
from app.domain.visits.visit import Visit
from app.store.connection import Writing
from app.store.visits import correction_targets
from app.store.visits import corrections as store
from app.store.visits import presences as store_presences
from app.store.visits import visits as store_visits
from app.store.visits.correction_targets import CorrectionTargets
from app.store.visits.corrections import NewCorrection
from app.store.visits.visit_row import StoredVisit


class Submitted(NamedTuple):
    """One correction that waits to be written; `condition` is None where none was given."""

    visit_id: UUID
    asked: CorrectionRequest
    author: Author
    condition: Condition | None


Answer = StoredVisit | CorrectionRefusedError
LOOKING_BESIDE = frozenset({"set_start", "set_end", "settle_dispute", "attest"})
"""Kinds that also record the taps beside the presence, so that a tap that comes later is recognised as such."""


async def correct_visit(
    writing: Writing, visit_id: UUID, asked: CorrectionRequest, author: Author, condition: Condition | None
) -> StoredVisit:
    """Append the correction and return the visit as it now is. Raises CorrectionRefusedError, as `correct_visits`."""
    [answer] = await correct_visits(writing, [Submitted(visit_id, asked, author, condition)])
    if isinstance(answer, CorrectionRefusedError):
        raise answer
    return answer


async def correct_visits(writing: Writing, submitted: Sequence[Submitted]) -> list[Answer]:
    """Append corrections, each on the result of those before it, and return the visits; one refused stops no other.

    If a correction removes its visit, the answer is the visit in its place. A repeated correction changes nothing and
    its condition is not checked. Refused: `not_found`, `id_conflict`, `precondition_required`,
    `version_conflict`, `unknown_ref`, `out_of_range`, `correction_not_applicable`, `forbidden_role`,
    `second_person_required`, `answer_required`.
    """
    answers: dict[int, Answer] = {}
    while len(answers) < len(submitted):
        waiting = {place: one for place, one in enumerate(submitted) if place not in answers}
        answers |= await _together(writing, _apart(waiting))
    return [answers[place] for place in range(len(submitted))]


def _apart(waiting: Mapping[int, Submitted]) -> dict[int, Submitted]:
    """The waiting ones before the next undo; an undo alone, because its check shows whom it concerns."""
    apart: dict[int, Submitted] = {}
    for place, one in waiting.items():
        if one.asked.kind == "undo":
            return apart or {place: one}
        apart[place] = one
    return apart


async def _together(writing: Writing, waiting: Mapping[int, Submitted]) -> dict[int, Answer]:
    """Answer the first that waits, and all that share nothing with those before them, in one projection."""
    named = [one.visit_id for one in waiting.values()]
    asked = [one.asked.id for one in waiting.values()]
    stands = await correction_targets.standing(writing, named, asked)
    answers: dict[int, Answer] = {}
    chosen: dict[int, _Chosen] = {}
    concerned: set[str] = set()
    for place, one in waiting.items():
        own = _concerned(writing, stands, one)
        if concerned.isdisjoint(own):
            try:
                choice_or_answer = await _repeated(writing, stands, one) or await _checked(writing, stands, one)
            except CorrectionRefusedError as error:
                answers[place] = error
                continue
            if not isinstance(choice_or_answer, _Chosen):
                answers[place] = choice_or_answer
                continue
            chosen[place] = choice_or_answer
        concerned |= own
    if not chosen:
        return answers
    await _append(writing, [(waiting[place], choice) for place, choice in chosen.items()])
    outcome = await project(writing, Affected(corrected=[choice.presence for choice in chosen.values()]))
    differing = {before.id: after for before, after in outcome.differences if before is not None}
    for place, choice in chosen.items():
        answers[place] = choice.stored
        if choice.stored.visit.id in differing:
            visit = differing[choice.stored.visit.id]
            if visit is not None:
                answers[place] = StoredVisit(visit, choice.stored.version + 1)
            else:
                answers[place] = await _in_its_place(writing, choice.presence.id) or choice.stored
    return answers


def _concerned(writing: Writing, stands: CorrectionTargets, one: Submitted) -> set[str]:
    """Keys of the persons, household, visit and correction: corrections without a common key can be made together."""
    stored = stands.visits.get(one.visit_id)
    presence = stands.presences.get(stored.visit.presence) if stored else None
    keys = {f"correction {one.asked.id}", f"visit {one.visit_id}"}
    if presence is not None:
        given = [fields["staff"] for kind, fields in one.asked.parts if kind == "set_staff"]
        persons = {presence.person, presence.as_paired.person, *map(writing.master.person_of, given)}
        keys |= {f"household {presence.household}", *(f"person {person}" for person in persons)}
    return keys


class _Made(NamedTuple):
    """One correction to store: the values before, and its body."""

    kind: str
    before: Mapping[str, Any]
    body: Mapping[str, Any]


class _Chosen(NamedTuple):
    """Corrections that can be made: visit, presence, its tap, the recipient by the facts, the request, the parts."""

    stored: StoredVisit
    presence: Presence
    tap: UUID
    origin: str
    asked: CorrectionRequest
    made: Sequence[_Made]


async def _repeated(writing: Writing, stands: CorrectionTargets, one: Submitted) -> StoredVisit | None:
    """The visit, if the correction is stored already; else None. Raises CorrectionRefusedError."""
    known = stands.known.get(one.asked.id)
    if known is None:
        return None
    stored = stands.visits.get(one.visit_id) or await _in_its_place(writing, known["tap"])
    if stored is None or one.author.provider not in {None, stored.visit.provider}:
        raise CorrectionRefusedError("not_found")
    if known["body_hash"] != one.asked.hashed(one.visit_id, {known["body_hash"]}):
        raise CorrectionRefusedError("id_conflict")
    return stored


async def _checked(writing: Writing, stands: CorrectionTargets, one: Submitted) -> _Chosen:
    stored = stands.visits.get(one.visit_id)
    presence = stands.presences.get(stored.visit.presence) if stored else None
    if stored is None or presence is None or one.author.provider not in {None, stored.visit.provider}:
        raise CorrectionRefusedError("not_found")
    if one.condition is None:
        raise CorrectionRefusedError("precondition_required")
    if not one.condition.met(stored.version):
        raise CorrectionRefusedError("version_conflict", version=stored.version)
    visit = stored.visit
    asked = suggested(visit, one.asked) if one.asked.kind == "apply" else one.asked
    others = [other for other in stands.siblings[presence.id] if other.id != visit.id]
    given = [fields["recipient"] for kind, fields in asked.parts if kind == "set_recipient"]
    within = await recipients_within(writing, one.author.provider, given)
    check = Check(writing.master, presence, visit, others, one.author, within, writing.now)
    kinds = {kind for kind, _ in asked.parts}
    if kinds & {"set_interventions", "undo"}:
        check = await _informed(writing, check)
    made = []
    for kind, fields in asked.parts:
        made.append(_Made(kind, *check.of(kind, fields)))
        if kind in {"set_start", "set_end"}:
            check = replace(check, presence=check.presence._replace(**made[-1].body))
    if any(check.attests(one.kind, one.body) for one in made):
        await _require_another(writing, presence, one.author)
    if asked.kind == "undo":  # stored with the tap and recipient of the correction it takes back
        named = check.named(asked.fields["correction"])
        return _Chosen(stored, presence, named.tap, named.recipient or visit.recipient, asked, made)
    raw = presence.as_paired
    tap = presence.id if presence.by_hand else next(tap for tap in (raw.in_tap, raw.out_tap) if tap)
    return _Chosen(stored, presence, tap, await _origin(writing, presence, visit), asked, made)


async def _informed(writing: Writing, check: Check) -> Check:
    """The check with the interventions recorded for the presence, and its corrections."""
    presence = check.presence
    _, reports, chains = await store_visits.standing(writing, [], presence.taps)
    if presence.by_hand:
        reports |= await store.manual_reports(writing, [presence.id])
    done = recorded_done(presence, reports, writing.master, chains, check.visit.recipient)
    return replace(check, done=done, chain=chain_of(presence, chains))


async def _append(writing: Writing, chosen: Sequence[tuple[Submitted, _Chosen]]) -> None:
    looking = [one.presence for _, one in chosen if LOOKING_BESIDE.intersection(made.kind for made in one.made)]
    seen = await _seen(writing, looking)
    new = []
    for submitted, one in chosen:
        raw, asked = one.presence.as_paired, one.asked
        together = {"repair": asked.id} if len(one.made) > 1 else {}
        for place, made in enumerate(one.made):
            new.append(
                NewCorrection(
                    uuid5(asked.id, str(place)) if place else asked.id,
                    one.tap,
                    raw.staff,
                    raw.anchor_at,
                    one.origin,
                    made.kind,
                    {**made.body, **together},
                    sorted(seen.get(one.presence.id, one.presence.taps)),
                    made.before,
                    asked.reason,
                    asked.note,
                    submitted.author.subject,
                    writing.now,
                    submitted.asked.hashed(submitted.visit_id),
                )
            )
    await store.append(writing, new)


async def _in_its_place(writing: Writing, presence: UUID) -> StoredVisit | None:
    """The presence's visit after a correction removed the corrected one: orders of another staff may be for others."""
    visits = await store_visits.of_presences(writing, [presence])
    return min(visits, key=lambda one: one.visit.recipient, default=None)


async def _require_another(writing: Writing, presence: Presence, author: Author) -> None:
    """Raise `second_person_required` if the author was there, or entered by hand the ends or the staff."""
    _, _, chains = await store_visits.standing(writing, [], presence.taps)
    corrections, registered = entered_by(presence, standing(chain_of(presence, chains)))
    shown = await store.shown(writing, [one.id for one in corrections])
    authors = [one.by for one in shown.values()]
    if registered:
        authors.append(await store.registered_by(writing, presence.id))
    person_of = writing.master.person_of
    concerned = {presence.person, presence.as_paired.person, *map(person_of, authors)}
    if person_of(author.who) in concerned:
        raise CorrectionRefusedError("second_person_required")


async def _origin(writing: Writing, presence: Presence, visit: Visit) -> str:
    """The recipient by the facts: that of the visit's first correction, if there is any."""
    if not visit.corrections:
        return visit.recipient
    _, _, chains = await store_visits.standing(writing, [], presence.taps)
    mine = set(visit.corrections)
    return next(
        (one.recipient for chain in chains.values() for one in chain if one.id in mine and one.recipient),
        visit.recipient,
    )


async def _seen(writing: Writing, presences: Sequence[Presence]) -> dict[UUID, set[UUID]]:
    """By presence, its taps and those of the same person near it at the household: others that come are later facts.

    Each presence is of another person.
    """
    windows = []
    for presence in presences:
        raw = presence.as_paired
        first, last = min(raw.anchor_at, presence.anchor_at), max(raw.reach_at, presence.reach_at)
        windows.append((raw.person, first - LONGEST_PRESENCE, last + LONGEST_PRESENCE))
    taps = await store_presences.taps_of(writing, writing.master, windows)
    seen = {}
    for presence in presences:
        there = {tap.id for tap in taps[presence.as_paired.person] if tap.household == presence.household}
        seen[presence.id] = there.union(presence.taps)
    return seen
