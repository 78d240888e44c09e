"""Visits told by hand where no tap was made, told through HTTP; a number is the situation's."""

import datetime as dt
import uuid

from service import day
from world import H1, H2, at, codes, shares, spans


def manual(recipient="B-1", staff="S-1", start=None, minutes=30, **more):
    """A visit as it is told by hand."""
    start = start or day(-1, "08:00")
    told = {
        "id": uuid.uuid4(),
        "recipient": recipient,
        "staff": staff,
        "started_at": start,
        "ended_at": start + dt.timedelta(minutes=minutes),
        "interventions": ["dusch"],
        "reason": "phone_dead",
    }
    return told | more


async def register(home, told, expect=201, provider="P-norr"):
    return (await home.ask("POST", "/v1/visits", told, role="planner", provider=provider, expect=expect)).json()


async def test_a_visit_told_by_hand_is_a_visit_like_others(home):
    told = manual()
    visit = await register(home, told)
    assert (visit["status"], visit["seconds"], visit["payable"], codes(visit)) == ("complete", 1800, True, set())
    assert (visit["evidence"], visit["taps"]) == ({"in": "manual", "out": "manual"}, {"in": None, "out": None})
    assert (visit["household"], shares(visit)) == ("H-1", [("dusch", 1800, True)])
    assert await register(home, told) == visit == await home.visit(visit["id"]) | {"note": None}
    assert (await register(home, told | {"reason": "no_coverage"}, 409))["code"] == "id_conflict"
    row = next(row for row in await home.executed() if row["recipient"] == "B-1")
    assert (row["executed_seconds"], row["manual_visits"]) == (1800, 1)


async def test_no_tap_is_paired_with_a_visit_told_by_hand(home):
    await register(home, manual())
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    assert [codes(one) for one in await home.visits()] == [set(), {"missing_in"}]
    await home.tap("S-1", H1, "in", day(-1, "08:10"))
    by_hand, tapped = await home.visits()
    assert (by_hand["seconds"], tapped["seconds"]) == (600, 1200)
    await home.correct(by_hand, "set_end", ended_at=day(-1, "08:45"))
    await home.tap("S-1", H1, "out", day(-1, "08:50"))
    assert [codes(one) for one in await home.visits()] == [{"overlap"}, {"overlap"}, {"missing_in"}]


async def test_a_visit_told_by_hand_gives_its_seconds_to_one_inside_it_and_can_be_corrected(home):
    visit = await register(home, manual(minutes=60))
    await home.visit_by("S-1", H2, day(-1, "08:20"), day(-1, "08:40"))
    told = await home.visit(visit["id"])
    assert spans(told) == [(day(-1, "08:00"), day(-1, "08:20")), (day(-1, "08:40"), day(-1, "09:00"))]
    shorter = await home.correct(told, "set_end", ended_at=day(-1, "08:30"))
    assert (shorter["id"], shorter["seconds"], len(shorter["corrections"])) == (visit["id"], 1200, 1)
    given = await home.correct(shorter, "set_staff", staff="S-2")
    assert (given["staff"], given["seconds"]) == ("S-2", 1800)
    gone = await home.correct(given, "omit")
    assert (gone["status"], gone["seconds"]) == ("omitted", 0)


async def test_a_visit_told_by_hand_that_cannot_be_is_refused(home):
    for told, expect, code in [
        (manual(minutes=0), 422, "out_of_range"),
        (manual(minutes=961), 422, "out_of_range"),
        (manual(start=day(0), minutes=-1), 422, "out_of_range"),
        (manual(recipient="B-nobody"), 422, "unknown_ref"),
        (manual(staff="S-south"), 422, "unknown_ref"),
        (manual(interventions=["nothing"]), 422, "unknown_ref"),
        (manual(reason="other"), 422, "note_required"),
        (manual(interventions=[]), 422, "invalid_envelope"),
    ]:
        assert (await register(home, told, expect))["code"] == code
    assert await home.visits() == []


async def test_34_an_errand_away_from_home_is_told_by_hand(home):
    told = manual(interventions=[{"intervention": "inköp", "minutes": 40}], reason="visit_outside_home", minutes=40)
    visit = await register(home, told)
    assert (visit["status"], visit["seconds"], codes(visit)) == ("complete", 2400, {"not_ordered"})
    assert (visit["evidence"], visit["counted_as"]) == ({"in": "manual", "out": "manual"}, "off_site")
    ended = await home.correct(visit, "set_end", "system_down", ended_at=day(-1, "08:30"))
    assert ended["counted_as"] == "system_down"
    assert (await home.correct(ended, "set_end", ended_at=day(-1, "08:31")))["counted_as"] == "manual"


async def test_40_a_day_without_the_system_is_registered_in_bulk(home):
    starts = [day(-1, "08:00") + dt.timedelta(minutes=20 * number) for number in range(20)]
    told = [manual(start=start, minutes=15, reason="system_down") for start in starts]
    told += [told[0], manual(recipient="B-nobody"), manual(reason="other"), {"id": "no"}]
    answer = await home.ask("POST", "/v1/visits:batch", {"visits": told}, role="planner", provider="P-norr", expect=200)
    results = answer.json()["results"]
    assert [one["verdict"] for one in results] == ["accepted"] * 21 + ["refused"] * 3
    assert [one["code"] for one in results[21:]] == ["unknown_ref", "note_required", "malformed"]
    assert results[20]["duplicate"]
    assert not results[0]["duplicate"]
    visits = await home.visits()
    assert [at(one["started_at"]) for one in visits] == starts
    assert {one["seconds"] for one in visits} == {900}
    again = await home.ask(
        "POST", "/v1/visits:batch", {"visits": told[:20]}, role="planner", provider="P-norr", expect=200
    )
    assert all(one["duplicate"] for one in again.json()["results"])
    assert await home.visits() == visits
