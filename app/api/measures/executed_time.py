"""Executed and granted time, pulled by whoever pays or plans: `GET /v1/executed-time`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, Field, create_model
from pydantic_core import PydanticCustomError

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot, asked_days
from app.api.http.shapes import AnyRef, Day, Month, Wire
from app.api.http.visibility import provider_of, require_known
from app.domain.closed_sets import Category
from app.store import exports
from app.store.measures.executed_time import FIGURES, KEYS, Question, plan_for, statement

router = APIRouter(tags=["executed time"], route_class=KeptRoute)

DEFAULT_BY = "recipient,category"


def _keys(text: str) -> str:
    keys = text.split(",") if text else []
    if len(set(keys)) < len(keys) or not set(keys) <= KEYS.keys():
        raise PydanticCustomError("invalid_value", "keys of KEYS, each once", {"expected": ", ".join(KEYS)})
    return text


class ExecutedTimeQuery(BaseModel):
    """A month, or a span of inclusive local days; what to group by; filters."""

    month: Month | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    by: Annotated[
        str,
        AfterValidator(_keys),
        Field(description=f"The keys to group by, separated by commas: {', '.join(KEYS)}. Empty: one row of totals."),
    ] = DEFAULT_BY
    recipient: AnyRef | None = None
    provider: AnyRef | None = None
    staff: AnyRef | None = None
    category: Category | None = None


# The keys stand in a row when they were asked for.
_KEY_FIELDS: dict[str, Any] = dict.fromkeys(KEYS, (AnyRef | None, None)) | {
    "category": (Category | None, None),
    "order_line": (str | None, None),
    "local_date": (Day | None, None),
}


class ExecutedFigures(Wire):
    """The sums of a group.

    `granted_seconds` is null if the group is by staff or by day, because time is not granted so.
    """

    executed_seconds: int
    payable_seconds: int
    granted_seconds: int | None
    visits: int
    manual_visits: int
    system_down_visits: int
    off_site_visits: int
    static_visits: int
    sun_late_visits: int
    sun_online_visits: int


ExecutedTimeRow = create_model(
    "ExecutedTimeRow", __base__=ExecutedFigures, __doc__=ExecutedFigures.__doc__, **_KEY_FIELDS
)


class ExecutedTimeOut(Wire):
    """Executed time. `month` is given if a month was asked for, otherwise `from` and `to`."""

    month: Month | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    rows: list[ExecutedTimeRow]


EXAMPLE_ROW = {
    "recipient": "B-001",
    "category": "CARE",
    "executed_seconds": 154_800,
    "payable_seconds": 151_200,
    "granted_seconds": 172_800,
    "visits": 62,
    "manual_visits": 1,
    "system_down_visits": 0,
    "off_site_visits": 0,
    "static_visits": 0,
    "sun_late_visits": 4,
    "sun_online_visits": 57,
}
EXAMPLE = {"month": "2026-10", "rows": [EXAMPLE_ROW]}


@router.get(
    "/v1/executed-time",
    operation_id="get_executed_time",
    summary="Get executed time",
    responses=formats.content_of(
        ExecutedTimeOut, EXAMPLE, [EXAMPLE_ROW], formats.columns_of(ExecutedTimeRow, EXAMPLE_ROW)
    ),
)
async def get_executed_time(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[ExecutedTimeQuery, Query()]
) -> Response:
    """Get executed, payable and granted seconds and the number of visits, for `month` or for `from` to `to`.

    A visit belongs as a whole to the day on which it started. `visits` counts the complete visits with a part in the
    row. Each of them is also counted once by the evidence of its weakest end, as `manual_visits`, `system_down_visits`,
    `off_site_visits`, `static_visits`, `sun_late_visits` or `sun_online_visits`. A disputed visit has no executed time
    until it is settled. There is a row for everything with executed or granted time. `Accept` chooses the format: JSON,
    one JSON object per line, CSV for spreadsheets (`text/csv`) or for machines (`text/csv; dialect=plain`), XLSX or
    Parquet. Other formats give 406 `not_acceptable`. A ref that does not exist gives 404 `unknown_ref`. Planners see
    their own provider.
    """
    media_type = formats.wanted_type(request.headers.get("accept", ""))
    days = asked_days(query.month, query.from_, query.to)
    refs = {"recipient": query.recipient, "provider": query.provider, "staff": query.staff}
    await require_known(snapshot, caller, **refs)
    refs["provider"] = provider_of(caller, query.provider)
    by = tuple(query.by.split(",")) if query.by else ()
    question = Question(days, by, category=query.category, **refs)
    await plan_for(snapshot, question)
    pieces = exports.in_pieces(snapshot, *statement(question))
    span = {"month": query.month} if query.month else {"from": days[0], "to": days[1]}
    name = f"executed-time-{query.month or f'{days[0]}--{days[1]}'}"
    columns = formats.columns_of(ExecutedTimeRow, (*by, *FIGURES))
    return await formats.answer(formats.Listed(span, "rows", columns, pieces, name), media_type)
