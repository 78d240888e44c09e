"""Compensation documents of contracts: JSON that a procurement office can read, parsed into `terms`.

The shape is validated when a document comes in; everything parsed here is valid.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields, replace
from fractions import Fraction
from functools import lru_cache
from json import dumps, loads
from typing import Any

from app.domain.money.bands import Band, BandTime
from app.domain.money.presets import PRESETS
from app.domain.money.terms import (
    AbsencePay,
    AbsenceStep,
    Bonus,
    Caps,
    Closing,
    DeclinedPay,
    IndexStep,
    Rate,
    Ratio,
    Rounding,
    Rule,
    Terms,
    Threshold,
    VatCompensation,
)

Json = Mapping[str, Any]


def terms_of(document: Json) -> Terms:
    """Parse a valid document: a whole one, or a preset with changes. An empty one pays nothing."""
    return _read(dumps(document, sort_keys=True, default=str))


@lru_cache(maxsize=256)
def _read(text: str) -> Terms:
    document = whole(loads(text))
    vat, closing = document.get("vat_compensation"), document.get("closing")
    return Terms(
        tuple(_rule(one) for one in document.get("rules") or ()),
        tuple(Band(one["band"], tuple(map(_time, one["times"]))) for one in document.get("bands") or ()),
        tuple(_bonus(one) for one in document.get("bonuses") or ()),
        tuple(_index(one) for one in document.get("index") or ()),
        VatCompensation(_percent(vat["percent"]), frozenset(vat.get("forms") or ())) if vat else None,
        Closing(closing["workday"], dt.time.fromisoformat(closing["at"])) if closing else None,
    )


def whole(document: Json) -> Json:
    """The document with its preset written out: its own keys replace those of the preset.

    `rates` give rules of the preset, by their refs, other rates.
    """
    if not document.get("preset"):
        return document
    preset = PRESETS[document["preset"]]
    own = {key: value for key, value in document.items() if value is not None and key not in {"preset", "rates"}}
    rates = document.get("rates") or {}
    rules = [{**rule, "rates": rates.get(rule["ref"], rule["rates"])} for rule in preset["rules"]]
    return {**preset, "rules": rules, **own}


def _percent(value: Any) -> Fraction:
    return Fraction(str(value)) / 100


def _day(value: str | None) -> dt.date | None:
    return dt.date.fromisoformat(value) if value else None


SETS = frozenset(
    {"categories", "interventions", "except_interventions", "bands", "only_ordered", "except_only_ordered"}
)


def _rule(one: Json) -> Rule:
    plain = {"ref", "basis", "title", "flat_minutes", "double_staffing", "by_days", "licensed", "pool"}
    given = {key: value for key, value in one.items() if key in plain and value is not None}
    given |= {key: frozenset(one[key]) for key in SETS if one.get(key)}
    rule = Rule(rates=tuple(_rate(rate) for rate in one["rates"]), **given)
    rounding, threshold, absence = one.get("rounding"), one.get("threshold"), one.get("absence")
    return replace(
        rule,
        rounding=Rounding(rounding["step_minutes"], rounding["per"], rounding.get("mode") or "half_up")
        if rounding
        else None,
        caps=_caps(one.get("caps") or {}),
        threshold=Threshold(
            _percent(threshold["percent"]), _percent(threshold["pay_percent"]), threshold.get("per") or "provider"
        )
        if threshold
        else None,
        declined=tuple(_declined(step) for step in one.get("declined") or ()),
        absence=_absence(absence) if absence else None,
        startup_hours=Fraction(str(one.get("startup_hours") or 0)),
        valid_from=_day(one.get("valid_from")),
        valid_to=_day(one.get("valid_to")),
    )


def _rate(one: Json) -> Rate:
    return Rate(**{field.name: one.get(field.name) for field in fields(Rate)})  # type: ignore[arg-type]  # validated


def _caps(one: Json) -> Caps:
    hours, ratio = one.get("month_hours"), one.get("ratio")
    return Caps(
        one.get("visit_minutes"),
        Fraction(str(hours)) if hours is not None else None,
        Ratio(frozenset(ratio["of"]), _percent(ratio["percent"])) if ratio else None,
    )


def _declined(one: Json) -> DeclinedPay:
    return DeclinedPay(
        frozenset(one["how"]),
        _percent(one["percent"]),
        frozenset(one.get("interventions") or ()),
        one.get("notice_hours"),
    )


def _absence(one: Json) -> AbsencePay:
    return AbsencePay(
        tuple(AbsenceStep(step["first"], step["last"], _percent(step["percent"])) for step in one["days"]),
        frozenset(one.get("reasons") or ()),
        one.get("planned_days"),
        one.get("counted_from") or "first_day",
    )


def _bonus(one: Json) -> Bonus:
    return Bonus(
        one["title"],
        one["ore"],
        dt.date.fromisoformat(one["from"]),
        dt.date.fromisoformat(one["to"]),
        one["paid_in"],
        frozenset(one.get("categories") or ()),
    )


def _index(one: Json) -> IndexStep:
    return IndexStep(
        dt.date.fromisoformat(one["from"]), Fraction(str(one["factor"])), frozenset(one.get("rules") or ())
    )


def _time(one: Json) -> BandTime:
    return BandTime(
        dt.time.fromisoformat(one["from"]),
        dt.time.fromisoformat(one["to"]),
        frozenset(one.get("weekdays") or ()),
        one.get("until_weekday"),
        one.get("public_holidays"),
        one.get("holiday"),
        one.get("days_before") or 0,
        one.get("until_holiday"),
        bool(one.get("until_workday")),
    )
