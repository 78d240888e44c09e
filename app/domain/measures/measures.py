"""Measures of the care given: continuity, executed share and evidence.

A measure is a profile, a set of parameters, over the raw visits and orders. An undefined figure is None, never 0.
Ratios are exact ratios of sums; only the presentation rounds them.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.domain.closed_sets import DELEGATED, SOL_TIME, Category, Level, Profession
from app.domain.register.order import LAST_DAY, ONE_DAY, Order, in_force
from app.domain.time import Days, local
from app.domain.visits.evidence import EVIDENCE_LEVELS, weakest
from app.domain.visits.visit import Visit

EXCLUSIONS = ("age_unknown", "too_young", "paused", "order_not_in_force", "too_few_visits")
"""Reasons to leave a candidate out of continuity, in order; each candidate counts under its first reason."""

TARGET_SHARE = Fraction(85, 100)


@dataclass(frozen=True, slots=True)
class Scope:
    """The visits and persons of a measure: `days` from the first on, starts from `opens` to before `closes`, local.

    A visit must have a share of one of the `categories`, None for any. Persons in `roles_left_out` are not counted.
    """

    name: str
    days: int
    categories: frozenset[Category] | None
    opens: dt.time
    closes: dt.time
    roles_left_out: frozenset[Profession]


@dataclass(frozen=True, slots=True)
class Profile(Scope):
    """The parameters of a continuity measure. Visits of `roles_left_out` still qualify, their persons do not count.

    `publish_from` is the fewest eligible recipients a published figure may rest on.
    """

    least_age: int
    least_visits_a_day: int
    many_persons: int
    publish_from: int


KOLADA_CLASSIC = Profile(
    name="kolada-classic",
    days=14,
    least_age=65,
    least_visits_a_day=2,
    categories=SOL_TIME | {DELEGATED},
    opens=dt.time(7),
    closes=dt.time(22),
    roles_left_out=frozenset({"licensed", "night_patrol", "alarm_team", "trainee"}),
    many_persons=20,
    publish_from=7,
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (KOLADA_CLASSIC,)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipient to consider: everybody with an order valid, or a qualifying visit, within the profile's days.

    `orders` and `visits` are the recipient's own; for the measure of one provider, only that provider's. The orders end
    with a death.
    """

    recipient: str
    birth_date: dt.date | None
    orders: Sequence[Order]
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class Continuity:
    """The numbers of persons that eligible recipients met, as a distribution; figures are None if nobody is eligible.

    `excluded` has every reason of EXCLUSIONS, 0 included; `above` is the share of recipients who met more than the
    profile's `many_persons`.
    """

    eligible: int
    excluded: Mapping[str, int]
    mean: Fraction | None
    median: Fraction | None
    least: int | None
    most: int | None
    above: Fraction | None


def period(profile: Scope, first_on: dt.date) -> Days:
    """The inclusive local days of the measure."""
    return first_on, first_on + dt.timedelta(days=profile.days - 1)


def born_by(profile: Profile, first_on: dt.date) -> dt.date:
    """The latest birth date that is old enough; a birthday of 29 February falls on 1 March in other years."""
    year = first_on.year - profile.least_age
    try:
        return first_on.replace(year=year)
    except ValueError:
        return dt.date(year, 2, 28)


def qualifies(profile: Scope, visit: Visit) -> bool:
    """True when the measure counts the visit, whoever made it."""
    if visit.status != "complete" or not visit.took_place or visit.started_at is None:
        return False
    if not profile.opens <= local(visit.started_at).time() < profile.closes:
        return False
    return profile.categories is None or any(share.category in profile.categories for share in visit.shares)


def qualifying(profile: Scope, days: Days, visits: Iterable[Visit]) -> list[Visit]:
    """The qualifying visits that start within inclusive local days."""
    return [visit for visit in visits if days[0] <= visit.local_date <= days[1] and qualifies(profile, visit)]


def _valid(order: Order, days: Days) -> bool:
    return order.valid_from <= days[1] and days[0] <= (order.valid_to or LAST_DAY)


def _paused(order: Order, days: Days) -> bool:
    """True when a pause overlaps the order's days within `days`."""
    first, last = max(days[0], order.valid_from), min(days[1], order.valid_to or LAST_DAY)
    return any(
        max(pause.first_on, first) <= min(pause.last_on or LAST_DAY, last) for pause in order.pauses if first <= last
    )


def is_candidate(profile: Profile, first_on: dt.date, candidate: Candidate) -> bool:
    """True when the recipient must be counted, as eligible or as excluded."""
    days = period(profile, first_on)
    return any(_valid(order, days) for order in candidate.orders) or bool(qualifying(profile, days, candidate.visits))


