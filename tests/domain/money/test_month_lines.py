"""When a month is to be closed, and what an adjustment says."""

import datetime as dt

import pytest

from app.domain.money.month_lines import adjustments, closes_at
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


def row(line, ore, *, month="2026-08", adjusts=None, quantity=1, recipient="B-1"):
    return {"line": line, "recipient": recipient, "month": month, "adjusts": adjusts, "amount_ore": ore,
            "quantity": quantity, "visits": 1, "title": f"{ore}"}  # fmt: skip


def test_what_was_settled_is_taken_off_line_by_line():
    settled = [row("a", 100), row("a", 20, month="2026-09", adjusts="2026-08"), row("b", 50), row("c", 7)]
    now = [row("a", 90, quantity=3), row("c", 7), row("d", 5, recipient="B-0")]
    found = adjustments(settled, now, "2026-10")
    assert [(one["line"], one["amount_ore"], one["quantity"], one["visits"]) for one in found] == [
        ("d", 5, 1, 1),
        ("a", -30, 1, -1),
        ("b", -50, -1, -1),
    ]
    assert {(one["month"], one["adjusts"]) for one in found} == {("2026-10", "2026-08")}
    assert adjustments([*settled, *found], now, "2026-11") == []
