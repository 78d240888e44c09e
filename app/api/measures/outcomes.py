"""Declined visits, and visits for which nobody opened: `GET /v1/measures/declined`."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot
from app.api.http.shapes import AnyRef, Month, Wire
from app.api.http.visibility import whom
from app.api.measures.measures import MonthQuery, by_provider
from app.domain.measures.outcomes import (
    AT_DOOR,
    IN_ADVANCE,
    NO_ANSWER,
    PERFORMED,
    SINGLE,
    Counts,
    Whose,
    declined_share,
    of_providers,
    trends,
)
from app.domain.register.order import ONE_DAY
from app.domain.time import month_days
from app.store.measures import outcomes

router = APIRouter(tags=["measures"], route_class=KeptRoute)


class DeclinedQuery(MonthQuery):
    """The filters, and the number of months shown of each recipient, the asked one included."""

    months: Annotated[int, Field(ge=1, le=24)] = 6


class DeclinedIntervention(Wire):
    """The number of times that one intervention was declined by itself: within a performed visit, or in advance."""

    intervention: AnyRef
    declined_single: int
    declined_in_advance: int


class OutcomesRow(Wire):
    """Visits by outcome. `share` is the share of declined visits, in advance or at the door; null if there are none.

    `declined_single` counts the interventions that were declined within performed visits. `interventions` has these by
    intervention, and interventions that were declined in advance while the rest of the visit was wanted.
    """

    performed: int
    declined_in_advance: int
    declined_at_door: int
    no_answer: int
    share: float | None
    declined_single: int
    interventions: list[DeclinedIntervention]


class ProviderOutcomes(OutcomesRow):
    """The outcomes of one provider. `provider` is null for visits by unknown staff."""

    provider: AnyRef | None


class MonthOutcomes(OutcomesRow):
    """The outcomes of one month."""

    month: Month


class RecipientOutcomes(Wire):
    """The outcomes of one recipient by month. The month asked for is last."""

    recipient: AnyRef
    months: list[MonthOutcomes]


class DeclinedOut(Wire):
    """The outcomes of each provider and of all together, and the recipients that declined or did not open in the month.

    Recipients with the most declines in the shown months come first.
    """

    month: Month
    rows: list[ProviderOutcomes]
    total: OutcomesRow
    recipients: list[RecipientOutcomes]


def _shown(counts: Counts) -> dict[str, Any]:
    share = declined_share(counts)
    named = sorted({intervention for _, intervention in counts if intervention is not None})
    return {
        **{how: counts[how, None] for how in (PERFORMED, IN_ADVANCE, AT_DOOR, NO_ANSWER)},
        "share": None if share is None else float(share),
        SINGLE: sum(counts[SINGLE, intervention] for intervention in named),
        "interventions": [
            {"intervention": intervention} | {how: counts[how, intervention] for how in (SINGLE, IN_ADVANCE)}
            for intervention in named
        ],
    }


def _body(counts: Mapping[Whose, Counts], months: Sequence[dt.date], recipient: str | None) -> dict[str, Any]:
    rows = of_providers(counts, months[-1])
    trend = [
        {
            "recipient": ref,
            "months": [{"month": f"{on:%Y-%m}", **_shown(one)} for on, one in zip(months, months_of, strict=True)],
        }
        for ref, months_of in trends(counts, months, recipient).items()
    ]
    body = by_provider(f"{months[-1]:%Y-%m}", rows, sum(rows.values(), start=Counter()), _shown)
    return body | {"recipients": trend}


_MONTHS = [dt.date(2026, 9, 1), dt.date(2026, 10, 1)]
_COUNTS: dict[Whose, Counts] = {
    ("P-norr", "B-001", _MONTHS[1]): Counter({(PERFORMED, None): 96}),
    ("P-norr", "B-004", _MONTHS[0]): Counter({(PERFORMED, None): 58, (AT_DOOR, None): 2, (SINGLE, "dusch"): 1}),
    ("P-norr", "B-004", _MONTHS[1]): Counter(
        {(PERFORMED, None): 54, (AT_DOOR, None): 5, (NO_ANSWER, None): 1, (IN_ADVANCE, None): 2, (SINGLE, "dusch"): 3}
    ),
}


@router.get(
    "/v1/measures/declined",
    operation_id="get_declined_visits",
    summary="Get the number of declined visits",
    responses=formats.table_of(DeclinedOut, ProviderOutcomes, _body(_COUNTS, _MONTHS, None), "rows"),
)
async def get_declined(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[DeclinedQuery, Query()]
) -> Response:
    """Count the visits of a month by outcome: performed, declined in advance, declined at the door, nobody opened.

    There is a row for each provider. The answer also counts what was declined within visits, by intervention. For each
    recipient that declined something or did not open, it shows the last `months` months, so that a repeated pattern can
    be seen. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    first, last = month_days(query.month)
    months = [first]
    while len(months) < query.months:
        months.insert(0, (months[0] - ONE_DAY).replace(day=1))
    counts = await outcomes.outcomes(snapshot, (months[0], last), **asked)
    body = _body(counts, months, query.recipient)
    return await formats.table(request, body, "rows", ProviderOutcomes, f"declined-{query.month}")
