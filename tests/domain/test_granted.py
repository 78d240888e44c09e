"""Granted time as the database computes it is granted time as the domain defines it, to the second."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.order import Order, OrderLine, Pause, active_days, granted_seconds
from app.store import orders as store_orders
from app.store.executed_time import Question, statement

START = dt.date(2027, 11, 1)  # so that the leap day of 2028 is within reach
CATALOGUE = {"dusch": [(None, 20), (dt.date(2028, 1, 10), 25), (dt.date(2028, 3, 1), 30)], "städ": [(START, 45)]}

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


def made(number, told):
    first, last, lines, pauses = told
    numbered = [
        OrderLine(str(at), one.intervention, one.standard_minutes, one.frequency, one.period, one.period_unit,
                  one.staff_count)
        for at, one in enumerate(lines)
    ]  # fmt: skip
    return Order(f"O-{number}", f"B-{number % 3}", f"P-{number % 2}", first, last, tuple(numbered), tuple(pauses))


def body(order):
    return {
        "recipient": order.recipient, "provider": order.provider, "valid_from": order.valid_from,
        "valid_to": order.valid_to, "pauses": [{"from": one.first_on, "to": one.last_on} for one in order.pauses],
        "lines": [{name: getattr(one, name) for name in
                   ("ref", "intervention", "standard_minutes", "frequency", "period", "period_unit", "staff_count")}
                  for one in order.lines],
    }  # fmt: skip


def minutes(line, on):
    if line.standard_minutes is not None:
        return line.standard_minutes
    versions = CATALOGUE[line.intervention]
    return next((found for first, found in reversed(versions) if first is None or first <= on), versions[0][1])


def expected(orders, span):
    """By line, from the definition; the catalogue is that of the line's first active day in the span."""
    found = {}
    for order in orders:
        active = [
            on
            for number in range((span[1] - span[0]).days + 1)
            if active_days(order, ((on := span[0] + dt.timedelta(days=number)), on))
        ]
        for line in order.lines if active else ():
            seconds = granted_seconds(order, line, minutes(line, active[0]), span)
            if seconds:
                found[f"{order.ref}/{line.ref}"] = seconds
    return found


@pytest.fixture
async def catalogue(owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    await owner.execute("INSERT INTO provider VALUES (188, 'P-0', 'in_house'), (188, 'P-1', 'external')")
    for ref, versions in CATALOGUE.items():
        ends = [first for first, _ in versions[1:]] + [None]
        await owner.executemany(
            "INSERT INTO intervention_version VALUES (188, $1, daterange($2, $3), 'CARE', $4)",
            [(ref, first, end, told) for (first, told), end in zip(versions, ends, strict=True)],
        )


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(orders, min_size=1, max_size=6), span=spans)
async def test_the_database_grants_what_the_domain_grants(told, span, owner, database, catalogue):
    orders = [made(number, one) for number, one in enumerate(told)]
    await owner.execute("TRUNCATE care_order, order_line")
    await store_orders.put_orders(owner, 188, {order.ref: body(order) for order in orders}, [])
    async with database.read(188) as reading:
        rows = await reading.sql.fetch(*flat(statement(188, Question(span, ("order_line",)))))
        whole = await reading.sql.fetch(*flat(statement(188, Question(span, ()))))
    wanted = expected(orders, span)
    assert {row["order_line"]: row["granted_seconds"] for row in rows} == wanted
    assert [row["granted_seconds"] for row in whole] == ([sum(wanted.values())] if wanted else [])


def flat(asked):
    text, arguments = asked
    return (text, *arguments)


async def test_the_largest_order_anybody_can_place_does_not_overflow(owner, database, catalogue):
    line = OrderLine("1", "dusch", 1440, 1000, 1, "mo", 10)
    order = Order("O-1", "B-1", "P-1", dt.date(1900, 1, 1), None, (line,))
    span = (dt.date(2026, 1, 1), dt.date(2030, 12, 31))
    await store_orders.put_orders(owner, 188, {order.ref: body(order)}, [])
    async with database.read(188) as reading:
        [row] = await reading.sql.fetch(*flat(statement(188, Question(span, ("order_line",)))))
    assert row["granted_seconds"] == granted_seconds(order, line, 1440, span) == 60 * 1440 * 10 * 1000 * 60
