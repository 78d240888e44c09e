"""Licensed health care: `GET /v1/measures/licensed`."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot
from app.api.http.shapes import AnyRef, Month, Wire
from app.api.http.visibility import whom
from app.api.measures.measures import MonthQuery, by_provider, grouped
from app.domain.measures.licensed_care import LicensedCare
from app.domain.time import month_days
from app.store.measures.licensed_care import licensed_care

router = APIRouter(tags=["measures"], route_class=KeptRoute)


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


_CARED = LicensedCare(96, 172_800, 31, 2, 34)
EXAMPLE = by_provider("2026-10", {"P-norr": _CARED}, _CARED, asdict)


@router.get(
    "/v1/measures/licensed",
    operation_id="get_licensed_care",
    summary="Get licensed health care",
    responses=formats.table_of(LicensedOut, ProviderLicensed, EXAMPLE, "rows"),
)
async def get_licensed(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Count the visits with licensed health care in a month and the enrolled recipients, for each provider.

    A recipient is enrolled if an order of such care is in force on any day of the month, with or without visits. A ref
    that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    groups = await licensed_care(snapshot, month_days(query.month), **asked)
    body = grouped(query.month, groups, asdict, LicensedCare(0, 0, 0, 0, 0))
    return await formats.table(request, body, "rows", ProviderLicensed, f"licensed-{query.month}")
