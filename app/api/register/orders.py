"""Orders, one by one and in batches."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.register.place_order import Placed, place_orders, withdraw_order
from app.actions.versions import Condition, Json, PutOutcome
from app.api.http.access import Caller, allow, database
from app.api.http.json_bodies import Unread, read_items
from app.api.http.problems import PROBLEMS, FieldError
from app.api.http.records import (
    CASE_READERS,
    WRITERS,
    Conditional,
    RecordKind,
    Spanned,
    Versioned,
    add_routes,
    own_provider,
    stored_body,
    written,
)
from app.api.http.refs import Minutes, Ref, Text, known_ref, not_before
from app.api.http.shapes import AnyRef, Day, Fault, Instant, LastDay, OneOf, RefInPath, Wire, answer_of, body_of
from app.domain.closed_sets import PeriodUnit
from app.language import wanted
from app.store.connection import Writing

router = APIRouter(tags=["master data"])

BATCH_BYTES = 8 * 1024 * 1024
WINDOW_ENDS = 2


def _each_once(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("invalid_value", "the same twice")
    return values


def _is_open(window: list[str]) -> list[str]:
    if window[0] == window[1]:
        raise PydanticCustomError("out_of_range", "a window that closes as it opens")
    return window


Clock = Annotated[str, StringConstraints(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Window = Annotated[list[Clock], Field(min_length=WINDOW_ENDS, max_length=WINDOW_ENDS), AfterValidator(_is_open)]
Weekday = Annotated[int, Field(ge=1, le=7)]
Weekdays = Annotated[list[Weekday], Field(min_length=1, max_length=7), AfterValidator(_each_once)]


class LineBody(Wire):
    """One ordered intervention: `frequency` times in each period, by `staff_count` carers.

    A window may pass midnight.
    """

    ref: Ref
    intervention: Ref
    standard_minutes: Minutes | None = Field(
        None, description="The minutes for each time. Left out: the usual minutes of the intervention."
    )
    frequency: Annotated[int, Field(ge=0, le=1000)]
    period: Annotated[int, Field(ge=1, le=1000)]
    period_unit: PeriodUnit
    staff_count: Annotated[int, Field(ge=1, le=10)] = 1
    weekdays: Weekdays | None = Field(None, description="The weekdays of the visits; 1 is Monday. Left out: any day.")
    window: Window | None = Field(
        None, description="The local time between which visits start, `HH:MM` twice. Left out: any time."
    )
    answered_by: Annotated[
        list[Ref],
        Field(
            default_factory=list,
            max_length=20,
            description="The refs of other providers whose staff may answer this alarm.",
        ),
        AfterValidator(_each_once),
    ]


class PauseBody(Wire):
    """Days on which the order is not in force. Without `to`, the pause lasts until further notice.

    If a contract pays for absence, it depends on `notified_at` and on the reason.
    """

    first: Annotated[Day, Field(alias="from")]
    last: Annotated[LastDay, Field(alias="to")] = None
    reason: Text
    notified_at: Instant | None = None

    @field_validator("last")
    @classmethod
    def _not_before_its_first_day(cls, last: Day | None, info: ValidationInfo) -> Day | None:
        return not_before(info.data.get("first"), last)


class OrderBody(Spanned):
    """The help that one provider is to give to one recipient. Days are local and inclusive."""

    recipient: Ref
    provider: Ref
    decision: Ref | None = None
    valid_from: Day
    valid_to: LastDay = None
    lines: Annotated[list[LineBody], Field(max_length=200)]
    pauses: Annotated[list[PauseBody], Field(default_factory=list, max_length=500)]
    applies_from: Day | None = Field(
        None,
        description="The first day that changes. Left out: the whole order is replaced.",
    )

    @field_validator("lines")
    @classmethod
    def _each_line_once(cls, lines: list[LineBody]) -> list[LineBody]:
        _each_once([line.ref for line in lines])
        return lines


class Warned(Wire):
    """A warning that the order changes days in the past: the granted time and the pay.

    Both are the new figures less the old ones. The pay is that of whole months, for the whole household and for all
    providers of the order. If a batch holds several orders of a household, each has the same figure. Closed months are
    adjusted.
    """

    code: Literal["changes_past"]
    first: Annotated[Day, Field(alias="from")]
    seconds: int
    ore: int


class OrderAnswer(OrderBody, Versioned):
    """An order as it is stored. `earlier` holds the earlier versions. Only an answer to PUT has warnings."""

    earlier: list[OrderBody]
    warnings: list[Warned] | None = None


class OrderItem(OrderBody):
    """An order with its ref, as one item of a batch."""

    ref: Ref


class OrdersBody(Wire):
    """Orders to create or replace, in this order."""

    orders: Annotated[list[OrderItem], Field(min_length=1, max_length=1000)]


class OrderResult(Wire):
    """The result for one order. A refused order has a code. `ref` is null if it could not be read."""

    ref: AnyRef | None
    status: Literal["created", "replaced", "unchanged", "refused"]
    version: int | None
    code: Annotated[str, OneOf(PROBLEMS)] | None = None
    errors: list[Fault] | None = None
    warnings: list[Warned] | None = None


class OrdersAnswer(Wire):
    """One result for each order, in the order in which they were sent."""

    results: list[OrderResult]


LINE = {
    "ref": "1",
    "intervention": "dusch",
    "standard_minutes": 30,
    "frequency": 2,
    "period": 1,
    "period_unit": "wk",
    "staff_count": 1,
    "weekdays": [1, 4],
    "window": ["07:00", "10:00"],
}
ORDER = {
    "recipient": "B-004",
    "provider": "P-norr",
    "decision": "D-2026-17",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "lines": [LINE],
    "pauses": [{"from": "2026-07-01", "to": "2026-07-14", "reason": "hospital"}],
}


async def _put_order(request: Request, caller: Caller, ref: str, body: OrderBody, condition: Condition) -> PutOutcome:
    async def act(writing: Writing) -> PutOutcome:
        [outcome] = await place_orders(
            writing,
            [Placed(ref, stored_body(body))],
            by=caller.subject,
            condition=condition,
        )
        warned = {"warnings": outcome.warnings} if outcome.warnings else {}
        return replace(outcome, body=outcome.body | warned)

    return await written(request, caller, act)


def _shown_order(caller: Caller, body: Json) -> Json:
    """With what was before, to a planner where it was its own provider's."""
    provider = own_provider(caller)
    earlier = [one for one in body.get("earlier", ()) if provider in {None, one["provider"]}]
    return _shown_part(body) | {"earlier": [_shown_part(one) for one in earlier]}


