"""A lived day: deterministic, physically possible, with every usual mistake, and a truth that the items bear out."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from firmware_sim.people.catalogue import NEVER_ORDERED
from firmware_sim.people.day import live_day
from firmware_sim.people.expect import fits
from firmware_sim.people.mistakes import KINDS, LEAVES_OPEN
from firmware_sim.people.records import STOCKHOLM, Line
from firmware_sim.people.routes import CREWS
from firmware_sim.people.truth import Truth
from firmware_sim.people.world import build_world

FIRST = date(2026, 3, 23)
SEVEN = [FIRST + timedelta(days=number) for number in range(7)]
SENT_AT = datetime(2026, 4, 2, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def week():
    return [(build_world(7, on), live_day(build_world(7, on), on)) for on in SEVEN]


def presences(week):
    return [(world, day, one) for world, day in week for one in day.truth.presences]


def items(day, kind):
    return {event.item["id"]: event for event in day.events if event.kind == kind}


def test_the_same_day_twice_is_the_same_to_the_byte(week):
    for _, day in week:
        again = live_day(build_world(7, day.on), day.on)
        assert again.events == day.events
        assert again.truth.to_json() == day.truth.to_json()
        assert live_day(build_world(8, day.on), day.on).events != day.events
        assert {phone.clock for phone in again.phones.values()} == {phone.clock for phone in day.phones.values()}


def test_days_differ_and_no_id_comes_twice(week):
    ids = [event.item["id"] for _, day in week for event in day.events]
    assert len(set(ids)) == len(ids)


def test_every_usual_mistake_happens_in_a_week(week):
    happened = {one.mistake for _, _, one in presences(week)} | {one.part for _, _, one in presences(week)}
    assert happened >= {*KINDS, "uncalled", "alarm_not_ordered", "first", "second", "trainee", "colleague", "inner"}


def test_the_codes_of_the_truth_cover_the_anomalies_a_day_can_have(week):
    codes = {code for _, _, one in presences(week) for code in one.codes}
    assert codes == {
        "missing_in",
        "missing_out",
        "tag_mismatch",
        "report_missing",
        "not_ordered",
        "order_not_in_force",
        "delegation_missing",
        "staff_count",
        "extra_staff",
        "minutes_scaled",
    }
    assert set().union(*(day.truth.verdicts.values() for _, day in week)) == {("refused", "tag_unknown")}


def test_most_visits_are_as_they_should_be(week):
    fine = sum(one.mistake is None and one.payable for _, _, one in presences(week))
    assert 0.6 < fine / len(presences(week)) < 0.9


def test_nobody_is_behind_two_doors_but_for_an_alarm(week):
    for _, day in week:
        spans = defaultdict(list)
        for one in day.truth.presences:
            spans[one.staff] += one.spans
        for own in spans.values():
            assert all(end <= start for (_, end), (start, _) in pairwise(sorted(own)))


def test_between_two_doors_there_is_a_way(week):
    for _, day in week:
        visits = defaultdict(list)
        for one in day.truth.presences:
            if one.part != "inner":
                visits[one.staff].append((one.in_at, one.out_at))
        for own in visits.values():
            assert all(start - end >= timedelta(minutes=3) for (_, end), (start, _) in pairwise(sorted(own)))


def test_people_meet_behind_a_door_only_where_they_belong_together(week):
    for _, day in week:
        bundle = {event.item["id"]: event.bundle for event in day.events}
        at_door = defaultdict(list)
        for one in day.truth.presences:
            at_door[one.household].append((one.in_at, one.out_at, bundle[one.key]))
        for visits in at_door.values():
            for (_, end, here), (start, _, there) in pairwise(sorted(visits)):
                assert here == there or start - end >= timedelta(minutes=1)


def test_an_alarm_inside_takes_its_span_from_the_visit(week):
    outer = [one for _, _, one in presences(week) if one.mistake == "alarm_inside"]
    inner = [one for _, _, one in presences(week) if one.part == "inner"]
    assert len(outer) == len(inner) > 0
    for whole, part in zip(outer, inner, strict=True):
        assert whole.spans == ((whole.in_at, part.in_at), (part.out_at, whole.out_at))
        assert whole.seconds == (whole.out_at - whole.in_at).total_seconds() - part.seconds
        assert whole.staff == part.staff


def test_the_taps_bear_out_the_truth(week):
    for world, day, one in presences(week):
        taps = items(day, "tap")
        tag = world.tag_at[one.household].uid
        for tap_id, at, evidence in [
            (one.in_tap, one.in_at, one.evidence[0]),
            (one.out_tap, one.out_at, one.evidence[1]),
        ]:
            if tap_id is None:
                assert evidence is None
                continue
            event = taps[tap_id]
            assert (event.at, event.staff) == (at, one.staff)
            assert event.item["tag"].get("uid", one.household) == (tag if evidence == "static" else one.household)
            assert ("reason" in event.item["tag"]) == (evidence == "manual")


def test_taps_and_reports_have_the_shape_of_the_contract(week):
    for _, day in week:
        taps, reports = items(day, "tap"), items(day, "report")
        for event in taps.values():
            assert event.item.keys() - {"boot_id", "uptime_ms"} == {"id", "direction", "tapped_at", "tag"}
            assert ("boot_id" in event.item) == ("uptime_ms" in event.item)
            assert event.at.microsecond == 0
        for event in reports.values():
            assert event.item.keys() == {"id", "tap", "reported_at", "outcome", "interventions"}
            assert event.item["tap"] in taps
            for line in event.item["interventions"]:
                assert line.keys() <= {"intervention", "recipient", "minutes", "outcome"}
                assert line.get("minutes", 1) >= 1


def test_what_phones_write_leads_back_to_the_true_time(week):
    """By the service's own rule: a monotonic clock of the same boot, else the wall clock, shifted above 30 s."""
    seen = Counter()
    for _, day in week:
        for event in items(day, "tap").values():
            clock = day.phones[event.staff].clock
            sent, shift = clock.uptime(SENT_AT), SENT_AT - clock.wall(SENT_AT)
            if sent and event.item.get("boot_id") == sent[0]:
                at = SENT_AT - timedelta(milliseconds=sent[1] - event.item["uptime_ms"])
                assert at == event.at
                seen["monotonic"] += 1
                continue
            at = datetime.fromisoformat(event.item["tapped_at"])
            if abs(shift) > timedelta(seconds=30):
                assert at + shift == event.at
                seen["shifted"] += 1
            else:
                assert abs(at - event.at) <= timedelta(seconds=30)
                assert at <= event.at
                seen["as shown"] += 1
    assert set(seen) == {"monotonic", "shifted", "as shown"}


