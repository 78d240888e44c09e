"""Judging a tap at the door: its time from clocks that may be wrong, and its verdict."""

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest
from told import at, recipient, world

from app.domain.register.tag import Tag
from app.domain.taps.judging import Claim, Envelope, Shift, judge, leads_of, shift_of, time_of
from app.domain.time import UTC

RECEIVED = at("12:00")
WEEK = dt.timedelta(days=7)


def seconds(number: float) -> dt.timedelta:
    return dt.timedelta(seconds=number)


def claim(tapped_at: dt.datetime, **more: object) -> Claim:
    return replace(Claim(UUID(int=1), "in", tapped_at, uid="04AA"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phone_behind", "at_shift", "flags"),
    [
        (0, 0, ()),
        (30, 0, ()),  # within tolerance nothing is shifted
        (31, 31, ()),
        (300, 300, ()),
        (301, 301, ("clock_adjusted",)),
        (2 * 3600, 2 * 3600, ("clock_adjusted",)),
        (-30, 0, ()),
        (-31, -31, ()),
        (-300, -300, ()),
        (-301, -301, ("clock_adjusted",)),
    ],
)
def test_a_wall_clock_is_shifted_when_it_is_off(phone_behind: int, at_shift: int, flags: tuple[str, ...]) -> None:
    envelope = Envelope(RECEIVED, RECEIVED - seconds(phone_behind))
    told = claim(at("08:00") - seconds(phone_behind))
    when, raised = time_of(told, envelope, shift_of(envelope, None))
    assert when == told.tapped_at + seconds(at_shift)
    assert raised == flags


@pytest.mark.parametrize(
    ("phone_ahead", "when", "flags"),
    [
        (10, "12:00", ()),  # tapped ten seconds into the future by its own clock: clipped
        (30, "12:00", ()),
        (31, "12:00", ("claim_in_future",)),
    ],
)
def test_no_tap_is_later_than_its_receipt(phone_ahead: int, when: str, flags: tuple[str, ...]) -> None:
    envelope = Envelope(RECEIVED, RECEIVED)
    assert time_of(claim(RECEIVED + seconds(phone_ahead)), envelope, shift_of(envelope, None)) == (at(when), flags)


@pytest.mark.parametrize(
    ("ahead", "at_receipt", "codes"),
    [
        ([3600, 1800, 600], [0, -1800, -3000], [None, None, None]),
        ([3600, 1800, -60], [0, -1800, -60], [None, None, None]),  # what lies behind stays where it is
        ([25, 10], [0, -15], [None, None]),  # within tolerance too, what lies between them stays
        ([3600], [0], ["claim_in_future"]),
        ([3600, 3600], [0, 0], ["claim_in_future"] * 2),  # one instant told twice is alone
        ([86400 * 365, 20], [0, 0], ["claim_in_future", None]),  # nonsense carries nobody away
        ([57_601, 57_600, 1], [0, -1, -57_600], [None, None, None]),
    ],
)
def test_claims_of_the_future_are_moved_back_together(
    ahead: list[int], at_receipt: list[int], codes: list[str | None]
) -> None:
    envelope = Envelope(RECEIVED, RECEIVED)
    shift = shift_of(envelope, None)
    claims = [claim(RECEIVED + seconds(one), uid=None, household="A", reason="tag_missing") for one in ahead]
    leads = leads_of(claims, envelope, shift)
    judged = [judge(one, envelope, shift, MASTER, WEEK, leads) for one in claims]
    assert [(one.at - RECEIVED).total_seconds() for one in judged] == at_receipt
    assert [one.code for one in judged] == codes
    moved = [(one.tapped_at - found.at) > seconds(30) for one, found in zip(claims, judged, strict=True)]
    assert ["claim_in_future" in one.flags for one in judged] == moved, "the tap keeps that it was moved"


def test_one_shift_for_the_batch_keeps_every_duration() -> None:
    envelope = Envelope(RECEIVED, RECEIVED - seconds(7203.4))
    shift = shift_of(envelope, None)
    came, _ = time_of(claim(at("06:00")), envelope, shift)
    left, _ = time_of(claim(at("06:25")), envelope, shift)
    assert left - came == dt.timedelta(minutes=25)


@pytest.mark.parametrize(
    ("kept", "phone_behind", "shift"),
    [
        (None, 40, 40),
        (40, 10, 40),  # within 30 s of the kept one
        (40, 70, 40),
        (40, 71, 71),
        (40, 9, 0),
        (0, 30, 0),
        (0, 31, 31),
        (-40, -20, -40),
    ],
)
def test_the_first_shift_of_a_phone_is_kept_while_it_fits(kept: int | None, phone_behind: int, shift: int) -> None:
    envelope = Envelope(RECEIVED, RECEIVED - seconds(phone_behind))
    before = None if kept is None else Shift(wall=seconds(kept))
    assert shift_of(envelope, before).wall == seconds(shift)


@pytest.mark.parametrize(
    ("uptime_ago", "wall_off", "when", "flags"),
    [
        (3600, 0, "11:00", ()),
        (3600, 60, "11:00", ()),
        (3600, 61, "11:00", ("clock_adjusted",)),
        (3600, -61, "11:00", ("clock_adjusted",)),
        (3600, 86400, "11:00", ("clock_adjusted",)),
        (-20, 0, "12:00", ()),
        (-31, 0, "12:00", ("claim_in_future",)),
    ],
)
def test_a_monotonic_clock_of_the_same_boot_rules(
    uptime_ago: int, wall_off: int, when: str, flags: tuple[str, ...]
) -> None:
    envelope = Envelope(RECEIVED, RECEIVED, 9_000_000, "boot-1")
    truth = RECEIVED - seconds(uptime_ago)
    told = claim(truth + seconds(wall_off), uptime_ms=9_000_000 - uptime_ago * 1000, boot_id="boot-1")
    assert time_of(told, envelope, shift_of(envelope, None)) == (at(when), flags)


@pytest.mark.parametrize(
    "more",
    [
        {"uptime_ms": 1000, "boot_id": "boot-0"},
        {"uptime_ms": 1000},
        {"boot_id": "boot-1"},
        {},
    ],
)
def test_another_boots_clock_says_nothing(more: dict[str, object]) -> None:
    envelope = Envelope(RECEIVED, RECEIVED, 9_000_000, "boot-1")
    assert time_of(claim(at("11:30"), **more), envelope, shift_of(envelope, None)) == (at("11:30"), ())


def test_in_and_out_sent_apart_do_not_drift() -> None:
    first = Envelope(RECEIVED, RECEIVED, 9_000_000, "boot-1")
    kept = shift_of(first, None)
    # The second batch took 29 s to arrive; its boot would seem to have been 29 s later.
    second = Envelope(RECEIVED + seconds(629), RECEIVED + seconds(600), 9_600_000, "boot-1")
    came, _ = time_of(claim(RECEIVED, uptime_ms=9_000_000, boot_id="boot-1"), first, kept)
    left, _ = time_of(
        claim(RECEIVED + seconds(600), uptime_ms=9_600_000, boot_id="boot-1"), second, shift_of(second, kept)
    )
    assert left - came == seconds(600)
    assert shift_of(replace(second, received_at=RECEIVED + seconds(631)), kept).booted_at != kept.booted_at


def test_a_time_zone_that_is_wrong_has_no_effect_when_the_instant_is_right() -> None:
    abroad = dt.timezone(dt.timedelta(hours=-9))
    envelope = Envelope(RECEIVED, RECEIVED.astimezone(abroad))
    assert time_of(claim(at("08:00").astimezone(abroad)), envelope, shift_of(envelope, None)) == (at("08:00"), ())


def test_fractions_of_seconds_are_cut() -> None:
    envelope = Envelope(RECEIVED, RECEIVED)
    when, _ = time_of(claim(at("08:00") + seconds(0.999)), envelope, shift_of(envelope, None))
    assert when == at("08:00")


FIRST_INSTANT = dt.datetime(1, 1, 1, tzinfo=UTC)
LAST_INSTANT = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent_at", "sent_uptime_ms", "tapped_at", "uptime_ms", "when"),
    [
        (RECEIVED, None, FIRST_INSTANT, None, "1970-01-01T01:00"),
        (RECEIVED, None, LAST_INSTANT, None, "12:00"),
        (FIRST_INSTANT, None, LAST_INSTANT, None, "12:00"),
        (LAST_INSTANT, None, FIRST_INSTANT, None, "1970-01-01T01:00"),
        (RECEIVED, 2**63, at("08:00"), 0, "08:00"),
        (RECEIVED, 2**200, at("08:00"), 0, "08:00"),
        (RECEIVED, 1000, at("08:00"), 2**63, "08:00"),
        (RECEIVED, 86_400_000 * 365 * 1000, at("08:00"), 0, "1970-01-01T01:00"),
    ],
)
def test_a_phone_may_say_anything_of_its_clocks(
    sent_at: dt.datetime, sent_uptime_ms: int | None, tapped_at: dt.datetime, uptime_ms: int | None, when: str
) -> None:
    envelope = Envelope(RECEIVED, sent_at, sent_uptime_ms, "boot-1")
    told = claim(tapped_at, uptime_ms=uptime_ms, boot_id="boot-1")
    assert time_of(told, envelope, shift_of(envelope, None))[0] == at(when)


