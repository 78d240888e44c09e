"""The plan of a presence: its parts by the carer's report or by the orders in force, before they have seconds."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal, NamedTuple

from app.domain.closed_sets import ALARM, DELEGATED, LICENSED, Category, Profession
from app.domain.register.master import MasterData
from app.domain.register.order import Order, OrderLine, fits, in_force, of_provider, weekly_minutes
from app.domain.register.staff import Staff
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import days_in_month, local
from app.domain.visits.correction import NOTHING, Amendment

Weight = Fraction | int
SplitPolicy = Literal["proportional", "hsl_first", "reported"]
"""The rule by which a contract divides a presence."""
# Roles with a single purpose: without a report they serve only lines of that category.
SINGLE_PURPOSE: Mapping[Profession, Category] = {"alarm_team": ALARM, "licensed": LICENSED}
HOLDING = ("delegation_missing", "not_ordered", "order_not_in_force")
"""Anomalies of a single part that make it unpayable, in order of precedence."""
NOTHING_DONE = "nothing_done"
"""The reason of time for which the report says that none of the interventions ordered then was done."""
Undone = AbstractSet[tuple[str | None, str | None]]
"""(recipient, intervention) that a report says were not done; None in either place stands for all."""
NONE_UNDONE: Undone = frozenset()


class Part(NamedTuple):
    """One intervention for one recipient in a presence, before it has seconds.

    `weight` decides its share of the time: its standard minutes or, if no line fits the moment, its weekly minutes.
    Any of its `anomalies` that is in `HOLDING` makes it unpayable.
    """

    recipient: str
    intervention: str | None
    category: Category | None
    order_line: str | None
    weight: Weight
    standard_minutes: int
    reason: str
    reported_minutes: int | None = None
    staff_count: int = 1
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The split of a presence to come: its parts in order, the policy, and whether its report is missing."""

    parts: tuple[Part, ...]
    policy: str
    report_missing: bool = False
    corrected: frozenset[str] = frozenset()
    """Recipients whose interventions come from a correction instead of the report."""
    declined: tuple[tuple[str, str], ...] = ()
    """(recipient, intervention) ordered and reported as declined, without those that were done all the same."""


def plan(
    master: MasterData,
    staff: Staff | None,
    household: str,
    start_at: dt.datetime,
    report: Report | None,
    amended: Mapping[str, Amendment] | None = None,
) -> Plan:
    """The parts of a presence that starts at `start_at`, by its report or, without one, by the orders in force.

    `amended` are the changes by corrections, by recipient as the facts name it.
    """
    source = _PlanInput(master, staff, start_at)
    on = source.on
    contract = master.contract_of(staff.provider, on) if staff else None
    policy = contract.split_policy if contract else "proportional"
    reported = report is not None and bool(report.done)
    undone = report.undone if report is not None and report.outcome == "performed" else NONE_UNDONE
    parts: Sequence[Part]
    if report is not None and reported:
        parts = source.reported(report.done, master.residents(household, on), undone)
    else:
        parts = source.by_order(household, undone=undone)
    missing = report is None and contract is not None and contract.report_required
    corrected: frozenset[str] = frozenset()
    if amended:
        parts, corrected = source.amended(parts, amended, undone, reported=reported)
    declined = source.declined(report, household, amended or {}) if report else ()
    if declined:
        done = {(part.recipient, part.intervention) for part in parts if reported or part.recipient in corrected}
        here = {*master.residents(household, on), *(part.recipient for part in parts)}
        declined = sorted(pair for pair in {*declined} - done if pair[0] in here)
    return Plan(tuple(parts), policy, missing, corrected, tuple(declined))


class _Choices(NamedTuple):
    """Order lines that one provider may serve at a household, for as long as none of the orders changes."""

    residents: Sequence[str]
    lines: Sequence[tuple[OrderLine, Part]]
    """Every line in force, with its part in a visit that it fits."""
    edges: Sequence[dt.time]
    """The hours at which a line's window opens or closes."""
    by_weekday: bool
    """True when a line is for certain weekdays only."""


