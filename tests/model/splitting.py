"""The reference model's split: whose visit a presence was, what was done in it, and how its seconds are divided."""

import calendar
from dataclasses import dataclass, field
from fractions import Fraction

from facts import local, on_day

ONLY = {"alarm_team": "ALARM", "licensed": "LICENSED_HSL"}
SCALED_MINUTES = 1
SCALED_SHARE = Fraction(1, 10)


@dataclass
class Part:
    """What one recipient gets of one intervention. `minutes` are those of the rule, `told` the carer's."""

    recipient: str
    intervention: str | None
    category: str | None
    order_line: str | None
    minutes: Fraction
    weight: Fraction
    told: int | None = None
    staff_count: int = 1
    problems: set = field(default_factory=set)  # why it is not payable
    codes: set = field(default_factory=set)  # what else it asks a person to look at
    seconds: int = 0


@dataclass
class Plan:
    """How a presence is divided."""

    parts: list
    policy: str = "proportional"
    told: set = field(default_factory=set)  # for whom a person said what was done
    left_out: set = field(default_factory=set)  # whose visits a person took away
    refused: list = field(
        default_factory=list
    )  # the parts of those who got nothing, where a person told what others got

    @property
    def ordered_minutes(self):
        """What it would take as it was ordered, or would have taken where nothing was done."""
        return sum(part.minutes for part in self.parts if part.order_line or "nothing_done" in part.problems)


def plan(facts, presence, report, changes):
    """The plan of a presence; no parts where nobody was ever told to live. `changes` are said of single visits."""
    start = local(presence.anchor)
    day = start.date()
    job = facts.employment_of(presence.staff, day)
    none = ("proportional", False, None)  # of what may be told by hand nothing is agreed
    policy, demanded, limit = facts.contracts.get(job.provider, none) if job else none
    provider = job.provider if job else None
    # Who declined or did not open got nothing, whatever else the report says.
    performed = report is not None and report.outcome == "performed"
    done = [one for one in report.told if one[3] == "done"] if performed else []
    undone = [(what, who) for what, who, _, how in report.told if how != "done"] if performed else []
    residents = _residents(facts, presence.household, day)
    if done:
        parts = _reported(facts, done, residents, provider, start, undone)
    else:
        parts = _less(undone, _by_order(facts, residents, provider, start, job))
    found = Plan(parts, policy)
    _amend(facts, found, changes, provider, start, job, undone, reported=bool(done))
    if report is not None and not performed and found.told and not presence.omitted:
        found.refused = [part for part in found.parts if part.recipient not in found.told]
        found.parts = [part for part in found.parts if part.recipient in found.told]
    for part in [*found.parts, *found.refused]:
        if demanded and report is None and part.recipient not in found.told:
            part.problems.add("report_missing")
        if presence.unattested(limit):
            part.problems.add("attestation_missing")
        if part.category == "DELEGATED_HSL" and not _may(job, part.intervention, day):
            part.problems.add("delegation_missing")
        if job is not None and job.role == "trainee":
            part.problems.add("trainee")
        if job is None or not (job.since_on <= day and (job.last_on is None or day <= job.last_on)):
            part.problems.add("not_employed")
    return found


def _may(job, intervention, day):
    return job is not None and (
        job.role == "licensed"
        or any(
            what == intervention and first <= day and (last is None or day <= last)
            for what, first, last in job.delegations
        )
    )


def _less(undone, parts):
    """The parts without what was told not to have been done; where nothing else is left, their time for nothing."""
    left = [part for part in parts if not {(part.intervention, part.recipient), (part.intervention, None)} & {*undone}]
    if left or not parts:
        return left
    found = []
    for recipient in sorted({part.recipient for part in parts}):
        own = [part for part in parts if part.recipient == recipient]
        minutes, weight = sum(part.minutes for part in own), sum(part.weight for part in own)
        found.append(Part(recipient, None, None, None, minutes, weight, problems={"nothing_done"}))
    return found


