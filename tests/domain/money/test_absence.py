"""Absence by the calendar: what counts as one, which days still pay, and the two clocks of notice."""

import datetime as dt
from fractions import Fraction

import pytest
from paid import order
from told import at, day

from app.domain.money.absence import absences_of, is_free_of_fee, is_planned, paid_days
from app.domain.money.terms import AbsencePay, AbsenceStep

YEAR = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
FIVE = AbsencePay((AbsenceStep(1, 5, Fraction(1)),), planned_days=5, counted_from="last_visit")
SOLNA = AbsencePay(
    (AbsenceStep(1, 1, Fraction(3, 4)), AbsenceStep(2, 5, Fraction(1, 4))), frozenset({"hospital", "death"})
)


def one(begins, ends, reason="hospital", notified=None, **more):
    pause = (begins, ends, reason, notified) if notified else (begins, ends, reason)
    [found] = absences_of([order("O-1", "B-1", "dusch", pauses=[pause], **more)], None)
    return found


def told(absence, pay, *visited, days=YEAR):
    found = paid_days(absence, pay, {day(text) for text in visited}, days)
    return [(f"{on:%m-%d}", int(step.share * 100)) for on, step in found]


def test_pauses_that_meet_are_one_absence_with_the_first_notice():
    pauses = [
        ("2026-05-01", "2026-05-31", "hospital", "2026-05-01T08:00"),
        ("2026-04-28", "2026-04-30", "hospital", "2026-04-27T08:00"),
        ("2026-06-02", None, "hospital"),
        ("2026-06-02", "2026-06-03", "journey"),
    ]
    found = absences_of([order("O-1", "B-1", "dusch", pauses=pauses, last="2026-12-31")], None)
    assert [(f"{a.first_on:%m-%d}", f"{a.last_on:%m-%d}", a.reason, a.notified_at) for a in found] == [
        ("04-28", "05-31", "hospital", at("2026-04-27T08:00")),
        ("06-02", "06-03", "journey", None),
        ("06-02", "12-31", "hospital", None),
    ]


def test_an_absence_lies_within_its_order():
    found = one("2026-01-01", None, first="2026-02-01", last="2026-02-20")
    assert (found.first_on, found.last_on) == (day("2026-02-01"), day("2026-02-20"))


def test_a_death_is_an_absence_from_the_day_after_and_ends_the_others():
    dead = order("O-1", "B-1", "dusch", pauses=[("2026-04-28", None, "hospital"), ("2026-05-09", None, "journey")])
    found = absences_of([dead], day("2026-05-01"))
    assert [(a.first_on.isoformat(), a.reason) for a in found] == [
        ("2026-04-28", "hospital"),
        ("2026-05-02", "death"),
    ]
    assert found[0].last_on == day("2026-05-01")
    assert absences_of([order("O-1", "B-1", "dusch", last="2026-05-01")], day("2026-05-01")) == []


@pytest.mark.parametrize(
    ("notified", "planned"),
    [("2026-04-23T23:59", True), ("2026-04-24T00:00", False), ("2026-04-30T08:00", False), (None, False)],
)
def test_five_calendar_days_of_notice(notified, planned):
    assert is_planned(one("2026-04-28", "2026-05-10", "journey", notified), 5) is planned


def test_the_quota_does_not_begin_again_with_the_month():
    absence = one("2026-04-28", "2026-05-10")
    five = [("04-28", 100), ("04-29", 100), ("04-30", 100), ("05-01", 100), ("05-02", 100)]
    assert told(absence, FIVE, "2026-04-27") == five
    assert told(absence, FIVE, "2026-04-27", days=(day("2026-05-01"), day("2026-05-31"))) == five[3:]
    assert told(absence, FIVE) == five  # nobody ever came: from the first day
    assert told(absence, FIVE, "2026-04-25") == five[:3]
    assert told(absence, FIVE, "2026-04-20") == []


def test_day_by_number():
    absence = one("2026-04-28", "2026-05-10")
    assert told(absence, SOLNA) == [("04-28", 75), ("04-29", 25), ("04-30", 25), ("05-01", 25), ("05-02", 25)]
    assert told(absence, SOLNA, "2026-04-20") == told(absence, SOLNA)


def test_hospital_after_the_mornings_visit_begins_tomorrow():
    absence = one("2026-04-28", "2026-04-29")
    assert told(absence, SOLNA, "2026-04-28") == [("04-29", 75)]
    assert told(absence, FIVE, "2026-04-28") == [("04-29", 100)]


def test_a_visit_in_the_middle_is_no_day_of_absence():
    absence = one("2026-04-28", "2026-05-10")
    assert told(absence, SOLNA, "2026-04-30") == [("04-28", 75), ("04-29", 25), ("05-01", 25), ("05-02", 25)]
    assert told(absence, FIVE, "2026-04-27", "2026-05-01")[-1] == ("05-06", 100)
    # Though the five days had run out before it.
    assert told(absence, FIVE, "2026-04-01", "2026-05-08") == [("05-09", 100), ("05-10", 100)]


def test_other_reasons_pay_nothing():
    assert told(one("2026-04-28", "2026-05-10", "journey"), SOLNA) == []


@pytest.mark.parametrize(
    ("notified", "free"), [("2026-04-26T08:00", True), ("2026-04-26T08:01", False), ("2026-04-27T20:00", False)]
)
def test_the_fee_clock_counts_hours(notified, free):
    assert is_free_of_fee(at(notified), at("2026-04-28T08:00")) is free


def test_the_two_clocks_disagree():
    notified, visit = "2026-04-25T08:00", at("2026-04-28T08:00")
    assert is_free_of_fee(at(notified), visit)
    assert not is_planned(one("2026-04-28", "2026-05-10", "journey", notified), 5)


def test_an_absence_goes_on_where_its_order_is_put_again_from_a_day_on():
    parts = [
        order("O-1", "B-1", "dusch 20", pauses=[("2026-05-01", None, "hospital")], last="2026-05-04"),
        order(
            "O-1", "B-1", "dusch 30", pauses=[("2026-05-01", None, "hospital")], first="2026-05-05", last="2026-12-31"
        ),
    ]
    [found] = absences_of(parts, None)
    assert (found.first_on, found.last_on) == (day("2026-05-01"), day("2026-12-31"))
    [_, dead] = absences_of(parts, day("2026-05-02"))
    assert (dead.first_on, dead.last_on, dead.reason) == (day("2026-05-03"), day("2026-12-31"), "death")
