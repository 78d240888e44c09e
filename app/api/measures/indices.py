"""The research indices of each recipient: `GET /v1/measures/indices`."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot, asked_days
from app.api.http.shapes import AnyRef, Day, Month, OneOf, Wire
from app.api.http.visibility import whom
from app.domain.measures.indices import ALL_VISITS, SCOPES, Tally, indices, tally
from app.domain.measures.measures import Scope, period
from app.domain.time import Days
from app.store.measures import indices as store

router = APIRouter(tags=["measures"], route_class=KeptRoute)

NOTHING = tally([])


class IndicesQuery(BaseModel):
    """A month, or the first of the profile's days; and whose indices."""

    month: Month | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    profile: Annotated[str, OneOf(SCOPES)] = ALL_VISITS.name
    provider: AnyRef | None = None
    recipient: AnyRef | None = None


class Figures(Wire):
    """The indices, null where undefined: all without visits, COC, SECON and K of a single one.

    `visits` counts each of a double staffing; SECON takes a double staffing as one visit, made by both.
    """

    visits: int
    upc: float | None
    hhi: float | None
    coc: float | None
    secon: float | None
    k: float | None


class RecipientIndices(Figures):
    """The indices of one recipient, and the number of persons that made the visits."""

    recipient: AnyRef
    persons: int


class TotalIndices(Figures):
    """The indices of all recipients together, as ratios of sums. A recipient with more visits weighs more."""

    recipients: int


class IndicesOut(Wire):
    """The indices of each recipient with a visit, and of the recipient asked for in any case."""

    profile: Annotated[str, OneOf(SCOPES)]
    from_: Annotated[Day, Field(alias="from")]
    to: Day
    rows: list[RecipientIndices]
    total: TotalIndices


def _figures(tallies: Iterable[Tally]) -> dict[str, Any]:
    given = list(tallies)
    shown = {name: None if value is None else float(value) for name, value in asdict(indices(given)).items()}
    return {"visits": sum(one.visits for one in given)} | shown


def _body(scope: Scope, days: Days, tallies: Mapping[str, Tally]) -> dict[str, Any]:
    rows = [{"recipient": ref, "persons": one.persons, **_figures([one])} for ref, one in sorted(tallies.items())]
    total = {"recipients": sum(one.visits > 0 for one in tallies.values()), **_figures(tallies.values())}
    return {"profile": scope.name, "from": days[0], "to": days[1], "rows": rows, "total": total}


OCTOBER = (dt.date(2026, 10, 5), dt.date(2026, 10, 18))
EXAMPLE = _body(ALL_VISITS, OCTOBER, {"B-001": tally(["A", "A", "A", "B", "B", "C"]), "B-004": tally(["A", "BC", "B"])})
EXAMPLE |= {"from": "2026-10-05", "to": "2026-10-18"}


@router.get(
    "/v1/measures/indices",
    operation_id="get_indices",
    summary="Get the research indices",
    responses=formats.table_of(IndicesOut, RecipientIndices, EXAMPLE, "rows"),
)
async def get_indices(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[IndicesQuery, Query()]
) -> Response:
    """Get the indices UPC, HHI, COC, SECON and K of each recipient, for `month` or for the profile's days from `from`.

    The profile says which performed visits count: `all-visits` counts all but those of trainees; `kolada-classic`
    counts the visits and persons of continuity. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    scope = SCOPES[query.profile]
    first, last = period(scope, query.from_) if query.from_ else (None, None)
    days = asked_days(query.month, first, last)
    tallies = await store.tallies(snapshot, scope, days, **asked)
    if query.recipient:
        tallies.setdefault(query.recipient, NOTHING)
    body = _body(scope, days, tallies)
    return await formats.table(request, body, "rows", RecipientIndices, f"indices-{days[0]}--{days[1]}")
