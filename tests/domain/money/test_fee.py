"""Fee levels, the cap, and the fee clock of 48 hours; amounts computed by hand from a cap of 2 170 kr."""

import pytest
from paid import declined, order, world
from told import day

from app.domain.money.fee import NORRTALJE_2022, fee_basis
from app.domain.register.recipient import Recipient
from app.domain.time import month_days

URBAN = {"B-1": "URBAN"}


def basis(lines, *, turned_down=(), month="2026-11", **more):
    ordered = order("O-1", "B-1", lines, **more)
    master = world(URBAN, ordered)
    found = fee_basis(NORRTALJE_2022, master, [ordered], turned_down, month_days(month))
    return [(one.seconds, one.alarm_only, int(one.level * 100), one.fee_ore) for one in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("dusch 6", (10_800, False, 30, 65_100)),  # 3 h exactly
        ("dusch 6;städ 1 1/mo", (10_860, False, 60, 130_200)),
        ("dusch 12", (21_600, False, 60, 130_200)),
        ("dusch 18", (32_400, False, 80, 173_600)),
        ("dusch 18;städ 1 1/mo", (32_460, False, 100, 217_000)),
        ("dusch 600", (1_080_000, False, 100, 217_000)),
        ("larm 15", (0, True, 10, 21_700)),
        ("larm 15;dusch 6", (10_800, False, 30, 65_100)),
        ("dusch 6;insulin 60;lunch 30", (10_800, False, 30, 65_100)),  # health care and meals are no home care hours
    ],
)
def test_levels(lines, expected):
    assert basis(lines) == [expected]


def test_who_has_nothing_to_pay_for():
    assert basis("insulin 10") == []
    assert basis("dusch 6", first="2026-12-01") == []
    assert basis("dusch 6", pauses=[("2026-10-01", None, "hospital")]) == []


@pytest.mark.parametrize(
    ("reason", "notified", "days"),
    [
        ("journey", "2026-11-08T00:00", 20),  # 48 h before the 10th begins
        ("journey", "2026-11-08T00:01", 21),
        ("journey", "2026-11-12T12:00", 25),  # the 10th to the 14th were cancelled too late
        ("journey", None, 20),
        ("hospital", "2026-11-12T12:00", 20),
    ],
)
def test_the_fee_clock(reason, notified, days):
    pause = ("2026-11-10", "2026-11-19", reason, *([notified] if notified else []))
    [(seconds, *_)] = basis("dusch 6", pauses=[pause])
    assert seconds == days * 360


def test_a_visit_declined_in_time_is_left_out():
    at = "2026-11-10T08:00"
    early = declined("B-1", at, "dusch", "in_advance", notified="2026-11-08T08:00")
    late = declined("B-1", at, "dusch", "in_advance", notified="2026-11-08T08:01")
    door = declined("B-1", at, "dusch", "at_door")
    [(seconds, *_)] = basis("dusch 20", turned_down=[early, late, door])
    assert seconds == 29 * 1200


def test_a_death_ends_the_fee():
    ordered = order("O-1", "B-1", "dusch 6")
    master = world(URBAN, ordered)
    master.put_recipient(Recipient("B-1", day("2026-01-02"), "B-1", "URBAN", died_on=day("2026-11-10")))
    [one] = fee_basis(NORRTALJE_2022, master, [ordered], (), month_days("2026-11"))
    assert one.seconds == 3600
    assert fee_basis(NORRTALJE_2022, master, [ordered], (), month_days("2026-12")) == []
