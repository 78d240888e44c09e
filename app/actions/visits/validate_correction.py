"""Requests for corrections and their authors, the checks against the visit as it stands, and the body to store."""

import datetime as dt
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from app.domain.author import Author
from app.domain.body_hash import digest, hash_beside
from app.domain.register.master import MasterData
from app.domain.time import LONGEST_PRESENCE, whole_second
from app.domain.visits.attestation import attestable
from app.domain.visits.correction import NOTHING, TOO_LATE, Correction, amendments, consistent, standing
from app.domain.visits.presence import Presence
from app.domain.visits.repair import repair_of
from app.domain.visits.visit import Visit, cause, visit_id

MUNICIPAL_KINDS = frozenset({"resolve"})
"""Kinds that only the municipality may use: they make payable what no order or delegation covers."""


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """A correction as it is requested. `fields` are those of its kind, as in the call.

    Two kinds stand for others: `repair` for several that belong together, `apply` for the one suggested for an anomaly.
    """

    id: UUID
    kind: str
    fields: Mapping[str, Any]
    reason: str
    note: str | None

    @property
    def parts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The single corrections, as (kind, its fields)."""
        if self.kind != "repair":
            return [(self.kind, self.fields)]
        return [
            (one["kind"], {name: value for name, value in one.items() if name != "kind"})
            for one in self.fields["corrections"]
        ]

    def hashed(self, visit_id: UUID, kept: Collection[bytes] = ()) -> bytes:
        """The hash of visit and request by which a repeated delivery is recognised, in the version of one in `kept`."""
        # The fields hold values of their own types, written here as they are stored.
        fields = from_json(to_json(self.fields))
        body = {"visit": visit_id, "kind": self.kind, "said": fields, "reason": self.reason, "note": self.note}

        def first() -> bytes:
            fields = to_json([visit_id, self.kind, dict(sorted(self.fields.items())), self.reason, self.note])
            return digest(fields)

        return hash_beside(kept, body, first)


class CorrectionRefusedError(Exception):
    """Nothing is written. `code` is the reason, `pointer` its place in the body, `version` the visit's current one."""

    def __init__(self, code: str, pointer: str | None = None, *, version: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.pointer = pointer
        self.version = version


def suggested(visit: Visit, asked: CorrectionRequest) -> CorrectionRequest:
    """The correction suggested for an anomaly of the visit, with the answer given to it.

    Raises CorrectionRefusedError: `not_found` without such an anomaly, `correction_not_applicable` if it is settled or
    takes no answer, `answer_required` if only an answer can give the interventions done.
    """
    code, answer = asked.fields["anomaly"], asked.fields["interventions"]
    if code not in visit.anomalies:
        raise CorrectionRefusedError("not_found")
    if code in visit.anomaly_states:
        raise CorrectionRefusedError("correction_not_applicable")
    repair = repair_of(visit, code)
    if repair.pop("ordered", None) and answer is None:
        raise CorrectionRefusedError("answer_required", "/interventions")
    if answer is not None:
        answerable = [one for one in repair.get("corrections", [repair]) if one["kind"] == "set_interventions"]
        if not answerable:
            raise CorrectionRefusedError("correction_not_applicable", "/interventions")
        answerable[0]["interventions"] = answer
    kind, reason, note = repair.pop("kind"), repair.pop("reason"), repair.pop("note", None)
    return CorrectionRequest(asked.id, kind, repair, reason, asked.note or note)


@dataclass(frozen=True, slots=True)
class Check:
    """The visit and its presence as they stand, to check corrections against."""

    master: MasterData
    presence: Presence
    visit: Visit
    others: list[Visit]
    author: Author
    recipients: Container[str]
    """The recipients that the author may name."""
    now: dt.datetime
    done: list[tuple[str, int | None]] | None = None
    """Interventions recorded as done, with minutes; None if nobody has recorded any, or they were not loaded."""
    chain: Sequence[Correction] = ()
    """All corrections of the presence, loaded if one of them is to be undone."""

    def of(self, kind: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values before, and the body to store. Raises CorrectionRefusedError."""
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
            "undo": self._undo,
        }
        return checks[kind](kind, fields)

    def attests(self, kind: str, body: Mapping[str, Any]) -> bool:
        """True when a correction takes a second person, because it confirms what another has entered."""
        late = TOO_LATE in self.visit.anomalies
        if kind == "undo":
            _, revived = self.turned(self.named(body["correction"]))
            accepted = any(one.kind == "settle_dispute" and one.accept for one in revived)
            return any(one.kind == "attest" for one in revived) or (late and accepted)
        return kind == "attest" or (late and bool(body.get("accept")))

    def _boundary(self, kind: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        name = "started_at" if kind == "set_start" else "ended_at"
        at = whole_second(fields[name])
        start, end = self.presence.started_at, self.presence.ended_at
        start, end = (at, end) if kind == "set_start" else (start, at)
        possible = consistent(start, end) if start and end else abs(at - self.presence.anchor_at) <= LONGEST_PRESENCE
        if not possible or at > self.now:
            raise CorrectionRefusedError("out_of_range", f"/{name}")
        # A provisional end was not entered by anybody: there was no value before.
        return {name: getattr(self.presence, name)}, {name: at}

    def _interventions(self, _: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        for place, one in enumerate(fields["interventions"]):
            if one["intervention"] not in self.master.interventions:
                raise CorrectionRefusedError("unknown_ref", f"/interventions/{place}/intervention")
        stood = None
        if self.done is not None:
            stood = [{"intervention": name, "minutes": minutes} for name, minutes in self.done]
        return {"interventions": stood}, dict(fields)

    def _staff(self, _: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        staff = self.master.staff_on(fields["staff"], self.visit.local_date)
        if staff is None or self.author.provider not in {None, staff.provider}:
            raise CorrectionRefusedError("unknown_ref", "/staff")
        return {"staff": self.visit.staff}, dict(fields)

    def _recipient(self, _: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if fields["recipient"] not in self.recipients:
            raise CorrectionRefusedError("unknown_ref", "/recipient")
        if any(other.recipient == fields["recipient"] for other in self.others):
            raise CorrectionRefusedError("correction_not_applicable")
        return {"recipient": self.visit.recipient}, dict(fields)

    def _omit(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.visit.status == "omitted":
            raise CorrectionRefusedError("correction_not_applicable")
        whole = all(other.status == "omitted" for other in self.others)
        return {"omitted": False}, {"omitted": True, "whole": whole}

    def _restore(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.visit.status != "omitted":
            raise CorrectionRefusedError("correction_not_applicable")
        return {"omitted": True}, {"omitted": False}

    def _anomaly(self, kind: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        code = fields["anomaly"]
        state = "acknowledged" if kind == "acknowledge" else "resolved"
        before = self.visit.anomaly_states.get(code, "open")
        attested_only = kind == "resolve" and code == "attestation_missing"
        if code not in self.visit.anomalies or before in {state, "resolved"} or attested_only:
            raise CorrectionRefusedError("correction_not_applicable")
        after = {"anomaly": code, "state": state, "cause": cause(self.visit, code)}
        return {"anomaly": code, "state": before}, after

    def _dispute(self, _: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.presence.dispute is None or self.visit.status != "disputed":
            raise CorrectionRefusedError("correction_not_applicable")
        return {"status": "disputed"}, dict(fields)

    def _attest(self, _: str, __: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if not {"attestation_missing", TOO_LATE}.intersection(self.visit.anomalies):
            raise CorrectionRefusedError("correction_not_applicable")
        ends = {"started_at": self.presence.started_at, "ended_at": self.presence.ended_at}
        return {"attested": False}, {"attested": True, **ends, "cause": attestable(self.presence)}

    def _undo(self, _: str, fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        named = self.named(fields["correction"])
        theirs = any(named.id in other.corrections for other in self.others)
        if theirs or named.recipient is None or named not in standing(self.chain):
            raise CorrectionRefusedError("correction_not_applicable")
        gone, revived = self.turned(named)
        if self.author.provider is not None and MUNICIPAL_KINDS & {one.kind for one in (*gone, *revived)}:
            raise CorrectionRefusedError("forbidden_role")
        changes = amendments(self._with_undone(named))
        origins = {visit_id(self.presence.id, one): one for one in changes}
        visits = (self.visit, *self.others)
        whole = all(changes.get(origins.get(visit.id, visit.recipient), NOTHING).omitted for visit in visits)
        undone = {"correction": named.id}
        return undone | {"undone": False}, undone | {"undone": True, "whole": whole}

    def named(self, id_: UUID) -> Correction:
        """The correction of the presence with this id. Raises CorrectionRefusedError."""
        correction = next((one for one in self.chain if one.id == id_), None)
        if correction is None:
            raise CorrectionRefusedError("unknown_ref", "/correction")
        return correction

    def turned(self, named: Correction) -> tuple[list[Correction], list[Correction]]:
        """The corrections that stand no more once one is undone, and those that then stand again."""
        before, after = standing(self.chain), standing(self._with_undone(named))
        gone, came = [one for one in before if one not in after], [one for one in after[:-1] if one not in before]
        return gone, came

    def _with_undone(self, named: Correction) -> list[Correction]:
        undo = Correction(UUID(int=0), named.seq, named.tap, named.recipient, "undo", undoes=named.id)
        return [*self.chain, undo]
