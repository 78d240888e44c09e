"""What a tap's device says of it: who used it, and whether it was trusted when the tap was made."""

import datetime as dt

import pytest

from app.domain.register.device import Device, DeviceUser, WorkShift
from app.domain.taps.judging import Judgement, judge_device

AT = dt.datetime(2026, 10, 24, 8, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
HOUR = dt.timedelta(hours=1)
OWN = DeviceUser("S-1", "P-1")
SHARED = Device("D-2", None, provider="P-1")


def at_work(began, ended=None, provider="P-1"):
    """S-1 with a shared device, in a work shift that began and ended so long after the tap."""
    return DeviceUser("S-1", provider, WorkShift("w", AT + began, None if ended is None else AT + ended))


@pytest.mark.parametrize(
    ("device", "verdict", "code", "flags"),
    [
        (Device("D-1", "S-1"), "accepted", None, ()),
        (None, "disputed", "device_not_bound", ()),
        (Device("D-1", "S-2"), "disputed", "device_not_bound", ()),
        (Device("D-1", "S-1", AT), "disputed", "device_not_bound", ()),
        (Device("D-1", "S-1", AT - SECOND), "disputed", "device_not_bound", ()),
        (Device("D-1", "S-1", AT + SECOND), "accepted", "device_revoked", ("device_revoked",)),
    ],
)
def test_a_sound_tap_is_judged_by_its_device(device, verdict, code, flags):
    judged = judge_device(Judgement("accepted", None, AT, "static", "T-1"), device, OWN)
    assert (judged.verdict, judged.code, judged.flags) == (verdict, code, flags)
    assert (judged.at, judged.evidence, judged.tag) == (AT, "static", "T-1")


def test_what_was_refused_stays_refused_and_a_flag_stays_in_front():
    refused = Judgement("refused", "tag_unknown", AT, None)
    assert judge_device(refused, None, OWN) is refused
    adjusted = Judgement("accepted", "clock_adjusted", AT, "static", "T-1", ("clock_adjusted",))
    judged = judge_device(adjusted, Device("D-1", "S-1", AT + SECOND), OWN)
    assert (judged.code, judged.flags) == ("clock_adjusted", ("clock_adjusted", "device_revoked"))


def test_a_dispute_that_a_mount_would_heal_gives_way_to_one_that_it_would_not():
    unassigned = Judgement("disputed", "tag_unassigned", AT, "static", "T-1")
    assert judge_device(unassigned, None, OWN).code == "device_not_bound"
    assert judge_device(unassigned, Device("D-1", "S-1", AT + SECOND), OWN).code == "tag_unassigned"


@pytest.mark.parametrize(
    ("user", "is_own"),
    [
        (at_work(-HOUR), True),
        (at_work(-HOUR, HOUR), True),
        (at_work(-2 * HOUR, -HOUR), False),
        (at_work(HOUR), False),
        (at_work(30 * SECOND), True),
        (at_work(31 * SECOND), False),
        (at_work(-HOUR, -30 * SECOND), True),
        (at_work(-HOUR, -31 * SECOND), False),
        (at_work(-HOUR, provider="P-2"), False),
        (OWN, False),
        (DeviceUser("S-1", None), False),
    ],
)
def test_a_tap_of_a_shared_device_is_its_users_while_the_work_shift_lasts(user, is_own):
    judged = judge_device(Judgement("accepted", None, AT, "static", "T-1"), SHARED, user)
    assert (judged.verdict, judged.code) == (("accepted", None) if is_own else ("disputed", "device_not_bound"))


@pytest.mark.parametrize(
    ("device", "user", "is_trusted"),
    [
        (Device("D-1", "S-1"), OWN, True),
        (Device("D-1", "S-1", AT), OWN, False),
        (Device("D-1", "S-2"), OWN, False),
        (SHARED, at_work(-HOUR), True),
        (SHARED, at_work(-HOUR, SECOND), False),
        (SHARED, OWN, False),
    ],
)
def test_whoever_has_left_the_device_is_told_nothing_by_it(device, user, is_trusted):
    assert device.trusted_with(user, AT) is is_trusted
