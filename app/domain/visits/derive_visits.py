"""Presences at one household become visits: one for each served recipient, with status, shares and anomalies.

`visits_at` looks at a whole neighbourhood of overlapping presences, because who came first decides what a second
carer is paid for, and because visits that overlap share a group.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.domain.register.master import MasterData, Staff
from app.domain.taps.report import Report
from app.domain.time import LONGEST_PRESENCE, Span, covered_by, local_date, total_seconds
from app.domain.visits.attestation import held, of_new_staff
from app.domain.visits.correction import (
    EVERY_RECIPIENT,
    NOTHING,
    Amendment,
    Chains,
    Correction,
    amendments,
    chain_of,
    standing,
)
from app.domain.visits.pairing import presence_order
from app.domain.visits.plan import HOLDING, NOTHING_DONE, Part, Plan, plan
from app.domain.visits.presence import Presence
from app.domain.visits.repair import completed
from app.domain.visits.split import Share, cut_extra, divide
from app.domain.visits.visit import NO_DURATION, Status, Visit, cause_of, visit_id
from app.domain.visits.wrong_clocks import Clocks, flags_of


@dataclass(slots=True)
class _PresencePlan:
    """Working state of one presence while the visits of its neighbourhood are derived."""

    presence: Presence
    staff: Staff | None
    employed: bool
    on: dt.date
    report: Report | None
    plan: Plan
    until: dt.datetime
    provisional_end: dt.datetime | None
    status: Status
    group: UUID
    amended: Mapping[str, Amendment]
    apart: Mapping[str, Status]
    """Recipients whose visits have another status than the presence, and take no time from the others."""
    left_out: tuple[Part, ...]
    """Their parts."""
    unattested: bool = False
    flags: Sequence[str] = ()
    company: "list[_PresencePlan]" = field(default_factory=list)
    """The overlapping presences at the household: the earlier ones in order, then the later ones."""

    @property
    def counts(self) -> bool:
        """True when it fills a place of the ordered staff: a trainee and an unconfirmed visit never do."""
        return self.status == "complete" and not self.trainee

    @property
    def nowhere(self) -> bool:
        """True when its ends are known but no second between them is its own."""
        return self.presence.confirmed and not self.presence.spans

    @property
    def trainee(self) -> bool:
        return self.staff is not None and self.staff.role == "trainee"

    def lines(self) -> set[str]:
        return {part.order_line for part in self.plan.parts if part.order_line}


def ordered_minutes(plan: Plan) -> int:
    """Sum of the standard minutes of the ordered parts of a presence; if none was done, of all that was ordered."""
    return sum(part.standard_minutes for part in plan.parts if part.order_line or part.reason == NOTHING_DONE)


def provisional_end(presence: Presence, minutes: int) -> dt.datetime | None:
    """The latest instant at which a presence without its OUT ended; None if it is open, complete or has no start."""
    if presence.state != "incomplete" or presence.started_at is None:
        return None
    ends = [presence.started_at + LONGEST_PRESENCE]
    ends += [at for at in (presence.next_in_at, presence.closed_at) if at]
    if minutes:
        ends.append(presence.started_at + dt.timedelta(minutes=minutes))
    return min(ends)


def expected_end(
    presence: Presence,
    reports: Mapping[UUID, Sequence[Report]],
    master: MasterData,
    chains: Chains,
    unordered: dt.timedelta,
) -> dt.datetime | None:
    """The expected end of an open presence: after its ordered minutes or, if no order fits, after `unordered`.

    None if it is not open. `reports` and `chains` as in `visits_at`.
    """
    if presence.state != "open" or presence.started_at is None:
        return None
    report = report_of(presence, reports, master)
    minutes = ordered_minutes(_scene(presence, report, master, chain_of(presence, chains)).plan)
    return presence.started_at + (dt.timedelta(minutes=minutes) if minutes else unordered)


def recorded_done(
    presence: Presence,
    reports: Mapping[UUID, Sequence[Report]],
    master: MasterData,
    chains: Chains,
    recipient: str,
) -> list[tuple[str, int | None]] | None:
    """Interventions done in a recipient's visit, with the reported minutes, by its report or correction.

    None if neither says. `reports` and `chains` as in `visits_at`.
    """
    report = report_of(presence, reports, master)
    scene = _scene(presence, report, master, chain_of(presence, chains))
    if recipient not in scene.plan.corrected and not (report and report.done):
        return None
    own = [part for part in (*scene.plan.parts, *scene.left_out) if part.recipient == recipient]
    return [(part.intervention, part.reported_minutes) for part in own if part.intervention]


def visits_at(
    presences: Iterable[Presence],
    reports: Mapping[UUID, Sequence[Report]],
    master: MasterData,
    chains: Chains = MappingProxyType({}),
    clocks: Clocks = MappingProxyType({}),
) -> list[Visit]:
    """The visits of presences at one household. Everything that overlaps must be among them.

    `reports` are by the tap they name; only those of the presence's own person count. `chains` are the corrections,
    which `correct` has already applied to the presences. `clocks` are those of both ends of each presence that has a
    clock's flag.
    """
    scenes = [
        _scene(presence, report_of(presence, reports, master), master, chain_of(presence, chains))
        for presence in sorted(presences, key=presence_order)
    ]
    for scene in scenes:
        scene.flags = flags_of(scene.presence, clocks)
    _gather(scenes)
    return [visit for scene in scenes for visit in _visits(scene)]


def report_of(presence: Presence, reports: Mapping[UUID, Sequence[Report]], master: MasterData) -> Report | None:
    """The report that counts: the latest that the presence's own person made for any of its taps; None without one."""
    if not reports:
        return None
    whose = {presence.person, presence.as_paired.person}
    own = [
        report for tap in presence.taps for report in reports.get(tap, ()) if master.person_of(report.staff) in whose
    ]
    return max(own, key=lambda report: report.order(presence.started_at), default=None)


