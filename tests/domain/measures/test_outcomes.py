"""What becomes of visits: four outcomes kept apart, single interventions beside them, and who declines again."""

import datetime as dt
from collections import Counter
from fractions import Fraction

import pytest
from told import at, contract, derive, order, recipient, report, staff, taps, world

from app.domain.measures.ordered import Ordered
from app.domain.measures.outcomes import declined_share, of_providers, outcomes, trends
from app.domain.register.notices import Notice

MARCH, FEBRUARY, JANUARY = dt.date(2026, 3, 1), dt.date(2026, 2, 1), dt.date(2026, 1, 1)
HALF_HOUR = "08:00 in A | 08:30 out A"
LIVING = (recipient("B-1"), recipient("B-2"))
ORDERS = (order("O-1", "B-1", "dusch; insulin"), order("O-2", "B-2", "tillsyn"))


def ordered(*orders, died_on=None):
    """Orders by recipient; whoever died."""
    by_recipient = {}
    for one in orders:
        by_recipient.setdefault(one.recipient, []).append(one)
    return Ordered(by_recipient, lambda *_: "CARE", died_on or {})


def notice(intervention=None, when="08:00", *, recipient="B-1", provider="P-norr"):
    return Notice(recipient, provider, intervention, at(when), at("2026-03-01T20:00"))


@pytest.mark.parametrize(
    ("says", "declined"),
    [
        (report(1, "dusch; insulin declined"), {"B-1": [("B-1", "insulin")]}),
        (report(1, "dusch; insulin not_done"), {}),
        # nothing of it was ordered, so nothing ordered was declined
        (report(1, "dusch; städ declined @B-1"), {}),
        (report(1, "dusch; larm declined"), {}),
        # done and declined is done
        (report(1, "dusch; dusch declined"), {}),
        # what is told of one of a couple stands in their own visit, else in the other's
        (report(1, "dusch @B-1; insulin declined; tillsyn @B-2"), {"B-1": [("B-1", "insulin")]}),
        (report(1, "dusch; tillsyn declined"), {"B-1": [("B-2", "tillsyn")]}),
        (report(1, "tillsyn; dusch declined; insulin declined @B-1"), {"B-2": [("B-1", "dusch"), ("B-1", "insulin")]}),
        # nobody says what was done: split by the orders, and declined all the same
        (report(1, "insulin declined"), {"B-1": [("B-1", "insulin")]}),
        # the whole visit was declined, which is no single intervention
        (report(1, "insulin declined", outcome="declined"), {}),
        (report(1, "insulin declined", outcome="no_answer"), {}),
    ],
)
def test_single_interventions_declined_within_a_performed_visit(says, declined):
    visits = derive(world(*LIVING, *ORDERS, contract()), taps(HALF_HOUR), [says])
    assert {one.recipient: list(one.declined) for one in visits if one.declined} == declined


def test_the_latest_report_of_the_presence_says_what_was_declined():
    master = world(*LIVING, *ORDERS)
    told = [report(1, "dusch declined; insulin", when="09:00"), report(2, "dusch", when="10:00", number=2)]
    assert [one.declined for one in derive(master, taps(HALF_HOUR), told)] == [()]
    assert [one.declined for one in derive(master, taps(HALF_HOUR), told[:1])] == [(("B-1", "dusch"),)]
    # an open visit has not been performed, so far nothing is declined within it
    assert [one.declined for one in derive(master, taps("08:00 in A"), told, now=at("08:20"))] == [()]


