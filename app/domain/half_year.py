"""The half-year report: a case's months with hours, income and cost, and what is to be expected of those to come."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.domain.rounding import half_up
from app.domain.time import Days, days_in_month

MONTHS = 6


@dataclass(frozen=True, slots=True)
class CaseMonth:
    """One month of a recipient with a provider: `income_ore` is what is paid for it, `cost_ore` what its hours cost.

    In an `expected` month, one that is not over, executed time, income and cost are a forecast, None where nothing is
    known to expect them from.
    """

    first_on: dt.date
    granted_seconds: int
    executed_seconds: int | None
    income_ore: int | None
    cost_ore: int | None = None
    expected: bool = False


def half_year(first: dt.date) -> list[Days]:
    """The days of each of six months from the first."""
    found: list[Days] = []
    for _ in range(MONTHS):
        last = first.replace(day=days_in_month(first))
        found.append((first, last))
        first = last + dt.timedelta(days=1)
    return found


def with_forecast(months: Sequence[CaseMonth], today: dt.date, cost_ore_per_hour: int | None) -> list[CaseMonth]:
    """The months with their cost, those that are not over as the granted time and the months before lead to expect.

    Executed time and income are expected in the proportion to granted time that the months that are over had.
    """
    past = [month for month in months if _last(month) < today]
    granted = sum(month.granted_seconds for month in past)
    executed = Fraction(sum(month.executed_seconds or 0 for month in past), granted) if granted else None
    income = Fraction(sum(month.income_ore or 0 for month in past), granted) if granted else None
    told = [
        month
        if _last(month) < today
        else replace(
            month,
            executed_seconds=None if executed is None else half_up(executed * month.granted_seconds),
            income_ore=None if income is None else half_up(income * month.granted_seconds),
            expected=True,
        )
        for month in months
    ]
    if cost_ore_per_hour is None:
        return told
    return [
        replace(
            month,
            cost_ore=None
            if month.executed_seconds is None
            else half_up(Fraction(month.executed_seconds * cost_ore_per_hour, 3600)),
        )
        for month in told
    ]


def _last(month: CaseMonth) -> dt.date:
    return month.first_on.replace(day=days_in_month(month.first_on))
