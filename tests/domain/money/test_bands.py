"""Bands cut visits where the clock says, holidays and nights when the clock moves included."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import at

from app.domain.money.bands import Band, Bands, BandTime, clock_band
from app.domain.time import day_start, local_date, total_seconds

T = dt.time
NIGHT = Band("night", (BandTime(T(22), T(7)),))
WEEKEND = Band("weekend", (BandTime(T(19), T(7), frozenset({5}), until_weekday=1),))
RED = Band("red", (BandTime(T(0), T(0), public_holidays="only"),))
PLAIN = Band("plain", (BandTime(T(8), T(17), frozenset({1, 2, 3, 4, 5}), public_holidays="never"),))
YULE = Band("yule", (BandTime(T(19), T(7), holiday="christmas_eve", days_before=1, until_holiday="boxing_day",
                              until_workday=True),))  # fmt: skip
NEW_YEAR = Band("new year", (BandTime(T(18), T(0), holiday="new_years_eve", until_holiday="new_years_day"),))
YEAR = dt.date(2026, 1, 1), dt.date(2027, 1, 31)


def cut(start, end, *bands):
    pieces = Bands(bands, YEAR).cut([(at(start), at(end))])
    return [(f"{piece.on:%m-%d}", piece.band, piece.seconds // 60) for piece in pieces]


@pytest.mark.parametrize(
    ("start", "end", "bands", "expected"),
    [
        ("2026-11-02T21:30", "2026-11-02T22:30", (NIGHT,), [("11-02", None, 30), ("11-02", "night", 30)]),
        ("2026-11-02T23:30", "2026-11-03T07:15", (NIGHT,),
         [("11-02", "night", 30), ("11-03", "night", 420), ("11-03", None, 15)]),
        ("2026-11-06T18:50", "2026-11-06T19:10", (WEEKEND, NIGHT), [("11-06", None, 10), ("11-06", "weekend", 10)]),
        ("2026-11-09T06:50", "2026-11-09T07:10", (WEEKEND, NIGHT), [("11-09", "weekend", 10), ("11-09", None, 10)]),
        ("2026-11-09T06:50", "2026-11-09T07:10", (NIGHT, WEEKEND), [("11-09", "night", 10), ("11-09", None, 10)]),
        ("2026-01-05T23:50", "2026-01-06T00:10", (RED,), [("01-05", None, 10), ("01-06", "red", 10)]),
        ("2026-01-06T07:50", "2026-01-06T08:10", (PLAIN,), [("01-06", None, 20)]),
        ("2026-01-07T07:50", "2026-01-07T08:10", (PLAIN,), [("01-07", None, 10), ("01-07", "plain", 10)]),
        ("2026-12-23T18:50", "2026-12-23T19:10", (YULE,), [("12-23", None, 10), ("12-23", "yule", 10)]),
        ("2026-12-28T06:50", "2026-12-28T07:10", (YULE,), [("12-28", "yule", 10), ("12-28", None, 10)]),
        ("2026-12-31T17:50", "2026-12-31T18:10", (NEW_YEAR,), [("12-31", None, 10), ("12-31", "new year", 10)]),
        ("2027-01-01T23:50", "2027-01-02T00:10", (NEW_YEAR,), [("01-01", "new year", 10), ("01-02", None, 10)]),
        # The hour that is not there, and the one that comes twice.
        ("2026-03-29T01:40", "2026-03-29T03:20", (NIGHT,), [("03-29", "night", 40)]),
        ("2026-10-25T01:40", "2026-10-25T07:20", (NIGHT,), [("10-25", "night", 380), ("10-25", None, 20)]),
    ],
)  # fmt: skip
def test_cut(start, end, bands, expected):
    assert cut(start, end, *bands) == expected


def test_the_band_of_a_clock_time():
    bands = Bands((NIGHT,), YEAR)
    assert clock_band(bands, dt.date(2026, 11, 2), T(6, 59)) == "night"
    assert clock_band(bands, dt.date(2026, 11, 2), T(7)) is None


def test_long_before_the_days_there_is_no_band():
    assert Bands((NIGHT,), YEAR).at(at("2025-11-30T23:00")) is None


ALL = Bands((YULE, RED, WEEKEND, NIGHT, PLAIN), YEAR)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 380 * 86400), st.integers(1, 3 * 86400))
def test_the_pieces_add_up_and_lie_where_they_say(offset, seconds):
    start = day_start(YEAR[0]) + dt.timedelta(seconds=offset)
    span = start, start + dt.timedelta(seconds=seconds)
    pieces = list(ALL.cut([span]))
    assert sum(piece.seconds for piece in pieces) == total_seconds([span])
    for piece in pieces:
        assert piece.on == local_date(start)
        assert piece.band == ALL.at(start)
        start += dt.timedelta(seconds=piece.seconds)
        assert ALL.at(start - dt.timedelta(seconds=1)) == piece.band