def test_an_extra_help_is_one_that_nobody_ordered(week):
    for world, day, one in presences(week):
        if one.mistake == "extra_help":
            named = [line["intervention"] for line in items(day, "report")[one.report].item["interventions"]]
            ordered = {line.intervention for ref in one.recipients for o in world.orders_of[ref] for line in o.lines}
            assert set(named) - ordered == {NEVER_ORDERED}


def test_reported_minutes_add_up_to_the_visit_unless_that_is_the_mistake(week):
    told = Counter()
    for _, day, one in presences(week):
        if one.report is None:
            told["silent"] += 1
            continue
        lines = [line for line in items(day, "report")[one.report].item["interventions"] if line["outcome"] == "done"]
        minutes = sum(line.get("minutes", 0) for line in lines)
        told["minutes" if minutes else "no minutes"] += 1
        if minutes and one.mistake == "minutes_off":
            assert abs(minutes * 60 - one.seconds) > max(60, one.seconds / 10)
        elif minutes:
            assert abs(minutes * 60 - one.seconds) <= 60
    assert set(told) == {"silent", "minutes", "no minutes"}


def test_some_reports_are_written_before_the_tap_out(week):
    earlier = Counter(
        items(day, "report")[one.report].at < one.out_at for _, day, one in presences(week) if one.report is not None
    )
    assert set(earlier) == {True, False}