def _amend(facts, found, changes, provider, start, job, undone, *, reported):
    """Put what people said of single visits in the place of their parts."""
    kept, anew, day = list(found.parts), [], start.date()
    for recipient, change in changes.items():
        own = [part for part in found.parts if part.recipient == recipient]
        whose = change.recipient or recipient
        if change.told is not None:
            told = [(what, whose, minutes, "done") for what, minutes in change.told]
            anew += _reported(facts, told, [whose], provider, start)
            found.told.add(whose)
        elif change.recipient and own and reported:
            told = [(part.intervention, whose, part.told, "done") for part in own]
            anew += _reported(facts, told, [whose], provider, start)
        elif change.recipient and own:
            not_done = [(what, whose) for what, who in undone if who in {None, recipient}]
            anew += _less(not_done, _by_order(facts, [whose], provider, start, job))
        else:
            continue
        kept = [part for part in kept if part.recipient != recipient]
    gone = {change.recipient or recipient for recipient, change in changes.items() if change.omitted}
    parts = sorted([*kept, *anew], key=lambda part: _place(facts, part, day)) if changes else kept
    found.parts = [part for part in parts if part.recipient not in gone]
    found.left_out = {part.recipient for part in parts if part.recipient in gone}


def _residents(facts, household, day):
    """Who lives there that day, by ref; failing that, who left last, or else who comes first."""
    found = {}
    for ref in facts.recipients:
        firsts = sorted(facts.recipients[ref])
        for first, following in zip(firsts, [*firsts[1:], None], strict=True):
            if facts.recipients[ref][first].household != household:
                continue
            if first > day:
                found.setdefault((2, first - day), set()).add(ref)
            elif following is not None and following <= day:
                found.setdefault((1, day - following), set()).add(ref)
            else:
                found.setdefault((0, day - day), set()).add(ref)
    return sorted(found[min(found)]) if found else []


def _lines(facts, recipient, provider, day, *, in_force=True):
    """(order ref, line) of a provider's orders for a recipient, by order and line."""
    return [
        (ref, line)
        for ref, order in facts.orders_on(day)
        if order.recipient == recipient and facts.in_force(order, day) == in_force
        for line in order.lines_of(provider)
    ]


def _minutes(facts, line):
    return Fraction(facts.catalogue[line.intervention][1] if line.minutes is None else line.minutes)


def fits(line, start):
    """Whether a line's weekday and window fit a local start; a window over midnight belongs to the day it begins."""
    weekday = start.isoweekday()
    if line.window:
        opens, closes = line.window
        clock = start.time()
        if opens < closes:
            if not opens <= clock < closes:
                return False
        elif clock < closes:
            weekday = (weekday - 2) % 7 + 1
        elif clock < opens:
            return False
    return line.weekdays is None or weekday in line.weekdays


def _weekly(facts, line, day):
    length = {"d": 1, "wk": 7, "mo": calendar.monthrange(day.year, day.month)[1]}[line.unit]
    return _minutes(facts, line) * line.staff_count * Fraction(line.frequency, line.period) * 7 / length


def _not_in_force(facts, recipient, provider, intervention):
    """What is wrong with an intervention that no order in force has."""
    others = [
        order
        for versions in facts.orders.values()
        for order in versions.values()
        if order.recipient == recipient
        and order.concerns(provider)
        and (intervention is None or any(line.intervention == intervention for line in order.lines_of(provider)))
    ]
    return "order_not_in_force" if others else "not_ordered"


def _reported(facts, done, residents, provider, start, undone=()):
    """A part for each recipient and intervention that was reported; who is named as having gone without has none."""
    day = start.date()
    told = {}
    for intervention, recipient, minutes, _ in done:
        having = [
            one
            for one in residents
            if any(line.intervention == intervention for _, line in _lines(facts, one, provider, day))
        ]
        given = [one for one in having if (intervention, one) not in undone]
        for one in [recipient] if recipient else given or having or residents[:1]:
            told.setdefault((one, intervention), []).append(minutes)
    parts = []
    for (recipient, intervention), minutes in told.items():
        category, standard = facts.catalogue[intervention]
        given = [one for one in minutes if one is not None]
        lines = [
            (ref, line) for ref, line in _lines(facts, recipient, provider, day) if line.intervention == intervention
        ]
        fitting = [(ref, line) for ref, line in lines if fits(line, start)]
        chosen = (fitting or lines or [None])[0]
        part = Part(
            recipient,
            intervention,
            category,
            f"{chosen[0]}/{chosen[1].ref}" if chosen else None,
            _minutes(facts, chosen[1]) if chosen else Fraction(standard),
            Fraction(0),
            sum(given) if given else None,
            chosen[1].staff_count if chosen else 1,
        )
        part.weight = part.minutes
        if not chosen:
            part.problems.add(_not_in_force(facts, recipient, provider, intervention))
        parts.append(part)
    return sorted(parts, key=lambda part: _place(facts, part, day))


