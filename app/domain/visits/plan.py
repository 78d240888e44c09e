"""What a presence was for: its parts, by the carer's report or by the orders in force, before they have seconds."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal, NamedTuple

from app.domain.register.master import MasterData, Staff
from app.domain.register.order import Order, OrderLine, fits, in_force, of_provider, weekly_minutes
from app.domain.taps.report import Report, ReportedIntervention
from app.domain.time import days_in_month, local
from app.domain.visits.correction import NOTHING, Amendment

Weight = Fraction | int
SplitPolicy = Literal["proportional", "hsl_first", "reported"]
"""How a contract divides a presence."""
# Crews who come for one thing: without a report only such lines are theirs.
SINGLE_PURPOSE = {"alarm_team": "ALARM", "licensed": "LICENSED_HSL"}
HOLDING = ("delegation_missing", "not_ordered", "order_not_in_force")
"""What can be wrong with a part itself so that it is not payable, what is said of it first."""
NOTHING_DONE = "nothing_done"
"""The reason of time that is left when the report says that none of what was ordered then was done."""
Undone = AbstractSet[tuple[str | None, str | None]]
"""Interventions that a report says were not done, each with for whom; None stands for everybody."""
NONE_UNDONE: Undone = frozenset()


class Part(NamedTuple):
    """One recipient's one intervention in a presence before it has seconds.

    `weight` is what it is divided by: its standard minutes or, where no line fits the moment, its weekly ones. Those of
    its `anomalies` that are in `HOLDING` keep it from being payable.
    """

    recipient: str
    intervention: str | None
    category: str | None
    order_line: str | None
    weight: Weight
    standard_minutes: int
    reason: str
    reported_minutes: int | None = None
    staff_count: int = 1
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a presence will be split: its parts in order, by which policy, and whether its report is missing."""

    parts: tuple[Part, ...]
    policy: str
    report_missing: bool = False
    told: frozenset[str] = frozenset()
    """Recipients for whom a person has told the interventions in the report's place."""
    declined: tuple[tuple[str, str], ...] = ()
    """Which ordered interventions the report says who turned down, less those that were done all the same."""


def plan(
    master: MasterData,
    staff: Staff | None,
    household: str,
    start_at: dt.datetime,
    report: Report | None,
    amended: Mapping[str, Amendment] | None = None,
) -> Plan:
    """The parts of a presence that starts at `start_at`, by its report or, before one, by the orders in force.

    `amended` is what corrections say instead, by recipient as these name it.
    """
    desk = _PlanInput(master, staff, start_at)
    on = desk.on
    contract = master.contract_of(staff.provider, on) if staff else None
    policy = contract.split_policy if contract else "proportional"
    reported = report is not None and bool(report.done)
    undone = report.undone if report is not None and report.outcome == "performed" else NONE_UNDONE
    parts: Sequence[Part]
    if report is not None and reported:
        parts = desk.reported(report.done, master.residents(household, on), undone)
    else:
        parts = desk.by_order(household, undone=undone)
    missing = report is None and contract is not None and contract.report_required
    told: frozenset[str] = frozenset()
    if amended:
        parts, told = desk.amended(parts, amended, undone, reported=reported)
    declined = desk.declined(report, household, amended or {}) if report else ()
    if declined:
        done = {(part.recipient, part.intervention) for part in parts if reported or part.recipient in told}
        here = {*master.residents(household, on), *(part.recipient for part in parts)}
        declined = sorted(pair for pair in {*declined} - done if pair[0] in here)
    return Plan(tuple(parts), policy, missing, told, tuple(declined))


