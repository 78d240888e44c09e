"""Anomalies in words, and for each the correction that one call can make."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from app.domain.closed_sets import HEALTH_CARE
from app.domain.visits.correction import TOO_LATE
from app.domain.visits.plan import Part
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit


class Words(NamedTuple):
    """The meaning of an anomaly, in two languages, for the person who settles it."""

    sv: str
    en: str


TEXTS: Mapping[str, Words] = {
    "missing_in": Words("Inloggning saknas.", "The tap in is missing."),
    "missing_out": Words("Utloggning saknas.", "The tap out is missing."),
    "tag_mismatch": Words("Utloggad vid en annan dörr.", "Tapped out at another door."),
    "report_missing": Words("Rapport om vad som gjordes saknas.", "There is no report of what was done."),
    "not_ordered": Words("Insatsen är inte beställd.", "The intervention is not ordered."),
    "order_not_in_force": Words("Beställningen gällde inte den dagen.", "The order was not in force that day."),
    "delegation_missing": Words("Delegering saknas för insatsen.", "There is no delegation for the intervention."),
    "staff_count": Words("Färre personal än beställt.", "Fewer staff than ordered."),
    "no_duration": Words("Besöket har ingen tid.", "The visit has no time."),
    "not_employed": Words("Personalen var inte anställd den dagen.", "The staff was not employed that day."),
    "attestation_missing": Words("En andra person ska intyga besöket.", "A second person is to attest the visit."),
    "received_too_late": Words("Loggningen kom för sent.", "The tap was received too late."),
    "tag_unassigned": Words("Taggen satt inte hos någon.", "The tag hung at nobody's door."),
    "tag_suspended": Words("Taggen var avstängd.", "The tag was suspended."),
    "tag_lost": Words("Taggen var anmäld borttappad.", "The tag was reported lost."),
    "tag_retired": Words("Taggen var tagen ur bruk.", "The tag had been retired."),
    "tag_tampered": Words("Taggen var manipulerad.", "The tag had been tampered with."),
    "device_not_bound": Words("Telefonen hör inte till personalen.", "The phone does not belong to the staff."),
    "harvested": Words("Taggen lästes senare än vad som uppgavs.", "The tag was read later than was claimed."),
    "time_contradiction": Words("Taggens läsningar motsäger tiden.", "The tag's reads contradict the time."),
    "too_many": Words("Fler loggningar än någon hinner.", "More taps than anybody can make."),
    "new_staff_by_hand": Words(
        "För hand, för personal som lades upp samma dag.", "By hand, for staff that was registered the same day."
    ),
    "overlap": Words("Besöket korsar ett annat.", "The visit crosses another one."),
    "extra_staff": Words("Fler personal än beställt.", "More staff than ordered."),
    "clock_adjusted": Words("Telefonens klocka gick fel.", "The phone's clock was wrong."),
    "claim_in_future": Words("Loggningen angavs i framtiden.", "The tap was claimed in the future."),
    "device_revoked": Words("Telefonen har spärrats.", "The phone has been revoked."),
    "minutes_scaled": Words("Rapporterade minuter räknades om.", "Reported minutes were scaled."),
    "fact_after_correction": Words("En loggning kom efter rättelsen.", "A tap came after the correction."),
    "split_by_order": Words("Tiden delades efter hela beställningen.", "The time was divided by the whole order."),
}
"""Every code of `ANOMALIES`."""
DISPUTES = frozenset(
    {
        "received_too_late",
        "tag_unassigned",
        "tag_suspended",
        "tag_lost",
        "tag_retired",
        "tag_tampered",
        "device_not_bound",
        "harvested",
        "time_contradiction",
        "too_many",
    }
)
"""Codes that hold a whole visit until a person decides."""
SUSPECT = frozenset({"tag_retired", "tag_tampered", "harvested", "time_contradiction", "too_many"})
"""Disputes that make the tap itself doubtful: the proposed decision rejects it."""
"""Categories of which only the carer can say that an intervention was done."""
AS_ORDERED = "Enligt beställningen"


def repair_of(visit: Visit, code: str) -> dict[str, Any]:
    """The correction that settles an anomaly, without its id, in the shape of the corrections call.

    With `ordered` it is not complete: a person has to choose first which of the interventions were done.
    """
    suggested = visit.suggestions.get(code)
    if suggested:
        return deepcopy(dict(suggested))
    if code == "attestation_missing" or (visit.status == "disputed" and code == TOO_LATE):
        return {"kind": "attest", "reason": "other", "note": "Intygat"}
    if visit.status == "disputed" and code in DISPUTES:
        return {"kind": "settle_dispute", "accept": code not in SUSPECT, "reason": "equipment"}
    ordered = as_ordered(visit.shares) if code == "report_missing" else None
    if ordered:
        return {"kind": "set_interventions", **ordered, "reason": "other", "note": AS_ORDERED}
    return {"kind": "acknowledge", "anomaly": code, "reason": "other", "note": "Sett"}


def as_ordered(parts: Iterable[Part | Share]) -> dict[str, Any] | None:
    """The interventions to assume for a missing report: all that were ordered, except health care.

    Only the person who gave health care can say that it was given. So if some was ordered, everything is listed under
    `ordered`, with the interventions assumed done ticked. None if nothing was ordered.
    """
    categories = {one.intervention: one.category for one in parts if one.intervention}
    if not categories:
        return None
    done = {
        "interventions": [
            {"intervention": name} for name, category in categories.items() if category not in HEALTH_CARE
        ]
    }
    if not HEALTH_CARE.intersection(categories.values()):
        return done
    ordered = [
        {"intervention": name, "category": category, "ticked": category not in HEALTH_CARE}
        for name, category in categories.items()
    ]
    return done | {"ordered": ordered}


def completed(boundary: Mapping[str, Any], parts: Iterable[Part]) -> dict[str, Any]:
    """The repair of an end whose visit has no report: the end and the ordered interventions, in one call."""
    interventions = as_ordered(parts)
    if interventions is None:
        return dict(boundary)
    ordered = {"ordered": interventions.pop("ordered")} if "ordered" in interventions else {}
    reason = boundary["reason"]
    end = {name: value for name, value in boundary.items() if name != "reason"}
    corrections = [end, {"kind": "set_interventions", **interventions}]
    return {"kind": "repair", "corrections": corrections, **ordered, "reason": reason, "note": AS_ORDERED}
