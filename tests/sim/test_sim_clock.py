"""A phone's clocks and ids."""

import random
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from firmware_sim.people.clock import PhoneClock, rfc3339, uuid7

MORNING = datetime(2026, 10, 24, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_wrong_clock_is_wrong_by_its_offset():
    clock = PhoneClock("a", offset_seconds=-95)
    assert clock.wall(MORNING) == MORNING - timedelta(seconds=95)


def test_a_jump_counts_from_its_instant_on():
    clock = PhoneClock("a", jumps=((MORNING + HOUR, 3600),))
    assert clock.wall(MORNING + HOUR - timedelta(seconds=1)) == MORNING + HOUR - timedelta(seconds=1)
    assert clock.wall(MORNING + HOUR) == MORNING + 2 * HOUR


def test_drift_grows_through_the_day_and_is_undone_at_midnight():
    clock = PhoneClock("a", drift_ppm=50)
    midnight = datetime(2026, 10, 24, tzinfo=UTC)
    assert clock.wall(midnight) == midnight
    assert clock.wall(midnight + 10 * HOUR) == midnight + 10 * HOUR + timedelta(milliseconds=1800)
    assert clock.wall(midnight + 24 * HOUR) == midnight + 24 * HOUR


def test_the_monotonic_clock_starts_anew_at_a_boot_and_does_not_jump():
    clock = PhoneClock("a", offset_seconds=7200, jumps=((MORNING + HOUR, 3600),), boots=(MORNING, MORNING + 8 * HOUR))
    first, at_hour = clock.uptime(MORNING + HOUR)
    assert at_hour == 3_600_000
    assert clock.uptime(MORNING + 7 * HOUR) == (first, 7 * 3_600_000)
    second, after_boot = clock.uptime(MORNING + 8 * HOUR)
    assert (second != first, after_boot) == (True, 0)
    assert uuid.UUID(second).version == 4


def test_before_its_first_boot_or_without_any_there_is_no_monotonic_clock():
    assert PhoneClock("a", boots=(MORNING,)).uptime(MORNING - HOUR) is None
    assert PhoneClock("a").uptime(MORNING) is None


def test_boot_ids_tell_phones_apart_and_stay_the_same():
    one, other = PhoneClock("a", boots=(MORNING,)), PhoneClock("b", boots=(MORNING,))
    assert one.uptime(MORNING) != other.uptime(MORNING)
    assert one.uptime(MORNING) == PhoneClock("a", boots=(MORNING,)).uptime(MORNING)


def test_ids_are_version_7_of_the_phones_time():
    shown_at = datetime(2026, 10, 24, 22, 50, 7, 123000, tzinfo=UTC)
    made = uuid.UUID(uuid7(random.Random(1), shown_at))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(shown_at.timestamp() * 1000)


def test_ids_come_from_the_generator():
    rng = random.Random(1)
    ids = [uuid7(rng, MORNING) for _ in range(1000)]
    assert len(set(ids)) == 1000
    again = random.Random(1)
    assert ids == [uuid7(again, MORNING) for _ in range(1000)]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 10, 24, 22, 50, 7, tzinfo=UTC), "2026-10-24T22:50:07Z"),
        (datetime(2026, 10, 24, 22, 50, 7, 5000, tzinfo=UTC), "2026-10-24T22:50:07.005Z"),
        (datetime(2026, 10, 25, 0, 50, 7, tzinfo=timezone(2 * HOUR)), "2026-10-24T22:50:07Z"),
    ],
)
def test_instants_on_the_wire_are_utc(at, text):
    assert rfc3339(at) == text
