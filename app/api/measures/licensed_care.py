"""Licensed health care and alarms: `GET /v1/measures/{licensed,alarms}`."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.http import formats
from app.api.http.pulls import Puller, Snapshot
from app.api.http.shapes import AnyRef, Month, Wire
from app.api.http.visibility import whom
from app.api.measures.measures import MonthQuery, T, by_provider
from app.domain.measures.licensed_care import Alarms, Licensed
from app.domain.time import month_days
from app.store.measures import licensed_care
from app.store.measures.licensed_care import ALL, Who

router = APIRouter(tags=["measures"])


class LicensedRow(Wire):
    """Performed visits with licensed health care.

    `enrolled` counts recipients with such an order in force in the month.

    `unordered` counts the visits in which some of the care had no order in force.
    """

    visits: int
    seconds: int
    recipients: int
    unordered: int
    enrolled: int


class ProviderLicensed(LicensedRow):
    """The licensed care of one provider. `provider` is null for visits by unknown staff."""

    provider: AnyRef | None


class LicensedOut(Wire):
    """Licensed care of each provider and of all together. A recipient with two providers counts once in the total."""

    month: Month
    rows: list[ProviderLicensed]
    total: LicensedRow


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


def _alarms_json(found: Alarms) -> dict[str, Any]:
    return asdict(found) | {"without_other_orders": found.without_other_orders}


def _body(month: str, found: Mapping[Who, T], shown: Callable[[T], dict[str, Any]], nothing: T) -> dict[str, Any]:
    rows = {who[1]: one for who, one in found.items() if who != ALL}
    return by_provider(month, rows, found.get(ALL, nothing), shown)


_CARED, _CALLED = Licensed(96, 172_800, 31, 2, 34), Alarms(210, 189_000, 74, 150, 22)
LICENSED_EXAMPLE = by_provider("2026-10", {"P-norr": _CARED}, _CARED, asdict)
ALARMS_EXAMPLE = by_provider("2026-10", {"P-norr": _CALLED}, _CALLED, _alarms_json)


@router.get(
    "/v1/measures/licensed",
    operation_id="get_licensed_care",
    summary="Get licensed health care",
    responses=formats.table_of(LicensedOut, ProviderLicensed, LICENSED_EXAMPLE, "rows"),
)
async def get_licensed(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Count the visits with licensed health care in a month and the enrolled recipients, for each provider.

    A recipient is enrolled if an order of such care is in force on any day of the month, with or without visits. A ref
    that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    found = await licensed_care.licensed(snapshot, month_days(query.month), **asked)
    body = _body(query.month, found, asdict, Licensed(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderLicensed, f"licensed-{query.month}")


@router.get(
    "/v1/measures/alarms",
    operation_id="get_answered_alarms",
    summary="Get answered alarms",
    responses=formats.table_of(AlarmsOut, ProviderAlarms, ALARMS_EXAMPLE, "rows"),
)
async def get_alarms(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Count the visits of a month in which an alarm was answered, with and without other orders in force that day.

    An order with another provider counts too. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    found = await licensed_care.alarms(snapshot, month_days(query.month), **asked)
    body = _body(query.month, found, _alarms_json, Alarms(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderAlarms, f"alarms-{query.month}")
