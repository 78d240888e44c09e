"""The half-year report: a case's months with hours, income and cost, and a forecast for months not over."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.domain.rounding import half_up
from app.domain.time import Days, days_in_month

MONTHS = 6


@dataclass(frozen=True, slots=True)
class CaseMonth:
    """One month of a recipient with a provider: `income_ore` is paid for it, `cost_ore` is the cost of its hours.

    `waiting_ore` of the income are adjustments that no close has settled yet. A month that is not over is `expected`:
    its figures are those so far, and `forecast` is for the whole month.
    """

    first_on: dt.date
    granted_seconds: int
    executed_seconds: int
    income_ore: int
    waiting_ore: int = 0
    cost_ore: int | None = None
    expected: bool = False
    forecast: "Forecast | None" = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected figures of a whole month; None without months or a cost to compute them from."""

    executed_seconds: int | None
    income_ore: int | None
    cost_ore: int | None


def half_year(first: dt.date) -> list[Days]:
    """The days of each of six months from the first."""
    months: list[Days] = []
    for _ in range(MONTHS):
        last = first.replace(day=days_in_month(first))
        months.append((first, last))
        first = last + dt.timedelta(days=1)
    return months


def with_forecast(months: Sequence[CaseMonth], today: dt.date, cost_ore_per_hour: int | None) -> list[CaseMonth]:
    """The months with their cost, and a forecast for those that are not over.

    Executed time and income are forecast in the same proportion to granted time as in the months that are over.
    """

    def cost(executed_seconds: int | None) -> int | None:
        if executed_seconds is None or cost_ore_per_hour is None:
            return None
        return half_up(Fraction(executed_seconds * cost_ore_per_hour, 3600))

    past = [month for month in months if _last(month) < today]
    granted = sum(month.granted_seconds for month in past)

    def expected(month: CaseMonth) -> Forecast:
        executed, income = (
            half_up(Fraction(total * month.granted_seconds, granted)) if granted else None
            for total in (sum(one.executed_seconds for one in past), sum(one.income_ore for one in past))
        )
        return Forecast(executed, income, cost(executed))

    costed = [replace(month, cost_ore=cost(month.executed_seconds)) for month in months]
    return [
        month if _last(month) < today else replace(month, expected=True, forecast=expected(month)) for month in costed
    ]


def _last(month: CaseMonth) -> dt.date:
    return month.first_on.replace(day=days_in_month(month.first_on))
