"""The research indices, from their definitions and known answers."""

import datetime as dt
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import MONDAY, derive, order, recipient, staff, taps, world

from app.domain.measures.indices import ALL_VISITS, Indices, Tally, indices, tallies, tally
from app.domain.measures.measures import KOLADA_CLASSIC

DAYS = (MONDAY, MONDAY + dt.timedelta(days=13))


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("AAAB", ("3/4", "5/8", "1/2", "2/3", "2/3")),
        ("ABAB", ("1/2", "1/2", "1/3", "0", "2/3")),
        ("AABB", ("1/2", "1/2", "1/3", "2/3", "2/3")),
        ("AAABBC", ("1/2", "7/18", "4/15", "3/5", "3/5")),
        ("AAAA", ("1", "1", "1", "1", "1")),
        ("ABCD", ("1/4", "1/4", "0", "0", "0")),
        ("A", ("1", "1", None, None, None)),
        ("", (None, None, None, None, None)),
    ],
)
def test_indices_have_their_known_answers(sequence, expected):
    assert indices([tally([{person} for person in sequence])]) == Indices(
        *(value and Fraction(value) for value in expected)
    )


def test_indices_of_double_staffing_count_each_person_and_compare_visits():
    found = indices([tally([{"A", "B"}, {"B", "C"}, {"D"}])])
    assert found == Indices(Fraction(2, 5), Fraction(7, 25), Fraction(1, 10), Fraction(1, 2), Fraction(1, 4))
    assert indices([tally([{"A", "B"}])]).secon is None
    # Whoever leaves and comes back while the other is there has made two of the visits.
    assert tally(["ABA", "C"]) == Tally(visits=4, persons=3, most=2, squares=6, pairs=1, again=0)


@given(st.lists(st.sets(st.sampled_from("ABCDE"), min_size=1, max_size=3), max_size=30))
def test_indices_stay_between_none_and_all(visits):
    found = indices([tally(visits)])
    for value in (getattr(found, name) for name in ("upc", "hhi", "coc", "secon", "k")):
        assert value is None or 0 <= value <= 1


def test_of_several_recipients_each_index_is_a_ratio_of_sums():
    one, other = tally("AAAB"), tally("AB")
    assert indices([one, other]) == Indices(
        Fraction(3 + 1, 4 + 2),
        Fraction(10 + 2, 16 + 4),
        Fraction(6 + 0, 12 + 2),
        Fraction(2 + 0, 3 + 1),
        Fraction(1, 2),
    )
    single = tally("A")
    assert indices([one, single]) == Indices(
        Fraction(4, 5), Fraction(11, 17), indices([one]).coc, indices([one]).secon, indices([one]).k
    )
    assert indices([one, tally("")]) == indices([one])


PEOPLE = [staff(ref) for ref in ("S-1", "S-2", "S-3")]
TRAINEE, NIGHT = staff("S-t", "trainee"), staff("S-n", "night_patrol")
MORNINGS = world(
    *PEOPLE, TRAINEE, NIGHT, recipient("B-1"), order("O-1", "B-1", "dusch 20 06:00-12:00; larm 15 12:00-20:00")
)
OF_A_DAY = """
    07:30 in A by S-1 | 08:00 out A by S-1
    07:31 in A by S-2 | 08:00 out A by S-2
    07:32 in A by S-t | 08:00 out A by S-t
    08:00 in A by S-3 | 08:20 out A by S-3
    13:00 in A by S-3 | 13:10 out A by S-3
    03:00+1 in A by S-n | 03:10+1 out A by S-n
    09:00+1 in A by S-2
"""


@pytest.mark.parametrize(
    ("scope", "persons"),
    [
        (ALL_VISITS, [{"S-1", "S-2"}, {"S-3"}, {"S-3"}, {"S-n"}]),  # what is open is not performed
        (KOLADA_CLASSIC, [{"S-1", "S-2"}, {"S-3"}]),  # neither alarms nor nights
    ],
)
def test_which_visits_and_persons_count(scope, persons):
    visits = derive(MORNINGS, taps(OF_A_DAY.strip()))
    assert tallies(scope, DAYS, visits) == {"B-1": tally(persons)}
    assert tallies(scope, DAYS, reversed(visits)) == {"B-1": tally(persons)}
    assert tallies(scope, (DAYS[1], DAYS[1]), visits) == {}


def test_visits_that_begin_in_the_same_second_go_by_their_group():
    [first, second] = derive(MORNINGS, taps("07:30 in A | 08:00 out A | 08:30 in A by S-2 | 09:00 out A by S-2"))
    later = first._replace(local_date=first.local_date + dt.timedelta(days=1), started_at=second.started_at)
    at_once = [
        later._replace(group=UUID(int=number), person=person) for number, person in ((3, "A"), (1, "B"), (2, "A"))
    ]
    assert tallies(ALL_VISITS, DAYS, at_once)["B-1"].again == tally("BAA").again
