"""A person corrects a visit: the correction is checked against what stands, appended, and the visits follow."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from app.actions.project import Touched, project
from app.actions.put_master import Condition
from app.domain.attestation import attestable, tellers
from app.domain.correction import TOO_LATE, chain_of, consistent
from app.domain.pairing import LONGEST_PRESENCE, Presence
from app.domain.time import whole_second
from app.domain.visit import Visit, cause
from app.store import corrections as store
from app.store import presences as store_presences
from app.store import visits as store_visits
from app.store.corrections import NewCorrection
from app.store.database import Writing
from app.store.visits import StoredVisit

MUNICIPAL_KINDS = frozenset({"resolve"})
"""What only the municipality may decide: it makes payable what no order or delegation covers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A correction as it is asked for. `said` is what its kind has to say, in the words of the call."""

    id: UUID
    kind: str
    said: Mapping[str, Any]
    reason: str
    note: str | None

    def hashed(self, visit_id: UUID) -> bytes:
        """What makes two deliveries the same: the visit that was named and all that was asked."""
        said = to_json([visit_id, self.kind, dict(sorted(self.said.items())), self.reason, self.note])
        return blake2b(said, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Author:
    """Who corrects: subject, and the provider it is bound to, None for the municipality."""

    subject: str
    provider: str | None

    @property
    def who(self) -> str:
        """The one behind the token, whatever its role: staff or client, failing that the provider itself."""
        return who(self.subject)


def who(subject: str) -> str:
    """Of a token's subject, `municipality:role:who`, the last part."""
    return subject.split(":", 2)[-1]


