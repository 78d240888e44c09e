"""Visits that no rule can distinguish are rated together: a month has a million visits and far fewer bundles.

Time paid by the hour only adds up. So the complete visits of a recipient with the same kinds of help count as one, if
they lie in the same price band between the same days on which something changes. Visits that a rule considers one by
one stay single: `singles_only`, visits that cross an edge, recipients who move or are absent.
"""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.domain.money.bands import Bands
from app.domain.money.compensation_input import Bundle
from app.domain.money.rating import Agreement
from app.domain.money.terms import Terms
from app.domain.register.master import MasterData
from app.domain.register.order import LAST_DAY, ONE_DAY
from app.domain.time import Days, day_start
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit

MOST_SHARES = 6
"""Visits with more shares are few, and stay single."""


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of visits: sorted instants at which the class may change, midnights included; the class from each on."""

    edges: list[dt.datetime]
    numbers: list[int]


def singles_only(terms: Terms) -> bool:
    """True when a rule considers each visit by itself."""
    return any(
        rule.caps.visit_minutes is not None
        or rule.double_staffing == "once"
        or (rule.rounding is not None and rule.rounding.per == "visit")
        for rule in terms.rules
    )


def moving(master: MasterData, recipients: Iterable[str], days: Days) -> set[str]:
    """The recipients whose data change within the days: their address decides a price."""
    known = ((ref, master.recipients.get(ref)) for ref in recipients)
    return {
        ref
        for ref, timeline in known
        if timeline and any(days[0] < version.valid_from <= days[1] for version in timeline.versions)
    }


def classes_of(agreements: Iterable[Agreement], days: Days, first_on: dt.date) -> Classes:
    """The classes of visits from `first_on` to the last of the paid `days`."""
    turns: set[dt.date] = {days[0], days[1] + ONE_DAY}
    bands: list[Bands] = []
    for agreement in agreements:
        terms = agreement.terms
        spans = [agreement.days, *((rule.valid_from, rule.valid_to) for rule in terms.rules)]
        spans += [(bonus.first_on, bonus.last_on) for bonus in terms.bonuses]
        turns.update(first for first, _ in spans if first)
        turns.update(last + ONE_DAY for _, last in spans if last and last < LAST_DAY)
        turns.update(terms.edges())
        if any(rule.cut for rule in terms.rules):
            bands.append(Bands(terms.bands, (days[0] - ONE_DAY, days[1] + ONE_DAY)))
    midnights = {day_start(first_on + ONE_DAY * number) for number in range((days[1] - first_on).days + 2)}
    edges = sorted(midnights.union(*(one.edges for one in bands)))
    turned = {day_start(day) for day in turns if first_on <= day <= days[1] + ONE_DAY}
    numbers: list[int] = []
    known: dict[tuple[object, ...], int] = {}
    segment = 0
    for edge in edges:
        segment += edge in turned
        numbers.append(known.setdefault((segment, *(one.at(edge) for one in bands)), len(known)))
    return Classes(edges, numbers)


def bundled(visits: Iterable[Visit], classes: Classes, apart: Collection[str] = ()) -> tuple[list[Visit], list[Bundle]]:
    """Complete visits as single ones and bundles of the others; visits of the recipients in `apart` stay single."""
    singles: list[Visit] = []
    together: defaultdict[tuple[object, ...], list[Visit]] = defaultdict(list)
    for visit in visits:
        number = _class_of(visit, classes)
        if number is None or visit.recipient in apart:
            singles.append(visit)
        else:
            shape = tuple((share.category, share.intervention, share.payable) for share in visit.shares)
            together[visit.recipient, number, shape].append(visit)
    return singles, [_bundle(number, alike) for number, alike in enumerate(together.values())]


def _class_of(visit: Visit, classes: Classes) -> int | None:
    """The class of a visit; None if it crosses an edge, has no time, or has too many shares."""
    place = bisect_right(classes.edges, visit.anchor_at)
    if not visit.presence_seconds or visit.ended_at is None or not 0 < place < len(classes.edges):
        return None
    if visit.ended_at > classes.edges[place] or len(visit.shares) > MOST_SHARES:
        return None
    return classes.numbers[place - 1]


def _bundle(number: int, visits: list[Visit]) -> Bundle:
    return Bundle(
        number,
        visits[0].recipient,
        len(visits),
        min(visit.local_date for visit in visits),
        max(visit.local_date for visit in visits),
        min(visit.anchor_at for visit in visits),
        tuple(
            Share(of[0].category, of[0].intervention, None, sum(one.seconds for one in of), of[0].payable, "")
            for of in zip(*(visit.shares for visit in visits), strict=True)
        ),
    )