MASTER = world(recipient("B-1", "A"), recipient("B-2", "B"))
MASTER.put_tag(
    Tag(
        "T-1",
        "static",
        "04AA",
        mounts=((at("08:00"), "A"),),
        states=((at("08:00"), "active"), (at("10:00"), "lost"), (at("11:00"), "active"), (at("11:30"), "retired")),
    )
)
for number, state in enumerate(("suspended", "tampered")):
    MASTER.put_tag(Tag(f"T-{state}", "static", f"04B{number}", ((at("06:00"), "B"),), ((at("06:00"), state),)))


def verdict(tapped_at: str, received_at: dt.datetime = RECEIVED, **more: object) -> tuple[str, str | None, str | None]:
    envelope = Envelope(received_at, received_at)
    found = judge(claim(at(tapped_at), **more), envelope, shift_of(envelope, None), MASTER, WEEK)
    return found.verdict, found.code, found.evidence


@pytest.mark.parametrize(
    ("tapped_at", "more", "expected"),
    [
        ("09:00", {}, ("accepted", None, "static")),
        ("08:00", {}, ("accepted", None, "static")),
        ("07:59:59", {}, ("disputed", "tag_unassigned", "static")),
        ("09:59:59", {}, ("accepted", None, "static")),
        ("10:00", {}, ("disputed", "tag_lost", "static")),
        ("11:00", {}, ("accepted", None, "static")),
        ("11:29:59", {}, ("accepted", None, "static")),  # before the change, though it arrives after
        ("11:30", {}, ("disputed", "tag_retired", "static")),
        ("09:00", {"uid": "04B0"}, ("disputed", "tag_suspended", "static")),
        ("09:00", {"uid": "04B1"}, ("disputed", "tag_tampered", "static")),
        ("09:00", {"uid": "04FF"}, ("refused", "tag_unknown", None)),
        ("09:00", {"uid": None, "household": "A", "reason": "tag_missing"}, ("accepted", None, "manual")),
        ("09:00", {"uid": None, "household": "C", "reason": "tag_missing"}, ("refused", "unknown_household", None)),
        ("09:00", {"uid": None}, ("refused", "unknown_household", None)),
    ],
)
def test_verdicts(tapped_at: str, more: dict[str, object], expected: tuple[str, str | None, str | None]) -> None:
    assert verdict(tapped_at, **more) == expected


@pytest.mark.parametrize(
    ("late", "expected"),
    [(0, ("accepted", None, "static")), (1, ("disputed", "received_too_late", "static"))],
)
def test_age_alone_disputes_and_never_refuses(late: int, expected: tuple[str, str | None, str | None]) -> None:
    assert verdict("09:00", at("09:00") + WEEK + seconds(late)) == expected


def test_an_accepted_tap_names_its_flag_and_a_disputed_one_its_dispute() -> None:
    envelope = Envelope(RECEIVED, RECEIVED - seconds(7200))
    shift = shift_of(envelope, None)
    accepted = judge(claim(at("07:00")), envelope, shift, MASTER, WEEK)
    assert (accepted.verdict, accepted.code, accepted.flags) == ("accepted", "clock_adjusted", ("clock_adjusted",))
    assert (accepted.at, accepted.tag) == (at("09:00"), "T-1")
    disputed = judge(claim(at("08:30")), envelope, shift, MASTER, WEEK)
    assert (disputed.verdict, disputed.code, disputed.flags) == ("disputed", "tag_lost", ("clock_adjusted",))
