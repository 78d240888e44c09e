"""The terms of a contract as values: its compensation document, parsed by `document`.

Each key of the document stands here with its meaning; nothing is computed here. `rating` applies the terms to facts.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeGuard

from app.domain.closed_sets import LAWS, Area, Category, Licensed, ProviderForm
from app.domain.money.bands import Band

Basis = Literal["executed", "granted", "executed_at_most_granted", "per_visit", "per_occasion", "per_month"]
"""The quantity of a rule: `executed` payable time; `granted` time; the lesser of both over the month; visits;
interventions carried out; months in which the recipient has an order."""
TIMED = frozenset({"executed", "granted", "executed_at_most_granted"})
DeclinedHow = Literal["in_advance", "at_door", "no_answer", "single"]
RoundedPer = Literal["visit", "line", "month"]
RoundingMode = Literal["up", "down", "half_up"]
ComparedPer = Literal["recipient", "provider"]
CountedFrom = Literal["first_day", "last_visit"]
PooledBy = Literal["category", "law", "all"]
DoubleStaffing = Literal["each", "once"]
ALL = Fraction(1)


@dataclass(frozen=True, slots=True)
class Rate:
    """Öre per hour, visit, occasion or month, for this area, form of provider and band (None: any)."""

    ore: int
    area: Area | None = None
    form: ProviderForm | None = None
    band: str | None = None


@dataclass(frozen=True, slots=True)
class Rounding:
    """Time rounded to whole steps: of each visit, of each line, or of a recipient's month."""

    step_minutes: int
    per: RoundedPer
    mode: RoundingMode = "half_up"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A cap at a `share` of the provider's executed time in the categories `of`."""

    of: frozenset[Category]
    share: Fraction


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that is paid: minutes of one visit, hours of one recipient's month, a share of other time."""

    visit_minutes: int | None = None
    month_hours: Fraction | None = None
    ratio: Ratio | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """If executed time is less than `share` of granted time, only the fraction `pay` of the amount is paid."""

    share: Fraction
    pay: Fraction
    per: ComparedPer = "provider"


@dataclass(frozen=True, slots=True)
class DeclinedPay:
    """The share of the standard time paid for a declined intervention; the first that fits applies.

    `notice_hours`: it fits only if notice was given less than so many hours ahead.
    """

    how: frozenset[DeclinedHow]
    share: Fraction
    interventions: frozenset[str] = frozenset()
    notice_hours: int | None = None


@dataclass(frozen=True, slots=True)
class AbsenceStep:
    """The share of a day's granted time paid on days `first` to `last` of an absence, counted from 1."""

    first: int
    last: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class AbsencePay:
    """Pay for days on which an order is paused without notice in time.

    `planned_days`: with so many calendar days of notice or more an absence is planned and pays nothing. Days are
    counted from the first of the absence or from the day after the last performed visit, over month ends.
    """

    steps: tuple[AbsenceStep, ...]
    reasons: frozenset[str] = frozenset()
    planned_days: int | None = None
    counted_from: CountedFrom = "first_day"


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to be paid for help of some categories. Empty sets mean any."""

    ref: str
    basis: Basis
    categories: frozenset[Category]
    rates: tuple[Rate, ...]
    title: str = ""
    interventions: frozenset[str] = frozenset()
    except_interventions: frozenset[str] = frozenset()
    licensed: Licensed | None = None
    pool: PooledBy = "category"
    bands: frozenset[str] = frozenset()
    only_ordered: frozenset[Category] = frozenset()
    except_only_ordered: frozenset[Category] = frozenset()
    flat_minutes: Mapping[str, int] | None = None
    double_staffing: DoubleStaffing = "each"
    rounding: Rounding | None = None
    caps: Caps = Caps()
    threshold: Threshold | None = None
    declined: tuple[DeclinedPay, ...] = ()
    absence: AbsencePay | None = None
    startup_hours: Fraction = Fraction(0)
    by_days: bool = False
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    @property
    def timed(self) -> bool:
        """True when its rates are per hour."""
        return self.basis in TIMED

    @property
    def cut(self) -> bool:
        """True when visits must be cut at the edges of bands for it."""
        return bool(self.bands) or any(rate.band for rate in self.rates)

    def takes(self, category: Category | None, intervention: str | None) -> TypeGuard[Category]:
        """True when the rule pays for an intervention of this category."""
        if category not in self.categories or intervention in self.except_interventions:
            return False
        return not self.interventions or intervention in self.interventions

    def pool_of(self, category: Category) -> str:
        """The name of the pool, within which a limit compares executed with granted time, of a category."""
        return {"category": category, "law": LAWS[category], "all": ""}[self.pool]

    def rate(self, area: Area | None, form: ProviderForm, band: str | None) -> Rate | None:
        """The first rate that fits; None if none does."""
        for rate in self.rates:
            if rate.area in {None, area} and rate.form in {None, form} and rate.band in {None, band}:
                return rate
        return None


@dataclass(frozen=True, slots=True)
class Bonus:
    """Öre per executed hour of past days, paid in a later month. Nothing here decides that it was earned."""

    title: str
    ore: int
    first_on: dt.date
    last_on: dt.date
    paid_in: str
    categories: frozenset[Category] = frozenset()


@dataclass(frozen=True, slots=True)
class IndexStep:
    """The factor on every rate from a day on, until the next step; `rules` empty: on all rules."""

    from_on: dt.date
    factor: Fraction
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VatCompensation:
    """A share of the amount, paid on top of it to providers of these forms (empty: all)."""

    share: Fraction
    forms: frozenset[ProviderForm] = frozenset()


@dataclass(frozen=True, slots=True)
class Closing:
    """The deadline to close a month: a local clock time on the n-th `workday` of the next month."""

    workday: int
    clock: dt.time


@dataclass(frozen=True, slots=True)
class Terms:
    """A whole compensation document."""

    rules: tuple[Rule, ...] = ()
    bands: tuple[Band, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    index: tuple[IndexStep, ...] = ()
    vat: VatCompensation | None = None
    closing: Closing | None = None

    def factor(self, rule: str, on: dt.date) -> Fraction:
        """The index factor of a rule on a day; 1 without a step."""
        steps = [step for step in self.index if step.from_on <= on and (not step.rules or rule in step.rules)]
        return max(steps, key=lambda step: step.from_on).factor if steps else ALL

    def edges(self) -> list[dt.date]:
        """Days on which a price may change."""
        return [step.from_on for step in self.index]
