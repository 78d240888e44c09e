"""Retention and purges: the time that data is kept, the files to be erased, and the two persons who decide it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import to_json

from app.actions.register.archive import archive
from app.actions.register.purge import approve_purge, due, request_purge, years_of
from app.actions.versions import Condition, Json, PutOutcome, keep, unmet
from app.api.http.access import Caller, allow, database, encryption_of
from app.api.http.json_bodies import read_json
from app.api.http.looks import shown
from app.api.http.problems import Problem
from app.api.http.records import Conditional, RecordKind, Versioned, add_routes, record, stored_body, written
from app.api.http.refs import Ref, Text, known_ref
from app.api.http.shapes import AnyRef, DayText, Instant, RefInPath, Sha256, Wire, answer_of, body_of
from app.domain.register.retention import CLASSES, PurgeState
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

router = APIRouter(tags=["master data"])

LONGEST_YEARS = 200
Reader = Annotated[Caller, Depends(allow("admin", "auditor", "controller", scope="records:read"))]
Admin = Annotated[Caller, Depends(allow("admin", scope="records:write"))]


class RetentionBody(Wire):
    """The time that a class of data is kept in this municipality, with the decision that says so."""

    years: Annotated[int, Field(ge=0, le=LONGEST_YEARS, description="Whole years. Never fewer than the law's.")]
    reason: Text


class RetentionAnswer(Versioned):
    """The time that a class of data is kept."""

    years: int = Field(description="The whole years that it is kept.")
    since: str = Field(description="The event that the years count from.")
    rule: str = Field(description="The law's rule, in Swedish.")
    reason: str | None


class RetentionsOut(Wire):
    """The time that each class of data is kept."""

    items: list[RetentionAnswer]


class ExpiredFileOut(Wire):
    """A recipient's file whose time is over. `reason` says why it stays all the same."""

    recipient: AnyRef
    retention: Annotated[str, Field(alias="class", description="The class of the file, by the longest in it.")]
    last_on: DayText = Field(description="The day of the last note.")
    due_on: DayText = Field(description="The first day on which it may be erased.")
    erase_by: DayText = Field(description="The last day on which it should be erased.")
    reason: str | None = None


class PurgePlanOut(Wire):
    """The recipients whose files would be erased today, and those that stay though their time is over."""

    recipients: list[ExpiredFileOut] = Field(description="The files to be erased, or those that were.")
    kept: list[ExpiredFileOut]


class PurgeBody(Wire):
    """The name of a new purge."""

    ref: Ref


class PurgeAnswer(Versioned):
    """A purge: `requested` by one person, `approved` by another, and `done`."""

    state: PurgeState = Field(description="The state of the purge.")
    requested_by: str = Field(description="The person or the client that asked for the purge.")
    approved_by: str | None = Field(description="The person or the client that approved it. Null: nobody has yet.")
    erased: int = Field(description="The number of facts that were erased.")
    recipients: list[ExpiredFileOut] = Field(description="The files to be erased, or those that were.")
    kept: list[ExpiredFileOut]


class ArchiveOut(Wire):
    """A recipient's whole file: for the archive, and never for a screen that others see."""

    recipient: AnyRef
    exported_at: Instant = Field(description="The time of the export.")
    personal: dict[str, str] = Field(description="Name, contacts and personal number, as they are stored.")
    records: list[dict[str, Any]] = Field(description="The versions of all records about the recipient.")
    facts: list[dict[str, Any]] = Field(description="Taps, reports, corrections and refused items of the visits.")
    sha256: Sha256 = Field(description="The SHA-256 of the content, which is kept as a fact.")