def test_four_outcomes_are_kept_apart_and_what_is_unsettled_counts_as_none():
    taps_of_days = taps(
        "08:00 in A | 08:30 out A | 08:00+1 in A | 08:03+1 out A | 08:00+2 in A | 08:01+2 out A"
        "| 08:00+3 in A | 08:00+4 in A | 08:30+4 out A !tag_lost"
    )
    says = [
        report(1, "dusch; insulin declined"),
        report(3, outcome="declined", number=2),
        report(5, outcome="no_answer", number=3),
    ]
    visits = derive(world(recipient("B-1"), ORDERS[0]), taps_of_days, says)
    assert [one.status for one in visits] == ["complete", "declined", "no_answer", "incomplete", "disputed"]
    found = outcomes(visits, [notice(when="08:00+5"), notice("dusch", "08:00+6")], ordered(*ORDERS))
    counts = found.pop(("P-norr", "B-1", MARCH))
    assert counts == {
        ("performed", None): 1,
        ("declined_in_advance", None): 1,
        ("declined_at_door", None): 1,
        ("no_answer", None): 1,
        ("declined_single", "insulin"): 1,
        ("declined_in_advance", "dusch"): 1,
    }
    assert not found
    assert declined_share(counts) == Fraction(2, 4)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (notice(), True),
        (notice("dusch"), True),
        (notice("städ"), False),
        (notice(provider="P-söder"), False),
        (notice(when="2026-03-20T08:00"), False),  # a paused day
        (notice(when="2026-03-31T23:30"), True),  # by the Swedish calendar it is March's last day
        (notice(when="2026-04-01T00:00"), False),  # the order has ended
        (notice(recipient="B-3"), False),
    ],
)
def test_a_notice_counts_where_somebody_would_have_come(told, counts):
    given = order("O-1", "B-1", "dusch; insulin", last="2026-03-31", pauses=[("2026-03-19", "2026-03-21")])
    found = outcomes([], [told], ordered(given))
    assert found == (
        {("P-norr", "B-1", MARCH): Counter({("declined_in_advance", told.intervention): 1})} if counts else {}
    )
    assert outcomes([], [told], ordered(given, died_on={"B-1": dt.date(2026, 2, 27)})) == {}


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ({}, None),
        ({("declined_single", "dusch"): 2, ("declined_in_advance", "dusch"): 1}, None),
        ({("performed", None): 3}, 0),
        ({("no_answer", None): 3}, 0),
        ({("declined_in_advance", None): 1}, 1),
        ({("performed", None): 5, ("declined_at_door", None): 2, ("no_answer", None): 1}, Fraction(1, 4)),
    ],
)
def test_share_of_declined_visits_is_none_where_nobody_was_to_come(counts, share):
    assert declined_share(Counter(counts)) == share


def test_a_trend_goes_back_from_those_who_declined_in_the_last_month_the_most_first():
    often = Counter({("performed", None): 9, ("declined_at_door", None): 2})
    once, single = Counter({("no_answer", None): 1}), Counter({("declined_single", "dusch"): 1})
    found = {
        ("P-norr", "B-1", MARCH): once,
        ("P-norr", "B-2", MARCH): single,
        ("P-syd", "B-2", FEBRUARY): often,
        ("P-norr", "B-2", FEBRUARY): often,
        ("P-norr", "B-3", FEBRUARY): often,
        ("P-norr", "B-4", MARCH): Counter({("performed", None): 9}),
        ("P-norr", "B-1", JANUARY): often,
    }
    months = [FEBRUARY, MARCH]
    assert list(trends(found, months, None).items()) == [("B-2", [often + often, single]), ("B-1", [Counter(), once])]
    assert list(trends(found, months, "B-3")) == ["B-2", "B-3", "B-1"]
    assert trends({}, months, "B-9") == {"B-9": [Counter(), Counter()]}
    assert of_providers(found, FEBRUARY) == {"P-syd": often, "P-norr": often + often}


def test_a_visit_counts_under_its_provider_and_start_day():
    master = world(recipient("B-1"), staff("S-2", provider="P-söder"), ORDERS[0])
    visits = derive(
        master, taps("2026-02-28T23:50 in A | 2026-03-01T00:10 out A | 09:00 in A by S-2 | 09:10 out A by S-2")
    )
    assert outcomes(visits, [], ordered()).keys() == {("P-norr", "B-1", FEBRUARY), ("P-söder", "B-1", MARCH)}
