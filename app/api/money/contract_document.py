"""The compensation document of a contract as it is put: what each key may hold, with a pointer to each fault."""

from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from app.api.http.refs import Line, Text, no_personal_number
from app.api.http.shapes import Day, LastDay, Month, OneOf, Wire
from app.domain.closed_sets import Area, Category, Licensed, ProviderForm
from app.domain.money.bands import PublicHolidays
from app.domain.money.document import whole
from app.domain.money.holidays import HOLIDAYS
from app.domain.money.presets import PRESETS
from app.domain.money.terms import (
    Basis,
    ComparedPer,
    CountedFrom,
    DeclinedHow,
    DoubleStaffing,
    PooledBy,
    RoundedPer,
    RoundingMode,
)

MOST_ORE = 100_000_000


T = TypeVar("T")
Some = Annotated[list[T], Field(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,39}$"), BeforeValidator(no_personal_number)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(no_personal_number)]
Clock = Annotated[str, StringConstraints(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Annotated[int, Field(ge=1, le=7)]
Ore = Annotated[int, Field(ge=0, le=MOST_ORE)]
# The same in a body and in an answer: a document is shown as it was put, so a number stays a number.
_NUMBER = {"type": "number", "minimum": 0, "maximum": 1000}
AsSaid = WithJsonSchema({"anyOf": [_NUMBER, {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}]})
Percent = Annotated[Decimal, Field(ge=0, le=1000, max_digits=8, decimal_places=4), AsSaid]
Factor = Annotated[Decimal, Field(gt=0, le=1000, max_digits=12, decimal_places=8), AsSaid]
Hours = Annotated[Decimal, Field(ge=0, le=1000, max_digits=8, decimal_places=4), AsSaid]
Minutes = Annotated[int, Field(ge=0, le=1440)]
DayNumber = Annotated[int, Field(ge=1, le=366)]
Holiday = Annotated[str, OneOf(HOLIDAYS)]
Preset = Annotated[str, OneOf(PRESETS)]


class BandTimes(Wire):
    """A span of local time: every day, on certain `weekdays` (1 is Monday), or around a holiday.

    With `until_weekday`, the span continues to that weekday. With `holiday`, it begins `days_before` the holiday and
    ends on `until_holiday`. With `until_workday`, it ends on the first workday after the holiday.
    """

    opens: Annotated[Clock, Field(alias="from")]
    closes: Annotated[Clock, Field(alias="to")]
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = None
    until_weekday: Weekday | None = None
    public_holidays: PublicHolidays | None = None
    holiday: Holiday | None = None
    days_before: Annotated[int, Field(ge=0, le=3)] | None = None
    until_holiday: Holiday | None = None
    until_workday: bool | None = None

    @model_validator(mode="after")
    def _ends_as_it_begins(self) -> "BandTimes":
        if (self.holiday is None) is not (self.until_holiday is None) or (
            self.holiday is None and (self.days_before is not None or self.until_workday is not None)
        ):
            raise PydanticCustomError("missing_field", "a holiday and until which one go together")
        if self.holiday is not None and (self.weekdays or self.until_weekday or self.public_holidays):
            raise PydanticCustomError("unknown_field", "weekdays have no meaning around a holiday")
        return self


class BandBody(Wire):
    """A named price band. If two bands overlap, the first in the list holds. Visits are cut at the edges of bands."""

    band: Name
    times: Annotated[list[BandTimes], Field(min_length=1, max_length=50)]


class RateBody(Wire):
    """A price in öre without tax, per hour, visit, occasion or month as the rule says.

    The first rate that fits is used.
    """

    ore: Ore
    area: Area | None = None
    form: ProviderForm | None = None
    band: Name | None = None


class RoundingBody(Wire):
    """Rounding of time to whole steps: of each visit, of each line, or of the recipient's month."""

    step_minutes: Annotated[int, Field(ge=1, le=1440)]
    per: RoundedPer
    mode: RoundingMode | None = Field(None, description="The direction of rounding. Left out: `half_up`.")


class RatioBody(Wire):
    """A limit: a percent of the provider's executed time in other categories."""

    of: Some[Category]
    percent: Percent


class CapsBody(Wire):
    """The limits of what is paid. Time above a limit is cut in proportion."""

    visit_minutes: Minutes | None = None
    month_hours: Hours | None = Field(
        None, description="The highest number of hours that is paid in a month for one recipient."
    )
    ratio: RatioBody | None = None


class ThresholdBody(Wire):
    """A limit for low execution: below `percent` of the granted time, only `pay_percent` of the amount is paid."""

    percent: Percent
    pay_percent: Percent
    per: ComparedPer | None = Field(
        None, description="The time that is compared: of each recipient or of the provider. Left out: `provider`."
    )


class DeclinedBody(Wire):
    """The part of the standard time that is paid for declined interventions. The first entry that fits is used.

    With `notice_hours`, it is paid only if notice came later than that many hours ahead.
    """

    how: Some[DeclinedHow]
    percent: Percent
    interventions: Some[Ref] | None = None
    notice_hours: Annotated[int, Field(ge=1, le=8760)] | None = None


class AbsenceDays(Wire):
    """A part of an absence and the percent of the granted time that it pays."""

    first: DayNumber
    last: DayNumber
    percent: Percent

    @model_validator(mode="after")
    def _in_order(self) -> "AbsenceDays":
        if self.last < self.first:
            raise PydanticCustomError("out_of_range", "the last day comes before the first")
        return self


class AbsenceBody(Wire):
    """Pay for paused days. An absence is planned if notice came at least `planned_days` ahead; it is then not paid.

    Days are counted from the first day of the absence, or from the day after the last performed visit. The count
    continues into the next month.
    """

    days: Annotated[list[AbsenceDays], Field(min_length=1, max_length=50)]
    reasons: Some[Text] | None = Field(
        None, description="The reasons of the pauses that are paid. Left out: any reason."
    )
    planned_days: Annotated[int, Field(ge=0, le=366)] | None = None
    counted_from: CountedFrom | None = Field(
        None, description="The day from which the absence is counted. Left out: `first_day`."
    )


class RuleBody(Wire):
    """One rule that pays for help of some categories."""

    ref: Name
    title: Line | None = None
    basis: Basis
    categories: Some[Category]
    rates: Annotated[list[RateBody], Field(min_length=1, max_length=100)]
    interventions: Some[Ref] | None = Field(
        None, description="The refs of the interventions that the rule pays for. Left out: any of the categories."
    )
    except_interventions: Some[Ref] | None = None
    licensed: Licensed | None = Field(
        None, description="The kind of licensed care that the rule pays for. Left out: both."
    )
    pool: PooledBy | None = Field(
        None, description="The categories whose granted time is added up before a limit applies. Left out: `category`."
    )
    bands: Some[Name] | None = Field(
        None, description="The price bands whose time the rule pays for. Left out: any time."
    )
    only_ordered: Some[Category] | None = Field(
        None, description="Only recipients that have no SERVICE or CARE ordered outside these categories."
    )
    except_only_ordered: Some[Category] | None = Field(
        None, description="Only recipients that have SERVICE or CARE ordered outside these categories."
    )
    flat_minutes: Annotated[dict[Ref, Minutes], Field(min_length=1, max_length=200)] | None = Field(
        None, description="Fixed minutes by intervention. They are paid each time instead of the executed minutes."
    )
    double_staffing: DoubleStaffing | None = Field(
        None, description="The pay for two carers at once: `each` of them, or the visit `once`. Left out: `each`."
    )
    rounding: RoundingBody | None = None
    caps: CapsBody | None = None
    threshold: ThresholdBody | None = None
    declined: Annotated[list[DeclinedBody], Field(min_length=1, max_length=50)] | None = None
    absence: AbsenceBody | None = None
    startup_hours: Hours | None = Field(
        None, description="Extra hours that are paid in the month of a recipient's first order."
    )
    by_days: bool | None = Field(
        None,
        description="True if a month is paid in proportion to its days in force. Left out: the whole month is paid.",
    )
    valid_from: Day | None = None
    valid_to: LastDay = None

    @model_validator(mode="after")
    def _fits_its_basis(self) -> "RuleBody":
        counted = self.basis.startswith("per_")
        if counted and (self.flat_minutes or self.rounding or self.caps or self.startup_hours or self.threshold):
            raise PydanticCustomError("invalid_value", "time has no meaning where visits or months are counted")
        if self.basis in {"granted", "per_month"} and (self.declined or self.flat_minutes):
            raise PydanticCustomError("invalid_value", "what is granted is paid whether it was declined or not")
        if self.absence and counted:
            raise PydanticCustomError("invalid_value", "absence is paid by the hour")
        if self.by_days is not None and self.basis != "per_month":
            raise PydanticCustomError("invalid_value", "only months are paid by days")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise PydanticCustomError("out_of_range", "the last day comes before the first")
        return self


class BonusBody(Wire):
    """A bonus in öre for each executed hour of past days, paid in a later month.

    Taggad does not decide who has earned it.
    """

    title: Line
    ore: Ore
    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to")]
    paid_in: Month
    categories: Some[Category] | None = Field(
        None, description="The categories whose hours give the bonus. Left out: SERVICE and CARE."
    )

    @model_validator(mode="after")
    def _in_arrears(self) -> "BonusBody":
        if self.last < self.first or self.paid_in < f"{self.last:%Y-%m}" or (self.last - self.first).days > MOST_BONUS:
            raise PydanticCustomError("out_of_range", "a bonus is for at most a year of days, paid when they are over")
        return self


MOST_BONUS = 366


class IndexBody(Wire):
    """A factor for rates, which holds from a day on until the next entry."""

    first: Annotated[Day, Field(alias="from")]
    factor: Factor
    rules: Some[Name] | None = Field(None, description="The refs of the rules that it applies to. Left out: all rules.")


class VatBody(Wire):
    """A percent on top of the amount for providers of certain forms."""

    percent: Percent
    forms: Some[ProviderForm] | None = Field(
        None, description="The forms of provider that get it. Left out: all of them."
    )


class ClosingBody(Wire):
    """The time by which a month is to be closed: a workday of the next month and a time of day."""

    workday: Annotated[int, Field(ge=1, le=20)]
    at: Clock


class CompensationDocument(Wire):
    """The rules by which a provider is paid: rules of its own, or a `preset` with changes.

    An empty document pays nothing.

    `rates` replaces rates of the preset's rules, by the refs of the rules. Every other key replaces that of the preset.
    """

    preset: Preset | None = None
    rates: dict[Name, Annotated[list[RateBody], Field(min_length=1, max_length=100)]] | None = None
    bands: Annotated[list[BandBody], Field(max_length=50)] | None = None
    rules: Annotated[list[RuleBody], Field(max_length=100)] | None = None
    bonuses: Annotated[list[BonusBody], Field(max_length=100)] | None = None
    index: Annotated[list[IndexBody], Field(max_length=100)] | None = None
    vat_compensation: VatBody | None = None
    closing: ClosingBody | None = None

    @model_validator(mode="after")
    def _names_what_is_there(self) -> "CompensationDocument":
        document = whole(as_said(self))
        refs = [rule["ref"] for rule in document.get("rules") or ()]
        bands = [band["band"] for band in document.get("bands") or ()]
        if len(set(refs)) < len(refs) or len(set(bands)) < len(bands):
            raise PydanticCustomError("invalid_value", "the same name twice")
        named = set(self.rates or ()) | {ref for step in self.index or () for ref in step.rules or ()}
        if not named <= set(refs) or (self.rates and (self.preset is None or self.rules is not None)):
            raise PydanticCustomError("invalid_value", "names a rule that is not there")
        used = {band for rule in document.get("rules") or () for band in rule.get("bands") or ()}
        used |= {rate["band"] for rule in document.get("rules") or () for rate in rule["rates"] if rate.get("band")}
        if not used <= set(bands):
            raise PydanticCustomError("invalid_value", "names a band that is not there")
        return self


def as_said(document: CompensationDocument) -> dict[str, Any]:
    """The document as it is kept and read back: what was said, decimals as text."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


EXAMPLE_DOCUMENT: dict[str, Any] = {
    "rules": [
        {
            "ref": "care",
            "title": "Omsorg, utförd tid",
            "basis": "executed",
            "categories": ["CARE"],
            "rates": [{"area": "URBAN", "ore": 39400}, {"ore": 47700}],
            "declined": [{"how": ["at_door", "no_answer"], "percent": "50"}],
        }
    ],
    "index": [{"from": "2027-01-01", "factor": "1.021"}],
}
