"""Continuity, executed share and evidence, from their definitions."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from uuid import UUID

import pytest

from app.domain.measures.measures import (
    EVIDENCE_LEVELS,
    EXCLUSIONS,
    KOLADA_CLASSIC,
    Candidate,
    born_by,
    continuity,
    evidence,
    exclusion,
    executed_share,
    is_candidate,
    meets_target,
    persons_met,
    publishable,
    qualifies,
    sol_seconds,
    summary,
    together,
    weakest,
)
from app.domain.register.order import Order, OrderLine, Pause
from app.domain.time import STOCKHOLM, UTC, local_date
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit

FIRST = dt.date(2026, 3, 23)  # six days before the clocks change
LAST = dt.date(2026, 4, 5)
BEFORE = FIRST - dt.timedelta(days=1)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(14)]
LINE = OrderLine("1", "dusch", 20, 2, 1, "d")


def visit(on, clock="08:00", person="p1", *, category="CARE", role="care_assistant", status="complete", seconds=600):
    start = dt.datetime.combine(on, dt.time.fromisoformat(clock), STOCKHOLM).astimezone(UTC)
    complete = status == "complete"
    shares = (Share(category, "dusch", "O-1/1", seconds, True, "reported"),) if complete else ()
    return Visit(
        id=UUID(int=1), presence=UUID(int=2), recipient="B-1", group=UUID(int=2), provider="P-1", staff="S-1",
        person=person, role=role, household="H-1", in_tap=None, out_tap=None, started_at=start,
        ended_at=start + dt.timedelta(seconds=seconds), provisional=False, local_date=local_date(start), status=status,
        payable=complete, evidence_in="static", evidence_out="static", presence_seconds=seconds if complete else 0,
        seconds=seconds if complete else 0, spans=(), shares=shares, anomalies=(), suggestions={},
    )  # fmt: skip


def order(first=dt.date(2026, 1, 1), last=None, *pauses):
    return Order("O-1", "B-1", "P-1", first, last, (LINE,), pauses)


def twice_daily(*people, days=DAYS):
    """A morning and an evening visit each day, the people taking turns."""
    turns = [(on, clock) for on in days for clock in ("08:00", "17:00")]
    return [visit(on, clock, people[number % len(people)]) for number, (on, clock) in enumerate(turns)]


def candidate(*, birth_date=dt.date(1940, 5, 1), orders=None, visits=None, recipient="B-1"):
    given_orders = (order(),) if orders is None else orders
    return Candidate(recipient, birth_date, given_orders, twice_daily("p1", "p2") if visits is None else visits)


def test_an_eligible_recipient_counts_each_person_once():
    found = continuity(KOLADA_CLASSIC, FIRST, [candidate(visits=twice_daily("p1", "p2", "p3"))])
    assert (found.eligible, found.mean, found.median, found.least, found.most) == (1, 3, 3, 3, 3)
    assert set(found.excluded.values()) == {0}


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (candidate(), None),
        (candidate(birth_date=None), "age_unknown"),
        (candidate(birth_date=dt.date(1961, 3, 23)), None),
        (candidate(birth_date=dt.date(1961, 3, 24)), "too_young"),
        (candidate(orders=(order(FIRST, LAST),)), None),
        (candidate(orders=(order(FIRST, LAST - dt.timedelta(days=1)),)), "order_not_in_force"),
        (candidate(orders=(order(FIRST + dt.timedelta(days=1)),)), "order_not_in_force"),
        (candidate(orders=(order(FIRST, DAYS[6]), order(DAYS[7]))), None),
        (candidate(orders=()), "order_not_in_force"),
        (candidate(orders=(order(FIRST, None, Pause(DAYS[3], DAYS[3])),)), "paused"),
        (candidate(orders=(order(FIRST, None, Pause(LAST, None)),)), "paused"),
        (candidate(orders=(order(), order(FIRST, None, Pause(dt.date(2026, 3, 1), FIRST)))), "paused"),
        (candidate(orders=(order(FIRST, None, Pause(dt.date(2026, 3, 1), BEFORE)),)), None),
        (candidate(orders=(order(FIRST, DAYS[6], Pause(DAYS[7], None)), order(DAYS[7]))), None),
        (candidate(orders=(order(FIRST, None, Pause(LAST + dt.timedelta(days=1), None)),)), None),
        (candidate(visits=twice_daily("p1")[1:]), "too_few_visits"),
        (candidate(visits=()), "too_few_visits"),
        (candidate(birth_date=None, orders=(), visits=()), "age_unknown"),
    ],
)  # fmt: skip
def test_who_is_left_out_and_why(who, reason):
    assert exclusion(KOLADA_CLASSIC, FIRST, who) == reason


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (visit(FIRST, "07:00"), True),
        (visit(FIRST, "06:59"), False),
        (visit(FIRST, "21:59"), True),
        (visit(FIRST, "22:00"), False),
        (visit(dt.date(2026, 3, 29), "07:00"), True),
        (visit(dt.date(2026, 3, 29), "06:59"), False),
        (visit(FIRST, category="SERVICE"), True),
        (visit(FIRST, category="DELEGATED_HSL"), True),
        (visit(FIRST, category="ALARM"), False),
        (visit(FIRST, category="MEAL"), False),
        (visit(FIRST, category="LICENSED_HSL"), False),
        (visit(FIRST, category=None), False),
        (visit(FIRST, role="licensed"), True),
        (visit(FIRST, status="declined"), False),
        (visit(FIRST, status="omitted"), False),
        (visit(FIRST, status="incomplete"), False),
    ],
)
def test_which_visits_qualify(told, counts):
    assert qualifies(KOLADA_CLASSIC, told) is counts


@pytest.mark.parametrize("role", ["licensed", "night_patrol", "alarm_team", "trainee"])
def test_a_role_left_out_counts_no_person_though_its_visit_qualifies(role):
    visits = [one._replace(role=role) if one.person == "p2" else one for one in twice_daily("p1", "p2")]
    assert exclusion(KOLADA_CLASSIC, FIRST, candidate(visits=visits)) is None
    assert persons_met(KOLADA_CLASSIC, FIRST, visits) == 1


def test_both_persons_of_a_double_staffing_and_a_person_of_two_employments_count_as_they_are():
    visits = [*twice_daily("p1"), visit(FIRST, "08:00", "p2"), visit(FIRST, "17:00", "p2")._replace(staff="S-9")]
    assert persons_met(KOLADA_CLASSIC, FIRST, visits) == 2


def test_a_visit_outside_the_days_is_none_of_the_measures():
    outside = [visit(FIRST - dt.timedelta(days=1), person="p8"), visit(LAST + dt.timedelta(days=1), person="p9")]
    assert persons_met(KOLADA_CLASSIC, FIRST, [*twice_daily("p1"), *outside]) == 1


@pytest.mark.parametrize(
    ("who", "asked"),
    [
        (candidate(visits=()), True),
        (candidate(orders=()), True),
        (candidate(orders=(), visits=()), False),
        (candidate(orders=(order(dt.date(2020, 1, 1), FIRST - dt.timedelta(days=1)),), visits=()), False),
        (candidate(orders=(), visits=[visit(FIRST, category="ALARM")]), False),
    ],
)
def test_who_is_asked_for_at_all(who, asked):
    assert is_candidate(KOLADA_CLASSIC, FIRST, who) is asked


@pytest.mark.parametrize(
    ("met", "mean", "median", "least", "most", "above"),
    [
        ({5: 1}, "5", "5", 5, 5, "0"),
        ({5: 1, 6: 1}, "11/2", "11/2", 5, 6, "0"),
        ({5: 2, 20: 1, 21: 1}, "51/4", "25/2", 5, 21, "1/4"),
        ({0: 1, 30: 2}, "20", "30", 0, 30, "2/3"),
        ({5: 3, 6: 0}, "5", "5", 5, 5, "0"),
    ],
)
def test_figures_of_a_distribution(met, mean, median, least, most, above):
    found = summary(KOLADA_CLASSIC, met, {"paused": 3})
    assert (found.mean, found.median, found.above) == (Fraction(mean), Fraction(median), Fraction(above))
    assert (found.least, found.most) == (least, most)
    assert found.excluded == dict.fromkeys(EXCLUSIONS, 0) | {"paused": 3}


def test_without_anybody_eligible_every_figure_is_none():
    found = summary(KOLADA_CLASSIC, {}, {})
    assert found.eligible == 0
    assert [found.mean, found.median, found.least, found.most, found.above] == [None] * 5


@pytest.mark.parametrize(("recipients", "may"), [(6, False), (7, True)])
def test_nothing_is_published_of_fewer_than_seven(recipients, may):
    assert publishable(KOLADA_CLASSIC, summary(KOLADA_CLASSIC, {4: recipients}, {})) is may


def test_another_profile_is_other_parameters():
    profile = replace(KOLADA_CLASSIC, days=7, least_visits_a_day=1, least_age=80, many_persons=1)
    who = candidate(visits=[visit(on) for on in DAYS[:7]], orders=(order(FIRST, DAYS[6]),))
    assert continuity(profile, FIRST, [who, candidate(birth_date=dt.date(1950, 1, 1))]).excluded["too_young"] == 1
    assert continuity(profile, FIRST, [who]).mean == 1


@pytest.mark.parametrize(
    ("first_on", "latest"),
    [
        (dt.date(2026, 3, 23), dt.date(1961, 3, 23)),
        (dt.date(2025, 2, 28), dt.date(1960, 2, 28)),
        (dt.date(2025, 3, 1), dt.date(1960, 3, 1)),
        (dt.date(2028, 2, 29), dt.date(1963, 2, 28)),
    ],
)
def test_old_enough_on_the_first_day(first_on, latest):
    assert born_by(KOLADA_CLASSIC, first_on) == latest


@pytest.mark.parametrize(
    ("executed", "granted", "share", "meets"),
    [
        (85, 100, "17/20", True),
        (849_999_999, 1_000_000_000, "849999999/1000000000", False),
        (120, 100, "6/5", True),
        (0, 100, "0", False),
        (100, 0, None, None),
        (0, 0, None, None),
    ],
)
def test_executed_share_is_compared_unrounded(executed, granted, share, meets):
    found = executed_share(executed, granted)
    assert found == (share and Fraction(share))
    assert meets_target(found) is meets


def test_executed_share_looks_at_service_and_care_alone():
    visits = [visit(FIRST, category=category) for category in ("SERVICE", "CARE", "DELEGATED_HSL", "ALARM", None)]
    visits += [visit(LAST + dt.timedelta(days=1)), visit(FIRST, status="declined")]
    assert sol_seconds(visits, (FIRST, LAST)) == 1200


@pytest.mark.parametrize(
    ("ends", "level"),
    [
        (("sun_online", "sun_online"), "sun_online"),
        (("sun_online", "sun_late"), "sun_late"),
        (("static", "sun_late"), "static"),
        (("sun_online", "manual"), "manual"),
        (("manual", "static"), "manual"),
        (("static", "off_site"), "off_site"),
        (("sun_online", "system_down"), "system_down"),
        (("system_down", "manual"), "manual"),
        ((None, "static"), "static"),
        ((None, None), None),
    ],
)
def test_a_visit_is_as_strong_as_its_weakest_end(ends, level):
    assert weakest(*ends) == weakest(*reversed(ends)) == level


def test_evidence_counts_visits_by_level_and_shares_out_the_manual_ones():
    one = evidence([("sun_online", "sun_online", 5), ("sun_online", "manual", 2), ("manual", "manual", 1)])
    none = dict.fromkeys(EVIDENCE_LEVELS, 0)
    assert (one.performed, one.levels) == (8, none | {"sun_online": 5, "manual": 3})
    assert one.manual_share == Fraction(3, 8)
    other = evidence([("static", "sun_late", 4), (None, None, 1)])
    assert (other.performed, sum(other.levels.values())) == (5, 4)
    both = together([one, other])
    assert (both.performed, both.levels) == (13, none | {"sun_online": 5, "static": 4, "manual": 3})


def test_visits_away_from_home_and_of_a_day_without_the_system_are_no_part_of_the_manual_share():
    found = evidence([("static", "static", 3), ("manual", "static", 1), ("off_site", "off_site", 4)])
    assert (
        together([found, evidence([("system_down", "static", 2)])]).manual_share == found.manual_share == Fraction(1, 4)
    )
    assert evidence([("system_down", "system_down", 5)]).manual_share is None


def test_nothing_performed_has_no_manual_share():
    nothing = evidence([])
    assert nothing == together([])
    assert (nothing.manual_share, nothing.levels) == (None, dict.fromkeys(EVIDENCE_LEVELS, 0))
