"""Presences at one household become visits: one for each served recipient, with status, shares and anomalies.

`visits_at` looks at a whole neighbourhood of overlapping presences, because who came first decides what a second
carer is paid for, and because visits that overlap share a group.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from app.domain.register.master import MasterData
from app.domain.taps.report import Report
from app.domain.time import Span, total_seconds
from app.domain.visits.anomalies import anomalies_of, states_of, suggestions_of
from app.domain.visits.correction import EVERY_RECIPIENT, NOTHING, Chains, chain_of
from app.domain.visits.pairing import presence_order
from app.domain.visits.plan import Part
from app.domain.visits.presence import Presence
from app.domain.visits.presence_plan import PresencePlan, plan_presence, report_of
from app.domain.visits.shares import shares_of
from app.domain.visits.split import Share, divide
from app.domain.visits.visit import NO_DURATION, Visit, visit_id
from app.domain.visits.wrong_clocks import Clocks, flags_of


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
    all_planned = [
        plan_presence(presence, report_of(presence, reports, master), master, chain_of(presence, chains))
        for presence in sorted(presences, key=presence_order)
    ]
    for planned in all_planned:
        planned.flags = flags_of(planned.presence, clocks)
    _gather(all_planned)
    return [visit for planned in all_planned for visit in _visits(planned)]


def _gather(all_planned: Sequence[PresencePlan]) -> None:
    """Give connected overlaps the group of the earliest opening, and note for each presence the ones that overlap it.

    They come sorted by opening, so only those that still last are compared: a person is never at one door twice at
    once, which bounds their number.
    """
    there: list[PresencePlan] = []
    group: UUID | None = None
    for planned in all_planned:
        start = planned.presence.started_at
        if start is None or start == planned.until or planned.nowhere:
            continue
        there = [other for other in there if start < other.until]
        group = planned.group = group if there and group else planned.group
        planned.company += there
        for other in there:
            other.company.append(planned)
        there.append(planned)


def _visits(planned: PresencePlan) -> list[Visit]:
    """The visits of one presence: its seconds divided, extra staff's seconds cut off, anomalies found."""
    parts = planned.plan.parts
    complete = planned.status == "complete"
    spans = planned.presence.spans if complete else ()
    presence_seconds = total_seconds(spans)
    seconds, scaled = divide(planned.plan, presence_seconds) if complete and parts else ([0] * len(parts), False)
    by_recipient: defaultdict[str, list[tuple[Part, int]]] = defaultdict(list)
    for part, given in zip(parts, seconds, strict=True):
        by_recipient[part.recipient].append((part, given))
    visits = [
        _visit(planned, recipient, given, spans, presence_seconds, scaled)
        for recipient, given in sorted(by_recipient.items())
    ]
    if complete and planned.plan.declined:
        visits = _with_declined(visits, planned)
    return visits + [
        _visit(replace(planned, status=status), recipient, (), (), 0, scaled=False)
        for recipient, status in sorted(planned.apart.items())
    ]


def _with_declined(visits: Sequence[Visit], planned: PresencePlan) -> list[Visit]:
    """The visits with the declined interventions of each; those of a recipient without a visit stand in the first."""
    own = [visit.recipient for visit in visits if visit.took_place]
    declined: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair in planned.plan.declined if own else ():
        if pair[0] not in planned.apart:
            declined[pair[0] if pair[0] in own else own[0]].append(pair)
    return [visit._replace(declined=tuple(declined[visit.recipient])) for visit in visits]


def _visit(
    planned: PresencePlan,
    recipient: str,
    given: Sequence[tuple[Part, int]],
    spans: tuple[Span, ...],
    presence_seconds: int,
    scaled: bool,
) -> Visit:
    presence = planned.presence
    origin, change = recipient, NOTHING
    corrections: tuple[UUID, ...] = ()
    if planned.amended:
        origin = _origin(planned, recipient)
        change = planned.amended.get(origin, NOTHING)
        corrections = planned.amended.get(origin, planned.amended.get(EVERY_RECIPIENT, NOTHING)).corrections
    states = states_of(presence, change, [part for part, _ in given]) if change.anomaly_states else {}
    resolved = {code for code, state in states.items() if state == "resolved"}
    anomalies = anomalies_of(planned) if planned.status != "omitted" else []
    shares: list[Share] = []
    if _took_no_time(planned, given):
        anomalies.append(NO_DURATION)
    elif planned.status == "complete":
        shares, wrong = shares_of(planned, recipient, given, presence_seconds, resolved, scaled=scaled)
        anomalies += wrong
    codes = tuple(dict.fromkeys(anomalies))
    ended_at = presence.ended_at
    end = planned.provisional_end
    staff = planned.staff
    return Visit(
        id=visit_id(presence.id, origin),
        presence=presence.id,
        recipient=recipient,
        group=planned.group,
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
        local_date=planned.on,
        status=planned.status,
        payable=bool(shares) and all(share.payable for share in shares),
        evidence_in="disputed" if presence.dispute_in else presence.evidence_in,
        evidence_out="disputed" if presence.dispute_out else presence.evidence_out,
        presence_seconds=presence_seconds,
        seconds=sum(share.seconds for share in shares),
        spans=spans,
        shares=tuple(shares),
        anomalies=codes,
        suggestions=suggestions_of(planned, recipient, codes, end),
        anomaly_states={code: state for code, state in states.items() if code in codes},
        corrections=corrections,
        noted=planned.report.id if planned.report and planned.report.note else None,
    )


def _took_no_time(planned: PresencePlan, given: Sequence[tuple[Part, int]]) -> bool:
    """True when a confirmed presence leaves no second for a visit, whatever its outcome: then there was no visit."""
    if planned.status == "complete":
        return not any(seconds for _, seconds in given)
    return planned.status != "omitted" and planned.nowhere


def _origin(planned: PresencePlan, recipient: str) -> str:
    """The recipient as the facts name it, under which the visit got its id before any correction."""
    moved = (origin for origin, change in planned.amended.items() if change.recipient == recipient)
    return next(moved, recipient)