def exclusion(profile: Profile, first_on: dt.date, candidate: Candidate) -> str | None:
    """The first reason to leave the recipient out; None for the eligible."""
    days = period(profile, first_on)
    every_day = [first_on + ONE_DAY * number for number in range(profile.days)]
    if candidate.birth_date is None:
        return "age_unknown"
    if candidate.birth_date > born_by(profile, first_on):
        return "too_young"
    if any(_paused(order, days) for order in candidate.orders):
        return "paused"
    if not all(any(in_force(order, on) for order in candidate.orders) for on in every_day):
        return "order_not_in_force"
    visits = Counter(visit.local_date for visit in qualifying(profile, days, candidate.visits))
    if any(visits[on] < profile.least_visits_a_day for on in every_day):
        return "too_few_visits"
    return None


def persons_met(profile: Profile, first_on: dt.date, visits: Iterable[Visit]) -> int:
    """Distinct persons of the qualifying visits, less the roles left out; each of a double staffing counts."""
    counted = qualifying(profile, period(profile, first_on), visits)
    return len({visit.person for visit in counted if visit.role not in profile.roles_left_out})


def continuity(profile: Profile, first_on: dt.date, candidates: Iterable[Candidate]) -> Continuity:
    """The measure from its definition, one recipient at a time."""
    met: Counter[int] = Counter()
    excluded: Counter[str] = Counter()
    for candidate in candidates:
        reason = exclusion(profile, first_on, candidate)
        if reason is None:
            met[persons_met(profile, first_on, candidate.visits)] += 1
        else:
            excluded[reason] += 1
    return summary(profile, met, excluded)


def summary(profile: Profile, met: Mapping[int, int], excluded: Mapping[str, int]) -> Continuity:
    """The figures of a distribution: `met` is the number of recipients by number of persons met."""
    eligible = sum(met.values())
    counts = sorted(persons for persons, recipients in met.items() if recipients)
    left_out = {reason: excluded.get(reason, 0) for reason in EXCLUSIONS}
    if not eligible:
        return Continuity(0, left_out, None, None, None, None, None)
    return Continuity(
        eligible,
        left_out,
        Fraction(sum(persons * met[persons] for persons in counts), eligible),
        Fraction(_nth(met, counts, (eligible - 1) // 2) + _nth(met, counts, eligible // 2), 2),
        counts[0],
        counts[-1],
        Fraction(sum(met[persons] for persons in counts if persons > profile.many_persons), eligible),
    )


def _nth(met: Mapping[int, int], counts: Sequence[int], index: int) -> int:
    """The value at `index` of the sorted distribution. Raises ValueError beyond its end."""
    for persons in counts:
        index -= met[persons]
        if index < 0:
            return persons
    raise ValueError("the distribution is shorter than that")


def publishable(profile: Profile, measure: Continuity) -> bool:
    """True when a published aggregate may show the figures; the municipality's own controllers always see them."""
    return measure.eligible >= profile.publish_from


def executed_share(executed_seconds: int, granted_seconds: int) -> Fraction | None:
    """Executed divided by granted time, both of the same recipients and categories; None without granted time."""
    return Fraction(executed_seconds, granted_seconds) if granted_seconds else None


def meets_target(share: Fraction | None, target: Fraction = TARGET_SHARE) -> bool | None:
    """True when the unrounded share reaches the target; None without a share."""
    return None if share is None else share >= target


def sol_seconds(visits: Iterable[Visit], days: Days) -> int:
    """Executed seconds under the Social Services Act of the visits that start within inclusive local days."""
    return sum(
        share.seconds
        for visit in visits
        if visit.status == "complete" and days[0] <= visit.local_date <= days[1]
        for share in visit.shares
        if share.category in SOL_TIME
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Number of performed visits, and of those whose weaker end is at each level, 0 included."""

    performed: int
    levels: Mapping[Level, int]

    @property
    def manual_share(self) -> Fraction | None:
        """The share of visits with an end entered or corrected by hand; None without visits.

        Visits away from home or while the system was down count neither in the numerator nor in the denominator.
        """
        shown = self.performed - self.levels["off_site"] - self.levels["system_down"]
        return Fraction(self.levels["manual"], shown) if shown else None


def together(parts: Iterable[Evidence]) -> Evidence:
    """The sum of the parts, which must have no visit in common."""
    all_parts = list(parts)
    levels: dict[Level, int] = {level: sum(part.levels[level] for part in all_parts) for level in EVIDENCE_LEVELS}
    return Evidence(sum(part.performed for part in all_parts), levels)


def evidence(ends: Iterable[tuple[str | None, str | None, int]]) -> Evidence:
    """The measure from (level in, level out, number of performed visits)."""
    performed, levels = 0, dict.fromkeys(EVIDENCE_LEVELS, 0)
    for evidence_in, evidence_out, visits in ends:
        performed += visits
        level = weakest(evidence_in, evidence_out)
        if level is not None:
            levels[level] += visits
    return Evidence(performed, levels)
