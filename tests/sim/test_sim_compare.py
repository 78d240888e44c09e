"""The comparison is silent about an honest service and finds whatever a dishonest one makes of a day."""

import copy
from datetime import UTC, date, datetime, timedelta

import pytest

from firmware_sim.campaign.compare import compare, compare_verdicts
from firmware_sim.people.day import live_day
from firmware_sim.people.phone import Verdict
from firmware_sim.people.world import build_world

ON = date(2026, 10, 23)
LATER = datetime(2026, 10, 25, 12, tzinfo=UTC)


def iso(at):
    return at.isoformat().replace("+00:00", "Z")


def honest(truth, as_of=LATER):
    """Visits as a service without fault would list them; the seconds of a home are simply halved."""
    visits = []
    for one in truth.presences:
        still_open = "open" in one.statuses and as_of < one.in_at + timedelta(hours=16)
        status = "open" if still_open else one.statuses[-1]
        complete = status == "complete"
        codes = set(one.codes) - ({"missing_out"} if still_open else set())
        rest = one.seconds
        for place, recipient in enumerate(one.recipients):
            seconds = rest // (len(one.recipients) - place) if complete else 0
            rest -= seconds
            visits.append(
                {
                    "id": f"{one.key}/{recipient}",
                    "taps": {"in": one.in_tap, "out": one.out_tap},
                    "recipient": recipient,
                    "provider": one.provider,
                    "staff": one.staff,
                    "role": one.role,
                    "household": one.household,
                    "started_at": iso(one.in_at) if one.in_tap else None,
                    "ended_at": None if still_open else iso(one.out_at),
                    "presence": [[iso(start), iso(end)] for start, end in one.spans] if complete else [],
                    "presence_seconds": one.seconds if complete else 0,
                    "seconds": seconds,
                    "status": status,
                    "payable": one.payable,
                    "evidence": {"in": one.evidence[0], "out": one.evidence[1]},
                    "shares": [{"seconds": seconds, "payable": one.payable}],
                    "anomalies": [{"code": code} for code in sorted(codes)],
                }
            )
    return visits


@pytest.fixture(scope="module")
def truth():
    return live_day(build_world(7, ON), ON).truth


def found(truth, visits, as_of=LATER):
    return {one.what for one in compare(visits, [truth], as_of).differences}


def visits_of(visits, presence):
    return [one for one in visits if presence.key in {one["taps"]["in"], one["taps"]["out"]}]


def first(truth, **wanted):
    return next(one for one in truth.presences if all(getattr(one, name) == value for name, value in wanted.items()))


def test_an_honest_service_differs_in_nothing(truth):
    comparison = compare(honest(truth), [truth], LATER)
    assert [str(one) for one in comparison.differences] == []
    assert comparison.agreed + len(comparison.accounted) == len(truth.presences)
    assert comparison.agreed > len(comparison.accounted) > 10


def test_a_visit_may_be_open_for_16_hours_and_no_longer(truth):
    evening = max(one.in_at for one in truth.presences if one.mistake == "forgot_out") + timedelta(hours=1)
    early = honest(truth, evening)
    assert found(truth, early, evening) == set()
    assert "status" in found(truth, early, LATER)


def test_days_are_compared_together(truth):
    other = live_day(build_world(7, ON), date(2026, 10, 24)).truth
    assert found(truth, honest(truth) + honest(other)) == {"unexplained_visit"}
    assert compare(honest(truth) + honest(other), [truth, other], LATER).differences == []


def test_a_couple_is_compared_as_one_presence(truth):
    couple = next(one for one in truth.presences if len(one.recipients) == 2 and one.statuses == ("complete",))
    visits = honest(truth)
    one, other = visits_of(visits, couple)
    one["seconds"], other["seconds"] = one["seconds"] + 60, other["seconds"] - 60
    one["shares"], other["shares"] = [{"seconds": one["seconds"]}], [{"seconds": other["seconds"]}]
    assert found(truth, visits) == set()
    visits.remove(other)
    assert found(truth, visits) == {"recipients", "seconds"}


def add_code(visit, code="overlap"):
    visit["anomalies"].append({"code": code})


def later(name, seconds):
    def change(visit):
        visit[name] = iso(datetime.fromisoformat(visit[name]) + timedelta(seconds=seconds))

    return change


def one_second_more(visit):
    visit["seconds"] += 1
    visit["shares"][0]["seconds"] += 1


def stretch(visit):
    visit["presence"][-1][1] = iso(datetime.fromisoformat(visit["presence"][-1][1]) + timedelta(seconds=1))