def _place(facts, part, day):
    """Where a part stands among others: by recipient, then by order and line, then what has no line as it was told."""
    if part.order_line is None:
        return part.recipient, 1, "", 0
    order, line = part.order_line.rsplit("/", 1)
    refs = [one.ref for one in on_day(facts.orders[order], day).lines]
    return part.recipient, 0, order, refs.index(line)


def _by_order(facts, residents, provider, start, job):
    """Without a report: the lines that fit; none: all in force by their weekly minutes; none: who lives there."""
    day = start.date()
    lines = [(one, ref, line) for one in residents for ref, line in _lines(facts, one, provider, day)]
    having = [
        one
        for one in residents
        if any(
            order.recipient == one and order.concerns(provider) and facts.in_force(order, day)
            for _, order in facts.orders_on(day)
        )
    ]
    only = ONLY.get(job.role) if job else None
    if only:
        lines = [(one, ref, line) for one, ref, line in lines if facts.catalogue[line.intervention][0] == only]
    if not lines:
        parts = []
        for one in having or residents:
            part = Part(one, None, None, None, Fraction(0), Fraction(1))
            part.problems.add("not_ordered" if one in having else _not_in_force(facts, one, provider, None))
            parts.append(part)
        return parts
    fitting = [(one, ref, line) for one, ref, line in lines if fits(line, start)]
    parts = [
        Part(
            one,
            line.intervention,
            facts.catalogue[line.intervention][0],
            f"{ref}/{line.ref}",
            _minutes(facts, line),
            _minutes(facts, line) if fitting else _weekly(facts, line, day),
            None,
            line.staff_count,
            codes=set() if fitting else {"split_by_order"},
        )
        for one, ref, line in fitting or lines
    ]
    # A line of no minutes has no part, unless all are such.
    return [part for part in parts if part.weight] or parts


def divide(found, seconds):
    """Give every part its seconds; tells whether the carer's minutes had to be scaled."""
    parts = found.parts
    if found.policy == "hsl_first":
        health = [part for part in parts if part.category == "DELEGATED_HSL"]
        rest = [part for part in parts if part.category != "DELEGATED_HSL"]
        wanted = [(part.minutes if part.told is None else part.told) * 60 for part in health]
        if health and (not rest or sum(wanted) > seconds):
            _give(health, wanted, seconds)
            _give(rest, [0] * len(rest), 0)
        elif health:
            _give(health, wanted, int(sum(wanted)))
            _give(rest, [part.weight for part in rest], seconds - int(sum(wanted)))
        else:
            _give(rest, [part.weight for part in rest], seconds)
        return False
    if found.policy == "reported" and any(part.told is not None for part in parts):
        weights = [part.weight if part.told is None else Fraction(part.told) for part in parts]
        _give(parts, weights, seconds)
        off = abs(sum(weights) * 60 - seconds)
        return off > seconds * SCALED_SHARE and off > SCALED_MINUTES * 60
    _give(parts, [part.weight for part in parts], seconds)
    return False


def largest_remainder(weights, total):
    """Whole numbers in the proportion of the weights that add up to the total; ties go to the earlier."""
    if not any(weights):
        weights = [1] * len(weights)
    exact = [Fraction(total) * weight / sum(weights) for weight in weights]
    whole = [int(one) for one in exact]
    by_rest = sorted(range(len(exact)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_rest[: total - sum(whole)]:
        whole[place] += 1
    return whole


def _give(parts, weights, seconds):
    for part, given in zip(parts, largest_remainder(weights, seconds) if parts else [], strict=True):
        part.seconds = given
