"""Everything that is kept of one person, and who has read it: for the person, as JSON or as a PDF to read."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field
from pydantic_core import from_json, to_json

from app.api.access.access_log import AccessEntryOut, entry_json
from app.api.http.access import Caller, allow, database, encryption_of
from app.api.http.formats import wanted_type
from app.api.http.looks import shown
from app.api.http.personal import CLEARED
from app.api.http.problems import Problem
from app.api.http.pulls import turn
from app.api.http.refs import known_ref
from app.api.http.shapes import AnyRef, Instant, RefInPath, Wire, answer_of, sent
from app.api.http.typeset import typeset
from app.api.http.visibility import require_known
from app.api.visits.extract_in_words import document_of
from app.api.visits.visit_out import EXAMPLE as VISIT
from app.api.visits.visit_out import VisitOut, corrections_of, visit_json
from app.domain.time import FIRST_DAY, days_span
from app.store.access import access_log, kept_of, sealed_fields
from app.store.access.access_log import LogFilter, StoredEntry
from app.store.access.kept_of import RecordVersion
from app.store.access.sealed_fields import NAME
from app.store.connection import Reading
from app.store.visits import visit_list, visits
from app.store.visits.visibility import Visibility
from app.store.visits.visit_list import VisitFilter

router = APIRouter(tags=["access log"])

JSON, PDF = "application/json", "application/pdf"
TEMPLATE = Path(__file__).with_name("extract.typ")
MOST_TYPESET = 10_000
AT_ONCE = 500
MOST_LOOKS = 100_000
SEALED = (NAME, "personal_number", "contacts")


class RecordVersionOut(Wire):
    """A version of a record that names the person, as it was stored."""

    record: str
    ref: AnyRef
    version: int
    recorded_at: Instant
    recorded_by: str
    removed: bool
    body: dict[str, Any]


class ExtractOut(Wire):
    """Everything that is kept of a person, and who has read it.

    `personal` holds the encrypted fields. It is null for callers who do not read them.
    """

    recipient: AnyRef
    municipality: str
    at: Instant
    personal: Annotated[dict[str, Any] | None, Field(description="The name, the personal number and the contacts.")]
    records: list[RecordVersionOut]
    visits: list[VisitOut]
    looks: list[AccessEntryOut]


EXAMPLE: dict[str, Any] = {
    "recipient": "B-001",
    "municipality": "Norrtälje",
    "at": "2026-10-24T12:00:00Z",
    "personal": {"name": "Anna Andersson", "personal_number": "194105091238", "contacts": None},
    "records": [
        {
            "record": "recipients",
            "ref": "B-001",
            "version": 1,
            "recorded_at": "2026-01-02T08:00:00Z",
            "recorded_by": "188.verksamhet",
            "removed": False,
            "body": {"household": "B-001", "area": "RURAL", "protected": False},
        }
    ],
    "visits": [VISIT],
    "looks": [],
}
ANSWERS = answer_of(ExtractOut, example=EXAMPLE)
ANSWERS[200] |= sent("Content-Disposition")
ANSWERS[200]["content"][PDF] = {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7"}


@router.get(
    "/v1/recipients/{ref}/extract",
    operation_id="get_extract",
    summary="Get everything that is kept of a person",
    responses=ANSWERS,
)
async def get_extract(
    request: Request,
    caller: Annotated[Caller, Depends(allow("system", "auditor", "admin", scope="access:read"))],
    ref: RefInPath,
) -> Response:
    """Get all that is kept of a recipient: every version of what is registered, the visits, and who has read it.

    `Accept: application/pdf` gives it in plain Swedish for the person to read (PDF/UA); 409 `too_many_lines` if it has
    more than 10 000 rows. It names nobody else who was shown in the same answer. Auditors get it without name, number
    and contacts. The extract itself is logged.
    """
    media_type = wanted_type(request.headers.get("accept", ""), (JSON, PDF))
    known_ref(ref)
    async with turn(request), database(request).snapshot(caller.municipality_id) as reading:
        await require_known(reading, caller, recipient=ref)
        names, looks = await kept_of.names(reading), await _looks(reading, ref)
        body = {
            "recipient": ref,
            "municipality": names.municipality,
            "at": reading.now,
            "personal": await _personal(request, reading, ref) if caller.role in CLEARED else None,
            "records": _readable(await kept_of.versions(reading, ref), caller),
            "visits": await _visits(reading, ref),
            "looks": [entry_json(one) | {"recipients": [] if one.entry.bulk else [ref]} for one in looks],
        }
        await shown(request, reading, [ref])
    if media_type == JSON:
        return Response(to_json(body), media_type=JSON)
    words = document_of(body, names, [one.entry for one in looks])
    if sum(len(section["rows"]) for section in words["sections"]) > MOST_TYPESET:
        raise Problem("too_many_lines")
    try:
        document = await typeset(TEMPLATE, to_json(words), reading.now.replace(microsecond=0))
    except TimeoutError:
        raise Problem("busy") from None
    return Response(document, media_type=PDF, headers={"Content-Disposition": 'attachment; filename="utdrag.pdf"'})


def _readable(versions: Sequence[RecordVersion], caller: Caller) -> list[dict[str, Any]]:
    """The versions, without what tells who the person is for whoever reads no names.

    A name may stand in a record that was put before names were encrypted.
    """
    stored = [one._asdict() for one in versions]
    if caller.role in CLEARED:
        return stored
    of_person = [one for one in stored if one["record"] == "recipients"]
    hidden = {NAME, "birth_date"} if of_person[-1]["body"].get("protected") else {NAME}
    for one in of_person:
        one["body"] = {name: value for name, value in one["body"].items() if name not in hidden}
    return stored


async def _personal(request: Request, reading: Reading, ref: str) -> dict[str, Any]:
    found = await sealed_fields.opened(reading, encryption_of(request), "recipients", [ref], SEALED)
    values: dict[str, Any] = dict.fromkeys(SEALED) | found.get(ref, {})
    return values | {"contacts": from_json(values["contacts"]) if values["contacts"] else None}


async def _visits(reading: Reading, ref: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: tuple[dt.datetime, Any] | None = None
    while True:
        page = await visit_list.page(reading, Visibility(), VisitFilter(recipient=ref), after, AT_ONCE)
        corrections = await corrections_of(reading, page)
        noted = [stored.visit.noted for stored in page if stored.visit.noted]
        notes = await visits.notes(reading, noted)
        found += [visit_json(stored, corrections, notes) for stored in page]
        if len(page) < AT_ONCE:
            return found
        after = page[-1].visit.anchor_at, page[-1].visit.id


async def _looks(reading: Reading, ref: str) -> list[StoredEntry]:
    span = days_span(FIRST_DAY, dt.date(2199, 12, 31))
    dealings = await access_log.dealings_of(reading, ref)
    return await access_log.page(reading, LogFilter(span, None, ref, dealings), None, MOST_LOOKS)
