"""The inbox of what asks for a person's eye: `GET /v1/anomalies`, and its repair by one call."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.actions.correct_visit import Submitted
from app.actions.correction_check import Asked
from app.actions.put_master import Condition
from app.api import formats
from app.api.access import Caller, allow
from app.api.corrections import Corrector, Note, author_of, submit
from app.api.master import condition_of
from app.api.paging import cursor_of, moment_of, paged, words_of
from app.api.problems import Problem
from app.api.reach import reach_of, require_known
from app.api.reading import read_json
from app.api.visits import EXAMPLE, VisitOut
from app.api.wire import Day, Instant, Wire, answer_of, body_of, one_of
from app.domain.repair import TEXTS, repair_of
from app.domain.time import local_date
from app.domain.visit import ANOMALIES
from app.language import Language, wanted
from app.store import anomalies, visit_list

router = APIRouter(tags=["anomalies"])

State = Literal["open", "acknowledged", "resolved"]
Reader = Annotated[Caller, Depends(allow("planner", "controller", "admin"))]


class AnomalyItem(Wire):
    """An anomaly of a visit. `age_days` counts from the visit's own day, `suggestion` is what `apply` would make."""

    id: str
    code: str
    severity: Literal["fix", "acknowledge"]
    state: State
    visit: UUID
    recipient: str
    provider: str | None
    staff: str
    local_date: Day
    since: Instant
    age_days: int
    text: str
    suggestion: dict[str, Any] | None


class AnomalyCount(Wire):
    """How many of a code are in a state, and how old the oldest is."""

    code: str
    severity: Literal["fix", "acknowledge"]
    state: State
    count: int
    oldest: Instant
    oldest_days: int


class AnomaliesOut(Wire):
    """A page of anomalies, oldest first; the counts of all stand on the first page."""

    items: list[AnomalyItem]
    counts: list[AnomalyCount] | None
    next: str | None


class Applied(Wire):
    """What may be said beside the repair."""

    note: Note | None = None


class AnomalyQuery(BaseModel):
    """The filters of the inbox."""

    model_config = ConfigDict(extra="forbid")

    provider: str | None = None
    state: State | None = None
    code: Annotated[str, one_of(ANOMALIES)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400)] = None


ANOMALY = {
    "id": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1:missing_out",
    "code": "missing_out",
    "severity": "fix",
    "state": "open",
    "visit": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "recipient": "B-001",
    "provider": "P-norr",
    "staff": "S-07",
    "local_date": "2026-10-24",
    "since": "2026-10-24T08:31:02Z",
    "age_days": 2,
    "text": "The tap out is missing.",
    "suggestion": {"kind": "set_end", "ended_at": "2026-10-24T09:01:02Z", "reason": "forgot_out"},
}
COUNT = {
    "code": "missing_out",
    "severity": "fix",
    "state": "open",
    "count": 1,
    "oldest": "2026-10-24T08:31:02Z",
    "oldest_days": 2,
}


@router.get(
    "/v1/anomalies",
    operation_id="list_anomalies",
    summary="List anomalies",
    responses=formats.table_of(
        AnomaliesOut, AnomalyItem, {"items": [ANOMALY], "counts": [COUNT], "next": None}, "items"
    ),
)
async def list_anomalies(request: Request, caller: Reader, query: Annotated[AnomalyQuery, Query()]) -> Response:
    """What asks to be repaired or seen, oldest visit first, with counts by code and state on the first page.

    Planners see their provider's. What has resolved by itself is no longer there.
    """
    after = _cursor(query.cursor) if query.cursor else None
    provider = reach_of(caller).provider or query.provider
    async with request.app.state.database.read(caller.municipality_id) as reading:
        await require_known(reading, caller, provider=query.provider)
        found = await anomalies.page(reading, provider, query.code, query.state, after, query.limit + 1)
        counts = None if after else await anomalies.counts(reading, provider)
    language = wanted(request.headers.get("accept-language", ""))
    today = local_date(dt.datetime.now(dt.UTC))
    counted = None if counts is None else [_count(one, today) for one in counts]
    following = _written(found[-2]) if len(found) > query.limit else None
    items = [_item(one, language, today) for one in found[: query.limit]]
    page = paged(request, items, following, counts=counted)
    return await formats.table(request, {"items": items}, "items", AnomalyItem, "anomalies", page)


@router.post(
    "/v1/anomalies/{anomaly_id}/apply",
    operation_id="apply_anomaly",
    summary="Apply an anomaly's repair",
    status_code=201,
    openapi_extra=body_of(Applied, example={"note": "Bekräftat per telefon"}),
    responses=answer_of(VisitOut, example=EXAMPLE, status=201, text="Corrected"),
)
async def apply_anomaly(request: Request, caller: Corrector, anomaly_id: str) -> Response:
    """Make the suggested correction, and answer with the visit. `If-Match`, where it is given, names its version.

    A body is not needed.

    404 where the visit has no such anomaly any more, 409 where a person has settled it already.
    """
    visit, _, code = anomaly_id.partition(":")
    try:
        visit_id = UUID(visit)
    except ValueError as error:
        raise Problem("not_found") from error
    applied = await read_json(request, Applied) if await request.body() else Applied()
    async with request.app.state.database.read(caller.municipality_id) as reading:
        stored = await visit_list.one(reading, reach_of(caller), visit_id)
    if stored is None or code not in stored.visit.anomalies:
        raise Problem("not_found")
    if code in stored.visit.settled:
        raise Problem("correction_not_applicable")
    given = condition_of(request) if "if-match" in request.headers else Condition()
    if not given.met(stored.version):
        raise Problem("version_conflict", version=stored.version)
    said = repair_of(stored.visit, code)
    kind, reason, note = said.pop("kind"), said.pop("reason"), said.pop("note", None)
    # The suggestion was made for this version, and is made of no other.
    looked_at = Condition(match=frozenset({stored.version}))
    asked = Asked(uuid4(), kind, said, reason, applied.note or note)
    return await submit(request, caller, Submitted(visit_id, asked, author_of(caller), looked_at))


def _item(found: anomalies.Found, language: Language, today: dt.date) -> dict[str, Any]:
    visit, code = found.stored.visit, found.code
    state = visit.settled.get(code, "open")
    return {
        "id": f"{visit.id}:{code}",
        "code": code,
        "severity": ANOMALIES[code],
        "state": state,
        "visit": visit.id,
        "recipient": visit.recipient,
        "provider": visit.provider,
        "staff": visit.staff,
        "local_date": visit.local_date,
        "since": visit.sort_at,
        "age_days": (today - visit.local_date).days,
        "text": getattr(TEXTS[code], language),
        "suggestion": repair_of(visit, code) if state == "open" else None,
    }


def _count(count: anomalies.Count, today: dt.date) -> dict[str, Any]:
    return {
        "code": count.code,
        "severity": ANOMALIES[count.code],
        "state": count.state,
        "count": count.found,
        "oldest": count.oldest_at,
        "oldest_days": (today - local_date(count.oldest_at)).days,
    }


def _written(found: anomalies.Found) -> str:
    return cursor_of(found.stored.visit.sort_at, found.stored.visit.id, found.code)


def _cursor(text: str) -> anomalies.Cursor:
    *moment, code = words_of(text)
    if code not in ANOMALIES:
        raise Problem("invalid_cursor")
    return *moment_of(moment), code
