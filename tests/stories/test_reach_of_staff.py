"""Who lives behind a door is told to those who work there today; what others still have to tell is taken from them."""

import datetime as dt

import pytest
from world import H1, H2, STOCKHOLM, ago, staff

from app.api import access

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
    await home.tap("S-1", H2, "in", ago(hours=3))
    await put_employment(home, **days)
    at = ago(hours=2)
    tapped = await home.tap("S-1", H1, "in", at)
    again = await home.tap("S-1", H1, "in", at, id=tapped["id"])
    by_hand = await home.tap("S-1", "H-par", "in", ago(hours=1))
    for answer, recipients in ((tapped, ["B-1"]), (again, ["B-1"]), (by_hand, ["B-a", "B-b"])):
        assert [one["recipient"] for one in answer["visits"]] == (recipients if told else [])
        assert (answer["doors"] is not None) == told
    assert len(await home.visits(staff="S-1")) == 4


async def test_who_has_not_begun_or_is_unknown_is_told_of_nobody(home):
    await home.put("staff", "S-new", staff("S-1", valid_from=TOMORROW))
    for who in ("S-new", "S-nobody"):
        assert (await home.tap(who, H1, "in", ago(hours=1)))["visits"] == []


async def test_who_was_employed_reads_no_visits_and_no_reminders_but_brings_taps_and_reports(home):
    tapped = await home.tap("S-1", H1, "in", ago(hours=5))
    [visit] = await home.visits()
    paths = ("/v1/visits", f"/v1/visits/{visit['id']}", "/v1/reminders")
    for path in paths:
        assert "B-1" in (await home.ask("GET", path, role="staff", expect=200, **FORMER)).text
    await put_employment(home, valid_to=YESTERDAY)
    for path in (*paths, "/v1/visits/019a0f80-12aa-7b02-8a7b-5d8b7a0c1e23", "/v1/visits?staff=S-2"):
        answer = await home.ask("GET", path, role="staff", expect=403, **FORMER)
        assert answer.json()["code"] == "forbidden_role"
        assert "B-" not in answer.text
    await home.tap("S-1", H1, "out", ago(hours=4))
    await home.report("S-1", tapped["id"], ["dusch"])
    await put_employment(home, valid_from=TODAY)  # again
    assert (await home.ask("GET", paths[0], role="staff", expect=200, **FORMER)).json()["items"]


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
