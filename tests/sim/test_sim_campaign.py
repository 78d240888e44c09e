"""A campaign says beforehand what must become of every tap, and the report counts what did."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from firmware_sim.campaign.adversary import every_scheme
from firmware_sim.campaign.campaign import plan
from firmware_sim.campaign.measure import Heard, Outcome, figures, printed
from firmware_sim.campaign.oracle import Seen, contradiction, foretell
from firmware_sim.people.world import build_world

DAYS = (date(2026, 10, 20), date(2026, 10, 21))
NOON = datetime(2026, 10, 20, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ATTACKS = {"replay", "clone", "copied_uid", "harvest", "back_date", "moved", "forged", "stale", "shared_login"}


@pytest.fixture(scope="module")
def world():
    return build_world(7, DAYS[-1], sun_share=0.95)


@pytest.fixture(scope="module")
def campaign(world):
    return plan(world, DAYS, every_scheme(4), 7)


@pytest.fixture(scope="module")
def expected(campaign):
    return foretell(campaign)


def test_the_same_campaign_twice_is_the_same(world, campaign, expected):
    again = plan(world, DAYS, every_scheme(4), 7)
    assert again.taps == campaign.taps
    assert again.truth_log(foretell(again)) == campaign.truth_log(expected)
    assert plan(world, DAYS, every_scheme(4), 8).taps != campaign.taps


def test_every_attack_is_made_and_written_down_with_what_must_become_of_it(campaign, expected):
    log = json.loads(campaign.truth_log(expected))
    assert {one["attack"] for one in log} == ATTACKS
    told = {(one["attack"], *one["must_become"]) for one in log}
    for attack, code in [
        ("replay", "counter_replayed"),
        ("clone", "counter_replayed"),
        ("forged", "sun_invalid"),
        ("forged", "keyset_unknown"),
        ("forged", "malformed"),
        ("stale", "tag_epoch_stale"),
    ]:
        assert (attack, "refused", code) in told
    assert ("harvest", "disputed", "harvested") in told
    assert ("back_date", "disputed", "time_contradiction") in told
    assert {must[1] for must in told if must[0] in {"moved", "shared_login", "copied_uid"}} == {"accepted"}
    assert {must[1] for must in told if must[0] in {"replay", "clone", "forged", "stale"}} == {"refused"}


def test_what_a_scheme_promises_the_oracle_finds_by_itself(campaign, expected):
    for tap in campaign.taps:
        must = campaign.musts.get(tap.id)
        if must:
            assert (tap.attack, tap.note, expected[tap.id][0]) == (tap.attack, tap.note, must[0])


def test_honest_people_are_never_foretold_a_contradiction(world):
    alone = plan(world, DAYS, None, 7)
    told = foretell(alone)
    assert {told[one.id] for one in alone.taps if one.message} == {("accepted", None)}
    assert len({one.id for one in alone.taps}) == len(alone.taps) > 350
    late = [one for one in alone.taps if one.sent_at - one.at > 30 * MINUTE]
    assert 20 < len(late) < len(alone.taps) / 2


def test_a_phone_reads_once_to_three_times_and_every_number_is_its_own(campaign):
    read = [(one.message.uid, one.message.epoch, one.message.counter) for one in campaign.taps
            if one.attack is None and one.message]  # fmt: skip
    assert len(set(read)) == len(read)
    doors = {}
    for tap in sorted((one for one in campaign.taps if one.attack is None and one.message), key=lambda one: one.at):
        doors.setdefault((tap.message.uid, tap.message.epoch), []).append(tap.message.counter)
    gaps = {after - before for counts in doors.values() for before, after in pairwise(counts)}
    assert min(gaps) >= 1
    assert {1, 2, 3} <= gaps


def test_phones_that_send_in_rounds_leave_the_adversary_a_time_of_its_own(world):
    rounds = plan(world, DAYS, every_scheme(4), 7, every_seconds=120)
    assert {one.sent_at.timestamp() % 120 == 0 for one in rounds.taps if one.attack is None} == {True}
    assert {one.sent_at.timestamp() % 120 == 0 for one in rounds.taps if one.attack} == {False}


# The rule


def seen(counter, at, received=None, staff="S-01"):
    received_at = NOON + (at if received is None else received) * MINUTE
    return Seen(counter, NOON + at * MINUTE, received_at, staff, disputed=False)


@pytest.mark.parametrize(
    ("own", "other", "found"),
    [
        (seen(5, 60), seen(9, 0), "harvested"),  # a later read had been received an hour before
        (seen(5, 60), seen(9, 0, received=90), "time_contradiction"),  # it had been made before, and was told after
        (seen(5, 60), seen(9, 70), None),
        (seen(5, 60), seen(3, 0), None),
        (seen(5, 0, received=90), seen(3, 60), "time_contradiction"),  # an earlier read was claimed for later
        (seen(5, 1), seen(9, 0.5), None),  # within what clocks may be off
        (seen(5, 0), seen(3, 0.9), None),
    ],
)
def test_a_harvested_read_is_exposed_exactly_when_a_later_one_was_received_first(own, other, found):
    assert contradiction(own, [other]) == found


def test_a_claim_told_late_has_a_little_more_room():
    day = 24 * 60
    assert contradiction(seen(5, 0, received=10 * day), [seen(3, 1.1)]) is None
    assert contradiction(seen(5, 0, received=0), [seen(3, 1.1)]) == "time_contradiction"


# The report


def played(campaign, answer):
    return Outcome(campaign, {one.id: answer(one) for one in campaign.taps})


def as_foretold(expected):
    def answer(tap):
        verdict, code = expected.get(tap.id) or ("accepted", None)
        return Heard(verdict, code, "static" if tap.attack == "copied_uid" else "sun_online")

    return answer


def test_a_service_that_does_as_foretold_is_told_so(campaign, expected):
    outcome = played(campaign, as_foretold(expected))
    shared = [one for one in campaign.taps if one.attack == "shared_login"]
    outcome.overlapping = [{one.id for one in shared}]
    shown = figures(outcome, expected)
    assert shown.surprises == ()
    rows = {row.attack: row for row in shown.rows}
    assert rows.keys() == ATTACKS
    for attack in ("replay", "clone", "forged", "stale", "copied_uid", "shared_login"):
        assert (attack, rows[attack].recall, rows[attack].precision) == (attack, 1.0, 1.0)
    assert (rows["moved"].recall, rows["moved"].precision) == (0.0, None)
    assert 0 < rows["harvest"].recall < 1
    assert (shown.quiet.harvested, shown.quiet.time_contradiction, shown.quiet.refused, shown.quiet.overlap) == (0,) * 4
    assert shown.quiet.taps + shown.bystanders.taps == sum(
        one.attack is None and one.message is not None for one in campaign.taps
    )
    text = printed(shown)
    assert f"as foretold: {shown.foretold} of {shown.foretold}" in text
    assert "forged" in text


def test_a_service_that_sees_nothing_is_told_so(campaign, expected):
    outcome = played(campaign, lambda _: Heard("accepted", None, "sun_online"))
    shown = figures(outcome, expected)
    assert {row.recall for row in shown.rows} == {0.0}
    wanted = sum(told is not None and told[0] != "accepted" for told in expected.values())
    assert len(shown.surprises) == wanted > 50


def test_a_false_accusation_costs_precision_and_is_counted(campaign, expected):
    used = {one.message.uid for one in campaign.taps if one.attack and one.message}
    wronged = next(one for one in campaign.taps if one.attack is None and one.message and one.message.uid not in used)
    right = as_foretold(expected)

    def answer(tap):
        return Heard("disputed", "harvested", "sun_late") if tap is wronged else right(tap)

    shown = figures(played(campaign, answer), expected)
    assert shown.quiet.harvested == 1
    assert 0 < next(row.precision for row in shown.rows if row.attack == "harvest") < 1
    [surprise] = shown.surprises
    assert wronged.id in surprise
