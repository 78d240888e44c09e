"""Visits of no seconds, told through HTTP: they are paid for and counted nowhere, and ask to be repaired."""

import datetime as dt
import uuid

import pytest
from service import tap_item
from world import H1, H2, H3, codes, line, on, order, spans

FIRST = "2026-10-05"
DOCUMENT = {
    "rules": [
        {"ref": "visit", "basis": "per_visit", "categories": ["CARE", "ALARM"], "rates": [{"ore": 100}]},
        {"ref": "occasion", "basis": "per_occasion", "categories": ["CARE", "ALARM"], "rates": [{"ore": 1_000}]},
        {
            "ref": "flat",
            "basis": "executed",
            "categories": ["CARE", "LICENSED_HSL"],
            "rates": [{"ore": 36_000}],
            "flat_minutes": {"dusch": 10, "lunch": 10, "såromläggning": 10},
            "declined": [{"how": ["at_door", "no_answer", "single"], "percent": 100}],
        },
    ]
}
NO_TIME = "no_duration"


@pytest.fixture
async def paying(home_of_old):
    """P-norr is paid for visits, for occasions, and ten minutes for each shower."""
    contract = {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": DOCUMENT}
    await home_of_old.put("contracts", "K-1", contract)
    await home_of_old.put("orders", "O-1", order("B-1", line("1", "dusch")))
    return home_of_old


async def visited(home, start, end, *, who="S-1", door=H1, date=FIRST, **report):
    tap = await home.visit_by(who, door, on(date, start), on(date, end), **report)
    return await home.visit(tap["visits"][0]["id"])


async def by_hand(home, start, end, *, recipient="B-1", staff="S-1", **more):
    told = {
        "id": uuid.uuid4(), "recipient": recipient, "staff": staff, "started_at": on(FIRST, start),
        "ended_at": on(FIRST, end), "interventions": ["dusch"], "reason": "phone_dead",
    }  # fmt: skip
    return (await home.ask("POST", "/v1/visits", told | more, role="planner", provider="P-norr", expect=201)).json()


async def counted(home):
    """Every figure that visits of the month make, in one dictionary; what is paid for each rule in öre."""
    month = {"month": "2026-10"}
    answer = await home.ask("GET", "/v1/compensation", role="system", params=month | {"provider": "P-norr"}, expect=200)
    lines = answer.json()["lines"]
    paid = {one["rule"]: sum(other["amount_ore"] for other in lines if other["rule"] == one["rule"]) for one in lines}
    told = {}
    for name in ("declined", "evidence", "indices", "licensed", "alarms"):
        told[name] = (
            await home.ask("GET", f"/v1/measures/{name}", role="controller", params=month, expect=200)
        ).json()["total"]
    by_month = await home.executed("provider", **month)
    by_day = await home.executed("provider,local_date", from_="2026-10-01", to="2026-10-30")
    assert sum(one["visits"] for one in by_day) == sum(one["visits"] for one in by_month)
    return {
        "paid": paid,
        "executed": sum(one["visits"] for one in by_month),
        "performed": told["declined"]["performed"],
        "turned_down": (told["declined"]["declined_at_door"], told["declined"]["declined_single"]),
        "evidence": told["evidence"]["performed"],
        "indices": told["indices"]["visits"],
        "licensed": told["licensed"]["visits"],
        "alarms": told["alarms"]["visits"],
    }


NONE = {
    "paid": {}, "executed": 0, "performed": 0, "turned_down": (0, 0), "evidence": 0, "indices": 0, "licensed": 0,
    "alarms": 0,
}  # fmt: skip
ONE = NONE | {
    "paid": {"visit": 100, "occasion": 1_000, "flat": 6_000}, "executed": 1, "performed": 1, "evidence": 1, "indices": 1
}  # fmt: skip


def is_none(visit):
    """Whether it is shown as a visit that was none."""
    assert (visit["seconds"], visit["payable"], visit["shares"], visit["counted_as"]) == (0, False, [], None)
    return NO_TIME in codes(visit)


@pytest.mark.parametrize("who", ["S-1", "S-alarm"])
@pytest.mark.parametrize("said", [{}, {"interventions": ["dusch", "larm", "såromläggning"]}])
async def test_a_visit_corrected_to_no_length_is_no_visit(paying, who, said):
    home = paying
    visit = await visited(home, "08:00", "08:30", who=who, **said)
    assert (await counted(home))["executed"] == 1
    gone = await home.correct(visit, "set_end", ended_at=on(FIRST, "08:00"))
    assert is_none(gone)
    assert await counted(home) == NONE
    listed = await home.pages("/v1/anomalies", code=NO_TIME)
    assert [(one["visit"], one["severity"], one["state"]) for one in listed] == [(visit["id"], "fix", "open")]
    # It blocks the close of its month until somebody has seen it, and comes back with its time.
    refused = await home.ask("POST", "/v1/periods/P-norr/2026-10/close", {}, role="controller", expect=409)
    assert refused.json()["code"] == "anomalies_open"
    back = await home.correct(gone, "set_end", ended_at=on(FIRST, "08:20"))
    assert (back["seconds"], codes(back) & {NO_TIME}) == (1200, set())
    assert (await counted(home))["executed"] == 1


async def test_what_was_declined_in_no_time_was_no_visit_either(paying):
    home = paying
    visit = await visited(home, "08:00", "08:03", outcome="declined")
    assert (await counted(home))["turned_down"] == (1, 0)
    gone = await home.correct(visit, "set_end", ended_at=on(FIRST, "08:00"))
    assert (gone["status"], is_none(gone)) == ("declined", True)
    assert await counted(home) == NONE
    items = [{"intervention": "dusch", "outcome": "declined"}]
    single = await visited(home, "09:00", "09:30", interventions=items)
    assert (await counted(home))["turned_down"] == (0, 1)
    assert is_none(await home.correct(single, "set_start", started_at=on(FIRST, "09:30")))
    assert await counted(home) == NONE


async def test_two_doors_in_one_second_are_one_visit(paying):
    home = paying
    await home.put("orders", "O-2", order("B-2", line("1", "dusch")))
    for direction, clock in (("in", "08:00"), ("out", "08:30")):
        await home.taps("S-1", [tap_item(door, direction, on(FIRST, clock)) for door in (H1, H2)])
    gone, kept = sorted(await home.visits(), key=lambda one: one["seconds"])
    assert is_none(gone)
    assert (kept["seconds"], kept["payable"], codes(kept)) == (1800, True, set())
    assert await counted(home) == ONE


@pytest.mark.parametrize("hand_first", [False, True])
async def test_what_was_tapped_keeps_its_seconds_from_what_was_told_by_hand(paying, hand_first):
    home = paying
    told = [await by_hand(home, "08:00", "08:40") for _ in range(4 * hand_first)]
    tapped = await visited(home, "08:00", "08:40")
    told += [await by_hand(home, "08:00", "08:40") for _ in range(4 * (not hand_first))]
    tapped = await home.visit(tapped["id"])
    assert (tapped["seconds"], tapped["payable"], codes(tapped)) == (2400, True, {"overlap"})
    for one in told:  # whatever ids they have
        shown = await home.visit(one["id"])
        assert (is_none(shown), codes(shown)) == (True, {NO_TIME, "overlap"})
    assert await counted(home) == ONE


async def test_of_what_was_told_by_hand_the_rest_is_left(paying):
    home = paying
    around, inside, beside = [
        await by_hand(home, start, end, recipient=recipient)
        for start, end, recipient in (("07:50", "09:00", "B-2"), ("08:10", "08:20", "B-1"), ("09:00", "09:10", "B-1"))
    ]
    tapped = await visited(home, "08:00", "08:40")
    around, inside, beside, tapped = [await home.visit(one["id"]) for one in (around, inside, beside, tapped)]
    assert spans(around) == [(on(FIRST, "07:50"), on(FIRST, "08:00")), (on(FIRST, "08:40"), on(FIRST, "09:00"))]
    assert (tapped["seconds"], beside["seconds"], codes(beside)) == (2400, 600, set())
    assert is_none(inside)
    assert all("overlap" in codes(one) for one in (around, inside, tapped))
    # Corrected to where no tap is, it has its time; a tapped one that is left out gives its seconds back.
    moved = await home.correct(inside, "set_end", ended_at=on(FIRST, "08:50"))
    assert spans(moved) == [(on(FIRST, "08:40"), on(FIRST, "08:50"))]
    await home.correct(tapped, "omit")
    assert (await home.visit(moved["id"]))["seconds"] == 2400
    assert (await home.visit(around["id"]))["seconds"] == 70 * 60 - 2400


async def test_whose_seconds_are_all_anothers_is_counted_among_nobodys_faces(paying):
    """Continuity and the trend see who came, not who is told to have been there for no time."""
    home = paying
    for number in range(14):
        date = f"2026-10-{5 + number:02}"
        for hour in ("08", "18"):
            await visited(home, f"{hour}:00", f"{hour}:20", date=date)
    asked = {"from": FIRST, "recipient": "B-1"}
    before = (await home.ask("GET", "/v1/measures/continuity", role="controller", params=asked)).json()
    assert (before["eligible"], before["mean"]) == (1, 1.0)
    other = await visited(home, "12:00", "12:20", who="S-2", date="2026-10-07")
    met = (await home.ask("GET", "/v1/measures/continuity", role="controller", params=asked)).json()
    assert met["mean"] == 2.0
    await home.correct(other, "set_end", ended_at=on("2026-10-07", "12:00"))
    assert (await home.ask("GET", "/v1/measures/continuity", role="controller", params=asked)).json() == before


async def test_who_came_for_no_time_fills_no_place(paying):
    home = paying
    await home.put("orders", "O-3", order("B-3", line("1", "dusch", staff_count=2)))
    first = await visited(home, "08:00", "08:30", door=H3)
    second = await visited(home, "08:00", "08:30", who="S-2", door=H3)
    assert codes(await home.visit(first["id"])) == codes(second) == set()
    gone = await home.correct(second, "set_start", started_at=on(FIRST, "08:30"))
    assert codes(gone) == {NO_TIME}
    left = await home.visit(first["id"])
    assert (codes(left), left["group"] == gone["group"]) == ({"staff_count"}, False)
    assert dt.datetime.fromisoformat(gone["started_at"]) == on(FIRST, "08:30")
