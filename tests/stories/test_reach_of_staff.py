"""Who lives behind a door is told to those who work there today; what others still have to tell is taken from them."""

import asyncio
import datetime as dt
import uuid

import pytest
from service import day, tap_item
from world import H1, H2, STOCKHOLM, ago, staff

from app.api.http import access

FORMER = {"staff": "S-1"}
TODAY, YESTERDAY, TOMORROW = (ago(days=days).astimezone(STOCKHOLM).date().isoformat() for days in (0, 1, -1))


async def put_employment(home, **days):
    await home.put("staff", "S-1", staff("S-1", **days))


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"valid_to": YESTERDAY}, False),
        ({"valid_to": TODAY}, True),
        ({"valid_to": TOMORROW}, True),
        ({"valid_from": YESTERDAY, "valid_to": YESTERDAY}, False),
        ({"valid_from": TODAY}, True),
    ],
)
async def test_a_tap_of_who_is_not_employed_today_names_nobody(home, days, told):
    """It may be yesterday's, which is paid for; but a phone that is kept must not go on opening doors to the refs."""
    before = dt.timedelta(days=0 if told else 1)
    await home.tap("S-1", H2, "in", ago(hours=3) - before)
    await put_employment(home, **days)
    at = ago(hours=2) - before
    tapped = await home.tap("S-1", H1, "in", at)
    again = await home.tap("S-1", H1, "in", at, id=tapped["id"])
    by_hand = await home.tap("S-1", "H-par", "in", ago(hours=1) - before)
    for answer, recipients in ((tapped, ["B-1"]), (again, ["B-1"]), (by_hand, ["B-a", "B-b"])):
        assert [one["recipient"] for one in answer["visits"]] == (recipients if told else [])
        assert (answer["doors"] is not None) == told
    assert len(await home.visits(staff="S-1")) == 4


async def test_who_has_not_begun_is_told_of_nobody(home):
    await home.put("staff", "S-new", staff("S-1", valid_from=TOMORROW))
    assert (await home.tap("S-new", H1, "in", ago(hours=1)))["visits"] == []


async def test_who_was_employed_reads_no_visits_and_no_reminders_but_brings_taps_and_reports(home):
    await home.tap("S-1", H1, "in", ago(hours=5))
    [visit] = await home.visits()
    paths = ("/v1/visits", f"/v1/visits/{visit['id']}", "/v1/reminders")
    for path in paths:
        assert "B-1" in (await home.ask("GET", path, role="staff", expect=200, **FORMER)).text
    await put_employment(home, valid_to=YESTERDAY)
    for path in (*paths, "/v1/visits/019a0f80-12aa-7b02-8a7b-5d8b7a0c1e23", "/v1/visits?staff=S-2"):
        answer = await home.ask("GET", path, role="staff", expect=403, **FORMER)
        assert answer.json()["code"] == "forbidden_role"
        assert "B-" not in answer.text
    earlier = await home.tap("S-1", H1, "in", ago(hours=28))
    await home.report("S-1", earlier["id"], ["dusch"])
    await put_employment(home, valid_from=TODAY)  # again
    assert (await home.ask("GET", paths[0], role="staff", expect=200, **FORMER)).json()["items"]


async def kept(home):
    """How much is stored of what phones send."""
    tables = ("tap", "report", "attempt", "phone_clock", "attempt_count")
    async with home.app.state.database.read(188) as reading:
        return [await reading.fetchval(f"SELECT count(*) FROM {table} WHERE municipality_id = $1") for table in tables]


def batch(kind, *items):
    return {"sent_at": ago(), kind: list(items)}


def told_at(at, tap=None):
    """A report, by default of a tap that has not come."""
    told = {"tap": tap or uuid.uuid4(), "reported_at": at, "outcome": "performed", "interventions": []}
    return {"id": uuid.uuid4()} | told


@pytest.fixture
async def left(home):
    """Somebody whose employment ended the day before yesterday, and has sent nothing yet."""
    await put_employment(home, valid_to=day(-2).date().isoformat())
    return home


@pytest.mark.parametrize("who", ["S-1", "S-nobody"])
@pytest.mark.parametrize("kind", ["taps", "reports"])
async def test_nothing_is_taken_of_whom_nobody_employs(left, who, kind):
    at = day(-1, "10:00")
    made = {"taps": tap_item(H1, "in", at), "reports": told_at(at)}[kind]
    body = batch(kind, made, {"id": "x"})
    answer = await left.ask("POST", f"/v1/{kind}", body, role="staff", staff=who, expect=403)
    assert answer.json()["code"] == "not_employed"
    assert await kept(left) == [0] * 5
    await left.put("staff", who, staff("S-1", valid_to=YESTERDAY))
    results = (await left.ask("POST", f"/v1/{kind}", body, role="staff", staff=who, expect=200)).json()["results"]
    assert [one["verdict"] for one in results] == ["accepted", "refused"]
    assert sum(await kept(left)) == {"taps": 4, "reports": 3}[kind]


