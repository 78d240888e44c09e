"""How long a file is kept, by hand: the class of the longest in it, whole years from the last note, and the sample."""

import datetime as dt

import pytest

from app.domain.register.retention import CLASSES, PATIENT, SOCIAL, File, last_day_to_erase

LAW = {name: known.years for name, known in CLASSES.items()}


def day(text):
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("last_on", "health_care", "due_on", "erase_by"),
    [
        ("2019-03-14", False, "2024-03-14", "2025-12-31"),
        ("2019-12-31", False, "2024-12-31", "2025-12-31"),
        ("2019-03-14", True, "2029-03-14", "2030-12-31"),
        ("2020-02-29", False, "2025-03-01", "2026-12-31"),
        ("2020-02-29", True, "2030-03-01", "2031-12-31"),
    ],
)
def test_a_file_is_due_whole_years_after_its_last_note(last_on, health_care, due_on, erase_by):
    file = File("B-1", day(last_on), health_care, order_in_force=False)
    assert file.retention == (PATIENT if health_care else SOCIAL)
    assert file.due_on(LAW) == day(due_on)
    assert last_day_to_erase(file.due_on(LAW)) == day(erase_by)
    before = file.due_on(LAW) - dt.timedelta(days=1)
    assert (file.reason_to_keep(LAW, before), file.reason_to_keep(LAW, day(due_on))) == ("not_due", None)


@pytest.mark.parametrize(
    ("born_on", "archived_on", "reason"),
    [
        (None, None, None),
        ("1930-01-04", None, None),
        ("1930-01-05", None, "not_archived"),
        ("1930-01-15", None, "not_archived"),
        ("1930-01-25", None, "not_archived"),
        ("1930-01-25", "2019-03-13", "not_archived"),  # something was noted after the export
        ("1930-01-25", "2019-03-14", None),
    ],
)
def test_the_archives_sample_is_exported_first(born_on, archived_on, reason):
    days = [one and day(one) for one in (born_on, archived_on)]
    file = File("B-1", day("2019-03-14"), False, False, *days)
    assert file.reason_to_keep(LAW, day("2026-01-01")) == reason


def test_a_file_with_an_order_in_force_stays_however_old_it_is():
    assert File("B-1", day("2001-01-01"), False, True).reason_to_keep(LAW, day("2026-01-01")) == "order_in_force"


def test_a_municipality_may_keep_it_longer():
    file = File("B-1", day("2019-03-14"), False, False)
    assert file.reason_to_keep(LAW | {SOCIAL: 7}, day("2026-03-13")) == "not_due"
    assert file.reason_to_keep(LAW | {SOCIAL: 7}, day("2026-03-14")) is None
