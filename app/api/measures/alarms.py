"""Answered alarms: `GET /v1/measures/alarms`."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot
from app.api.http.shapes import AnyRef, Month, Wire
from app.api.http.visibility import whom
from app.api.measures.measures import MonthQuery, by_provider, grouped
from app.domain.measures.alarms import Alarms
from app.domain.time import month_days
from app.store.measures.alarms import alarms

router = APIRouter(tags=["measures"], route_class=KeptRoute)


class AlarmsRow(Wire):
    """Performed visits in which an alarm was answered, with and without other orders in force on that day.

    `alarm_only` counts the recipients that never had another order.
    """

    visits: int
    seconds: int
    recipients: int
    with_other_orders: int
    without_other_orders: int
    alarm_only: int


class ProviderAlarms(AlarmsRow):
    """The answered alarms of one provider. `provider` is null for visits by unknown staff."""

    provider: AnyRef | None


class AlarmsOut(Wire):
    """Answered alarms of each provider and of all together. A recipient with two providers counts once in the total."""

    month: Month
    rows: list[ProviderAlarms]
    total: AlarmsRow


def _shown(alarms: Alarms) -> dict[str, Any]:
    return asdict(alarms) | {"without_other_orders": alarms.without_other_orders}


_ANSWERED = Alarms(210, 189_000, 74, 150, 22)
EXAMPLE = by_provider("2026-10", {"P-norr": _ANSWERED}, _ANSWERED, _shown)


@router.get(
    "/v1/measures/alarms",
    operation_id="get_answered_alarms",
    summary="Get answered alarms",
    responses=formats.table_of(AlarmsOut, ProviderAlarms, EXAMPLE, "rows"),
)
async def get_alarms(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Count the visits of a month in which an alarm was answered, with and without other orders in force that day.

    An order with another provider counts too. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    groups = await alarms(snapshot, month_days(query.month), **asked)
    body = grouped(query.month, groups, _shown, Alarms(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderAlarms, f"alarms-{query.month}")
