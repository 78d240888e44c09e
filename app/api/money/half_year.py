"""The half-year report: `GET /v1/reports/half-year`."""

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.actions.money import settle_month
from app.api.http import formats
from app.api.http.pulls import PayReader, Snapshot
from app.api.http.shapes import AnyRef, Month, Wire
from app.api.http.visibility import provider_of, require_known
from app.domain.closed_sets import SOL_TIME, ProviderForm
from app.domain.money.half_year import CaseMonth, half_year, with_forecast
from app.domain.time import Days, local_date, month_days
from app.store.connection import Reading
from app.store.measures import executed_time
from app.store.measures.executed_time import Question
from app.store.money import compensation

router = APIRouter(tags=["reports of cases"])


class HalfYearQuery(BaseModel):
    """The first of six months, and whose; what an executed hour costs, where cost is wanted."""

    from_: Annotated[Month, Field(alias="from", description="The first of the six months, `YYYY-MM`.")]
    recipient: AnyRef | None = None
    provider: AnyRef | None = None
    cost_ore_per_hour: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class ForecastOut(Wire):
    """The expected figures of a month. They are null if nothing is known to expect them from."""

    executed_seconds: int | None
    income_ore: int | None
    cost_ore: int | None


class CaseMonthOut(Wire):
    """A month of one recipient with one provider.

    Hours are those of SERVICE and CARE; income is everything that is paid.

    `waiting_ore` is the part of the income that no closed month has settled yet. An `expected` month is not over. It
    shows the figures so far, and `forecast` shows those of the whole month.
    """

    provider: AnyRef
    recipient: AnyRef
    month: Month
    granted_seconds: int
    executed_seconds: int
    income_ore: int
    waiting_ore: int
    cost_ore: int | None
    expected: bool
    forecast: ForecastOut | None


class HalfYearOut(Wire):
    """Rows by provider, recipient and month."""

    rows: list[CaseMonthOut]


HALF_YEAR = {
    "provider": "P-norr", "recipient": "B-001", "month": "2026-01", "granted_seconds": 172_800,
    "executed_seconds": 154_800, "income_ore": 1_694_200, "waiting_ore": 0, "cost_ore": 1_548_000,
    "expected": False, "forecast": None,
}  # fmt: skip


@router.get(
    "/v1/reports/half-year",
    operation_id="get_half_year_report",
    summary="Get the half-year report",
    responses=formats.table_of(HalfYearOut, CaseMonthOut, {"rows": [HALF_YEAR]}, "rows"),
)
async def get_half_year(
    request: Request, caller: PayReader, snapshot: Snapshot, query: Annotated[HalfYearQuery, Query()]
) -> Response:
    """Get granted and executed time, the provider's pay and the cost for each recipient, for six months.

    Months that are not over are marked `expected`. Their forecast uses the relation of executed to granted time of the
    months before.
    """
    await require_known(snapshot, caller, recipient=query.recipient, provider=query.provider)
    provider = provider_of(caller, query.provider)
    rows: list[dict[str, Any]] = []
    for ref, form, _ in await compensation.providers(snapshot, provider):
        cases: defaultdict[str, list[CaseMonth]] = defaultdict(list)
        months = half_year(month_days(query.from_)[0])
        for days in months:
            for recipient, month in (await _month(snapshot, ref, form, days, query.recipient)).items():
                cases[recipient].append(month)
        for recipient, own in sorted(cases.items()):
            forecast = with_forecast(own, local_date(snapshot.now), query.cost_ore_per_hour)
            rows += [_row(ref, recipient, month) for month in forecast]
    return await formats.table(request, {"rows": rows}, "rows", CaseMonthOut, f"half-year-{query.from_}")


async def _month(
    reading: Reading, provider: str, form: ProviderForm, days: Days, recipient: str | None
) -> dict[str, CaseMonth]:
    """A provider's month by recipient: time from executed time, income from the lines."""
    question = Question(days, ("recipient", "category"), provider=provider, recipient=recipient)
    hours: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in await executed_time.fetch(reading, question):
        if row["category"] in SOL_TIME:
            hours[row["recipient"]][0] += row["granted_seconds"]
            hours[row["recipient"]][1] += row["executed_seconds"]
    income, waiting = Counter[str](), Counter[str]()
    paid, adjusting = await settle_month.owed(reading, provider, form, days)
    for lines, sums in (([*paid, *adjusting], income), (adjusting, waiting)):
        for line in lines:
            if recipient in {None, line.recipient}:
                sums[line.recipient] += line.amount_ore
    cases = sorted(hours.keys() | income.keys())
    return {ref: CaseMonth(days[0], hours[ref][0], hours[ref][1], income[ref], waiting[ref]) for ref in cases}


def _row(provider: str, recipient: str, month: CaseMonth) -> dict[str, Any]:
    row = asdict(month)
    first_on = row.pop("first_on")
    return {"provider": provider, "recipient": recipient, "month": f"{first_on:%Y-%m}", **row}
