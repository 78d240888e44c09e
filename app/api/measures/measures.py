"""The first measures: `GET /v1/measures/{continuity,executed-share,evidence}`."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.http import formats
from app.api.http.kept import KeptRoute
from app.api.http.pulls import Puller, Snapshot, asked_days
from app.api.http.shapes import AnyRef, Day, Month, OneOf, Wire
from app.api.http.visibility import whom
from app.domain.closed_sets import SOL_TIME
from app.domain.measures.measures import (
    KOLADA_CLASSIC,
    PROFILES,
    TARGET_SHARE,
    Continuity,
    Evidence,
    Profile,
    executed_share,
    meets_target,
    period,
    publishable,
    together,
)
from app.domain.time import month_days
from app.domain.visits.evidence import EVIDENCE_LEVELS
from app.store.measures import executed_time, measures
from app.store.measures.executed_time import Question
from app.store.measures.performed import ALL, Who

router = APIRouter(tags=["measures"], route_class=KeptRoute)

T = TypeVar("T")


class ContinuityQuery(BaseModel):
    """A month, whose first days are the profile's, or the first of these; and whose continuity."""

    month: Month | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    profile: Annotated[str, OneOf(PROFILES)] = KOLADA_CLASSIC.name
    provider: AnyRef | None = None
    recipient: AnyRef | None = None
    published: bool = False


class ContinuityOut(Wire):
    """The number of persons that recipients meet. The figures are null if no recipient counts or if `suppressed`.

    `share_above` is the share of recipients that met more than `above` persons. No figure is rounded.
    """

    profile: Annotated[str, OneOf(PROFILES)]
    from_: Annotated[Day, Field(alias="from")]
    to: Day
    suppressed: bool
    eligible: int | None
    excluded: dict[str, int] | None
    mean: float | None
    median: float | None
    min: int | None
    max: int | None
    above: int
    share_above: float | None


class MonthQuery(BaseModel):
    """The month, and whose measure."""

    month: Month
    provider: AnyRef | None = None
    recipient: AnyRef | None = None


class ShareRow(Wire):
    """Executed and granted time in SERVICE and CARE. `share` may be above 1. It is null without granted time."""

    executed_seconds: int
    granted_seconds: int
    share: float | None
    meets_target: bool | None


class ProviderShare(ShareRow):
    """The share of one provider. `provider` is null for visits by unknown staff."""

    provider: AnyRef | None


class ExecutedShareOut(Wire):
    """The share of each provider and of all together. The total is the ratio of the sums."""

    month: Month
    target: float
    rows: list[ProviderShare]
    total: ShareRow


class EvidenceLevels(Wire):
    """The number of visits by the evidence of their weakest end, the strongest level first.

    `off_site` and `system_down` were also entered by hand, because there was no tag to read or no system to read it
    with.
    """

    sun_online: int
    sun_late: int
    static: int
    off_site: int
    system_down: int
    manual: int


class EvidenceRow(Wire):
    """Performed visits by evidence. `manual_share` is the share of `manual`, without `off_site` and `system_down`.

    It is null if no other visits were performed.
    """

    performed: int
    evidence: EvidenceLevels
    manual_share: float | None


class ProviderEvidence(EvidenceRow):
    """The evidence of one provider. `provider` is null for visits by unknown staff."""

    provider: AnyRef | None


class EvidenceOut(Wire):
    """The evidence of each provider and of all together."""

    month: Month
    rows: list[ProviderEvidence]
    total: EvidenceRow