class _PlanInput:
    """The master data of one presence: its day, its staff, its provider's orders."""

    def __init__(self, master: MasterData, staff: Staff | None, start_at: dt.datetime) -> None:
        self.master, self.staff, self.start_at = master, staff, local(start_at)
        self.on = self.start_at.date()

    def orders(self, recipient: str) -> list[Order]:
        if self.staff is None:
            return []
        provider = self.staff.provider
        return [seen for order in self.master.orders_of(recipient) if (seen := of_provider(order, provider))]

    def in_force(self, order: Order) -> bool:
        """True when the order is in force that day; with the recipient's death every order ends."""
        died_on = self.master.died_on(order.recipient)
        return in_force(order, self.on) and (died_on is None or self.on <= died_on)

    def lines(self, recipient: str) -> list[tuple[Order, OrderLine]]:
        """The lines in force that day, in order."""
        return [(order, line) for order in self.orders(recipient) if self.in_force(order) for line in order.lines]

    def find_line(self, recipient: str, intervention: str) -> tuple[Order, OrderLine] | None:
        candidates = [(order, line) for order, line in self.lines(recipient) if line.intervention == intervention]
        return next(
            (pair for pair in candidates if fits(pair[1], self.start_at)), candidates[0] if candidates else None
        )

    def reported(
        self, interventions: Iterable[ReportedIntervention], residents: Sequence[str], undone: Undone = NONE_UNDONE
    ) -> list[Part]:
        """A part for each recipient and reported intervention; one reported twice is one part with both minutes."""
        minutes: dict[tuple[str, str], int | None] = {}
        for done in interventions:
            whose = [done.recipient] if done.recipient else self._receivers(done.intervention, residents, undone)
            for recipient in whose:
                key = (recipient, done.intervention)
                before = minutes.get(key)
                minutes[key] = done.minutes if before is None else before + (done.minutes or 0)
        return sorted((self._part(*key, minutes[key]) for key in minutes), key=self._line_order)

    def _line_order(self, part: Part) -> tuple[str, int]:
        lines = [f"{order.ref}/{line.ref}" for order, line in self.lines(part.recipient)]
        return part.recipient, lines.index(part.order_line) if part.order_line else len(lines)

    def _receivers(self, intervention: str, residents: Sequence[str], undone: Undone) -> Sequence[str]:
        """Recipients of an intervention reported without one: those who have it ordered and did not go without.

        If all of them did, those who have it ordered; if nobody has, the first resident.
        """
        ordered = [ref for ref in residents if self.find_line(ref, intervention)]
        return [ref for ref in ordered if (ref, intervention) not in undone] or ordered or residents[:1]

    def declined(self, report: Report, household: str, amended: Mapping[str, Amendment]) -> Sequence[tuple[str, str]]:
        """(recipient, intervention) reported as declined and ordered; without a recipient, all who have it ordered."""
        pairs: list[tuple[str, str]] = []
        for one in report.interventions:
            if one.outcome == "declined":
                for ref in [one.recipient] if one.recipient else self.master.residents(household, self.on):
                    change = amended.get(ref, NOTHING)
                    whose = change.recipient or ref
                    if not change.omitted and self.find_line(whose, one.intervention):
                        pairs.append((whose, one.intervention))
        return pairs

    def _part(self, recipient: str, intervention: str, minutes: int | None) -> Part:
        ordered_line = self.find_line(recipient, intervention)
        if ordered_line:
            return self._held(self._ordered(recipient, *ordered_line, "reported", minutes))
        known = any(line.intervention == intervention for order in self.orders(recipient) for line in order.lines)
        anomaly = "order_not_in_force" if known else "not_ordered"
        standard = self.master.minutes_of(intervention, None, self.on)
        part = Part(
            recipient,
            intervention,
            self.master.category_of(intervention, self.on),
            None,
            standard,
            standard,
            anomaly,
            minutes,
            anomalies=(anomaly,),
        )
        return self._held(part)

    def _ordered(self, recipient: str, order: Order, line: OrderLine, reason: str, minutes: int | None = None) -> Part:
        standard = self.master.minutes_of(line.intervention, line, self.on)
        return Part(
            recipient,
            line.intervention,
            self.master.category_of(line.intervention, self.on),
            f"{order.ref}/{line.ref}",
            standard,
            standard,
            reason,
            minutes,
            line.staff_count,
        )

    def _held(self, part: Part) -> Part:
        """The part, held with `delegation_missing` if it is delegated and the staff had no delegation that day."""
        staff = self.staff
        if part.category != DELEGATED or staff is None or staff.role == "licensed":
            return part
        if part.intervention and staff.is_delegated(part.intervention, self.on):
            return part
        return part._replace(anomalies=(*part.anomalies, "delegation_missing"))

    def amended(
        self, parts: Sequence[Part], amended: Mapping[str, Amendment], undone: Undone, *, reported: bool
    ) -> tuple[list[Part], frozenset[str]]:
        """The parts with the corrections applied, and the recipients whose interventions corrections give."""
        kept = list(parts)
        corrected: list[Part] = []
        recipients: set[str] = set()
        for recipient, change in amended.items():
            own = [part for part in parts if part.recipient == recipient]
            whose = change.recipient or recipient
            anew: Sequence[Part]
            if change.interventions is not None:
                anew = self.reported(change.interventions, [whose])
                recipients.add(whose)
            elif change.recipient and own:
                done = [(part.intervention, part.reported_minutes) for part in own if reported and part.intervention]
                not_done = {(None, what) for ref, what in undone if ref in {None, recipient}}
                anew = [self._part(whose, *one) for one in done] or self.by_order("", [whose], not_done)
            else:
                continue
            kept = [part for part in kept if part.recipient != recipient]
            corrected += anew
        return sorted([*kept, *corrected], key=self._line_order), frozenset(recipients)

    def by_order(
        self, household: str, residents: Sequence[str] | None = None, undone: Undone = NONE_UNDONE
    ) -> Sequence[Part]:
        """Parts from the lines that fit the moment, else from all in force, else an empty one for each resident.

        Without `residents`, those who live at the household. An intervention in `undone` has no part; if that leaves
        none, each recipient has one part without an intervention, with the weight of the parts it had.
        """
        purpose = SINGLE_PURPOSE.get(self.staff.role) if self.staff else None
        if residents is not None:
            parts = self._chosen(self._choices(residents), purpose)
        else:
            # Computed once while nothing changes at the household, and then once for each moment that differs.
            master = self.master
            here = (household, master.period(household, self.on), self.staff.provider if self.staff else None)
            choices = master.remembered(here, lambda: self._choices(master.residents(household, self.on)))
            weekday = self.on.isoweekday() if choices.by_weekday else 0
            moment = (
                *here,
                purpose,
                weekday,
                bisect_right(choices.edges, self.start_at.time()),
                days_in_month(self.on),
            )
            parts = master.remembered(moment, partial(self._chosen, choices, purpose))
        if undone:
            done = [part for part in parts if not undone & {(who, part.intervention) for who in (part.recipient, None)}]
            parts = done or _nothing_done(parts)
        return tuple(map(self._held, parts))

    def _choices(self, residents: Sequence[str]) -> "_Choices":
        lines = [
            (line, self._ordered(recipient, order, line, "by_order"))
            for recipient in residents
            for order, line in self.lines(recipient)
        ]
        edges = {edge for line, _ in lines for edge in line.window or ()}
        return _Choices(residents, lines, sorted(edges), any(line.weekdays for line, _ in lines))

    def _chosen(self, choices: "_Choices", purpose: str | None) -> Sequence[Part]:
        lines = [pair for pair in choices.lines if purpose in {None, pair[1].category}]
        if not lines:
            return [self._empty(recipient) for recipient in self._served(choices.residents)]
        fitting = [part for line, part in lines if fits(line, self.start_at)]
        parts = fitting or [
            part._replace(
                weight=weekly_minutes(line, part.standard_minutes, self.on),
                reason="weekly_minutes",
                anomalies=("split_by_order",),
            )
            for line, part in lines
        ]
        weighing = [part for part in parts if part.weight > 0]
        return weighing or parts

    def _served(self, residents: Sequence[str]) -> Sequence[str]:
        """The residents with an order in force; if nobody has one, all of them."""
        ordered = [ref for ref in residents if any(map(self.in_force, self.orders(ref)))]
        return ordered or residents

    def _empty(self, recipient: str) -> Part:
        lapsed = bool(self.orders(recipient)) and not any(map(self.in_force, self.orders(recipient)))
        reason = "order_not_in_force" if lapsed else "not_ordered"
        return Part(recipient, None, None, None, 1, 0, reason, anomalies=(reason,))


def _nothing_done(parts: Sequence[Part]) -> list[Part]:
    """One part for each recipient instead of the parts that were not done, with their weight and minutes."""
    by_recipient: dict[str, Part] = {}
    for part in parts:
        before = by_recipient.get(part.recipient, Part(part.recipient, None, None, None, 0, 0, NOTHING_DONE))
        weight, minutes = before.weight + part.weight, before.standard_minutes + part.standard_minutes
        by_recipient[part.recipient] = before._replace(weight=weight, standard_minutes=minutes)
    return list(by_recipient.values())
