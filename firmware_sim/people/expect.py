"""The expected result of one presence by the rules of the district: the recipients and the anomalies.

Written from the rules alone, and only as far as the days here go: a second opinion, not a second service.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from firmware_sim.people.catalogue import BY_REF
from firmware_sim.people.records import STOCKHOLM, Line, Order, Staff
from firmware_sim.people.world import World

ONLY_CATEGORY = {"alarm_team": "ALARM", "licensed": "LICENSED_HSL"}
# The visit cannot be paid while one of these stands; `staff_count` and the questions of clocks do not hold it.
HOLDS = frozenset({"not_ordered", "order_not_in_force", "delegation_missing", "report_missing", "extra_staff"})
Reported = tuple[str, str | None]  # (intervention, recipient ref or None when the carer named nobody)


@dataclass
class Expected:
    """The recipients with a visit, the required codes and the possible ones."""

    recipients: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)


def expect(
    world: World, staff: Staff, household: str, start_at: datetime, reported: Sequence[Reported] | None, came: int
) -> Expected:
    """The expected result of one person's presence from an instant on; `came` is the number of staff that count."""
    start = start_at.astimezone(STOCKHOLM)
    orders = [
        order
        for recipient in world.households[household]
        for order in world.orders_of[recipient.ref]
        if order.provider == staff.provider
    ]
    in_force = [(order, line) for order in orders if not order.paused(start.date()) for line in order.lines]
    if reported is None:
        return _without_report(world, staff, household, in_force, start, came)
    expected = Expected()
    for intervention, recipient in reported:
        having = [(order, line) for order, line in in_force if line.intervention == intervention]
        if recipient is not None:
            having = [(order, line) for order, line in having if order.recipient == recipient]
        if not having:
            everyone = sorted(one.ref for one in world.households[household])
            expected.recipients.add(recipient or everyone[0])
            known = any(
                line.intervention == intervention and recipient in {None, order.recipient}
                for order in orders
                for line in order.lines
            )
            expected.codes.add("order_not_in_force" if known else "not_ordered")
            if BY_REF[intervention].category == "DELEGATED_HSL" and intervention not in staff.delegations:
                expected.possible.add("delegation_missing")
        for order, line in having:
            _serve(expected, staff, order, line, came)
    return expected


def _without_report(
    world: World,
    staff: Staff,
    household: str,
    in_force: list[tuple[Order, Line]],
    start: datetime,
    came: int,
) -> Expected:
    expected = Expected()
    if world.providers[staff.provider].report_required:
        expected.codes.add("report_missing")
    only = ONLY_CATEGORY.get(staff.role)
    chosen = [(order, line) for order, line in in_force if only in {None, BY_REF[line.intervention].category}]
    chosen = [(order, line) for order, line in chosen if fits(line, start)] or chosen
    if not chosen:
        expected.recipients |= {one.ref for one in world.households[household]}
        expected.codes.add("not_ordered")
    for order, line in chosen:
        _serve(expected, staff, order, line, came)
    return expected


def _serve(expected: Expected, staff: Staff, order: Order, line: Line, came: int) -> None:
    expected.recipients.add(order.recipient)
    if line.staff_count > came:
        expected.codes.add("staff_count")
    if BY_REF[line.intervention].category == "DELEGATED_HSL" and line.intervention not in staff.delegations:
        expected.codes.add("delegation_missing")


def fits(line: Line, start: datetime) -> bool:
    """True if a local start lies in the line's window, on the weekday of the window's beginning."""
    on, at = start.date(), start.time()
    if line.window is not None:
        opens, closes = (time.fromisoformat(one) for one in line.window)
        if opens <= closes:
            if not opens <= at < closes:
                return False
        elif at < closes:
            on -= timedelta(days=1)
        elif at < opens:
            return False
    return line.weekdays is None or on.isoweekday() in line.weekdays
