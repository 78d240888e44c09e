"""A second way to the same amounts: minute by minute and day by day, slow and obvious, from the rules in words."""

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paid import ALL_HELP, order, rated, total, visit, world

ZONE = ZoneInfo("Europe/Stockholm")
FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 30)
AREAS = {"B-1": "URBAN", "B-2": "RURAL"}
NIGHT = {"band": "night", "times": [{"from": "22:00", "to": "07:00"}]}
HELP = ("dusch", "städ", "insulin", "tillsyn")
CATEGORIES = ("SERVICE", "CARE", "DELEGATED_HSL")
POOLS = {
    "category": [{"SERVICE"}, {"CARE"}, {"DELEGATED_HSL"}],
    "law": [{"SERVICE", "CARE"}, {"DELEGATED_HSL"}],
    "all": [{*CATEGORIES}],
}


def some_visits(of):
    return st.lists(
        st.tuples(
            st.sampled_from(sorted(AREAS)),
            st.integers(-60, 30 * 1440 - 1),  # minutes from the first midnight: some begin the night before
            st.integers(1, 600),
            st.lists(st.tuples(st.sampled_from(of), st.integers(1, 60), st.booleans()), min_size=1, max_size=3),
        ),
        max_size=6,
    )


def some_orders(of, least_minutes, most):
    frequency = st.tuples(
        st.sampled_from(of), st.integers(least_minutes, 90), st.integers(1, 9), st.sampled_from(["d", "wk", "mo"])
    )
    return st.lists(
        st.tuples(
            st.sampled_from(sorted(AREAS)),
            st.lists(frequency, min_size=1, max_size=3),
            st.integers(-20, 29),
            st.one_of(st.none(), st.integers(0, 40)),
            st.one_of(st.none(), st.tuples(st.integers(-5, 29), st.integers(0, 12))),
        ),
        max_size=most,
    )


visits, orders = some_visits(HELP), some_orders(HELP, 0, 3)
rules = st.lists(
    st.tuples(
        st.sampled_from(["executed", "granted", "executed_at_most_granted", "per_visit"]),
        st.sets(st.sampled_from(CATEGORIES), min_size=1),
        st.sampled_from(sorted(POOLS)),
        st.integers(0, 60_000),
        st.integers(0, 60_000),
        st.integers(0, 60_000),
    ),
    min_size=1,
    max_size=3,
)


def document(told):
    """Rules with a price for the night, one for the country, and one for the rest."""
    rates = [
        [{"band": "night", "ore": night}, {"area": "RURAL", "ore": rural}, {"ore": rest}]
        for *_, night, rural, rest in told
    ]
    return {
        "bands": [NIGHT],
        "rules": [
            {"ref": f"r{place}", "basis": basis, "categories": sorted(categories), "pool": pool, "rates": rates[place]}
            for place, (basis, categories, pool, *_) in enumerate(told)
        ],
    }


def made_visits(told):
    midnight = dt.datetime(2026, 11, 1, tzinfo=ZONE).astimezone(dt.UTC)
    found = []
    for number, (recipient, begins, minutes, shares) in enumerate(told, 1):
        start = (midnight + dt.timedelta(minutes=begins)).astimezone(ZONE)
        end = (midnight + dt.timedelta(minutes=begins + minutes)).astimezone(ZONE)
        what = ";".join(f"{one} {weight}" for one, weight, _ in shares)
        one = visit(number, recipient, f"{start:%Y-%m-%dT%H:%M}", f"{end:%Y-%m-%dT%H:%M}", what)
        paid = tuple(share._replace(payable=payable) for share, (*_, payable) in zip(one.shares, shares, strict=True))
        found.append(one._replace(shares=paid))
    return found


def made_orders(told):
    found = []
    for number, (recipient, lines, first, length, pause) in enumerate(told, 1):
        begins = FIRST + dt.timedelta(days=first)
        text = ";".join(f"{what} {minutes} {often}/{unit}" for what, minutes, often, unit in lines)
        away = []
        if pause:
            start = FIRST + dt.timedelta(days=pause[0])
            away = [(start.isoformat(), (start + dt.timedelta(days=pause[1])).isoformat(), "hospital")]
        last = None if length is None else (begins + dt.timedelta(days=length)).isoformat()
        found.append(order(f"O-{number}", recipient, text, first=begins.isoformat(), last=last, pauses=away))
    return found


