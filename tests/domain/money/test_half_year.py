"""Half a year of a case: months that are over as they were, the others as they lead to expect."""

import datetime as dt
from dataclasses import astuple

from app.domain.money.half_year import CaseMonth, half_year, with_forecast


def month(number, granted, executed=0, income=0):
    return CaseMonth(dt.date(2026, number, 1), granted, executed, income)


def told(months, today, cost=None):
    """Each month as it stands, and its forecast."""
    found = with_forecast(months, dt.date.fromisoformat(today), cost)
    assert all(one.expected is (one.forecast is not None) for one in found)
    return [
        (one.first_on.month, one.executed_seconds, one.income_ore, one.cost_ore, one.forecast and astuple(one.forecast))
        for one in found
    ]


def test_six_months_from_the_first():
    found = half_year(dt.date(2026, 10, 1))
    assert [f"{first}/{last:%d}" for first, last in found] == [
        "2026-10-01/31", "2026-11-01/30", "2026-12-01/31", "2027-01-01/31", "2027-02-01/28", "2027-03-01/31"
    ]  # fmt: skip


def test_a_month_is_over_the_day_after_its_last():
    months = [month(1, 3600, 1800, 1000), month(2, 7200, 60, 5)]
    # Half of what was granted was executed, and 1000 öre came of an hour.
    assert told(months, "2026-02-28") == [(1, 1800, 1000, None, None), (2, 60, 5, None, (3600, 2000, None))]
    assert told(months, "2026-03-01") == [(1, 1800, 1000, None, None), (2, 60, 5, None, None)]


def test_the_forecast_goes_by_sums_and_cost_by_executed_hours():
    months = [month(1, 3600, 3600, 100), month(2, 7200, 1800, 200), month(3, 1000)]
    assert told(months, "2026-03-10", cost=7200) == [
        (1, 3600, 100, 7200, None),
        (2, 1800, 200, 3600, None),
        (3, 0, 0, 0, (500, 28, 1000)),  # 5400 of 10800 seconds, 300 öre of three hours
    ]


def test_nothing_is_expected_of_nothing():
    assert told([month(1, 0, 60, 5), month(2, 3600)], "2026-02-10", cost=100) == [
        (1, 60, 5, 2, None),
        (2, 0, 0, 0, (None, None, None)),
    ]