async def test_a_phone_that_was_away_over_the_end_of_an_employment_brings_all_it_has(left):
    """Also what was made after it, which is flagged and paid to nobody; and its repeat, though it comes by itself."""
    before, after = tap_item(H1, "in", day(-2, "22:00")), tap_item(H1, "out", day(-1, "06:00"))
    results = await left.taps("S-1", [before, after])
    assert [one["verdict"] for one in results] == ["accepted"] * 2
    assert [one["visits"] for one in results] == [[], []]
    [again] = await left.taps("S-1", [after])
    assert again == results[1] | {"duplicate": True}
    left_too = await left.visits(staff="S-1")
    assert [(visit["seconds"], visit["payable"]) for visit in left_too] == [(8 * 3600, True)]


async def test_the_tap_out_of_the_last_night_is_taken_by_itself(left):
    """Its tap in came when it was made: the visit is of the last day, and complete with this."""
    await left.taps("S-1", [tap_item(H1, "in", day(-2, "22:00"))])
    [told] = await left.taps("S-1", [tap_item(H1, "out", day(-1, "06:00"))])
    assert told["verdict"] == "accepted"
    [visit] = await left.visits(staff="S-1")
    assert (visit["seconds"], visit["payable"]) == (8 * 3600, True)


@pytest.mark.parametrize(
    ("direction", "clock", "status"),
    [
        ("in", "00:10", 403),
        ("out", "15:59", 200),
        ("auto", "15:59", 200),
        ("out", "16:00", 403),
        ("auto", "16:00", 403),
    ],
)
async def test_what_may_end_a_presence_is_taken_for_as_long_as_one_lasts(left, direction, clock, status):
    body = batch("taps", tap_item(H1, direction, day(-1, clock)))
    await left.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=status)


@pytest.mark.parametrize("kind", ["taps", "reports"])
async def test_an_employment_that_was_ended_afterwards_takes_no_answer_back(home, kind):
    body = batch(kind, {"taps": tap_item(H1, "in", ago(hours=30)), "reports": told_at(ago(hours=30))}[kind])
    [first] = (await home.ask("POST", f"/v1/{kind}", body, role="staff", expect=200, **FORMER)).json()["results"]
    await put_employment(home, valid_to=day(-5).date().isoformat())
    [again] = (await home.ask("POST", f"/v1/{kind}", body, role="staff", expect=200, **FORMER)).json()["results"]
    assert again == first | {"duplicate": True} | ({"visits": []} if kind == "taps" else {})


@pytest.mark.parametrize("by", ["what was told then", "the tap that it names"])
async def test_a_report_of_a_day_of_the_employment_is_taken_after_it(left, by):
    named = tap_item(H1, "in", day(-2, "22:00"))
    if by == "the tap that it names":
        await left.taps("S-1", [named])
    told = told_at(day(-2, "23:00") if by == "what was told then" else ago(hours=1), named["id"])
    answer = await left.ask("POST", "/v1/reports", batch("reports", told), role="staff", staff="S-1", expect=200)
    assert answer.json()["results"][0]["verdict"] == "accepted"


async def test_an_inspector_needs_no_employment(left):
    item = tap_item(H1, "control", ago(hours=1))
    answer = await left.ask("POST", "/v1/taps", batch("taps", item), role="inspector", expect=200)
    assert answer.json()["results"][0]["verdict"] == "accepted"


async def test_others_of_the_same_group_are_not_held_up(left):
    """Whoever is refused is written together with whoever is not."""

    def sent_by(who, expect):
        body = batch("taps", tap_item(H1, "in", ago(hours=1)))
        return left.ask("POST", "/v1/taps", body, role="staff", staff=who, expect=expect)

    both = [("S-2", 200), ("S-1", 403)] * 5
    answers = await asyncio.gather(*(sent_by(who, expect) for who, expect in both))
    assert all(one.json()["results"][0]["verdict"] == "accepted" for one in answers[::2])


async def test_a_revoked_phone_is_told_nothing_of_who_lives_where(home, monkeypatch):
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)
    device, _ = await home.enrol("S-1")
    at = ago(hours=2)
    first = await home.tap("S-1", H1, "in", at, device=device)
    assert [one["recipient"] for one in first["visits"]] == ["B-1"]
    await home.ask("POST", f"/v1/devices/{device}/revoke", {"reason": "lost"}, expect=200)
    again = await home.tap("S-1", H1, "in", at, device=device, id=first["id"])
    earlier = await home.tap("S-1", H2, "in", at + dt.timedelta(minutes=30), device=device)
    later = await home.tap("S-1", "H-par", "in", dt.datetime.now(dt.UTC), device=device, verdict="disputed")
    assert [(one["visits"], one["doors"]) for one in (again, earlier, later)] == [([], None)] * 3
    await home.ask("GET", "/v1/reminders", role="staff", expect=401, staff="S-1", device=device)


async def test_a_phone_of_somebody_elses_is_told_nothing(home):
    device, _ = await home.enrol("S-2")
    assert (await home.tap("S-1", H1, "in", ago(hours=1), device=device, verdict="disputed"))["visits"] == []