ROW = {
    "recipient": "B-004",
    "class": "social_service_files",
    "last_on": "2020-05-09",
    "due_on": "2025-05-09",
    "erase_by": "2026-12-31",
}
PLAN = {"recipients": [ROW], "kept": [ROW | {"recipient": "B-005", "reason": "not_archived"}]}
PURGE = {"state": "requested", "requested_by": "188:admin:operator/admin", "approved_by": None, "erased": 0, **PLAN}
PURGE_OUT = {"ref": "G-2026", "version": 1, **PURGE}
DONE_OUT = PURGE_OUT | {"version": 3, "state": "done", "approved_by": "188:admin:188.arkiv", "erased": 212}
OWN = {"years": 7, "reason": "Dokumenthanteringsplan 2026"}
FILES = CLASSES["social_service_files"]
RETENTION_OUT = {"ref": "social_service_files", "version": 1, **OWN, "since": FILES.since, "rule": FILES.rule}
ARCHIVE = {
    "recipient": "B-005",
    "exported_at": "2026-11-02T09:00:00Z",
    "personal": {},
    "records": [],
    "facts": [],
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
KIND = RecordKind(
    "purges",
    "purge",
    PurgeBody,
    PurgeAnswer,
    {},
    PURGE_OUT,
    writers=(),
    readers=("admin", "auditor", "controller"),
)


@router.get(
    "/v1/purge-plan",
    operation_id="get_purge_plan",
    summary="Get what a purge would erase",
    responses=answer_of(PurgePlanOut, example=PLAN),
)
async def plan(request: Request, caller: Reader) -> Response:
    """See whose files would be erased today, by which rule, and which files stay though their time is over.

    Reasons: `not_archived` (born on the 5th, 15th or 25th, and not exported yet), `shared` (served together with
    somebody whose file must stay).
    """
    async with database(request).snapshot(caller.municipality_id) as reading:
        found = await due(reading)
        await shown(request, reading, (row["recipient"] for row in (*found.recipients, *found.kept)))
    return Response(to_json({"recipients": found.recipients, "kept": found.kept}), media_type="application/json")


add_routes(router, KIND)


@router.post(
    "/v1/purges",
    operation_id="create_purge",
    summary="Create a request for a purge",
    status_code=201,
    openapi_extra=body_of(PurgeBody, example={"ref": "G-2026"}),
    responses=answer_of(PurgeAnswer, example=PURGE_OUT, status=201, text="Created", headers=["ETag"]),
)
async def ask(request: Request, caller: Admin) -> Response:
    """Ask for everything to be erased whose time is over today. Nothing is erased until another person approves it."""
    body = await read_json(request, PurgeBody)

    async with database(request).snapshot(caller.municipality_id) as reading:
        found = await due(reading)
        await shown(request, reading, (row["recipient"] for row in (*found.recipients, *found.kept)))

    async def act(writing: Writing) -> PutOutcome:
        return await request_purge(writing, body.ref, found, by=caller.subject)

    return record(KIND, caller, body.ref, await written(request, caller, act))


@router.post(
    "/v1/purges/{ref}/approve",
    operation_id="approve_purge",
    summary="Approve a purge",
    responses=answer_of(PurgeAnswer, example=DONE_OUT, headers=["ETag"]),
)
async def approve(request: Request, ref: RefInPath, caller: Admin) -> Response:
    """Approve a purge that somebody else asked for, and erase what is still due of it. It cannot be undone.

    Taps, reports, corrections and master data of the recipients are erased. Their visits disappear; closed months and
    the ledger's proofs stay. A phone that sends an erased tap again gets its answer, and nothing is stored. `kept` has
    the recipients that stay: `entangled` if visits of others would change, `not_due` if something was noted since.
    """
    known_ref(ref)
    outcome = await approve_purge(database(request), caller.municipality_id, ref, by=caller.subject)
    if outcome.status == "refused":
        raise Problem(outcome.code)
    return record(KIND, caller, ref, outcome)


@router.get(
    "/v1/retention",
    operation_id="list_retention",
    summary="List how long data is kept",
    responses=answer_of(RetentionsOut, example={"items": [RETENTION_OUT]}),
)
async def list_retention(request: Request, caller: Reader) -> Response:
    """List how long each class of data is kept: as long as the law says, or longer if the municipality decided so."""
    async with database(request).read(caller.municipality_id) as reading:
        own = {one.ref: one for one in await records.page(reading, "retention", "", len(CLASSES))}
        years = await years_of(reading)
    items = [_retention(name, own.get(name), years[name]) for name in CLASSES]
    return Response(to_json({"items": items}), media_type="application/json")


@router.put(
    "/v1/retention/{ref}",
    operation_id="put_retention",
    summary="Set how long a class of data is kept",
    openapi_extra=body_of(RetentionBody, example=OWN),
    responses=answer_of(RetentionAnswer, example=RETENTION_OUT, headers=["ETag"]),
)
async def put_retention(request: Request, ref: RefInPath, caller: Admin, condition: Conditional) -> Response:
    """Decide how many years a class of data is kept. Fewer than the law's are refused."""
    if ref not in CLASSES:
        raise Problem("unknown_ref")
    body = await read_json(request, RetentionBody)
    if body.years < CLASSES[ref].years:
        raise Problem("out_of_range", pointer="/years")

    async def act(writing: Writing) -> PutOutcome:
        return await _decided(writing, ref, stored_body(body), caller, condition)

    outcome = await written(request, caller, act)
    stored = Stored(ref, outcome.version, removed=False, body=outcome.body)
    answer = to_json(_retention(ref, stored, body.years))
    return Response(answer, headers={"ETag": f'"{outcome.version}"'}, media_type="application/json")


async def _decided(writing: Writing, ref: str, body: Json, caller: Caller, condition: Condition) -> PutOutcome:
    latest = await records.latest(writing, "retention", ref)
    if not condition.met(latest.version if latest else None):
        return unmet(latest.version if latest else None)
    if latest and latest.body == body:
        return PutOutcome("unchanged", latest.version, body)
    new = Stored(ref, latest.version + 1 if latest else 1, removed=False, body=body)
    await keep(writing, "retention", caller.subject, [new])
    return PutOutcome("replaced", new.version, body)


def _retention(name: str, own: Stored | None, years: int) -> Json:
    known = CLASSES[name]
    head = {"ref": name, "version": own.version if own else 1, "years": years}
    return head | {"since": known.since, "rule": known.rule, "reason": own.body["reason"] if own else None}


@router.post(
    "/v1/recipients/{ref}/archive",
    operation_id="create_recipient_archive",
    summary="Create an export of a recipient's file",
    responses=answer_of(ArchiveOut, example=ARCHIVE),
)
async def export(request: Request, ref: RefInPath, caller: Admin) -> Response:
    """Export everything that a purge would erase of a recipient, and store as a fact that it was exported.

    Files of those who are born on the 5th, 15th or 25th are purged only after that.
    """
    known_ref(ref)
    async with database(request).write(caller.municipality_id) as writing:
        content = await archive(writing, encryption_of(request), ref, by=caller.subject)
        await shown(request, writing, [ref] if content else [])
    if content is None:
        raise Problem("unknown_ref")
    return Response(to_json(content, bytes_mode="hex"), media_type="application/json")
