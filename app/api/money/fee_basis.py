"""The basis of fees: `GET /v1/reports/fee-basis`."""

import asyncio
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.http import formats
from app.api.http.access import Caller, allow
from app.api.http.pulls import Snapshot
from app.api.http.shapes import AnyRef, Month, OneOf, Wire
from app.api.http.visibility import require_known
from app.domain.money.declined import declined_in_advance
from app.domain.money.fee import NORRTALJE_2022, PROFILES, fee_basis
from app.domain.time import month_days
from app.store.money import fees

router = APIRouter(tags=["reports of cases"])


class FeeQuery(BaseModel):
    """The month, one recipient or all, and by whose levels."""

    month: Month
    recipient: AnyRef | None = None
    profile: Annotated[str, OneOf(PROFILES)] = NORRTALJE_2022.name


class FeeRow(Wire):
    """The hours that a recipient may be asked to pay for, the percent of the highest fee, and the amount."""

    recipient: AnyRef
    seconds: int
    alarm_only: bool
    percent: int | float
    fee_ore: int


class FeeOut(Wire):
    """The basis of fees by recipient. Recipients without anything to pay for have no row."""

    month: Month
    profile: Annotated[str, OneOf(PROFILES)]
    cap_ore: int
    rows: list[FeeRow]


FEE = {"recipient": "B-001", "seconds": 19_800, "alarm_only": False, "percent": 60, "fee_ore": 130_200}
FEES = {"month": "2026-10", "profile": NORRTALJE_2022.name, "cap_ore": NORRTALJE_2022.cap_ore, "rows": [FEE]}


@router.get(
    "/v1/reports/fee-basis",
    operation_id="get_fee_basis",
    summary="Get the basis of fees",
    responses=formats.table_of(FeeOut, FeeRow, FEES, "rows"),
)
async def get_fee_basis(
    request: Request,
    caller: Annotated[Caller, Depends(allow("system", "controller", "admin", scope="pay:read"))],
    snapshot: Snapshot,
    query: Annotated[FeeQuery, Query()],
) -> Response:
    """Get the hours of SERVICE and CARE for which recipients may be asked to pay, and the fee that follows.

    The hours give a percent of the highest fee. A recipient with only an alarm has a percent of its own. A paused day,
    or a visit that was declined in advance, is left out if notice came 48 hours ahead. This limit is independent of the
    one for the provider's pay.
    """
    await require_known(snapshot, caller, recipient=query.recipient)
    days, profile = month_days(query.month), PROFILES[query.profile]
    master, notices = await fees.ordered(snapshot, days, query.recipient)
    declined = list(declined_in_advance(notices, master))
    orders = list(chain.from_iterable(master.orders.values()))
    bases = await asyncio.to_thread(fee_basis, profile, master, orders, declined, days)
    rows = [
        {
            "recipient": one.recipient,
            "seconds": one.seconds,
            "alarm_only": one.alarm_only,
            "percent": float(one.level * 100),
            "fee_ore": one.fee_ore,
        }
        for one in bases
    ]
    answer = {"month": query.month, "profile": profile.name, "cap_ore": profile.cap_ore, "rows": rows}
    return await formats.table(request, answer, "rows", FeeRow, f"fee-basis-{query.month}")