def reference(told_rules, found_visits, found_orders):
    """Amounts by recipient, rule, category and band."""
    amounts = {}
    for place, (basis, categories, pool, night, rural, rest) in enumerate(told_rules):
        executed, granted = executed_of(found_visits, categories), granted_of(found_orders, categories)
        quantities = {"granted": granted, "per_visit": came_to(found_visits, categories)}.get(basis, executed)
        for key, seconds in quantities.items():
            quantity = Fraction(seconds)
            if basis == "executed_at_most_granted":
                [shared] = [one for one in POOLS[pool] if key[1] in one]
                most = sum(value for other, value in granted.items() if other[0] == key[0] and other[1] in shared)
                whole = sum(value for other, value in executed.items() if other[0] == key[0] and other[1] in shared)
                quantity *= min(Fraction(1), Fraction(most) / whole)
            price = night if key[2] else rural if AREAS[key[0]] == "RURAL" else rest
            amount = floor(quantity * price / 3600 + Fraction(1, 2))
            if amount:
                amounts[key[0], f"r{place}", key[1], "night" if key[2] else None] = amount
    return amounts


def executed_of(found_visits, categories):
    """Seconds by recipient, category and whether it is night, a minute at a time."""
    found = defaultdict(Fraction)
    for one in found_visits:
        minutes = int((one.ended_at - one.started_at).total_seconds()) // 60
        moments = [one.started_at + dt.timedelta(minutes=minute) for minute in range(minutes)]
        within = [moment for moment in moments if FIRST <= moment.astimezone(ZONE).date() <= LAST]
        for share in one.shares:
            for moment in within if share.payable and share.category in categories else ():
                found[one.recipient, share.category, dark(moment)] += Fraction(share.seconds, minutes)
    return found


def came_to(found_visits, categories):
    """An hour's worth of seconds for each visit, under the first of its kinds of help."""
    found = defaultdict(int)
    for one in found_visits:
        kinds = [share.category for share in one.shares if share.payable and share.category in categories]
        if kinds and FIRST <= one.local_date <= LAST:
            found[one.recipient, kinds[0], dark(one.started_at)] += 3600
    return found


def granted_of(found_orders, categories):
    """Granted seconds, a day at a time; lines without a window are of the day."""
    found = defaultdict(Fraction)
    for number in range(30):
        for one in found_orders:
            for line in one.lines if valid(one, FIRST + dt.timedelta(days=number)) else ():
                category = ALL_HELP[line.intervention][0]
                if category in categories:
                    seconds = Fraction(line.standard_minutes * 60 * line.frequency)
                    found[one.recipient, category, False] += seconds / {"d": 1, "wk": 7, "mo": 30}[line.period_unit]
    return found


def dark(moment):
    return not 7 <= moment.astimezone(ZONE).hour < 22


def valid(one, on):
    if on < one.valid_from or (one.valid_to and on > one.valid_to):
        return False
    return not any(pause.first_on <= on <= pause.last_on for pause in one.pauses)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules, visits, orders)
def test_the_slow_way_gives_the_same_amounts(told_rules, told_visits, told_orders):
    found_visits, found_orders = made_visits(told_visits), made_orders(told_orders)
    lines = rated(document(told_rules), world(AREAS, *found_orders), found_visits)
    found = defaultdict(int)
    for line in lines:
        price = line.price
        found[price.recipient, price.rule, price.category, price.band] += line.amount_ore
    expected = reference(told_rules, found_visits, found_orders)
    notes = [line for line in lines if line.price.notes]
    assert len({line.key for line in lines}) == len(lines)
    assert {key: amount for key, amount in found.items() if amount} == expected
    assert all(line.price.notes == ("at_most_granted",) for line in notes)


def quantities(lines):
    found = defaultdict(Fraction)
    for line in lines:
        found[line.price] += line.quantity
    return {price: quantity for price, quantity in found.items() if quantity}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules, visits, orders)
def test_a_month_in_weeks_counts_what_the_month_counts(told_rules, told_visits, told_orders):
    told_rules = [("executed" if one[0] == "executed_at_most_granted" else one[0], *one[1:]) for one in told_rules]
    found, master = made_visits(told_visits), world(AREAS, *made_orders(told_orders))
    weeks = []
    for first in range(1, 31, 7):
        days = dt.date(2026, 11, first), dt.date(2026, 11, min(first + 6, 30))
        weeks += rated(document(told_rules), master, found, days=days)
    assert quantities(weeks) == quantities(rated(document(told_rules), master, found))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules, visits, st.randoms(use_true_random=False))
def test_order_of_visits_and_a_shift_by_weeks_change_nothing(told_rules, told_visits, chance):
    told_visits = [one for one in told_visits if one[1] >= 0 and one[1] + one[2] <= 16 * 1440]
    shifted = [(recipient, begins + 14 * 1440, *rest) for recipient, begins, *rest in told_visits]
    chance.shuffle(told_visits)
    told_rules = [("executed" if one[0] == "executed_at_most_granted" else one[0], *one[1:]) for one in told_rules]
    before = rated(document(told_rules), world(AREAS), made_visits(told_visits))
    after = rated(document(told_rules), world(AREAS), made_visits(shifted))
    assert quantities(before) == quantities(after)
    assert total(before) == total(after)