class _Choices(NamedTuple):
    """What one provider's crews may come for at a door while nothing of it changes."""

    residents: Sequence[str]
    lines: Sequence[tuple[OrderLine, Part]]
    """Every line in force with the part it gives to a visit it fits."""
    edges: Sequence[dt.time]
    """The hours at which a line's window opens or closes."""
    by_weekday: bool
    """Whether a line asks for certain weekdays."""


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
        """Whether the order holds that day; with the recipient's death every order ends."""
        died_on = self.master.died_on(order.recipient)
        return in_force(order, self.on) and (died_on is None or self.on <= died_on)

    def lines(self, recipient: str) -> list[tuple[Order, OrderLine]]:
        """The lines in force that day, in order."""
        return [(order, line) for order in self.orders(recipient) if self.in_force(order) for line in order.lines]

    def find_line(self, recipient: str, intervention: str) -> tuple[Order, OrderLine] | None:
        found = [(order, line) for order, line in self.lines(recipient) if line.intervention == intervention]
        return next((pair for pair in found if fits(pair[1], self.start_at)), found[0] if found else None)

    def reported(
        self, told: Iterable[ReportedIntervention], residents: Sequence[str], undone: Undone = NONE_UNDONE
    ) -> list[Part]:
        """A part for each recipient and reported intervention, the same one reported twice as one."""
        minutes: dict[tuple[str, str], int | None] = {}
        for done in told:
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
        """Whom an intervention told without a recipient was for: not who is told by name to have gone without."""
        ordered = [ref for ref in residents if self.find_line(ref, intervention)]
        return [ref for ref in ordered if (ref, intervention) not in undone] or ordered or residents[:1]

    def declined(self, report: Report, household: str, amended: Mapping[str, Amendment]) -> Sequence[tuple[str, str]]:
        """Who turned down which ordered intervention; where the report names nobody, all who have it ordered."""
        found: list[tuple[str, str]] = []
        for one in report.interventions:
            if one.outcome == "declined":
                for ref in [one.recipient] if one.recipient else self.master.residents(household, self.on):
                    change = amended.get(ref, NOTHING)
                    whose = change.recipient or ref
                    if not change.omitted and self.find_line(whose, one.intervention):
                        found.append((whose, one.intervention))
        return found

    def _part(self, recipient: str, intervention: str, minutes: int | None) -> Part:
        found = self.find_line(recipient, intervention)
        if found:
            return self._held(self._ordered(recipient, *found, "reported", minutes))
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
        """Delegated health care is held when whoever did it had no leave to that day."""
        staff = self.staff
        if part.category != "DELEGATED_HSL" or staff is None or staff.role == "licensed":
            return part
        if part.intervention and staff.is_delegated(part.intervention, self.on):
            return part
        return part._replace(anomalies=(*part.anomalies, "delegation_missing"))

    def amended(
        self, parts: Sequence[Part], amended: Mapping[str, Amendment], undone: Undone, *, reported: bool
    ) -> tuple[list[Part], frozenset[str]]:
        """The parts as people have corrected them, and the recipients whose interventions they told."""
        kept = list(parts)
        corrected: list[Part] = []
        told: set[str] = set()
        for recipient, change in amended.items():
            own = [part for part in parts if part.recipient == recipient]
            whose = change.recipient or recipient
            anew: Sequence[Part]
            if change.interventions is not None:
                anew = self.reported(change.interventions, [whose])
                told.add(whose)
            elif change.recipient and own:
                done = [(part.intervention, part.reported_minutes) for part in own if reported and part.intervention]
                not_done = {(None, what) for ref, what in undone if ref in {None, recipient}}
                anew = [self._part(whose, *one) for one in done] or self.by_order("", [whose], not_done)
            else:
                continue
            kept = [part for part in kept if part.recipient != recipient]
            corrected += anew
        return sorted([*kept, *corrected], key=self._line_order), frozenset(told)

    def by_order(
        self, household: str, residents: Sequence[str] | None = None, undone: Undone = NONE_UNDONE
    ) -> Sequence[Part]:
        """Parts from the lines that fit the moment, else from all in force, else an empty one for each resident.

        Without `residents` those who live at the household. What is `undone` has no part; where that leaves none, each
        whose parts these were has their weight without an intervention.
        """
        purpose = SINGLE_PURPOSE.get(self.staff.role) if self.staff else None
        if residents is not None:
            parts = self._chosen(self._menu(residents), purpose)
        else:
            # Found once for as long as it holds at the household, and then once for each moment that differs.
            master = self.master
            here = (household, master.period(household, self.on), self.staff.provider if self.staff else None)
            menu = master.remembered(here, lambda: self._menu(master.residents(household, self.on)))
            weekday = self.on.isoweekday() if menu.by_weekday else 0
            moment = (*here, purpose, weekday, bisect_right(menu.edges, self.start_at.time()), days_in_month(self.on))
            parts = master.remembered(moment, partial(self._chosen, menu, purpose))
        if undone:
            done = [part for part in parts if not undone & {(who, part.intervention) for who in (part.recipient, None)}]
            parts = done or _nothing_done(parts)
        return tuple(map(self._held, parts))

    def _menu(self, residents: Sequence[str]) -> "_Choices":
        lines = [
            (line, self._ordered(recipient, order, line, "by_order"))
            for recipient in residents
            for order, line in self.lines(recipient)
        ]
        edges = {edge for line, _ in lines for edge in line.window or ()}
        return _Choices(residents, lines, sorted(edges), any(line.weekdays for line, _ in lines))

    def _chosen(self, menu: "_Choices", purpose: str | None) -> Sequence[Part]:
        lines = [found for found in menu.lines if purpose in {None, found[1].category}]
        if not lines:
            return [self._empty(recipient) for recipient in self._served(menu.residents)]
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
        """Those with an order in force, failing that all who live there."""
        ordered = [ref for ref in residents if any(map(self.in_force, self.orders(ref)))]
        return ordered or residents

    def _empty(self, recipient: str) -> Part:
        lapsed = bool(self.orders(recipient)) and not any(map(self.in_force, self.orders(recipient)))
        reason = "order_not_in_force" if lapsed else "not_ordered"
        return Part(recipient, None, None, None, 1, 0, reason, anomalies=(reason,))


def _nothing_done(parts: Sequence[Part]) -> list[Part]:
    """One part for each recipient in the place of those that were not done."""
    found: dict[str, Part] = {}
    for part in parts:
        before = found.get(part.recipient, Part(part.recipient, None, None, None, 0, 0, NOTHING_DONE))
        weight, minutes = before.weight + part.weight, before.standard_minutes + part.standard_minutes
        found[part.recipient] = before._replace(weight=weight, standard_minutes=minutes)
    return list(found.values())
