"""Outcomes of visits: performed, declined in advance or at the door, no answer; and interventions declined in them.

Repetition is the signal, so everything is counted for each recipient and month.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from app.domain.measures.ordered import Ordered
from app.domain.register.notices import Notice
from app.domain.time import local_date
from app.domain.visits.visit import Visit

PERFORMED = "performed"
IN_ADVANCE = "declined_in_advance"
AT_DOOR = "declined_at_door"
NO_ANSWER = "no_answer"
SINGLE = "declined_single"
OUTCOMES = {"complete": PERFORMED, "declined": AT_DOOR, "no_answer": NO_ANSWER}
"""Outcome by status of the visit; an open, disputed, omitted or incomplete visit has none."""

Counts = Counter[tuple[str, str | None]]
"""Number by (outcome, None) for visits, or by (outcome, intervention) for single declined interventions."""
Whose = tuple[str | None, str, dt.date]
"""Provider, recipient and the first day of the month."""


def outcomes(visits: Iterable[Visit], notices: Iterable[Notice], ordered: Ordered) -> dict[Whose, Counts]:
    """The outcomes by their definition. A notice counts as one visit, or one intervention; `ordered` has all orders."""
    counts: defaultdict[Whose, Counts] = defaultdict(Counter)
    for visit in visits:
        month = visit.local_date.replace(day=1)
        if visit.status in OUTCOMES and visit.took_place:
            counts[visit.provider, visit.recipient, month][OUTCOMES[visit.status], None] += 1
        for recipient, intervention in visit.declined:
            counts[visit.provider, recipient, month][SINGLE, intervention] += 1
    for notice in notices:
        if _stands(notice, ordered):
            month = local_date(notice.at).replace(day=1)
            counts[notice.provider, notice.recipient, month][IN_ADVANCE, notice.intervention] += 1
    return dict(counts)


def _stands(notice: Notice, ordered: Ordered) -> bool:
    """True when the provider has a matching order in force that day: on a paused day there is nothing to decline."""
    return any(
        order.provider == notice.provider
        and (notice.intervention is None or any(line.intervention == notice.intervention for line in order.lines))
        for order in ordered.in_force(notice.recipient, local_date(notice.at))
    )


def declined_share(counts: Counts) -> Fraction | None:
    """Visits declined, in advance or at the door, divided by all visits with an outcome; None without any.

    `no_answer` is not declined, and a performed visit counts as performed whatever was declined in it.
    """
    declined = counts[IN_ADVANCE, None] + counts[AT_DOOR, None]
    whole = counts[PERFORMED, None] + declined + counts[NO_ANSWER, None]
    return Fraction(declined, whole) if whole else None


def of_providers(outcomes: Mapping[Whose, Counts], month: dt.date) -> dict[str | None, Counts]:
    """The counts of each provider in the month."""
    counted: defaultdict[str | None, Counts] = defaultdict(Counter)
    for (provider, _, in_month), counts in outcomes.items():
        if in_month == month:
            counted[provider] += counts
    return dict(counted)


def trends(outcomes: Mapping[Whose, Counts], months: Sequence[dt.date], asked: str | None) -> dict[str, list[Counts]]:
    """The counts of each month, for recipients with any other outcome than performed in the last; the most first.

    The recipient `asked` for is always included.
    """
    counted: dict[str, list[Counts]] = {asked: [Counter() for _ in months]} if asked else {}
    for (_, recipient, month), counts in outcomes.items():
        if month in months:
            counted.setdefault(recipient, [Counter() for _ in months])[months.index(month)] += counts
    missed = {ref: [each.total() - each[PERFORMED, None] for each in monthly] for ref, monthly in counted.items()}
    shown = [recipient for recipient, each in missed.items() if each[-1] or recipient == asked]
    return {recipient: counted[recipient] for recipient in sorted(shown, key=lambda ref: (-sum(missed[ref]), ref))}
