"""Granted time day by day, by its definition, by the database, in fees and in pay: the same, to the second."""

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from postgres import changing
from pydantic_core import from_json, to_json

from app.domain.money.compensation_input import CompensationInput
from app.domain.money.fee import NORRTALJE_2022, fee_basis
from app.domain.money.quantities import Counter
from app.domain.money.terms import IndexStep, Rule, Terms
from app.domain.register.granted import granted_seconds, lines_of
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import Order, OrderLine, Pause, in_force
from app.domain.register.recipient import Recipient
from app.domain.time import FIRST_DAY, days_in_month, month_days
from app.store.measures.executed_time import Question, statement
from app.store.register import orders as store_orders
from app.store.register.records import order_of

START = dt.date(2027, 11, 1)  # so that the leap day of 2028 is within reach
CATEGORIES = ("SERVICE", "CARE", "DELEGATED_HSL")
SOL = {"SERVICE", "CARE"}

days = st.integers(0, 200).map(lambda number: START + dt.timedelta(days=number))
lines = st.builds(
    OrderLine,
    st.just(""),
    st.sampled_from(["dusch", "städ"]),
    st.one_of(st.none(), st.integers(0, 1440)),
    st.integers(0, 1000),
    st.integers(1, 60),
    st.sampled_from(["d", "wk", "mo"]),
    st.integers(1, 10),
)
spans = st.tuples(days, st.integers(0, 120)).map(lambda span: (span[0], span[0] + dt.timedelta(days=span[1])))
pauses = st.tuples(days, st.one_of(st.none(), st.integers(0, 40))).map(
    lambda pause: Pause(pause[0], None if pause[1] is None else pause[0] + dt.timedelta(days=pause[1]))
)
orders = st.builds(
    lambda valid, open_ended, lines, pauses: (valid[0], None if open_ended else valid[1], lines, pauses),
    spans,
    st.booleans(),
    st.lists(lines, min_size=1, max_size=3),
    st.lists(pauses, max_size=3),
)
# An intervention's versions: since a day, of a category, with minutes; the first holds before its day too.
versions = st.lists(st.tuples(days, st.sampled_from(CATEGORIES), st.integers(0, 90)), min_size=1, max_size=4)
catalogues = st.fixed_dictionaries({"dusch": versions, "städ": versions})
deaths = st.dictionaries(st.sampled_from(["B-0", "B-1"]), days)
moves = st.dictionaries(st.sampled_from(["B-0", "B-1", "B-2"]), days)


def made(number, told):
    first, last, lines, pauses = told
    numbered = tuple(replace(one, ref=str(at)) for at, one in enumerate(lines))
    return Order(f"O-{number}", f"B-{number % 3}", f"P-{number % 2}", first, last, numbered, tuple(pauses))


def master_of(catalogue, deaths=(), moves=()):
    deaths, moves = dict(deaths), dict(moves)
    master = MasterData()
    for ref, told in catalogue.items():
        for first, category, minutes in told:
            master.put_intervention(Intervention(ref, first, category, minutes))
    for ref in ("B-0", "B-1", "B-2"):
        for first, area in ((FIRST_DAY, "URBAN"), (moves.get(ref, FIRST_DAY), "RURAL")):
            master.put_recipient(Recipient(ref, first, ref, area, died_on=deaths.get(ref)))
    return master


def body(order):
    return {
        "recipient": order.recipient, "provider": order.provider, "valid_from": order.valid_from,
        "valid_to": order.valid_to,
        "pauses": [{"from": one.first_on, "to": one.last_on, "reason": ""} for one in order.pauses],
        "lines": [{name: getattr(one, name) for name in
                   ("ref", "intervention", "standard_minutes", "frequency", "period", "period_unit", "staff_count")}
                  for one in order.lines],
    }  # fmt: skip


