"""Delegations as they stand and ended, and the nurse's list of what was done without: `GET /v1/delegations`."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.http.access import Caller, allow
from app.api.http.looks import shown
from app.api.http.paging import cursor_of, moment_of, paged, words_of
from app.api.http.pulls import PULLERS, Snapshot, asked_days
from app.api.http.refs import ref_after
from app.api.http.shapes import AnyRef, Day, Instant, Month, Wire, answer_of
from app.api.http.visibility import provider_of, require_known
from app.domain.closed_sets import AnomalyState, DelegationState, Profession
from app.domain.register.delegation import Given, history
from app.domain.time import local_date
from app.domain.visits.undelegated import Lack, Undelegated, done_without
from app.store.register import delegations
from app.store.visits import undelegated

router = APIRouter(tags=["delegations"])

AT_ONCE = 200
"""Staff whose employments are read together."""
FIRST = (dt.datetime(1900, 1, 1, tzinfo=dt.UTC), UUID(int=0))


class DelegationItem(Wire):
    """A delegation. `valid_to` is its last day as it is now; a `revoked` one was meant to last longer."""

    staff: AnyRef
    provider: AnyRef
    intervention: AnyRef
    valid_from: Day
    valid_to: Day | None
    state: DelegationState
    given_at: Instant
    given_by: str
    revoked_at: Instant | None
    revoked_by: str | None


class DelegationsOut(Wire):
    """Delegations by staff ref, intervention and first day.

    A page ends after all delegations of a staff ref, so it may be longer than `limit`.
    """

    items: list[DelegationItem]
    next: str | None


class DelegationQuery(BaseModel):
    """The filters, and `soon`: the number of days before its end from which a delegation is expiring."""

    provider: AnyRef | None = None
    staff: AnyRef | None = None
    state: DelegationState | None = None
    on: Day | None = None
    soon: Annotated[int, Field(ge=0, le=366)] = 30
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400)] = None


class MissingItem(Wire):
    """A delegated intervention that a person did without a valid delegation on that day.

    `state` is the state of the visit's anomaly. When it is `resolved`, the intervention is paid for and stays in this
    list.
    """

    visit: UUID
    started_at: Instant | None
    local_date: Day
    provider: AnyRef | None
    staff: AnyRef
    role: Profession | None
    recipient: AnyRef
    intervention: AnyRef
    seconds: int
    lack: Lack
    state: AnomalyState


class MissingOut(Wire):
    """Interventions without a delegation, the oldest first.

    A page ends after all interventions of a visit, so it may be longer than `limit`.
    """

    items: list[MissingItem]
    next: str | None


class MissingQuery(BaseModel):
    """A month or a span of inclusive local dates, and whose visits."""

    month: Month | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    provider: AnyRef | None = None
    staff: AnyRef | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=400)] = None


DELEGATION = {
    "staff": "S-07",
    "provider": "P-norr",
    "intervention": "insulin",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "state": "valid",
    "given_at": "2026-01-01T08:00:00Z",
    "given_by": "S-07",
    "revoked_at": None,
    "revoked_by": None,
}
MISSING = {
    "visit": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1",
    "started_at": "2026-10-24T08:31:02Z",
    "local_date": "2026-10-24",
    "provider": "P-norr",
    "staff": "S-08",
    "role": "care_assistant",
    "recipient": "B-001",
    "intervention": "insulin",
    "seconds": 600,
    "lack": "expired",
    "state": "open",
}


@router.get(
    "/v1/delegations",
    operation_id="list_delegations",
    summary="List delegations",
    responses=answer_of(DelegationsOut, example={"items": [DELEGATION], "next": None}, headers=["Link"]),
)
async def list_delegations(
    request: Request,
    caller: Annotated[Caller, Depends(allow(*PULLERS, scope="records:read"))],
    snapshot: Snapshot,
    query: Annotated[DelegationQuery, Query()],
) -> Response:
    """List all delegations that were ever given, with their state on a day. The default is today.

    A delegation is `coming`, `valid`, `expiring` (it ends within `soon` days, by default 30), `expired` or `revoked`.
    It is `revoked` if its last day was moved to an earlier day, or if it was taken away. A ref that does not exist
    gives 404 `unknown_ref`.
    """
    await require_known(snapshot, caller, provider=query.provider, staff=query.staff)
    after = "" if query.cursor is None else ref_after(query.cursor)
    provider = provider_of(caller, query.provider)
    on, soon = query.on or local_date(snapshot.now), dt.timedelta(days=query.soon)
    items: list[dict[str, Any]] = []
    more = True
    while more and len(items) < query.limit:
        refs = await delegations.refs(snapshot, provider, query.staff, after, AT_ONCE + 1)
        more = len(refs) > AT_ONCE
        puts = await delegations.puts(snapshot, refs[:AT_ONCE])
        for ref in refs[:AT_ONCE]:
            if len(items) >= query.limit:
                more = True
                break
            after = ref
            shown = [_delegation(given, given.state(on, soon)) for given in history(puts[ref])]
            items += [one for one in shown if query.state in {None, one["state"]}]
    return paged(request, items, cursor_of(after) if more else None)


@router.get(
    "/v1/delegations/missing",
    operation_id="list_missing_delegations",
    summary="List interventions without a delegation",
    responses=answer_of(MissingOut, example={"items": [MISSING], "next": None}, headers=["Link"]),
)
async def list_missing(
    request: Request,
    caller: Annotated[Caller, Depends(allow(*PULLERS, scope="visits:read"))],
    snapshot: Snapshot,
    query: Annotated[MissingQuery, Query()],
) -> Response:
    """List delegated interventions that were done without a valid delegation, with the reason.

    The reason is `never_given`, `not_yet`, `expired` or `revoked` on the day of the visit, by the master data of today.
    A ref that does not exist gives 404 `unknown_ref`.
    """
    days = asked_days(query.month, query.from_, query.to)
    await require_known(snapshot, caller, provider=query.provider, staff=query.staff)
    after = moment_of(words_of(query.cursor)) if query.cursor else FIRST
    provider = provider_of(caller, query.provider)
    listed = await undelegated.without(snapshot, days, provider, query.staff, after, query.limit + 1)
    visits = listed[: query.limit]
    await shown(request, snapshot, (visit.recipient for visit in visits))
    puts = await delegations.puts(snapshot, {visit.staff for visit in visits})
    items = [_missing(one) for visit in visits for one in done_without(visit, puts[visit.staff])]
    following = cursor_of(visits[-1].anchor_at, visits[-1].id) if len(listed) > query.limit else None
    return paged(request, items, following)


def _delegation(given: Given, state: DelegationState) -> dict[str, Any]:
    shown = asdict(given) | {"state": state}
    return {name: shown[name] for name in DelegationItem.model_fields}


def _missing(one: Undelegated) -> dict[str, Any]:
    shown = one.visit._asdict() | one._asdict() | {"visit": one.visit.id}
    return {name: shown[name] for name in MissingItem.model_fields}
