"""When a month is to be closed, and what an adjustment says."""

import datetime as dt
from hashlib import sha256

import pytest

from app.domain.money.month_lines import adjustments, closes_at, lines_hash, of_json
from app.domain.money.terms import Closing

NOON = dt.time(12)


@pytest.mark.parametrize(
    ("month", "workday", "clock", "expected"),
    [
        ("2026-01-01", 3, NOON, "2026-02-04T11:00Z"),  # the 1st is a Sunday: Monday, Tuesday, Wednesday
        ("2026-03-01", 3, NOON, "2026-04-07T10:00Z"),  # Easter lies between; summer time
        ("2026-04-01", 3, NOON, "2026-05-06T10:00Z"),  # the 1st of May is a holiday
        ("2026-12-01", 3, NOON, "2027-01-07T11:00Z"),  # New Year's Day and Epiphany are
        ("2026-05-01", 5, dt.time(17, 30), "2026-06-05T15:30Z"),  # the day before the national day
        ("2026-05-01", 1, dt.time(0), "2026-05-31T22:00Z"),
    ],
)
def test_the_date_of_closing_is_the_contracts(month, workday, clock, expected):
    found = closes_at(Closing(workday, clock), dt.date.fromisoformat(month))
    assert found == dt.datetime.fromisoformat(expected)


BODY = {
    "provider": "P-norr", "month": "2026-08", "recipient": "B-1", "contract": "K-norr", "rule": "care",
    "title": "Omsorg på kvällen", "category": "CARE", "area": None, "band": None, "reason": "executed",
    "notes": ["rounded"], "from": "2026-08-01", "to": "2026-08-31", "visits": 1, "unit": "hour", "quantity": 1,
    "price_ore": 100, "index": 1.021, "percent": 100, "amount_ore": 102, "adjusts": None, "line": "a",
}  # fmt: skip


def line(key, ore, **more):
    return of_json(BODY | {"line": key, "amount_ore": ore, "title": f"{ore}"} | more)


def test_what_was_settled_is_taken_off_line_by_line():
    settled = [line("a", 100), line("a", 20, month="2026-09", adjusts="2026-08"), line("b", 50), line("c", 7)]
    now = [line("a", 90, quantity=3), line("c", 7), line("d", 5, recipient="B-0")]
    found = adjustments(settled, now, "2026-10")
    assert [(one.key, one.amount_ore, one.quantity, one.visits, one.title) for one in found] == [
        ("d", 5, 1, 1, "5"),
        ("a", -30, 1, -1, "90"),
        ("b", -50, -1, -1, "50"),
    ]
    assert {(one.month, one.adjusts) for one in found} == {("2026-10", "2026-08")}
    assert adjustments([*settled, *found], now, "2026-11") == []


def test_the_hash_of_lines_is_that_of_months_closed_before():
    """Closed months hold the hash for ever, so neither a key nor a number may be written otherwise."""
    text = (
        '{"adjusts":null,"amount_ore":102,"area":null,"band":null,"category":"CARE","contract":"K-norr",'
        '"from":"2026-08-01","index":1.021,"line":"a","month":"2026-08","notes":["rounded"],"percent":100,'
        '"price_ore":100,"provider":"P-norr","quantity":1,"reason":"executed","recipient":"B-1","rule":"care",'
        '"title":"Omsorg på kvällen","to":"2026-08-31","unit":"hour","visits":1}'
    )
    assert lines_hash([of_json(BODY)] * 2) == sha256(f"{text}\n{text}".encode()).digest()