class CorrectionRefusedError(Exception):
    """Nothing is written. `code` says why, `pointer` where in the body."""

    def __init__(self, code: str, pointer: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.pointer = pointer


async def correct_visit(
    writing: Writing, visit_id: UUID, asked: Asked, author: Author, condition: Condition | None
) -> StoredVisit:
    """Append the correction and give the visit as it now is. `condition` is None where none was given.

    Where the correction takes the visit away it is the one that takes its place. A repeated correction changes nothing
    and is not asked for its condition. Raises CorrectionRefusedError: `not_found`, `id_conflict`,
    `precondition_required`, `version_conflict`, `unknown_ref`, `out_of_range`, `correction_not_applicable`,
    `forbidden_role`, `second_person_required`.
    """
    hashed = asked.hashed(visit_id)
    known = await store.known(writing.sql, writing.municipality_id, asked.id)
    stored = await store_visits.one(writing.sql, writing.municipality_id, visit_id)
    if stored is None and known is not None:
        stored = await _in_its_place(writing, known["tap"])
    if stored is None or author.provider not in {None, stored.visit.provider}:
        raise CorrectionRefusedError("not_found")
    if known is not None:
        if known["body_hash"] != hashed:
            raise CorrectionRefusedError("id_conflict")
        return stored
    if condition is None:
        raise CorrectionRefusedError("precondition_required")
    if not condition.met(stored.version):
        raise CorrectionRefusedError("version_conflict")
    return await _append(writing, stored, asked, author, hashed)


async def _append(writing: Writing, stored: StoredVisit, asked: Asked, author: Author, hashed: bytes) -> StoredVisit:
    visit = stored.visit
    presence = await store_presences.one(writing.sql, writing.municipality_id, visit.presence)
    if presence is None:
        raise CorrectionRefusedError("not_found")
    raw = presence.as_paired
    siblings = await store_visits.of_presences(writing.sql, writing.municipality_id, [presence.id])
    others = [one.visit for one in siblings if one.visit.id != visit.id]
    now = dt.datetime.now(dt.UTC)
    before, body = _Check(writing, presence, visit, others, author, now).of(asked.kind, asked.said)
    if asked.kind == "attest" or (TOO_LATE in visit.anomalies and body.get("accept")):
        await _require_another(writing, presence, author)
    origin = await _origin(writing, presence, visit)
    await store.append(
        writing.sql,
        writing.municipality_id,
        writing.leaves,
        NewCorrection(
            asked.id,
            presence.id if presence.by_hand else next(tap for tap in (raw.in_tap, raw.out_tap) if tap),
            raw.staff,
            raw.anchor_at,
            origin,
            asked.kind,
            body,
            await _seen(writing, presence),
            before,
            asked.reason,
            asked.note,
            author.subject,
            now,
            hashed,
        ),
    )
    await project(writing, Touched(persons=[(raw.person, raw.anchor_at, raw.reach_at)]))
    corrected = await store_visits.one(writing.sql, writing.municipality_id, visit.id)
    return corrected or await _in_its_place(writing, presence.id) or stored


async def _in_its_place(writing: Writing, presence: UUID) -> StoredVisit | None:
    """The visit that stands where a correction was made: another carer's orders may be for another recipient."""
    found = await store_visits.of_presences(writing.sql, writing.municipality_id, [presence])
    return min(found, key=lambda one: one.visit.recipient, default=None)


async def _require_another(writing: Writing, presence: Presence, author: Author) -> None:
    """Refuse whoever was there, or told by hand what stands, as the one to attest it."""
    standing = await store_visits.standing(writing.sql, writing.municipality_id, [], presence.taps)
    told, registered = tellers(presence, chain_of(presence, standing.chains))
    shown = await store.told(writing.sql, writing.municipality_id, [one.id for one in told])
    subjects = [one.by for one in shown.values()]
    if registered:
        subjects.append(await store.registered_by(writing.sql, writing.municipality_id, presence.id))
    person_of = writing.master.person_of
    concerned = {presence.person, presence.as_paired.person, *(person_of(who(subject)) for subject in subjects)}
    if person_of(author.who) in concerned:
        raise CorrectionRefusedError("second_person_required")


async def _origin(writing: Writing, presence: Presence, visit: Visit) -> str:
    """The recipient as the facts name it: the first correction to another one tells."""
    if not visit.corrections:
        return visit.recipient
    _, _, chains = await store_visits.standing(writing.sql, writing.municipality_id, [], presence.taps)
    mine = set(visit.corrections)
    return next(
        (one.recipient for chain in chains.values() for one in chain if one.id in mine and one.recipient),
        visit.recipient,
    )


async def _seen(writing: Writing, presence: Presence) -> list[UUID]:
    """The taps of the presence and of the same person near it: whatever comes to stand there later is a later fact."""
    raw = presence.as_paired
    first = min(raw.anchor_at, presence.anchor_at) - LONGEST_PRESENCE
    last = max(raw.reach_at, presence.reach_at) + LONGEST_PRESENCE
    taps = await store_presences.taps_of(
        writing.sql, writing.municipality_id, writing.master, [(raw.person, first, last)]
    )
    near = {tap.id for tap in taps[raw.person] if tap.household == presence.household}
    return sorted(near.union(presence.taps))


@dataclass(frozen=True, slots=True)
class _Check:
    """What stands, for asking whether a correction can be laid over it."""

    writing: Writing
    presence: Presence
    visit: Visit
    others: list[Visit]
    author: Author
    now: dt.datetime

    def of(self, kind: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What was, and what to store. Raises CorrectionRefusedError."""
        if kind in MUNICIPAL_KINDS and self.author.provider is not None:
            raise CorrectionRefusedError("forbidden_role")
        checks = {
            "set_start": self._boundary,
            "set_end": self._boundary,
            "set_interventions": self._interventions,
            "set_staff": self._staff,
            "set_recipient": self._recipient,
            "omit": self._omit,
            "restore": self._restore,
            "acknowledge": self._anomaly,
            "resolve": self._anomaly,
            "settle_dispute": self._dispute,
            "attest": self._attest,
        }
        return checks[kind](kind, said)

    def _boundary(self, kind: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        name = "started_at" if kind == "set_start" else "ended_at"
        at = whole_second(said[name])
        start, end = self.presence.started_at, self.presence.ended_at
        start, end = (at, end) if kind == "set_start" else (start, at)
        possible = consistent(start, end) if start and end else abs(at - self.presence.anchor_at) <= LONGEST_PRESENCE
        if not possible or at > self.now:
            raise CorrectionRefusedError("out_of_range", f"/{name}")
        return {name: getattr(self.visit, name)}, {name: at}

    def _interventions(self, _: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        for place, one in enumerate(said["interventions"]):
            if one["intervention"] not in self.writing.master.interventions:
                raise CorrectionRefusedError("unknown_ref", f"/interventions/{place}/intervention")
        told = dict.fromkeys(share.intervention for share in self.visit.shares if share.intervention)
        return {"interventions": [{"intervention": one} for one in told]}, dict(said)

    def _staff(self, _: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        staff = self.writing.master.staff_on(said["staff"], self.visit.local_date)
        if staff is None or self.author.provider not in {None, staff.provider}:
            raise CorrectionRefusedError("unknown_ref", "/staff")
        return {"staff": self.visit.staff}, dict(said)

    def _recipient(self, _: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if said["recipient"] not in self.writing.master.recipients:
            raise CorrectionRefusedError("unknown_ref", "/recipient")
        if any(other.recipient == said["recipient"] for other in self.others):
            raise CorrectionRefusedError("correction_not_applicable")
        return {"recipient": self.visit.recipient}, dict(said)

    def _omit(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.visit.status == "omitted":
            raise CorrectionRefusedError("correction_not_applicable")
        whole = all(other.status == "omitted" for other in self.others)
        return {"omitted": False}, {"omitted": True, "whole": whole}

    def _restore(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.visit.status != "omitted":
            raise CorrectionRefusedError("correction_not_applicable")
        return {"omitted": True}, {"omitted": False}

    def _anomaly(self, kind: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        code = said["anomaly"]
        state = "acknowledged" if kind == "acknowledge" else "resolved"
        before = self.visit.settled.get(code, "open")
        attested_only = kind == "resolve" and code == "attestation_missing"
        if code not in self.visit.anomalies or before in {state, "resolved"} or attested_only:
            raise CorrectionRefusedError("correction_not_applicable")
        after = {"anomaly": code, "state": state, "cause": cause(self.visit, code)}
        return {"anomaly": code, "state": before}, after

    def _dispute(self, _: str, said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.presence.dispute is None or self.visit.status != "disputed":
            raise CorrectionRefusedError("correction_not_applicable")
        return {"status": "disputed"}, dict(said)

    def _attest(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if not {"attestation_missing", TOO_LATE}.intersection(self.visit.anomalies):
            raise CorrectionRefusedError("correction_not_applicable")
        ends = {"started_at": self.presence.started_at, "ended_at": self.presence.ended_at}
        return {"attested": False}, {"attested": True, **ends, "cause": attestable(self.presence)}
