"""The working state of one presence before it becomes visits: its plan, report, corrections, status and end."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from app.domain.closed_sets import Status
from app.domain.register.master import MasterData
from app.domain.register.staff import Staff
from app.domain.taps.report import Report
from app.domain.time import LONGEST_PRESENCE, local_date
from app.domain.visits.attestation import held
from app.domain.visits.correction import Amendment, Chains, Correction, amendments, chain_of, standing
from app.domain.visits.plan import NOTHING_DONE, Part, Plan, plan
from app.domain.visits.presence import Presence


@dataclass(slots=True)
class PresencePlan:
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
    company: "list[PresencePlan]" = field(default_factory=list)
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
    minutes = ordered_minutes(plan_presence(presence, report, master, chain_of(presence, chains)).plan)
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
    planned = plan_presence(presence, report, master, chain_of(presence, chains))
    if recipient not in planned.plan.corrected and not (report and report.done):
        return None
    own = [part for part in (*planned.plan.parts, *planned.left_out) if part.recipient == recipient]
    return [(part.intervention, part.reported_minutes) for part in own if part.intervention]


def report_of(presence: Presence, reports: Mapping[UUID, Sequence[Report]], master: MasterData) -> Report | None:
    """The report that counts: the latest that the presence's own person made for any of its taps; None without one."""
    if not reports:
        return None
    whose = {presence.person, presence.as_paired.person}
    own = [
        report for tap in presence.taps for report in reports.get(tap, ()) if master.person_of(report.staff) in whose
    ]
    return max(own, key=lambda report: report.order(presence.started_at), default=None)


def plan_presence(
    presence: Presence, report: Report | None, master: MasterData, chain: Sequence[Correction]
) -> PresencePlan:
    """The plan of a presence by itself: not yet with its flags, and with no other presence beside it."""
    amended = amendments(chain)
    on = local_date(presence.anchor_at)
    staff = master.staff_on(presence.staff, on)
    employed = staff is not None and staff.holds(on)
    division = plan(master, staff, presence.household, presence.anchor_at, report, amended)
    apart: dict[str, Status] = {}
    left_out: tuple[Part, ...] = ()
    if amended:
        apart = _apart(presence, division, report, amended)
        left_out = tuple(part for part in division.parts if part.recipient in apart)
        division = replace(division, parts=tuple(part for part in division.parts if part.recipient not in apart))
    status: Status = presence.state
    if not division.parts:
        status = "omitted"
    elif presence.dispute and status != "omitted":
        status = "disputed"
    elif report is not None and report.outcome != "performed" and not division.corrected and status != "omitted":
        status = report.outcome
    end = provisional_end(presence, ordered_minutes(division)) if presence.state == "incomplete" else None
    contract = master.contract_of(staff.provider, on) if staff else None
    return PresencePlan(
        presence=presence,
        staff=staff,
        employed=employed,
        on=on,
        report=report,
        plan=division,
        until=presence.ended_at or end or presence.reach_at,
        provisional_end=end,
        status=status,
        group=presence.id,
        amended=amended,
        apart=apart,
        left_out=left_out,
        unattested=held(presence, contract, standing(chain)),
    )


def _apart(
    presence: Presence, division: Plan, report: Report | None, amended: Mapping[str, Amendment]
) -> dict[str, Status]:
    """Recipients with a visit apart, with its status.

    They are the omitted ones and, if the report says that nobody was served but corrections give interventions for
    some, all the others.
    """
    served = {part.recipient for part in division.parts}
    apart: dict[str, Status] = {}
    if report is not None and report.outcome != "performed" and division.corrected and presence.state != "omitted":
        apart = dict.fromkeys(served - division.corrected, "disputed" if presence.dispute else report.outcome)
    gone = {change.recipient or recipient for recipient, change in amended.items() if change.omitted}
    return apart | dict.fromkeys(served & gone, "omitted")