def _shown_part(body: Json) -> Json:
    lines = [{"answered_by": []} | line for line in body["lines"]]
    return {"applies_from": None} | body | {"lines": lines}


add_routes(
    router,
    RecordKind(
        "orders",
        "order",
        OrderBody,
        OrderAnswer,
        ORDER,
        {"ref": "O-004", "version": 1, **ORDER, "applies_from": None, "earlier": []},
        visible_by="provider",
        filters={"recipient": "recipients", "provider": "providers"},
        put=_put_order,
        shown=_shown_order,
        readers=CASE_READERS,
    ),
)


@router.delete(
    "/v1/orders/{ref}",
    operation_id="withdraw_order",
    summary="Withdraw an order",
    response_description="Withdrawn",
    status_code=204,
    response_class=Response,
)
async def withdraw(
    request: Request,
    ref: RefInPath,
    caller: Annotated[Caller, Depends(allow(*WRITERS, scope="records:write"))],
    condition: Conditional,
) -> Response:
    """Withdraw an order. It then counts as never placed. Its history is kept. `If-Match` works as for PUT."""
    known_ref(ref)

    async def act(writing: Writing) -> PutOutcome:
        return await withdraw_order(writing, ref, by=caller.subject, condition=condition)

    await written(request, caller, act)
    return Response(status_code=204)


RESULTS = {
    "results": [
        {"ref": "O-004", "status": "created", "version": 1},
        {
            "ref": "O-005",
            "status": "refused",
            "version": None,
            "code": "unknown_ref",
            "errors": [
                {
                    "pointer": "/orders/1/recipient",
                    "code": "unknown_ref",
                    "message": "The ref does not exist, or you may not see it. Check it.",
                }
            ],
        },
    ]
}


@router.post(
    "/v1/orders:batch",
    operation_id="put_orders",
    summary="Create or replace many orders",
    openapi_extra=body_of(OrdersBody, example={"orders": [{"ref": "O-004", **ORDER}]}),
    responses=answer_of(OrdersAnswer, example=RESULTS),
)
async def place_batch(
    request: Request, caller: Annotated[Caller, Depends(allow(*WRITERS, scope="records:write"))]
) -> Response:
    """Create or replace 1 to 1000 orders in one transaction.

    Each gets its own result; a bad one does not stop the others.

    The body may also be the list alone.
    """
    batch = await read_items(request, OrdersBody, "orders", OrderItem, limit_bytes=BATCH_BYTES)
    placed = [
        Placed(item.ref, item.model_dump(mode="json", by_alias=True, exclude={"ref"}))
        for item in batch.items
        if isinstance(item, OrderItem)
    ]
    async with database(request).write(caller.municipality_id) as writing:
        outcomes = iter(await place_orders(writing, placed, by=caller.subject))
    results = [
        _unread(request, place, item) if isinstance(item, Unread) else _result(request, place, item.ref, next(outcomes))
        for place, item in enumerate(batch.items)
    ]
    return Response(to_json({"results": results}), media_type="application/json")


def _result(request: Request, place: int, ref: str, outcome: PutOutcome) -> dict[str, Any]:
    if outcome.status != "refused":
        warned = {"warnings": outcome.warnings} if outcome.warnings else {}
        return {"ref": ref, "status": outcome.status, "version": outcome.version, **warned}
    return _refused(
        request, ref, outcome.code, [FieldError(f"/orders/{place}{f.pointer}", f.code) for f in outcome.flaws]
    )


def _unread(request: Request, place: int, item: Unread) -> dict[str, Any]:
    given = item.raw.get("ref") if isinstance(item.raw, dict) else None
    # A ref that could not be one is not sent back: it may be somebody's number.
    faulty = any(fault.pointer == "/ref" for fault in item.errors)
    errors = [FieldError(f"/orders/{place}{fault.pointer}", fault.code) for fault in item.errors]
    numbers = any(fault.code == "ref_is_personal_number" for fault in item.errors)
    ref = given if isinstance(given, str) and not faulty else None
    return _refused(request, ref, "ref_is_personal_number" if numbers else "malformed", errors)


def _refused(request: Request, ref: str | None, code: str, errors: list[FieldError]) -> dict[str, Any]:
    language = wanted(request.headers.get("accept-language", ""))
    described = [error.to_json(language) for error in errors]
    return {"ref": ref, "status": "refused", "version": None, "code": code, "errors": described}