def _scene(presence: Presence, report: Report | None, master: MasterData, chain: Sequence[Correction]) -> _PresencePlan:
    amended = amendments(chain)
    on = local_date(presence.anchor_at)
    staff = master.staff_on(presence.staff, on)
    employed = staff is not None and staff.holds(on)
    planned = plan(master, staff, presence.household, presence.anchor_at, report, amended)
    apart: dict[str, Status] = {}
    left_out: tuple[Part, ...] = ()
    if amended:
        apart = _apart(presence, planned, report, amended)
        left_out = tuple(part for part in planned.parts if part.recipient in apart)
        planned = replace(planned, parts=tuple(part for part in planned.parts if part.recipient not in apart))
    status: Status = presence.state
    if not planned.parts:
        status = "omitted"
    elif presence.dispute and status != "omitted":
        status = "disputed"
    elif report is not None and report.outcome != "performed" and not planned.corrected and status != "omitted":
        status = report.outcome
    end = provisional_end(presence, ordered_minutes(planned)) if presence.state == "incomplete" else None
    until = presence.ended_at or end or presence.reach_at
    waits = held(presence, master.contract_of(staff.provider, on) if staff else None, standing(chain))
    return _PresencePlan(
        presence, staff, employed, on, report, planned, until, end, status, presence.id, amended, apart, left_out, waits
    )


def _apart(
    presence: Presence, planned: Plan, report: Report | None, amended: Mapping[str, Amendment]
) -> dict[str, Status]:
    """Recipients with a visit apart, with its status.

    They are the omitted ones and, if the report says that nobody was served but corrections give interventions for
    some, all the others.
    """
    served = {part.recipient for part in planned.parts}
    apart: dict[str, Status] = {}
    if report is not None and report.outcome != "performed" and planned.corrected and presence.state != "omitted":
        apart = dict.fromkeys(served - planned.corrected, "disputed" if presence.dispute else report.outcome)
    gone = {change.recipient or recipient for recipient, change in amended.items() if change.omitted}
    return apart | dict.fromkeys(served & gone, "omitted")


def _gather(scenes: Sequence[_PresencePlan]) -> None:
    """Give connected overlaps the group of the earliest opening, and note for each presence the ones that overlap it.

    They come sorted by opening, so only those that still last are compared: a person is never at one door twice at
    once, which bounds their number.
    """
    there: list[_PresencePlan] = []
    group: UUID | None = None
    for scene in scenes:
        start = scene.presence.started_at
        if start is None or start == scene.until or scene.nowhere:
            continue
        there = [other for other in there if start < other.until]
        group = scene.group = group if there and group else scene.group
        scene.company += there
        for other in there:
            other.company.append(scene)
        there.append(scene)


def _visits(scene: _PresencePlan) -> list[Visit]:
    """The visits of one presence: its seconds divided, extra staff's seconds cut off, anomalies found."""
    parts = scene.plan.parts
    complete = scene.status == "complete"
    spans = scene.presence.spans if complete else ()
    presence_seconds = total_seconds(spans)
    seconds, scaled = divide(scene.plan, presence_seconds) if complete and parts else ([0] * len(parts), False)
    by_recipient: defaultdict[str, list[tuple[Part, int]]] = defaultdict(list)
    for part, given in zip(parts, seconds, strict=True):
        by_recipient[part.recipient].append((part, given))
    visits = [
        _visit(scene, recipient, given, spans, presence_seconds, scaled)
        for recipient, given in sorted(by_recipient.items())
    ]
    if complete and scene.plan.declined:
        visits = _with_declined(visits, scene)
    return visits + [
        _visit(replace(scene, status=status), recipient, (), (), 0, scaled=False)
        for recipient, status in sorted(scene.apart.items())
    ]


