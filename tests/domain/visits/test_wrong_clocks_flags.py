"""What wrong clocks did to a visit, and when that asks a person to look at it."""

import datetime as dt

import pytest
from told import at, presences, tap_id, taps

from app.domain.visits.wrong_clocks import Said, flags_of

BOTH = "08:00 in A ~clock_adjusted | 08:30 out A ~claim_in_future"
CAME = "08:00 in A ~clock_adjusted | 08:30 out A"
WAITING = "08:00 in A ~clock_adjusted"
LEFT = "08:30 out A ~clock_adjusted"


@pytest.mark.parametrize(
    ("told", "off", "astray", "flags"),
    [
        (BOTH, (7200, 7200), (), []),  # both ends moved alike: not a second was
        (BOTH, (7200, 7140), (), []),
        (BOTH, (7200, 7139), (), ["clock_adjusted", "claim_in_future"]),
        (BOTH, (7200, -7200), (), ["clock_adjusted", "claim_in_future"]),
        (CAME, (301, 299), (), []),  # the end that nobody flagged was moved too
        (CAME, (301, 0), (), ["clock_adjusted"]),
        (CAME, (-301, 0), (), ["clock_adjusted"]),
        (WAITING, (7200,), (), []),  # no second is known yet
        (WAITING, (7200,), (1,), ["clock_adjusted"]),
        (LEFT, (7200,), (), []),
        (BOTH, (7200, 7200), (1,), ["clock_adjusted"]),
        (BOTH, (7200, 7200), (1, 2), ["clock_adjusted", "claim_in_future"]),
        (CAME, (0, 0), (2,), []),  # what stands otherwise is not what the clock flagged
        ("08:00 in A ~device_revoked | 08:30 out A", (0, 0), (), ["device_revoked"]),
    ],
)
def test_a_clock_is_told_of_where_it_moved_seconds_or_the_order_of_taps(
    told: str, off: tuple[int, ...], astray: tuple[int, ...], flags: list[str]
) -> None:
    clocks = {
        tap_id(number): Said(tap.at, tap.at - dt.timedelta(seconds=seconds), number in astray)
        for number, (tap, seconds) in enumerate(zip(taps(told), off, strict=True), 1)
    }
    [presence] = presences(taps(told))
    assert flags_of(presence, clocks) == flags


@pytest.mark.parametrize(
    ("corrected", "flags"),
    [
        ({"started_at": at("08:05")}, []),
        ({"ended_at": at("08:40")}, ["clock_adjusted"]),
        ({"started_at": at("08:05"), "ended_at": at("08:40")}, []),
    ],
)
def test_an_end_that_a_person_has_told_asks_no_clock(corrected: dict[str, dt.datetime], flags: list[str]) -> None:
    hour = dt.timedelta(hours=1)
    clocks = {tap_id(1): Said(at("08:00"), at("08:00") - hour), tap_id(2): Said(at("08:30"), at("08:30") - hour)}
    [presence] = presences(taps(CAME))
    assert flags_of(presence, clocks) == []
    assert flags_of(presence._replace(**corrected), clocks) == flags
