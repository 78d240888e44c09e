"""The research indices of continuity: concentration of a recipient's visits on few persons, and their return.

UPC and HHI use the number of visits by each person, COC and K correct that for the number of visits, SECON uses pairs
of consecutive visits.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from app.domain.measures.measures import KOLADA_CLASSIC, Scope, qualifying
from app.domain.time import Days
from app.domain.visits.visit import Visit

ALL_VISITS = Scope(
    name="all-visits",
    days=14,
    categories=None,
    opens=dt.time.min,
    closes=dt.time.max,
    roles_left_out=frozenset({"trainee"}),
)
SCOPES: Mapping[str, Scope] = {scope.name: scope for scope in (ALL_VISITS, KOLADA_CLASSIC)}


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts from which the indices of one recipient are computed.

    `visits` counts each visit of a double staffing, `most` those of the person with the most visits; `squares` is the
    sum over persons of their number of visits squared. `pairs` are consecutive visits, a double staffing as one;
    `again` the pairs with a person in common.
    """

    visits: int
    persons: int
    most: int
    squares: int
    pairs: int
    again: int


@dataclass(frozen=True, slots=True)
class Indices:
    """The research indices, each from 0 to 1; None where the denominator is 0."""

    upc: Fraction | None
    hhi: Fraction | None
    coc: Fraction | None
    secon: Fraction | None
    k: Fraction | None


def tallies(scope: Scope, days: Days, visits: Iterable[Visit]) -> dict[str, Tally]:
    """The tally of each recipient with a qualifying visit; the visits of one group are one visit by several persons."""
    together: defaultdict[tuple[str, object], list[Visit]] = defaultdict(list)
    for visit in qualifying(scope, days, visits):
        if visit.role not in scope.roles_left_out:
            together[visit.recipient, visit.group].append(visit)
    by_recipient: defaultdict[str, list[list[str]]] = defaultdict(list)
    for came in sorted(together.values(), key=lambda came: (min(one.anchor_at for one in came), came[0].group)):
        by_recipient[came[0].recipient].append([one.person for one in came])
    return {recipient: tally(persons) for recipient, persons in by_recipient.items()}


def tally(visits: Sequence[Collection[str]]) -> Tally:
    """The tally of visits in time order, each given by the persons who made it."""
    by_person = Counter(person for persons in visits for person in persons)
    pairs = [bool(set(before) & set(after)) for before, after in pairwise(visits)]
    return Tally(
        by_person.total(),
        len(by_person),
        max(by_person.values(), default=0),
        sum(count * count for count in by_person.values()),
        len(pairs),
        sum(pairs),
    )


def indices(tallies: Iterable[Tally]) -> Indices:
    """The indices of one recipient, or of several together: ratios of the sums over recipients with any visit."""
    met = [one for one in tallies if one.visits]
    visits = sum(one.visits for one in met)
    return Indices(
        upc=_ratio(sum(one.most for one in met), visits),
        hhi=_ratio(sum(one.squares for one in met), sum(one.visits**2 for one in met)),
        coc=_ratio(sum(one.squares for one in met) - visits, sum(one.visits * (one.visits - 1) for one in met)),
        secon=_ratio(sum(one.again for one in met), sum(one.pairs for one in met)),
        k=_ratio(visits - sum(one.persons for one in met), visits - len(met)),
    )


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
