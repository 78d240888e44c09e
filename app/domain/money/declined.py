"""Ordered interventions that were declined and may be paid for, by reports, visits and notices."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from app.domain.closed_sets import Status
from app.domain.money.compensation_input import Declined
from app.domain.money.terms import DeclinedHow
from app.domain.register.master import MasterData
from app.domain.register.notices import Notice
from app.domain.register.order import OrderLine, fits, in_force, of_provider, until_death
from app.domain.taps.report import Report
from app.domain.time import local_date
from app.domain.visits.plan import SINGLE_PURPOSE
from app.domain.visits.presence import Presence
from app.domain.visits.presence_plan import report_of
from app.domain.visits.visit import Visit

DOORS: Mapping[Status, DeclinedHow] = {"declined": "at_door", "no_answer": "no_answer"}


def declined_of(
    visits: Iterable[Visit],
    presences: Mapping[UUID, Presence],
    reports: Mapping[UUID, Sequence[Report]],
    master: MasterData,
) -> Iterator[Declined]:
    """Interventions of visits declined at the door or without answer, and those declined within a performed visit.

    A visit that was not performed stands for the interventions that its report names, else for the lines of its
    provider that fit its start, else for all in force. Nothing is given for unpaid staff (trainees, not employed), nor
    for more staff at one time than ordered. `visits` are sorted, `presences` are those of visits not performed.
    """
    counted: defaultdict[tuple[UUID, str, str], list[Visit]] = defaultdict(list)
    for visit in visits:
        if not _may_be_paid(visit):
            continue
        lines = _lines_of(visit.recipient, visit.provider, visit.local_date, master)
        how: DeclinedHow
        if visit.status in DOORS and visit.took_place:
            report = report_of(presences[visit.presence], reports, master)
            named = [one for one in report.interventions if one.outcome == "declined"] if report else []
            of_own = [one.intervention for one in named if one.recipient in {None, visit.recipient}]
            wanted = (
                [line for line in lines if line.intervention in of_own] if of_own else _fitting(visit, lines, master)
            )
            how = DOORS[visit.status]
        else:
            ordered = {(visit.recipient, line.intervention): line for line in reversed(lines)}
            wanted = [ordered[one] for one in visit.declined if one in ordered]
            how = "single"
        for line in {line.intervention: line for line in reversed(wanted)}.values():
            others = counted[visit.group, visit.recipient, line.intervention]
            if sum(other.ended_at is None or visit.anchor_at < other.ended_at for other in others) < line.staff_count:
                others.append(visit)
                yield _declined(visit, line, how, master)


def declined_in_advance(notices: Iterable[Notice], master: MasterData) -> Iterator[Declined]:
    """The ordered interventions that each notice declines; none on paused days, which pay by their own table."""
    for notice in notices:
        on = local_date(notice.at)
        lines = _lines_of(notice.recipient, notice.provider, on, master)
        wanted = (
            [line for line in lines if line.intervention == notice.intervention][:1]
            if notice.intervention
            else [line for line in lines if fits(line, notice.at)]
        )
        for line in wanted:
            category = master.category_of(line.intervention, on)
            minutes = master.minutes_of(line.intervention, line, on)
            yield Declined(
                notice.recipient, notice.at, category, line.intervention, minutes, "in_advance", notice.notified_at
            )


def _may_be_paid(visit: Visit) -> bool:
    employed = "not_employed" not in visit.anomalies or visit.anomaly_states.get("not_employed") == "resolved"
    return employed and visit.role != "trainee"


def _lines_of(recipient: str, provider: str | None, on: dt.date, master: MasterData) -> list[OrderLine]:
    return [
        line
        for order in master.orders_of(recipient)
        if provider is not None
        and (alive := until_death(order, master.died_on(recipient)))
        and in_force(alive, on)
        and (seen := of_provider(order, provider))
        for line in seen.lines
    ]


def _fitting(visit: Visit, lines: Sequence[OrderLine], master: MasterData) -> Sequence[OrderLine]:
    purpose = SINGLE_PURPOSE.get(visit.role) if visit.role else None
    own = [line for line in lines if purpose in {None, master.category_of(line.intervention, visit.local_date)}]
    return [line for line in own if fits(line, visit.anchor_at)] or own


def _declined(visit: Visit, line: OrderLine, how: DeclinedHow, master: MasterData) -> Declined:
    category = master.category_of(line.intervention, visit.local_date)
    minutes = master.minutes_of(line.intervention, line, visit.local_date)
    return Declined(visit.recipient, visit.anchor_at, category, line.intervention, minutes, how, None, visit.id)
