"""The inbox of anomalies that a person has to look at: `GET /v1/anomalies`."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from app.api.http import formats
from app.api.http.access import Caller, allow
from app.api.http.looks import shown
from app.api.http.paging import cursor_of, moment_of, paged, words_of
from app.api.http.problems import Problem
from app.api.http.shapes import AnyRef, Day, Instant, Wire
from app.api.http.visibility import provider_of, require_known
from app.api.visits.visit_out import AnomalyCode
from app.domain.closed_sets import AnomalyState, Severity
from app.domain.time import local_date
from app.domain.visits.repair import TEXTS, repair_of
from app.domain.visits.visit import ANOMALIES
from app.language import Language, wanted
from app.store.visits import anomalies
from app.store.visits.anomalies import AnomalyFilter

router = APIRouter(tags=["anomalies"])

Reader = Annotated[Caller, Depends(allow("planner", "controller", "admin", scope="visits:read"))]


class AnomalyItem(Wire):
    """An anomaly of a visit. `suggestion` is the correction that the call to repair it makes."""

    id: str
    code: AnomalyCode
    severity: Severity
    state: AnomalyState
    visit: UUID
    recipient: AnyRef
    provider: AnyRef | None
    staff: AnyRef
    local_date: Day
    since: Instant
    age_days: int
    text: str
    suggestion: dict[str, Any] | None


class AnomalyCount(Wire):
    """The number of anomalies with one code and state, and the age of the oldest."""

    code: AnomalyCode
    severity: Severity
    state: AnomalyState
    count: int
    oldest: Instant
    oldest_days: int


class AnomaliesOut(Wire):
    """A page of anomalies, the oldest first. Only the first page has the counts."""

    items: list[AnomalyItem]
    counts: list[AnomalyCount] | None
    next: str | None


def _codes(text: str) -> str:
    if not set(text.split(",")) <= ANOMALIES.keys():
        raise PydanticCustomError("invalid_value", "codes of ANOMALIES", {"expected": ", ".join(ANOMALIES)})
    return text


class AnomalyQuery(BaseModel):
    """The filters of the inbox; days are local and inclusive, as of the visits."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    provider: AnyRef | None = None
    recipient: AnyRef | None = None
    staff: AnyRef | None = None
    state: AnomalyState | None = None
    severity: Severity | None = None
    code: (
        Annotated[
            str,
            AfterValidator(_codes),
            Field(description="Only anomalies with one of these codes, separated by commas."),
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400)] = None

    def codes(self) -> list[str] | None:
        """The codes asked for; None for all."""
        if self.code is None and self.severity is None:
            return None
        named = self.code.split(",") if self.code else ANOMALIES
        return [code for code in named if self.severity in {None, ANOMALIES[code]}]


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
        AnomaliesOut, AnomalyItem, {"items": [ANOMALY], "counts": [COUNT], "next": None}, "items", headers=["Link"]
    ),
)
async def list_anomalies(request: Request, caller: Reader, query: Annotated[AnomalyQuery, Query()]) -> Response:
    """List the anomalies of visits, the oldest visit first. The first page also counts them by code and state.

    The counts cover everything that the filters leave. Planners see the anomalies of their provider. An anomaly
    disappears from the list when its cause is gone. A ref that does not exist gives 404 `unknown_ref`.
    """
    after = _cursor(query.cursor) if query.cursor else None
    asked = AnomalyFilter(
        provider_of(caller, query.provider),
        query.codes(),
        query.state,
        query.from_,
        query.to,
        query.recipient,
        query.staff,
    )
    async with request.app.state.database.read(caller.municipality_id) as reading:
        await require_known(reading, caller, recipient=query.recipient, provider=query.provider, staff=query.staff)
        listed = await anomalies.page(reading, asked, after, query.limit + 1)
        counts = None if after else await anomalies.counts(reading, asked)
        await shown(request, reading, (one.stored.visit.recipient for one in listed[: query.limit]))
    language = wanted(request.headers.get("accept-language", ""))
    today = local_date(reading.now)
    counted = None if counts is None else [_count(one, today) for one in counts]
    following = _written(listed[-2]) if len(listed) > query.limit else None
    items = [_item(one, language, today) for one in listed[: query.limit]]
    page = paged(request, items, following, counts=counted)
    return await formats.table(request, {"items": items}, "items", AnomalyItem, "anomalies", page)


def _item(one: anomalies.ListedAnomaly, language: Language, today: dt.date) -> dict[str, Any]:
    visit, code = one.stored.visit, one.code
    state = visit.anomaly_states.get(code, "open")
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
        "since": visit.anchor_at,
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


def _written(one: anomalies.ListedAnomaly) -> str:
    return cursor_of(one.stored.visit.anchor_at, one.stored.visit.id, one.code)


def _cursor(text: str) -> anomalies.Cursor:
    *moment, code = words_of(text)
    if code not in ANOMALIES:
        raise Problem("invalid_cursor")
    return *moment_of(moment), code
