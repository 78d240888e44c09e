"""The anomalies of a presence that do not depend on its division, their state, and the corrections that repair them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from app.domain.visits.attestation import of_new_staff
from app.domain.visits.correction import Amendment
from app.domain.visits.plan import Part
from app.domain.visits.presence import Presence
from app.domain.visits.presence_plan import PresencePlan, ordered_minutes
from app.domain.visits.repair import completed
from app.domain.visits.visit import cause_of


def states_of(presence: Presence, change: Amendment, parts: Sequence[Part]) -> dict[str, str]:
    """The state, by code, of each anomaly that was acknowledged or resolved and whose cause is still the same."""
    return {
        code: state
        for code, state, known in change.anomaly_states
        if known == cause_of(presence.in_tap, presence.out_tap, presence.staff, parts, code)
    }


def anomalies_of(planned: PresencePlan) -> list[str]:
    """The anomalies of the taps and the employment, which do not depend on the split."""
    presence = planned.presence
    codes: list[str] = [code for code in (presence.dispute_in, presence.dispute_out) if code]
    if presence.state == "incomplete":
        codes.append("missing_in" if presence.started_at is None else "missing_out")
    if presence.state != "complete" and any(side.household != presence.household for side in presence.side_taps):
        codes.append("tag_mismatch")
    if not planned.employed:
        codes.append("not_employed")
    if planned.staff and of_new_staff(presence, planned.staff, planned.on):
        codes.append("new_staff_by_hand")
    codes += planned.flags
    if presence.overlap:
        codes.append("overlap")
    return codes


def suggestions_of(
    planned: PresencePlan, recipient: str, codes: Sequence[str], end: dt.datetime | None
) -> dict[str, Any]:
    """By anomaly code, the correction that would repair it, in the shape of the corrections call."""
    presence = planned.presence
    suggestions: dict[str, Any] = {}
    if "tag_mismatch" in codes:
        side = next(side for side in presence.side_taps if side.household != presence.household)
        suggestions["tag_mismatch"] = {"kind": "set_end", "ended_at": side.at, "reason": "wrong_tag"}
        if planned.plan.report_missing and recipient not in planned.plan.corrected:
            ordered = [part for part in planned.plan.parts if part.recipient == recipient]
            suggestions["tag_mismatch"] = completed(suggestions["tag_mismatch"], ordered)
    if "missing_out" in codes and end:
        suggestions["missing_out"] = {"kind": "set_end", "ended_at": end, "reason": "forgot_out"}
    if "missing_in" in codes and presence.ended_at:
        minutes = ordered_minutes(planned.plan)
        if minutes:
            start = presence.ended_at - dt.timedelta(minutes=minutes)
            suggestions["missing_in"] = {"kind": "set_start", "started_at": start, "reason": "forgot_in"}
    return suggestions