def test_what_stays_open_is_followed_by_a_day_without(week):
    for staff in week[0][0].staff_by_ref:
        days = [
            [one.mistake in LEAVES_OPEN for one in day.truth.presences if one.staff == staff].count(True)
            for _, day in week
        ]
        assert max(days) <= 1
        assert all(one + other <= 1 for one, other in pairwise(days))


def test_visits_begin_well_inside_the_window_of_their_lines(week):
    for world, _, one in presences(week):
        if one.part == "inner" or CREWS.get(one.role) in {"alarm", "licensed"} or one.mistake == "uncalled":
            continue
        for minutes in (-1, 1):
            start = (one.in_at + timedelta(minutes=minutes)).astimezone(STOCKHOLM)
            lines = [line for ref in one.recipients for order in world.orders_of[ref] for line in order.lines]
            assert any(line.window and fits(line, start) for line in lines)


@pytest.mark.parametrize(
    ("start", "weekdays", "window", "expected"),
    [
        ("2026-10-24T07:00", None, ("07:00", "10:00"), True),
        ("2026-10-24T10:00", None, ("07:00", "10:00"), False),
        ("2026-10-24T23:00", (6,), ("22:00", "06:00"), True),
        ("2026-10-25T01:00", (6,), ("22:00", "06:00"), True),
        ("2026-10-25T01:00", (7,), ("22:00", "06:00"), False),
        ("2026-10-24T12:00", None, ("22:00", "06:00"), False),
        ("2026-10-24T12:00", (6,), None, True),
        ("2026-10-24T12:00", (7,), None, False),
    ],
)
def test_a_window_belongs_to_the_weekday_on_which_it_begins(start, weekdays, window, expected):
    line = Line("1", "morgon", 25, 1, 1, "d", 1, weekdays, window)
    assert fits(line, datetime.fromisoformat(start).replace(tzinfo=STOCKHOLM)) is expected


@pytest.mark.parametrize(
    ("on", "hours"), [(date(2026, 3, 28), 7.75), (date(2026, 10, 24), 9.75), (date(2026, 6, 1), 8.75)]
)
def test_a_night_is_as_long_as_it_is(on, hours):
    world = build_world(7, on)
    nights = [one for one in live_day(world, on).truth.presences if one.role == "night_patrol"]
    assert nights
    earliest = min(one.in_at for one in nights)
    assert earliest >= datetime(on.year, on.month, on.day, 21, 45, tzinfo=STOCKHOLM)
    shift = timedelta(hours=hours)
    start = datetime(on.year, on.month, on.day, 21, 45, tzinfo=STOCKHOLM).astimezone(UTC)
    assert max(one.out_at for one in nights) <= start + shift
    end = (start + shift).astimezone(STOCKHOLM)
    assert (end.hour, end.minute) == (6, 30)


def test_a_day_cut_short_leaves_nobody_behind_a_door(week):
    _, day = week[0]
    cut_at = datetime(2026, 3, 23, 10, 0, tzinfo=UTC)
    part = day.until(cut_at)
    assert 0 < len(part.events) < len(day.events)
    assert all(event.at <= cut_at for event in part.events)
    keys = {one.key for one in part.truth.presences}
    assert keys <= {event.item["id"] for event in part.events}
    assert all(one.out_at <= cut_at for one in part.truth.presences)
    left_out = [one for one in day.truth.presences if one.key not in keys]
    bundle = {event.item["id"]: event.bundle for event in day.events}
    ends = defaultdict(list)
    for event in day.events:
        ends[event.bundle].append(event.at)
    for one in day.truth.presences:
        ends[bundle[one.key]].append(one.out_at)
    assert all(max(ends[bundle[one.key]]) > cut_at for one in left_out)
    assert day.until(datetime(2026, 3, 25, tzinfo=UTC)) == day


def test_the_truth_survives_its_json(week):
    for _, day in week:
        assert Truth.from_json(day.truth.to_json()) == day.truth


def test_a_large_district_lives_too():
    on = date(2026, 10, 24)
    day = live_day(build_world(7, on, recipients=400, staff=100), on)
    assert len(day.truth.presences) > 500
    assert len(day.truth.missed) < len(day.truth.presences) / 5
    assert Counter(one.mistake for one in day.truth.presences)["forgot_out"] > 5