def by_day(catalogue, deaths, order, line, span):
    """Exact seconds by category, each day by its own catalogue."""
    said = {first: (category, minutes) for first, category, minutes in catalogue[line.intervention]}
    found = defaultdict(Fraction)
    for number in range((span[1] - span[0]).days + 1):
        on = span[0] + dt.timedelta(days=number)
        if in_force(order, on) and on <= deaths.get(order.recipient, on):
            category, minutes = said[max((first for first in said if first <= on), default=min(said))]
            minutes = minutes if line.standard_minutes is None else line.standard_minutes
            rate = Fraction(minutes * line.staff_count * line.frequency, line.period)
            found[category] += 60 * rate / {"d": 1, "wk": 7, "mo": days_in_month(on)}[line.period_unit]
    return found


def half_up(seconds):
    return floor(seconds + Fraction(1, 2))


@settings(max_examples=200, deadline=None)
@given(told=orders, span=spans, catalogue=catalogues, deaths=deaths)
def test_a_line_grants_what_its_days_grant_and_is_rounded_once(told, span, catalogue, deaths):
    order, master = made(0, told), master_of(catalogue, deaths)
    for line in order.lines:
        exact = by_day(catalogue, deaths, order, line, span)
        found = granted_seconds(master, [(order, line)], span)
        assert found.keys() == exact.keys()
        assert sum(found.values()) == half_up(sum(exact.values()))
        assert all(abs(found[category] - exact[category]) <= 1 for category in exact)


@settings(max_examples=100, deadline=None)
@given(told=orders, span=spans, catalogue=catalogues, deaths=deaths, moves=moves, index=days, once=st.booleans())
def test_granted_pay_is_of_the_same_time(told, span, catalogue, deaths, moves, index, once):
    """Pay is cut where prices change and rounded in öre; the time it is of is the line's, and ends with a death."""
    order, master = made(0, told), master_of(catalogue, deaths, moves)
    rule = Rule("r", "granted", frozenset(CATEGORIES), (), double_staffing="once" if once else "each")
    terms = Terms((rule,), index=(IndexStep(index, Fraction(2)),))
    for line in order.lines:
        alone = replace(order, lines=(line,))
        counter = Counter(CompensationInput(order.provider, "external", master, [alone], ()), terms, span)
        paid = sum(item.quantity for item in counter.items(rule, span))
        granted = granted_seconds(master, [(order, replace(line, staff_count=1) if once else line)], span)
        assert half_up(Fraction(paid)) == sum(granted.values())


@settings(max_examples=100, deadline=None)
@given(told=st.lists(orders, max_size=4), catalogue=catalogues, deaths=deaths)
def test_fees_are_of_the_same_time(told, catalogue, deaths):
    """A pause without written notice was told in time, so the basis is what was granted, line by line."""
    orders, master = [made(number, one) for number, one in enumerate(told)], master_of(catalogue, deaths)
    month = month_days("2028-02")
    granted = defaultdict(int)
    for order in orders:
        for line in order.lines:
            found = granted_seconds(master, [(order, line)], month)
            granted[order.recipient] += sum(found.get(category, 0) for category in SOL)
    basis = fee_basis(NORRTALJE_2022, master, orders, (), month)
    assert {one.recipient: one.seconds for one in basis} == {
        ref: seconds for ref, seconds in granted.items() if seconds
    }


