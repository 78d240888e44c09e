"""The pay of providers: `GET /v1/compensation`, and the pay by another document."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.money import settle_month
from app.api.http import formats
from app.api.http.access import Caller, allow, database
from app.api.http.json_bodies import read_json
from app.api.http.pulls import PayReader, Snapshot, turn
from app.api.http.refs import Ref
from app.api.http.shapes import AnyRef, Day, DayText, Month, OneOf, Wire, answer_of, body_of
from app.api.http.visibility import provider_of, require_known
from app.api.money.contract_document import EXAMPLE_DOCUMENT, CompensationDocument, Preset, as_said
from app.domain.closed_sets import Area, Category
from app.domain.money.document import terms_of
from app.domain.money.explanation import UNITS
from app.domain.money.month_lines import COLUMNS, SettledLine, as_json
from app.domain.money.presets import PRESETS
from app.domain.money.rating import Agreement
from app.domain.register.order import LAST_DAY, months
from app.domain.time import FIRST_DAY, month_days
from app.store.money import closed_months, compensation

router = APIRouter(tags=["compensation"])

MOST_MONTHS = 24
LONGEST_DAYS = 31 * MOST_MONTHS
Group = tuple[str, str, str]
"""Provider, area and category, empty where there is none."""


class CompensationQuery(BaseModel):
    """The month, and whose: every provider's unless one is named."""

    month: Month
    provider: AnyRef | None = None


class LineOut(Wire):
    """One invoice line: what was counted (`reason`), what limited it (`notes`), and the price.

    `amount_ore` is `quantity` x `price_ore` x `index` x `percent` / 100, rounded half up from the exact quantity. Hours
    are shown with eight decimals. `from` and `to` are the first and last day that the line pays for. `adjusts` and
    `line` of an adjustment name the closed month and the line that it adjusts. Its quantity and amount are the
    difference.
    """

    provider: AnyRef
    month: Month
    recipient: AnyRef
    contract: AnyRef
    rule: str
    title: str
    category: Category | None
    area: Area | None
    band: str | None
    reason: str
    notes: list[str]
    first: Annotated[DayText, Field(alias="from")]
    to: DayText
    visits: int
    unit: Annotated[str, OneOf((*UNITS, "ore"))]
    quantity: int | float
    price_ore: int
    index: int | float
    percent: int | float
    amount_ore: int
    adjusts: Month | None
    line: str


class ProviderTotal(Wire):
    """The sum of a provider's month. It is final if the month is closed."""

    provider: AnyRef
    closed: bool
    total_ore: int


class CompensationOut(Wire):
    """The lines of a month by provider, recipient and rule."""

    month: Month
    total_ore: int
    providers: list[ProviderTotal]
    lines: list[LineOut]


class PresetOut(Wire):
    """A known compensation document with its name."""

    preset: Preset
    compensation: CompensationDocument


class PresetsOut(Wire):
    """All presets."""

    items: list[PresetOut]


class SimulateBody(Wire):
    """Past days, the document to try, and the provider to try it for."""

    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to")]
    provider: Ref | None = None
    compensation: CompensationDocument

    @field_validator("last")
    @classmethod
    def _not_too_long(cls, last: Day, info: ValidationInfo) -> Day:
        first = info.data.get("first")
        if first is not None and not 0 <= (last - first).days <= LONGEST_DAYS:
            raise PydanticCustomError("out_of_range", "at most two years")
        return last


class SimulatedRow(Wire):
    """The pay so far, the adjustments that wait, and the pay by the document.

    `difference_ore` is the pay by the document less the other two.
    """

    provider: AnyRef
    area: Area | None
    category: Category | None
    paid_ore: int
    waiting_ore: int
    simulated_ore: int
    difference_ore: int


class SimulatedOut(Wire):
    """Rows by provider, area and category, and their sums."""

    paid_ore: int
    waiting_ore: int
    simulated_ore: int
    difference_ore: int
    rows: list[SimulatedRow]


EXAMPLE_LINE: dict[str, Any] = {
    "provider": "P-norr", "month": "2026-10", "recipient": "B-001", "contract": "K-norr", "rule": "care",
    "title": "Omsorg, utförd tid", "category": "CARE", "area": "URBAN", "band": None, "reason": "executed", "notes": [],
    "from": "2026-10-01", "to": "2026-10-31", "visits": 62, "unit": "hour", "quantity": 43, "price_ore": 39400,
    "index": 1, "percent": 100, "amount_ore": 1_694_200, "adjusts": None, "line": "3a5c0e2d1f4b68790a1b2c3d4e5f6071",
}  # fmt: skip
EXAMPLE = {
    "month": "2026-10",
    "total_ore": 1_694_200,
    "providers": [{"provider": "P-norr", "closed": False, "total_ore": 1_694_200}],
    "lines": [EXAMPLE_LINE],
}
SIMULATE = {"from": "2026-09-01", "to": "2026-10-31", "provider": "P-norr", "compensation": EXAMPLE_DOCUMENT}
SIMULATED_ROW = {
    "provider": "P-norr", "area": "URBAN", "category": "CARE",
    "paid_ore": 1_694_200, "waiting_ore": 0, "simulated_ore": 1_651_000, "difference_ore": -43_200,
}  # fmt: skip
SIMULATED = {
    "paid_ore": 1_694_200, "waiting_ore": 0, "simulated_ore": 1_651_000, "difference_ore": -43_200,
    "rows": [SIMULATED_ROW],
}  # fmt: skip
PRESET_LIST = {"items": [{"preset": "executed", "compensation": PRESETS["executed"]}]}


