"""People correct visits: `POST /v1/visits/{id}/corrections`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, RootModel, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError, to_json

from app.actions.visits.correct_visit import Submitted, correct_visits
from app.actions.visits.validate_correction import CorrectionRefusedError, CorrectionRequest
from app.api.http.access import Caller, allow
from app.api.http.json_bodies import read_bytes, strict, validated
from app.api.http.problems import Problem
from app.api.http.records import Seen, author_of
from app.api.http.refs import no_personal_number
from app.api.http.shapes import IdInPath, Instant, Wire, answer_of, body_of, refused
from app.api.taps.group_commit import GroupCommit
from app.api.visits.visit_out import EXAMPLE, AnomalyCode, VisitOut, notes_for, visit_json
from app.domain.closed_sets import CorrectionKind
from app.domain.visits.correction import Reason
from app.store.database import Database
from app.store.visits import corrections as store
from app.store.visits.visit_row import StoredVisit

router = APIRouter(tags=["visits"])

Corrector = Annotated[Caller, Depends(allow("planner", "admin", scope="visits:write"))]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(no_personal_number)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


def _other_says_more(note: str | None, info: ValidationInfo) -> str | None:
    if info.data.get("reason") == "other" and not (note and note.strip()):
        raise PydanticCustomError("note_required", "the reason other needs a note")
    return note


NoteBesideReason = Annotated[Note | None, AfterValidator(_other_says_more), Field(validate_default=True)]
"""A note that must be there where the `reason`, a field before it, is `other`."""


class Reasoned(Wire):
    """The fields of every correction. A `note` is required if the reason is `other`."""

    id: UUID
    reason: Reason
    note: NoteBesideReason = None

    def fields_of_kind(self) -> dict[str, Any]:
        """The fields that belong to the kind alone."""
        return self.model_dump(exclude={"id", "kind", "reason", "note"})


def _named(value: object) -> object:
    return {"intervention": value} if isinstance(value, str) else value


class DoneIn(Wire):
    """An intervention that was done. Its ref alone is enough."""

    intervention: Name
    minutes: Annotated[int, Field(ge=0, le=1440)] | None = None


Done = Annotated[DoneIn, BeforeValidator(_named, json_schema_input_type=Name | DoneIn)]


class StartPart(Wire):
    """Another start of the visit."""

    kind: Literal["set_start"]
    started_at: Instant


class EndPart(Wire):
    """Another end of the visit."""

    kind: Literal["set_end"]
    ended_at: Instant


class InterventionsPart(Wire):
    """Other interventions of the visit."""

    kind: Literal["set_interventions"]
    interventions: Annotated[list[Done], Field(min_length=1, max_length=100)]


class StaffPart(Wire):
    """Another carer of the visit."""

    kind: Literal["set_staff"]
    staff: Name


class RecipientPart(Wire):
    """Another recipient of the visit."""

    kind: Literal["set_recipient"]
    recipient: Name


class SetStart(StartPart, Reasoned):
    """A correction of the start of the visit."""


class SetEnd(EndPart, Reasoned):
    """A correction of the end of the visit."""


class SetInterventions(InterventionsPart, Reasoned):
    """A correction of the interventions of the visit."""


class SetStaff(StaffPart, Reasoned):
    """A correction of the carer of the visit."""


class SetRecipient(RecipientPart, Reasoned):
    """A correction of the recipient of the visit."""


AnyPart = Annotated[StartPart | EndPart | InterventionsPart | StaffPart | RecipientPart, Field(discriminator="kind")]


def _each_once(parts: list[AnyPart]) -> list[AnyPart]:
    if len({one.kind for one in parts}) < len(parts):
        raise PydanticCustomError("invalid_value", "a kind stands twice")
    return parts


class Repair(Reasoned):
    """Corrections that belong together, at most one of each kind. All are made or none.

    One undo takes all of them back.
    """

    kind: Literal["repair"]
    corrections: Annotated[list[AnyPart], Field(min_length=2, max_length=5), AfterValidator(_each_once)]


class Undo(Reasoned):
    """A correction that takes back another one, with everything that was made with it as one repair."""

    kind: Literal["undo"]
    correction: UUID


class Omit(Reasoned):
    """The visit does not count until it is restored."""

    kind: Literal["omit", "restore"]


class SettleAnomaly(Reasoned):
    """An anomaly has been seen (`acknowledge`), or the municipality accepts it (`resolve`)."""

    kind: Literal["acknowledge", "resolve"]
    anomaly: AnomalyCode


class SettleDispute(Reasoned):
    """A decision about a disputed tap."""

    kind: Literal["settle_dispute"]
    accept: bool


class Attest(Reasoned):
    """A second person confirms an end that another person entered by hand, or a tap that came too late."""

    kind: Literal["attest"]


class CorrectionIn(
    RootModel[
        Annotated[
            SetStart
            | SetEnd
            | SetInterventions
            | SetStaff
            | SetRecipient
            | Omit
            | SettleAnomaly
            | SettleDispute
            | Attest
            | Repair
            | Undo,
            Field(discriminator="kind"),
        ]
    ]
):
    """One correction. Its `kind` decides its other fields."""


class AnyKind(BaseModel):
    """The shape by which a correction of an unknown kind is refused, with the known kinds."""

    kind: CorrectionKind


KINDS: dict[str, type[Reasoned]] = {
    "set_start": SetStart,
    "set_end": SetEnd,
    "set_interventions": SetInterventions,
    "set_staff": SetStaff,
    "set_recipient": SetRecipient,
    "omit": Omit,
    "restore": Omit,
    "acknowledge": SettleAnomaly,
    "resolve": SettleAnomaly,
    "settle_dispute": SettleDispute,
    "attest": Attest,
    "repair": Repair,
    "undo": Undo,
}
CORRECTION = {
    "id": "019a0f80-12aa-7b02-8a7b-5d8b7a0c1e22",
    "kind": "set_end",
    "ended_at": "2026-10-24T09:01:02Z",
    "reason": "forgot_out",
}


async def read_correction(request: Request) -> CorrectionRequest:
    """The body of a correction. Raises Problem as `read_json` does."""
    body = await read_bytes(request)
    value = strict(body)
    kind = value.get("kind") if isinstance(value, dict) else None
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        validated(AnyKind, body)
        raise Problem("invalid_envelope")
    read = validated(model, body)
    return CorrectionRequest(read.id, str(kind), read.fields_of_kind(), read.reason, read.note)


class Written(NamedTuple):
    """The visit as it then is, and corrections as they are shown, its own among them."""

    stored: StoredVisit
    shown: dict[UUID, store.CorrectionShown]


CorrectionQueue = GroupCommit[Submitted, Written | CorrectionRefusedError]
WEIGHT = 40
"""A correction costs as much as so many taps: the lock is given on before the phones notice."""


def correction_queue(database: Database) -> CorrectionQueue:
    """The queue that commits the corrections of each municipality in groups, one after the other."""

    async def write(municipality_id: int, waiting: Sequence[Submitted]) -> Sequence[Written | CorrectionRefusedError]:
        async with database.write(municipality_id) as writing:
            answers = await correct_visits(writing, waiting)
            ids = [id_ for one in answers if isinstance(one, StoredVisit) for id_ in one.visit.corrections]
            shown = await store.shown(writing, ids)
        return [Written(one, shown) if isinstance(one, StoredVisit) else one for one in answers]

    return GroupCommit(write, lambda _: WEIGHT)


@router.post(
    "/v1/visits/{visit_id}/corrections",
    operation_id="correct_visit",
    summary="Correct a visit",
    status_code=201,
    openapi_extra=body_of(CorrectionIn, example=CORRECTION),
    responses=answer_of(VisitOut, example=EXAMPLE, status=201, text="Corrected", headers=["ETag"]) | refused(428),
)
async def post_correction(request: Request, caller: Corrector, visit_id: IdInPath, seen: Seen) -> Response:
    """Add a correction to a visit. The visit is then computed again. `If-Match` names the version that you have read.

    The same `id` with the same body changes nothing when it is sent again, whatever the version. A correction of the
    presence (start, end, staff, a dispute, an attestation) holds for every visit of that presence. Only the
    municipality may `resolve`. A person who was at the visit or entered it by hand cannot attest it
    (`second_person_required`).
    """
    asked = await read_correction(request)
    try:
        id_ = UUID(visit_id)
    except ValueError as error:
        raise Problem("not_found") from error
    return await submit(request, caller, Submitted(id_, asked, author_of(caller), seen))


async def submit(request: Request, caller: Caller, submitted: Submitted) -> Response:
    """Have a correction written and answer with the visit. Raises Problem where it is refused."""
    queue: CorrectionQueue = request.app.state.corrections
    answer = await queue.submit(caller.municipality_id, submitted)
    if isinstance(answer, CorrectionRefusedError):
        raise Problem(answer.code, pointer=answer.pointer, version=answer.version) from answer
    stored, shown = answer
    async with request.app.state.database.read(caller.municipality_id) as reading:
        notes = await notes_for(caller, reading, [stored])
    return corrected(stored, shown, notes)


def corrected(
    stored: StoredVisit, shown: dict[UUID, store.CorrectionShown], notes: Mapping[UUID, str] | None
) -> Response:
    """201 with the visit as it now is, its version in `ETag`."""
    body = to_json(visit_json(stored, shown, notes))
    headers = {"ETag": f'"{stored.version}"'}
    return Response(body, status_code=201, media_type="application/json", headers=headers)
