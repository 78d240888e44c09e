"""The Swedish calendar of public holidays and of the eves that agreements name, from 2005 on.

Computed, not listed: Easter by the Gregorian computus, the rest from it or from a rule of the law (1989:253). Before
2005 Whit Monday stood in the place of the national day.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache

from app.domain.register.order import ONE_DAY

SATURDAY, SUNDAY = 6, 7


def easter_sunday(year: int) -> dt.date:
    """Easter Sunday of a Gregorian year (Meeus, Jones and Butcher's computus)."""
    century, of_century = divmod(year, 100)
    leap_centuries, rest = divmod(century, 4)
    epact = (19 * (year % 19) + century - leap_centuries - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * rest + 2 * (of_century // 4) - epact - of_century % 4) % 7
    correction = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return dt.date(year, month, day + 1)


def _fixed(month: int, day: int) -> Callable[[int], dt.date]:
    return lambda year: dt.date(year, month, day)


def _from_easter(days: int) -> Callable[[int], dt.date]:
    return lambda year: easter_sunday(year) + ONE_DAY * days


def _first(weekday: int, month: int, day: int) -> Callable[[int], dt.date]:
    """The first such weekday (ISO) from a day on."""

    def holiday(year: int) -> dt.date:
        from_on = dt.date(year, month, day)
        return from_on + ONE_DAY * ((weekday - from_on.isoweekday()) % 7)

    return holiday


PUBLIC: Mapping[str, Callable[[int], dt.date]] = {
    "new_years_day": _fixed(1, 1),
    "epiphany": _fixed(1, 6),
    "good_friday": _from_easter(-2),
    "easter_sunday": easter_sunday,
    "easter_monday": _from_easter(1),
    "may_day": _fixed(5, 1),
    "ascension_day": _from_easter(39),
    "pentecost": _from_easter(49),
    "national_day": _fixed(6, 6),
    "midsummer_day": _first(SATURDAY, 6, 20),
    "all_saints_day": _first(SATURDAY, 10, 31),
    "christmas_day": _fixed(12, 25),
    "boxing_day": _fixed(12, 26),
}
"""Public holidays other than plain Sundays, by name (1989:253)."""

EVES: Mapping[str, Callable[[int], dt.date]] = {
    "maundy_thursday": _from_easter(-3),
    "easter_eve": _from_easter(-1),
    "pentecost_eve": _from_easter(48),
    "midsummer_eve": _first(5, 6, 19),
    "christmas_eve": _fixed(12, 24),
    "new_years_eve": _fixed(12, 31),
}
"""Days named by agreements and contracts but not by the law of public holidays."""

HOLIDAYS: Mapping[str, Callable[[int], dt.date]] = {**PUBLIC, **EVES}


@cache
def public_holidays(year: int) -> frozenset[dt.date]:
    """The public holidays of a year, without plain Sundays."""
    return frozenset(find(year) for find in PUBLIC.values())


def is_public_holiday(day: dt.date) -> bool:
    """True for a public holiday that the law names; False for a plain Sunday."""
    return day in public_holidays(day.year)


def is_workday(day: dt.date) -> bool:
    """False for Saturdays, Sundays, public holidays and the eves of midsummer, Christmas and New Year.

    The law of annual leave equates these three eves with Sundays (1977:480, 3 a).
    """
    if day.isoweekday() >= SATURDAY or is_public_holiday(day):
        return False
    return day not in {EVES[name](day.year) for name in ("midsummer_eve", "christmas_eve", "new_years_eve")}