@pytest.fixture
async def providers(owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    await owner.execute("INSERT INTO provider VALUES (188, 'P-0', 'in_house'), (188, 'P-1', 'external')")


def placed(told, again=()):
    """Orders as they are kept, by ref; some of them put again from a day on."""
    bodies, again = {}, dict(again)
    for number, one in enumerate(told):
        said = from_json(to_json(body(made(number, one))))
        if number in again:
            first, other = again[number]
            later = from_json(to_json(body(made(number, other))))
            said = later | {"applies_from": first.isoformat(), "earlier": [said]}
        bodies[f"O-{number}"] = said
    return bodies


async def settle(owner, bodies, master):
    """Orders as they are placed, and every version of the catalogue and of recipients, each until the next."""
    await owner.execute("TRUNCATE care_order, order_line, intervention_version, recipient_version")
    await store_orders.put_orders(changing(owner), bodies, [])
    for table, timelines, values in (
        ("intervention_version", master.interventions, "$4, $5"),
        ("recipient_version", master.recipients, "$1, $4, NULL, $5, false"),
    ):
        insert = f"INSERT INTO {table} VALUES (188, $1, daterange($2, $3), {values})"
        for ref, timeline in timelines.items():
            ends = [one.valid_from for one in timeline.versions[1:]] + [None]
            for one, end in zip(timeline.versions, ends, strict=True):
                said = [getattr(one, name) for name in TOLD[table]]
                await owner.execute(insert, ref, one.valid_from, end, *said)


TOLD = {"intervention_version": ("category", "standard_minutes"), "recipient_version": ("area", "died_on")}


def flat(asked):
    text, arguments = asked
    return (text, *arguments)


NEW_YEAR = dt.date(2028, 1, 1)
THIRDS = OrderLine("", "dusch", None, 1, 7, "d")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(orders, min_size=1, max_size=6),
    again=st.dictionaries(st.integers(0, 5), st.tuples(days, orders), max_size=3),
    span=spans,
    catalogue=catalogues,
    deaths=deaths,
    moves=moves,
)
@example(
    told=[(START, None, [THIRDS], [])],
    again={},
    span=(START, START + dt.timedelta(days=100)),
    catalogue={
        "dusch": [(START, "CARE", 20), (NEW_YEAR, "SERVICE", 25), (NEW_YEAR + dt.timedelta(days=9), "CARE", 1)],
        "städ": [(START, "SERVICE", 0)],
    },
    deaths={"B-0": dt.date(2028, 1, 31)},
    moves={},
)
async def test_the_database_grants_what_the_domain_grants(
    told, again, span, catalogue, deaths, moves, owner, database, providers
):
    bodies, master = placed(told, again), master_of(catalogue, deaths, moves)
    await settle(owner, bodies, master)
    lines = lines_of(part for ref, said in bodies.items() for part in order_of(ref, said))
    async with database.read(188) as reading:
        rows, whole, care, by_category = [
            await reading.fetch(*flat(statement(question)))
            for question in (
                Question(span, ("order_line",)),
                Question(span, ()),
                Question(span, (), category="CARE"),
                Question(span, ("order_line", "category")),
            )
        ]
    wanted = {
        (f"{line[0][0].ref}/{line[0][1].ref}", category): seconds
        for line in lines
        for category, seconds in granted_seconds(master, line, span).items()
        if seconds
    }
    assert {(row["order_line"], row["category"]): row["granted_seconds"] for row in by_category} == wanted
    of_line = defaultdict(int)
    for (line, _), seconds in wanted.items():
        of_line[line] += seconds
    assert {row["order_line"]: row["granted_seconds"] for row in rows} == of_line
    assert [row["granted_seconds"] for row in whole] == ([sum(wanted.values())] if wanted else [])
    cared = [seconds for (_, category), seconds in wanted.items() if category == "CARE"]
    assert [row["granted_seconds"] for row in care] == ([sum(cared)] if cared else [])


async def test_the_largest_order_anybody_can_place_does_not_overflow(owner, database, providers):
    line = OrderLine("1", "dusch", 1440, 1000, 1, "mo", 10)
    order = Order("O-1", "B-1", "P-1", dt.date(1900, 1, 1), None, (line,))
    span = (dt.date(2026, 1, 1), dt.date(2030, 12, 31))
    master = master_of({"dusch": [(START, "CARE", 20)]})
    await settle(owner, {"O-1": from_json(to_json(body(order)))}, master)
    async with database.read(188) as reading:
        [row] = await reading.fetch(*flat(statement(Question(span, ("order_line",)))))
    assert row["granted_seconds"] == 60 * 1440 * 10 * 1000 * 60
    assert granted_seconds(master, [(order, line)], span) == {"CARE": row["granted_seconds"]}
