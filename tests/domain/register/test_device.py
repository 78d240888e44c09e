"""What a tap's device says of it: whose it is, and whether it was trusted when the tap was made."""

import datetime as dt

import pytest

from app.domain.register.device import Device
from app.domain.taps.judging import Judgement, judge_device

AT = dt.datetime(2026, 10, 24, 8, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


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
    judged = judge_device(Judgement("accepted", None, AT, "static", "T-1"), device, "S-1")
    assert (judged.verdict, judged.code, judged.flags) == (verdict, code, flags)
    assert (judged.at, judged.evidence, judged.tag) == (AT, "static", "T-1")


def test_what_was_refused_stays_refused_and_a_flag_stays_in_front():
    refused = Judgement("refused", "tag_unknown", AT, None)
    assert judge_device(refused, None, "S-1") is refused
    adjusted = Judgement("accepted", "clock_adjusted", AT, "static", "T-1", ("clock_adjusted",))
    judged = judge_device(adjusted, Device("D-1", "S-1", AT + SECOND), "S-1")
    assert (judged.code, judged.flags) == ("clock_adjusted", ("clock_adjusted", "device_revoked"))


def test_a_dispute_that_a_mount_would_heal_gives_way_to_one_that_it_would_not():
    unassigned = Judgement("disputed", "tag_unassigned", AT, "static", "T-1")
    assert judge_device(unassigned, None, "S-1").code == "device_not_bound"
    assert judge_device(unassigned, Device("D-1", "S-1", AT + SECOND), "S-1").code == "tag_unassigned"
