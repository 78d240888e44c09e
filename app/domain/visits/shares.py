"""The shares of a recipient in a complete presence, who fills the ordered staff, and the anomalies of both."""

from collections.abc import Collection, Sequence
from functools import partial

from app.domain.time import covered_by
from app.domain.visits.pairing import presence_order
from app.domain.visits.plan import HOLDING, NOTHING_DONE, Part
from app.domain.visits.presence_plan import PresencePlan
from app.domain.visits.split import Share, cut_extra


def shares_of(
    planned: PresencePlan,
    recipient: str,
    given: Sequence[tuple[Part, int]],
    presence_seconds: int,
    resolved: Collection[str],
    *,
    scaled: bool,
) -> tuple[list[Share], list[str]]:
    """The shares of one recipient in a complete presence, and their anomalies."""
    report_missing = planned.plan.report_missing and recipient not in planned.plan.corrected
    shares = [_share(planned, part, seconds, resolved, report_missing=report_missing) for part, seconds in given]
    if planned.company:
        shares = cut_extra(shares, partial(_filled_by_others, planned), presence_seconds)
    extra = [share for share in shares if share.reason == "extra_staff"]
    wrong = [code for part, _ in given for code in part.anomalies]
    wrong += ["report_missing"] * report_missing + ["attestation_missing"] * planned.unattested
    wrong += ["minutes_scaled"] * scaled
    wrong += ["extra_staff"] * bool(extra) + ["staff_count"] * _too_few(planned, given)
    if "extra_staff" in resolved:
        shares = [share._replace(payable=True, reason="resolved") if share in extra else share for share in shares]
    return shares, wrong


def _share(
    planned: PresencePlan, part: Part, seconds: int, resolved: Collection[str], *, report_missing: bool
) -> Share:
    """A part with its seconds, and the first anomaly that holds it; payable when there is none or all are resolved."""
    wrong = [NOTHING_DONE] if part.reason == NOTHING_DONE else []
    wrong += [code for code in HOLDING if code in part.anomalies] if part.anomalies else []
    wrong += ["trainee"] * planned.trainee + ["not_employed"] * (not planned.employed)
    wrong += ["report_missing"] * report_missing + ["attestation_missing"] * planned.unattested
    left = [code for code in wrong if code not in resolved]
    reason = left[0] if left else "resolved" if wrong else part.reason
    return Share(part.category, part.intervention, part.order_line, seconds, not left, reason)


def _filled_by_others(planned: PresencePlan, order_line: str) -> int:
    """Seconds of the presence during which the earlier ones already filled the staff that the line orders."""
    if planned.trainee:
        return 0
    places = next(part.staff_count for part in planned.plan.parts if part.order_line == order_line)
    position = presence_order(planned.presence)
    before = [
        other.presence.spans
        for other in planned.company
        if other.counts and presence_order(other.presence) < position and order_line in other.lines()
    ]
    return covered_by(planned.presence.spans, before, places) if len(before) >= places else 0


def _too_few(planned: PresencePlan, given: Sequence[tuple[Part, int]]) -> bool:
    """True when a line orders more staff than were there at the same time."""
    if planned.trainee:
        return False
    for part, _ in given:
        if part.staff_count > 1 and part.order_line:
            came = {
                other.presence.person
                for other in (planned, *planned.company)
                if not other.trainee
                and other.status not in {"disputed", "omitted"}
                and part.order_line in other.lines()
            }
            if len(came) < part.staff_count:
                return True
    return False
