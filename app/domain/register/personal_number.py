"""Personal and coordination numbers: their form, recognised anywhere in a text.

Ten or twelve digits, the last four apart or not, without another digit beside them: a day of birth (plus 60 in a
coordination number, whose day or month may be unknown), three digits and the check digit. It does not matter if anybody
has the number, nor what day it is today: a ref that is no number today is none next year.
"""

import datetime as dt
import re
from typing import NamedTuple

OLDEST_YEAR = 1850
CENTURIES = ("20", "19", "18")
HUNDRED = 100
COORDINATION = 60
"""Added to the day of birth in a coordination number."""

# The last four may be set apart by any sign that a keyboard or a word processor makes of a hyphen or a blank.
_WRITTEN = re.compile(
    r"(?<![0-9])(18|19|20)?([0-9]{2})([0-9]{2})([0-9]{2})([-+ \u00a0\u2010-\u2015\u2212]?)([0-9]{4})(?![0-9])"
)


class PersonalNumber(NamedTuple):
    """A valid number as it was written. `century` is empty for ten digits."""

    century: str
    year: str
    month: str
    day: str
    sign: str
    tail: str

    def in_full(self, today: dt.date, birth_date: dt.date | None = None) -> str | None:
        """The twelve digits of a person born by `today`, on `birth_date` if given; None if no century fits.

        Ten digits give the youngest possible person; after a `+`, the youngest who is 100 or turns 100 this year.
        """
        youngest = today.year - HUNDRED if self.sign == "+" and not self.century else today.year
        for century in [self.century] if self.century else CENTURIES:
            first = self.first_on(century)
            if first and first <= today and first.year <= youngest and self._fits(century, birth_date):
                return f"{century}{self.year}{self.month}{self.day}{self.tail}"
        return None

    def _fits(self, century: str, birth_date: dt.date | None) -> bool:
        if birth_date is None:
            return True
        day = f"{int(self.day) % COORDINATION:02}"
        parts = zip((century + self.year, self.month, day), f"{birth_date:%Y-%m-%d}".split("-"), strict=True)
        return all(part in {"00", there} for part, there in parts)

    def first_on(self, century: str) -> dt.date | None:
        """The earliest day of birth that the number can mean; None if the calendar has no such day."""
        year, month, day = int(century + self.year), int(self.month), int(self.day)
        if day >= COORDINATION:
            month, day = month or 1, day - COORDINATION or 1
        try:
            return dt.date(year, month, day) if year >= OLDEST_YEAR else None
        except ValueError:
            return None


def number_of(text: str) -> PersonalNumber | None:
    """The number, if the whole text is one; else None."""
    match = _WRITTEN.fullmatch(text)
    return _valid(match) if match else None


def holds_number(text: str) -> bool:
    """True when the text contains a number anywhere."""
    return any(map(_valid, _WRITTEN.finditer(text)))


def without_numbers(text: str) -> str:
    """The text with `…` in place of each number."""
    return _WRITTEN.sub(lambda match: "…" if _valid(match) else match[0], text)


def _valid(match: re.Match[str]) -> PersonalNumber | None:
    century, *rest = match.groups(default="")
    number = PersonalNumber(century, *rest)
    if not has_check_digit(number.year + number.month + number.day + number.tail):
        return None
    return number if any(map(number.first_on, [century] if century else CENTURIES)) else None


def has_check_digit(digits: str) -> bool:
    """True when the last digit is the Luhn check digit of the others: persons, organisations, bankgiro, plusgiro."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(sum(divmod(number, 10)) for number in doubled) % 10 == 0
