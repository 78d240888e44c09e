"""Every known model a second time, from the words of its agreement: minute by minute, day by day, no document."""

import datetime as dt
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from paid import ALL_HELP, rated, world
from test_rating_reference import (
    AREAS,
    FIRST,
    LAST,
    ZONE,
    granted_of,
    made_orders,
    made_visits,
    some_orders,
    some_visits,
    valid,
)

from app.domain.money.presets import PRESETS

HELP = ["dusch", "tillsyn", "städ", "inköp", "insulin", "larm", "sårvård", "rehab", "fysioterapi"]
REHAB = {"rehab", "fysioterapi"}
SOL, SOL_HSL = {"SERVICE", "CARE"}, {"SERVICE", "CARE", "DELEGATED_HSL"}
OWN = 400  # kr an hour where a source tells no price
NOVEMBER = [FIRST + dt.timedelta(days=number) for number in range(30)]

visits, orders = some_visits(HELP), some_orders(HELP, 1, 2)


class Month:
    """What happened in November, ready to be asked in the words of an agreement. Money is kronor, by recipient."""

    def __init__(self, visits, orders):
        self.visits, self.orders = visits, orders
        self.paid = defaultdict(Fraction)

    def executed(self, categories, kronor, *, at=lambda _: True):
        """Each payable minute, by the hour."""
        for visit in self.visits:
            minutes = int((visit.ended_at - visit.started_at).total_seconds()) // 60
            for number in range(minutes):
                moment = (visit.started_at + dt.timedelta(minutes=number)).astimezone(ZONE)
                for share in visit.shares if FIRST <= moment.date() <= LAST and at(moment) else ():
                    if share.payable and share.category in categories:
                        yield visit.recipient, Fraction(share.seconds, minutes * 3600) * kronor(visit.recipient)

    def granted(self, categories, kronor):
        for (recipient, *_), seconds in granted_of(self.orders, categories).items():
            yield recipient, seconds / 3600 * kronor(recipient)

    def begun(self, categories, *, but=(), at=lambda _: True):
        """Visits that began in the month, with the payable interventions of these kinds."""
        for visit in self.visits:
            moment = visit.started_at.astimezone(ZONE)
            done = {one.intervention for one in visit.shares if one.payable and one.category in categories} - {*but}
            if done and FIRST <= moment.date() <= LAST and at(moment):
                yield visit, done

    def enrolled(self, categories, *, but=()):
        """Recipients with such help in force on a day of the month."""
        return {
            order.recipient
            for order in self.orders
            if any(valid(order, on) for on in NOVEMBER)
            and any(
                ALL_HELP[line.intervention][0] in categories and line.intervention not in but for line in order.lines
            )
        }

    def pay(self, amounts):
        for recipient, kronor in amounts:
            self.paid[recipient] += kronor


def flat(kronor):
    return lambda _: kronor


def by_area(urban, rural):
    return lambda recipient: urban if AREAS[recipient] == "URBAN" else rural


def total(amounts):
    found = defaultdict(Fraction)
    for recipient, kronor in amounts:
        found[recipient] += kronor
    return found


def norrtalje_2020(month):
    month.pay(month.granted({"SERVICE"}, by_area(325, 394)))
    month.pay(month.granted({"CARE"}, by_area(394, 477)))
    month.pay(month.executed({"ALARM", "DELEGATED_HSL"}, by_area(394, 477)))
    month.pay((one, by_area(1071, 1225)(one)) for one in month.enrolled({"LICENSED_HSL"}, but=REHAB))
    for visit, _ in month.begun({"LICENSED_HSL"}, but=REHAB):
        month.pay([(visit.recipient, by_area(413, 476)(visit.recipient))])
    for visit, done in month.begun({"LICENSED_HSL"}):
        month.pay([(visit.recipient, by_area(920, 1060)(visit.recipient))] if done & REHAB else [])


def executed(month):
    month.pay(month.executed(SOL_HSL, flat(OWN)))


def executed_capped(month):
    for law in (SOL, {"DELEGATED_HSL"}):
        most = total(month.granted(law, flat(OWN)))
        month.pay((one, min(kronor, most[one])) for one, kronor in total(month.executed(law, flat(OWN))).items())


def executed_threshold_80(month):
    done = total(month.executed(SOL, flat(OWN)))
    enough = sum(done.values()) >= Fraction(80, 100) * sum(total(month.granted(SOL, flat(OWN))).values())
    month.pay((one, kronor * (1 if enough else Fraction(95, 100))) for one, kronor in done.items())


def hsl_included(month):
    month.pay(month.executed(SOL, flat(OWN)))


def hsl_cap_17(month):
    hsl_included(month)
    hsl = total(month.executed({"DELEGATED_HSL"}, flat(OWN)))
    whole, most = sum(hsl.values()), Fraction(17, 100) * sum(month.paid.values())
    month.pay((one, kronor * (min(whole, most) / whole if whole else 0)) for one, kronor in hsl.items())


def granted_alarm_month(month):
    month.pay(month.granted(SOL, flat(OWN)))
    month.pay((one, 200) for one in month.enrolled({"ALARM"}))


def granted_alarm_occasion(month):
    month.pay(month.granted(SOL, flat(OWN)))
    month.pay((visit.recipient, 250) for visit, _ in month.begun({"ALARM"}))


def by_day(moment):
    return 7 <= moment.hour < 22


