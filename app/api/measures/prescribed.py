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
from app.domain.measures.prescribed import Alarms, Licensed
from app.domain.time import month_days
from app.store.measures import prescribed
from app.store.measures.prescribed import ALL, Who

router = APIRouter(tags=["measures"])


class LicensedRow(Wire):
    """Performed visits with licensed health care; `enrolled` are recipients with such an order in force in the month.

    `unordered` are the visits in which some of it had no order in force.
    """

    visits: int
    seconds: int
    recipients: int
    unordered: int
    enrolled: int


class ProviderLicensed(LicensedRow):
    """One provider's; `provider` is null for visits by staff nobody has told of."""

    provider: AnyRef | None


class LicensedOut(Wire):
    """Each provider's, and all together: a recipient whom two serve counts once."""

    month: Month
    rows: list[ProviderLicensed]
    total: LicensedRow


class AlarmsRow(Wire):
    """Performed visits with an alarm answered, by whether the recipient had anything else ordered that day.

    `alarm_only` are the recipients who never had.
    """

    visits: int
    seconds: int
    recipients: int
    with_other_orders: int
    without_other_orders: int
    alarm_only: int


class ProviderAlarms(AlarmsRow):
    """One provider's; `provider` is null for visits by staff nobody has told of."""

    provider: AnyRef | None


class AlarmsOut(Wire):
    """Each provider's, and all together: a recipient whom two serve counts once."""

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
    operation_id="get_licensed",
    summary="Measure licensed health care",
    responses=formats.table_of(LicensedOut, ProviderLicensed, LICENSED_EXAMPLE, "rows"),
)
async def get_licensed(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Visits of licensed health care in a month and the recipients enrolled for it, for each provider.

    Enrolled is who has an order of it in force on any day of the month, visited or not. A ref that does not exist is
    404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    found = await prescribed.licensed(snapshot, month_days(query.month), **asked)
    body = _body(query.month, found, asdict, Licensed(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderLicensed, f"licensed-{query.month}")


@router.get(
    "/v1/measures/alarms",
    operation_id="get_alarms",
    summary="Measure alarms answered",
    responses=formats.table_of(AlarmsOut, ProviderAlarms, ALARMS_EXAMPLE, "rows"),
)
async def get_alarms(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Visits in which an alarm was answered in a month, with and without other orders in force that day.

    Another provider's order is one too. A ref that does not exist is 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    found = await prescribed.alarms(snapshot, month_days(query.month), **asked)
    body = _body(query.month, found, _alarms_json, Alarms(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderAlarms, f"alarms-{query.month}")