def _with_declined(visits: Sequence[Visit], scene: _PresencePlan) -> list[Visit]:
    """The visits with the declined interventions of each; those of a recipient without a visit stand in the first."""
    own = [visit.recipient for visit in visits if visit.took_place]
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair in scene.plan.declined if own else ():
        if pair[0] not in scene.apart:
            found[pair[0] if pair[0] in own else own[0]].append(pair)
    return [visit._replace(declined=tuple(found[visit.recipient])) for visit in visits]


def _visit(
    scene: _PresencePlan,
    recipient: str,
    given: Sequence[tuple[Part, int]],
    spans: tuple[Span, ...],
    presence_seconds: int,
    scaled: bool,
) -> Visit:
    presence = scene.presence
    origin, change = recipient, NOTHING
    corrections: tuple[UUID, ...] = ()
    if scene.amended:
        origin = _origin(scene, recipient)
        change = scene.amended.get(origin, NOTHING)
        corrections = (change if origin in scene.amended else scene.amended.get(EVERY_RECIPIENT, NOTHING)).corrections
    settled = _settled(presence, change, [part for part, _ in given]) if change.settled else {}
    resolved = {code for code, state in settled.items() if state == "resolved"}
    anomalies = _anomalies(scene) if scene.status != "omitted" else []
    shares: list[Share] = []
    if _took_no_time(scene, given):
        anomalies.append(NO_DURATION)
    elif scene.status == "complete":
        shares, wrong = _shares(scene, recipient, given, presence_seconds, resolved, scaled=scaled)
        anomalies += wrong
    codes = tuple(dict.fromkeys(anomalies))
    ended_at = presence.ended_at
    end = scene.provisional_end
    staff = scene.staff
    return Visit(
        id=visit_id(presence.id, origin),
        presence=presence.id,
        recipient=recipient,
        group=scene.group,
        provider=staff.provider if staff else None,
        staff=presence.staff,
        person=presence.person,
        role=staff.role if staff else None,
        household=presence.household,
        in_tap=presence.in_tap,
        out_tap=presence.out_tap,
        started_at=presence.started_at,
        ended_at=ended_at or end,
        provisional=ended_at is None and end is not None,
        local_date=scene.on,
        status=scene.status,
        payable=bool(shares) and all(share.payable for share in shares),
        evidence_in="disputed" if presence.dispute_in else presence.evidence_in,
        evidence_out="disputed" if presence.dispute_out else presence.evidence_out,
        presence_seconds=presence_seconds,
        seconds=sum(share.seconds for share in shares),
        spans=spans,
        shares=tuple(shares),
        anomalies=codes,
        suggestions=_suggestions(scene, recipient, codes, end),
        settled={code: state for code, state in settled.items() if code in codes},
        corrections=corrections,
        noted=scene.report.id if scene.report and scene.report.note else None,
    )


def _took_no_time(scene: _PresencePlan, given: Sequence[tuple[Part, int]]) -> bool:
    """True when a confirmed presence leaves no second for a visit, whatever its outcome: then there was no visit."""
    if scene.status == "complete":
        return not any(seconds for _, seconds in given)
    return scene.status != "omitted" and scene.nowhere


def _shares(
    scene: _PresencePlan,
    recipient: str,
    given: Sequence[tuple[Part, int]],
    presence_seconds: int,
    resolved: Collection[str],
    *,
    scaled: bool,
) -> tuple[list[Share], list[str]]:
    """The shares of one recipient in a complete presence, and their anomalies."""
    report_missing = scene.plan.report_missing and recipient not in scene.plan.corrected
    shares = [_share(scene, part, seconds, resolved, report_missing=report_missing) for part, seconds in given]
    if scene.company:
        shares = cut_extra(shares, partial(_filled_by_others, scene), presence_seconds)
    extra = [share for share in shares if share.reason == "extra_staff"]
    wrong = [code for part, _ in given for code in part.anomalies]
    wrong += ["report_missing"] * report_missing + ["attestation_missing"] * scene.unattested
    wrong += ["minutes_scaled"] * scaled
    wrong += ["extra_staff"] * bool(extra) + ["staff_count"] * _too_few(scene, given)
    if "extra_staff" in resolved:
        shares = [share._replace(payable=True, reason="resolved") if share in extra else share for share in shares]
    return shares, wrong


