"""The people, homes and orders of a district, as plain values."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order; `weekdays` ISO numbers or None for any, `window` local times or None for any."""

    ref: str
    intervention: str
    standard_minutes: int
    frequency: int
    period: int
    period_unit: str
    staff_count: int = 1
    weekdays: tuple[int, ...] | None = None
    window: tuple[str, str] | None = None

    def body(self) -> Body:
        """The line in an order's body."""
        body: Body = {
            "ref": self.ref,
            "intervention": self.intervention,
            "standard_minutes": self.standard_minutes,
            "frequency": self.frequency,
            "period": self.period,
            "period_unit": self.period_unit,
            "staff_count": self.staff_count,
        }
        if self.weekdays is not None:
            body["weekdays"] = list(self.weekdays)
        if self.window is not None:
            body["window"] = list(self.window)
        return body


@dataclass(frozen=True, slots=True)
class Order:
    """An order of one recipient at one provider; `pauses` are (first day, last day, reason), both inclusive."""

    ref: str
    recipient: str
    provider: str
    lines: tuple[Line, ...]
    pauses: tuple[tuple[date, date, str], ...] = ()

    def paused(self, on: date) -> bool:
        """True if the order is paused on that local day."""
        return any(first <= on <= last for first, last, _ in self.pauses)


@dataclass(frozen=True, slots=True)
class Recipient:
    ref: str
    household: str
    area: str
    birth_on: date
    protected: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """One of the staff. `number` counts the whole district's staff from 0; habits and phones follow from it."""

    ref: str
    number: int
    provider: str
    role: str
    delegations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag on a household's wall: static, or dynamic with the keys of a keyset in a version."""

    ref: str
    uid: str
    household: str
    keyset: str | None = None
    key_version: int = 1

    def body(self) -> Body:
        """The body of the tag's PUT."""
        if self.keyset is None:
            return {"kind": "static", "uid": self.uid}
        return {"kind": "ntag424", "uid": self.uid, "keyset": self.keyset, "key_version": self.key_version}
