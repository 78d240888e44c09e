"""Holidays against a library's calendar and against years that everybody knows."""

import datetime as dt

import holidays as library
import pytest

from app.domain.money.holidays import EVES, HOLIDAYS, is_public_holiday, is_workday, public_holidays


@pytest.mark.parametrize("year", range(2005, 2101))
def test_the_red_days_are_those_of_the_library(year):
    assert public_holidays(year) == set(library.country_holidays("SE", years=year, include_sundays=False))


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("maundy_thursday", "2026-04-02"),
        ("easter_eve", "2026-04-04"),
        ("easter_sunday", "2026-04-05"),
        ("pentecost_eve", "2026-05-23"),
        ("midsummer_eve", "2026-06-19"),
        ("midsummer_day", "2025-06-21"),
        ("all_saints_day", "2026-10-31"),
        ("christmas_eve", "2026-12-24"),
        ("new_years_eve", "2026-12-31"),
    ],
)
def test_the_days_that_agreements_name(name, day):
    day = dt.date.fromisoformat(day)
    assert HOLIDAYS[name](day.year) == day
    assert is_public_holiday(day) is (name not in EVES)


@pytest.mark.parametrize(
    ("day", "works"),
    [("2026-11-02", True), ("2026-11-01", False), ("2026-10-31", False), ("2026-12-24", False), ("2026-04-02", True),
     ("2026-06-19", False), ("2026-04-06", False), ("2026-12-31", False), ("2026-12-30", True)],
)  # fmt: skip
def test_workdays(day, works):
    assert is_workday(dt.date.fromisoformat(day)) is works