def _origin(scene: _PresencePlan, recipient: str) -> str:
    """The recipient as the facts name it, under which the visit got its id before any correction."""
    moved = (origin for origin, change in scene.amended.items() if change.recipient == recipient)
    return next(moved, recipient)


def _settled(presence: Presence, change: Amendment, parts: Sequence[Part]) -> dict[str, str]:
    """The state, by code, of each anomaly that was acknowledged or resolved and whose cause is still the same."""
    return {
        code: state
        for code, state, known in change.settled
        if known == cause_of(presence.in_tap, presence.out_tap, presence.staff, parts, code)
    }


def _share(scene: _PresencePlan, part: Part, seconds: int, resolved: Collection[str], *, report_missing: bool) -> Share:
    """A part with its seconds, and the first anomaly that holds it; payable when there is none or all are resolved."""
    wrong = [NOTHING_DONE] if part.reason == NOTHING_DONE else []
    wrong += [code for code in HOLDING if code in part.anomalies] if part.anomalies else []
    wrong += ["trainee"] * scene.trainee + ["not_employed"] * (not scene.employed)
    wrong += ["report_missing"] * report_missing + ["attestation_missing"] * scene.unattested
    left = [code for code in wrong if code not in resolved]
    reason = left[0] if left else "resolved" if wrong else part.reason
    return Share(part.category, part.intervention, part.order_line, seconds, not left, reason)


def _anomalies(scene: _PresencePlan) -> list[str]:
    """The anomalies of the taps and the employment, which do not depend on the split."""
    presence = scene.presence
    found: list[str] = [code for code in (presence.dispute_in, presence.dispute_out) if code]
    if presence.state == "incomplete":
        found.append("missing_in" if presence.started_at is None else "missing_out")
    if presence.state != "complete" and any(side.household != presence.household for side in presence.side_taps):
        found.append("tag_mismatch")
    if not scene.employed:
        found.append("not_employed")
    if scene.staff and of_new_staff(presence, scene.staff, scene.on):
        found.append("new_staff_by_hand")
    found += scene.flags
    if presence.overlap:
        found.append("overlap")
    return found


def _filled_by_others(scene: _PresencePlan, order_line: str) -> int:
    """Seconds of the presence during which the earlier ones already filled the staff that the line orders."""
    if scene.trainee:
        return 0
    places = next(part.staff_count for part in scene.plan.parts if part.order_line == order_line)
    position = presence_order(scene.presence)
    before = [
        other.presence.spans
        for other in scene.company
        if other.counts and presence_order(other.presence) < position and order_line in other.lines()
    ]
    return covered_by(scene.presence.spans, before, places) if len(before) >= places else 0


def _too_few(scene: _PresencePlan, given: Sequence[tuple[Part, int]]) -> bool:
    """True when a line orders more staff than were there at the same time."""
    if scene.trainee:
        return False
    for part, _ in given:
        if part.staff_count > 1 and part.order_line:
            came = {
                other.presence.person
                for other in (scene, *scene.company)
                if not other.trainee
                and other.status not in {"disputed", "omitted"}
                and part.order_line in other.lines()
            }
            if len(came) < part.staff_count:
                return True
    return False


def _suggestions(scene: _PresencePlan, recipient: str, codes: Sequence[str], end: dt.datetime | None) -> dict[str, Any]:
    """By anomaly code, the correction that would repair it, in the shape of the corrections call."""
    presence = scene.presence
    found: dict[str, Any] = {}
    if "tag_mismatch" in codes:
        side = next(side for side in presence.side_taps if side.household != presence.household)
        found["tag_mismatch"] = {"kind": "set_end", "ended_at": side.at, "reason": "wrong_tag"}
        if scene.plan.report_missing and recipient not in scene.plan.corrected:
            ordered = [part for part in scene.plan.parts if part.recipient == recipient]
            found["tag_mismatch"] = completed(found["tag_mismatch"], ordered)
    if "missing_out" in codes and end:
        found["missing_out"] = {"kind": "set_end", "ended_at": end, "reason": "forgot_out"}
    if "missing_in" in codes and presence.ended_at:
        minutes = ordered_minutes(scene.plan)
        if minutes:
            start = presence.ended_at - dt.timedelta(minutes=minutes)
            found["missing_in"] = {"kind": "set_start", "started_at": start, "reason": "forgot_in"}
    return found