PLANTED = [
    ({}, lambda visit: visit.update(recipient="B-999"), {"recipients"}),
    ({}, lambda visit: visit.update(staff="S-99"), {"staff"}),
    ({}, lambda visit: visit.update(provider="P-annan"), {"provider"}),
    ({}, lambda visit: visit.update(role="trainee"), {"role"}),
    ({}, lambda visit: visit.update(household="B-999"), {"household"}),
    ({}, lambda visit: visit["taps"].update(out=None), {"taps"}),
    ({}, lambda visit: visit["evidence"].update(out="manual"), {"evidence"}),
    ({}, lambda visit: visit.update(payable=False), {"payable"}),
    ({}, lambda visit: visit.update(status="incomplete", seconds=0, shares=[]), {"status"}),
    ({}, lambda visit: visit.update(shares=[]), {"shares"}),
    ({}, one_second_more, {"seconds"}),
    ({}, stretch, {"presence", "presence_seconds"}),
    ({}, lambda visit: visit.update(presence=[]), {"presence", "presence_seconds"}),
    ({}, lambda visit: visit.update(presence_seconds=1), {"presence_seconds"}),
    ({}, later("started_at", 36), {"started_at"}),
    ({}, later("started_at", 30), set()),
    ({}, add_code, {"anomaly_unexpected"}),
    ({"mistake": "forgot_out"}, lambda visit: visit.update(anomalies=[]), {"anomaly_absent"}),
    ({"mistake": "forgot_out"}, lambda visit: visit.update(status="complete"), {"status", "presence", "seconds"}),
    ({"mistake": "forgot_out"}, one_second_more, {"seconds"}),
    ({"mistake": "forgot_in"}, later("ended_at", 900), set()),
    ({"mistake": "forgot_in"}, lambda visit: visit.update(started_at=visit["ended_at"]), {"started_at"}),
    ({"mistake": "wrong_door"}, lambda visit: visit.update(anomalies=[{"code": "missing_out"}]), {"anomaly_absent"}),
    ({"mistake": "wrong_door"}, lambda visit: add_code(visit, "missing_out"), set()),
    ({"mistake": "declined"}, one_second_more, {"seconds"}),
    ({"mistake": "alarm_inside"}, lambda visit: visit["presence"].pop(), {"presence", "presence_seconds"}),
    ({"mistake": "extra_help"}, lambda visit: visit.update(payable=True), {"payable"}),
    ({"part": "trainee"}, lambda visit: visit.update(payable=True), {"payable"}),
]


@pytest.mark.parametrize(("wanted", "change", "expected"), PLANTED)
def test_a_planted_difference_is_found(truth, wanted, change, expected):
    plain = wanted or {"mistake": None, "part": "alone", "codes": (), "possible_codes": (), "slack_seconds": 0}
    visits = copy.deepcopy(honest(truth))
    change(visits_of(visits, first(truth, **plain))[0])
    assert found(truth, visits) == expected


def test_a_visit_that_is_lost_or_invented_is_found(truth):
    visits = honest(truth)
    lost = visits_of(visits, first(truth, mistake=None, part="alone"))
    assert found(truth, [one for one in visits if one not in lost]) == {"missing_visit"}
    invented = lost[0] | {"id": "x", "taps": {"in": "x", "out": None}}
    assert found(truth, [*visits, invented]) == {"unexplained_visit"}


def test_only_a_phone_started_anew_in_between_has_slack():
    for days in range(10):
        on = ON + timedelta(days=days)
        truth = live_day(build_world(7, on), on).truth
        if slack := next((one for one in truth.presences if one.slack_seconds and one.statuses == ("complete",)), None):
            break
    visits = honest(truth, LATER + timedelta(days=10))
    for visit in visits_of(visits, slack)[:1]:
        stretch(visit)
        visit["presence_seconds"] += 1
        one_second_more(visit)
    assert found(truth, visits, LATER + timedelta(days=10)) == set()
    assert {one.slack_seconds for one in truth.presences} == {0, 3}


def test_a_difference_says_whose_and_where(truth):
    presence = first(truth, mistake="forgot_out")
    visits = [one for one in honest(truth) if presence.key not in one["taps"].values()]
    (difference,) = compare(visits, [truth], LATER).differences
    assert str(difference).startswith(
        f"missing_visit at {presence.key} ({presence.staff} {presence.household} forgot_out)"
    )


def test_verdicts_are_compared_too(truth):
    verdicts = {one.key: Verdict("accepted", None) for one in truth.presences}
    verdicts |= {tap: Verdict(*verdict) for tap, verdict in truth.verdicts.items()}
    assert compare_verdicts(verdicts, [truth]) == []
    (stray,) = truth.verdicts
    tap = truth.presences[0].key
    assert compare_verdicts(verdicts | {tap: Verdict("accepted", "clock_adjusted")}, [truth]) == []
    for wrong in (
        verdicts | {tap: Verdict("disputed", "received_too_late")},
        verdicts | {stray: Verdict("accepted", None)},
        {one: verdict for one, verdict in verdicts.items() if one != stray},
    ):
        assert [one.what for one in compare_verdicts(wrong, [truth])] == ["verdict"]