def by_provider(
    month: str, rows: Mapping[str | None, T], total: T, shown: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """The answer of a measure for each provider, those without one last, and for all together."""
    ordered = sorted(rows.items(), key=lambda row: (row[0] is None, row[0] or ""))
    return {"month": month, "rows": [{"provider": who, **shown(one)} for who, one in ordered], "total": shown(total)}


def grouped(month: str, groups: Mapping[Who, T], shown: Callable[[T], dict[str, Any]], nothing: T) -> dict[str, Any]:
    """The same, of groups that have all together among them, or else `nothing`."""
    rows = {who[1]: one for who, one in groups.items() if who != ALL}
    return by_provider(month, rows, groups.get(ALL, nothing), shown)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _continuity_json(profile: Profile, first_on: dt.date, continuity: Continuity | None) -> dict[str, Any]:
    """The answer; without a measure every figure is left out."""
    first, last = period(profile, first_on)
    return {
        "profile": profile.name,
        "from": first,
        "to": last,
        "suppressed": continuity is None,
        "eligible": continuity and continuity.eligible,
        "excluded": continuity and dict(continuity.excluded),
        "mean": continuity and _number(continuity.mean),
        "median": continuity and _number(continuity.median),
        "min": continuity and continuity.least,
        "max": continuity and continuity.most,
        "above": profile.many_persons,
        "share_above": continuity and _number(continuity.above),
    }


CONTINUITY_EXAMPLE = _continuity_json(
    KOLADA_CLASSIC,
    dt.date(2026, 10, 5),
    Continuity(
        112,
        {"age_unknown": 2, "too_young": 14, "paused": 9, "order_not_in_force": 6, "too_few_visits": 321},
        Fraction(31, 2),
        Fraction(15),
        6,
        27,
        Fraction(1, 8),
    ),
) | {"from": "2026-10-05", "to": "2026-10-18"}


@router.get(
    "/v1/measures/continuity",
    operation_id="get_continuity",
    summary="Get continuity",
    responses=formats.table_of(ContinuityOut, ContinuityOut, CONTINUITY_EXAMPLE, None),
)
async def get_continuity(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[ContinuityQuery, Query()]
) -> Response:
    """Get the number of persons that a recipient meets during the days of the profile.

    The days are in a row, from `from` or from the first day of `month`. The answer names the days, and counts the
    recipients that are left out, by reason.

    With `provider`, only the orders and visits of that provider count. With `published`, all figures are suppressed if
    fewer recipients count than the profile demands. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    profile = PROFILES[query.profile]
    _, last_on = period(profile, query.from_) if query.from_ else (None, None)
    first_on, _ = asked_days(query.month, query.from_, last_on)
    continuity: Continuity | None = await measures.continuity(snapshot, profile, first_on, **asked)
    if query.published and continuity is not None and not publishable(profile, continuity):
        continuity = None
    body = _continuity_json(profile, first_on, continuity)
    return await formats.table(request, body, None, ContinuityOut, f"continuity-{first_on}")


def _share_json(both: Sequence[int]) -> dict[str, Any]:
    executed_seconds, granted_seconds = both
    share = executed_share(executed_seconds, granted_seconds)
    return {
        "executed_seconds": executed_seconds,
        "granted_seconds": granted_seconds,
        "share": _number(share),
        "meets_target": meets_target(share),
    }


_BOTH = (4_140_000, 4_600_000)
SHARE_EXAMPLE = by_provider("2026-10", {"P-norr": _BOTH}, _BOTH, _share_json) | {"target": float(TARGET_SHARE)}


@router.get(
    "/v1/measures/executed-share",
    operation_id="get_executed_share",
    summary="Get the executed share",
    responses=formats.table_of(ExecutedShareOut, ProviderShare, SHARE_EXAMPLE, "rows"),
)
async def get_executed_share(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Compare executed with granted time under the Social Services Act (SERVICE, CARE) in a month, by provider.

    Paused days grant no time. A share above 1 is shown as it is. The share is compared with the target before rounding.
    A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    question = Question(month_days(query.month), ("provider", "category"), **asked)
    sums: defaultdict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for row in await executed_time.fetch(snapshot, question):
        if row["category"] in SOL_TIME:
            sums[row["provider"]][0] += row["executed_seconds"]
            sums[row["provider"]][1] += row["granted_seconds"]
    total = [sum(both[side] for both in sums.values()) for side in (0, 1)]
    body = by_provider(query.month, sums, total, _share_json) | {"target": float(TARGET_SHARE)}
    return await formats.table(request, body, "rows", ProviderShare, f"executed-share-{query.month}")


def _evidence_json(evidence: Evidence) -> dict[str, Any]:
    return {
        "performed": evidence.performed,
        "evidence": dict(evidence.levels),
        "manual_share": _number(evidence.manual_share),
    }


_SHOWN = Evidence(8_000, dict(zip(EVIDENCE_LEVELS, (6_900, 300, 300, 30, 20, 450), strict=True)))
EVIDENCE_EXAMPLE = by_provider("2026-10", {"P-norr": _SHOWN}, _SHOWN, _evidence_json)


@router.get(
    "/v1/measures/evidence",
    operation_id="get_evidence_levels",
    summary="Get the levels of evidence",
    responses=formats.table_of(EvidenceOut, ProviderEvidence, EVIDENCE_EXAMPLE, "rows"),
)
async def get_evidence(
    request: Request, caller: Puller, snapshot: Snapshot, query: Annotated[MonthQuery, Query()]
) -> Response:
    """Count the performed visits of a month by the evidence of their weakest end, for each provider.

    A start or end that was corrected by hand is `manual`, even if there was a tap. The exception is a correction
    because the system was down. A ref that does not exist gives 404 `unknown_ref`.
    """
    asked = await whom(snapshot, caller, query)
    rows = await measures.evidence_by_provider(snapshot, month_days(query.month), **asked)
    body = by_provider(query.month, rows, together(rows.values()), _evidence_json)
    return await formats.table(request, body, "rows", ProviderEvidence, f"evidence-{query.month}")