def stockholm_2024(month):
    month.pay(month.executed(SOL_HSL, flat(516), at=by_day))
    night = month.begun(SOL_HSL, at=lambda moment: not by_day(moment))
    month.pay((visit.recipient, 260 * len(done)) for visit, done in night)
    month.pay((one, 197) for one in month.enrolled({"ALARM"}))


def solna_2024(month):
    month.pay(month.executed({"CARE"}, flat(464)))
    for visit, done in month.begun({"SERVICE"}):
        minutes = {"inköp": 60, "städ": 96}
        month.pay((visit.recipient, Fraction(minutes[one], 60) * 382) for one in done)
    for recipient in AREAS:
        care = [order for order in month.orders if order.recipient == recipient and cared_for(order)]
        month.pay([(recipient, 4 * 464)] if care and FIRST <= min(order.valid_from for order in care) <= LAST else [])
    for order in month.orders:
        first = max([order.valid_from, *(pause.first_on for pause in order.pauses)])
        for on in NOVEMBER if order.pauses else ():
            if away(order, on) and on not in days_with(month, order.recipient, {"CARE"}):
                # The first day of absence nobody came on is day 1, unless somebody came on the very first.
                number = (on - first).days + 1 - leading(month, order.recipient, first, on)
                percent = 75 if number == 1 else 25 if number <= 5 else 0
                month.pay([(order.recipient, day_of(order, {"CARE"}) * Fraction(percent, 100) * 464)])


def cared_for(order):
    return any(ALL_HELP[line.intervention][0] == "CARE" for line in order.lines)


def leading(month, recipient, first, until):
    """Days at the beginning of an absence on which somebody still came."""
    visited, number = days_with(month, recipient, {"CARE"}), 0
    while first + dt.timedelta(days=number) < until and first + dt.timedelta(days=number) in visited:
        number += 1
    return number


def away(order, on):
    return not valid(order, on) and on >= order.valid_from and (order.valid_to is None or on <= order.valid_to)


def days_with(month, recipient, categories, *, at=lambda _: True):
    return {
        visit.local_date
        for visit in month.visits
        if visit.recipient == recipient
        and at(visit.started_at.astimezone(ZONE))
        and any(share.category in categories for share in visit.shares)
    }


def day_of(order, categories):
    """Granted hours of one day in a month of thirty."""
    per = {"d": 1, "wk": 7, "mo": 30}
    return sum(
        Fraction(line.standard_minutes * line.frequency, 60 * per[line.period_unit])
        for line in order.lines
        if ALL_HELP[line.intervention][0] in categories
    )


def botkyrka_2025(month):
    month.pay(month.granted(SOL_HSL, flat(OWN)))
    for order in month.orders:
        visited = days_with(month, order.recipient, SOL_HSL, at=by_day)
        for on in NOVEMBER:
            if away(order, on):
                first = max([order.valid_from, *(pause.first_on for pause in order.pauses)])
                before = max((day for day in visited if day < on), default=first - dt.timedelta(days=1))
                # A day somebody came on is no absence; five days from the day after the last visit are paid.
                if on in visited or (on - before).days <= 5:
                    month.pay([(order.recipient, day_of(order, SOL_HSL) * OWN)])


def enkoping_2021(month):
    month.pay(month.executed({"DELEGATED_HSL", "LICENSED_HSL"}, by_area(433, 500)))
    care = month.enrolled({"CARE"})
    only = month.enrolled({"SERVICE"}) - care

    def kronor(recipient):
        return by_area(378, 436)(recipient) if recipient in only else by_area(414, 479)(recipient)

    month.pay(month.executed(SOL, kronor))


def lss_sol_2022(month):
    def weekend(moment):
        return (
            moment.isoweekday() > 5
            or (moment.isoweekday(), moment.hour) >= (5, 19)
            or (moment.isoweekday() == 1 and moment.hour < 7)
        )

    prices = {
        477: lambda moment: weekend(moment) or not by_day(moment),
        440: lambda moment: not weekend(moment) and 19 <= moment.hour < 22,
        413: lambda moment: not weekend(moment) and 7 <= moment.hour < 19,
    }
    for price, at in prices.items():
        month.pay(month.executed(SOL_HSL, flat(price), at=at))


MODELS = {
    "norrtalje-2020": norrtalje_2020,
    "executed": executed,
    "executed-capped": executed_capped,
    "executed-threshold-80": executed_threshold_80,
    "hsl-included": hsl_included,
    "hsl-executed": executed,
    "hsl-cap-17": hsl_cap_17,
    "granted-alarm-month": granted_alarm_month,
    "granted-alarm-occasion": granted_alarm_occasion,
    "stockholm-2024": stockholm_2024,
    "solna-2024": solna_2024,
    "botkyrka-2025": botkyrka_2025,
    "enkoping-2021": enkoping_2021,
    "lss-sol-2022": lss_sol_2022,
    "sollentuna-bonus": executed,  # whose bonus is paid in May
}


def test_every_preset_is_told_twice():
    assert MODELS.keys() == PRESETS.keys()


@pytest.mark.parametrize("preset", MODELS)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(visits, orders)
def test_the_words_of_the_agreement_come_to_the_same(preset, told_visits, told_orders):
    found, ordered = made_visits(told_visits), made_orders(told_orders)
    month = Month(found, ordered)
    MODELS[preset](month)
    lines = defaultdict(Fraction)
    for line in rated({"preset": preset}, world(AREAS, *ordered), found):
        lines[line.price.recipient] += line.quantity * line.price.ore * line.price.share / 100
    assert {one: kronor for one, kronor in lines.items() if kronor} == {
        one: kronor for one, kronor in month.paid.items() if kronor
    }