@router.get(
    "/v1/compensation",
    operation_id="get_compensation",
    summary="Get compensation",
    responses=formats.content_of(CompensationOut, EXAMPLE, [EXAMPLE_LINE], formats.columns_of(LineOut, COLUMNS)),
)
async def get_compensation(
    request: Request, caller: PayReader, snapshot: Snapshot, query: Annotated[CompensationQuery, Query()]
) -> Response:
    """Get the pay of a month, line by line, by the documents of the contracts.

    A closed month gives its fixed lines. An open month is computed from the facts as they are now. The first open month
    after the closed ones also has the adjustments of those so far. `Accept` chooses the format: JSON, one JSON object
    per line, or CSV for spreadsheets (`text/csv`) or for machines (`text/csv; dialect=plain`). Planners see their own
    provider.
    """
    media_type = formats.wanted_type(request.headers.get("accept", ""))
    await require_known(snapshot, caller, provider=query.provider)
    provider = provider_of(caller, query.provider)
    totals: list[dict[str, Any]] = []
    lines: list[SettledLine] = []
    first_on = month_days(query.month)[0]
    for ref, form, _ in await compensation.providers(snapshot, provider):
        closed = await closed_months.closes(snapshot, ref, first_on)
        own = await (
            closed_months.lines_of(snapshot, ref, first_on)
            if closed
            else settle_month.with_adjustments(snapshot, ref, form, first_on)
        )
        lines += own
        totals.append({"provider": ref, "closed": bool(closed), "total_ore": _total(own)})
    head = {"month": query.month, "total_ore": _total(lines), "providers": totals}
    listed = formats.Listed(
        head,
        "lines",
        formats.columns_of(LineOut, COLUMNS),
        formats.at_once([as_json(line) for line in lines]),
        f"compensation-{query.month}",
    )
    return await formats.answer(listed, media_type)


def _total(lines: Iterable[SettledLine]) -> int:
    return sum(line.amount_ore for line in lines)


@router.get(
    "/v1/compensation/presets",
    operation_id="list_compensation_presets",
    summary="List compensation presets",
    responses=answer_of(PresetsOut, example=PRESET_LIST),
)
async def list_presets(caller: PayReader) -> Response:  # noqa: ARG001 - it is asked who calls, and no more
    """List the known compensation documents, each with its name. A contract can name one, or hold a changed copy."""
    items = [{"preset": name, "compensation": document} for name, document in PRESETS.items()]
    return Response(to_json({"items": items}), media_type="application/json")


@router.post(
    "/v1/compensation/simulate",
    operation_id="simulate_compensation",
    summary="Simulate compensation",
    openapi_extra=body_of(SimulateBody, example=SIMULATE),
    responses=answer_of(SimulatedOut, example=SIMULATED),
)
async def simulate(
    request: Request, caller: Annotated[Caller, Depends(allow("system", "controller", "admin", scope="pay:read"))]
) -> Response:
    """Compute what a document would have paid for past visits and orders, and compare it with what was paid.

    A closed month counts with what was settled, adjustments included. An open month counts with what the contracts give
    today. `waiting_ore` holds adjustments that no closed month has settled yet, so the present document gives no
    difference. A month that is only partly asked for is computed for those days alone.
    """
    body = await read_json(request, SimulateBody)
    agreement = Agreement("simulated", (FIRST_DAY, LAST_DAY), terms_of(as_said(body.compensation)))
    paid, waiting, simulated = sums = [defaultdict[Group, int](int) for _ in range(3)]
    async with turn(request), database(request).snapshot(caller.municipality_id) as reading:
        await require_known(reading, caller, pointer="/provider", provider=body.provider)
        for ref, form, _ in await compensation.providers(reading, body.provider):
            for days in months((body.first, body.last)):
                whose = reading, ref, form, days
                settled = *await settle_month.owed(*whose), await settle_month.rated(*whose, [agreement])
                for lines, total in zip(settled, sums, strict=True):
                    for line in lines:
                        total[line.provider, line.area or "", line.category or ""] += line.amount_ore
    shown = [
        {
            "provider": group[0],
            "area": group[1] or None,
            "category": group[2] or None,
            **_compared(paid[group], waiting[group], simulated[group]),
        }
        for group in sorted({*paid, *waiting, *simulated})
    ]
    answer = {**_compared(*(sum(total.values()) for total in sums)), "rows": shown}
    return Response(to_json(answer), media_type="application/json")


def _compared(paid: int, waiting: int, simulated: int) -> dict[str, Any]:
    return {
        "paid_ore": paid,
        "waiting_ore": waiting,
        "simulated_ore": simulated,
        "difference_ore": simulated - paid - waiting,
    }
