"""A day's promises as its planner follows them: due, late, done, declined, paused, missed."""

import datetime as dt

import pytest
from service import SetClock, day


def line(ref, intervention, **more):
    return {"ref": ref, "intervention": intervention, "frequency": 1, "period": 1, "period_unit": "d"} | more


@pytest.fixture
async def town(service):
    """Three persons of one provider: help morning and evening, help that is declined, and help that is paused."""
    for name in ("norr", "sol"):
        await service.put("providers", f"P-{name}", {"name": name, "form": "external"})
    for ref in ("dusch", "kvall"):
        await service.put("interventions", ref, {"title": ref, "category": "CARE", "standard_minutes": 20})
    await service.put("staff", "S-1", {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"})
    lines = {
        "B-1": [line("1", "dusch", window=["07:00", "10:00"]), line("2", "kvall", window=["18:00", "21:00"])],
        "B-2": [line("1", "dusch")],
        "B-3": [line("1", "dusch")],
    }
    for ref, own in lines.items():
        await service.put("recipients", ref, {"area": "URBAN", "household": ref.replace("B", "H")})
        paused = {"from": day(-1).date(), "reason": "hospital"} if ref == "B-3" else None
        order = {"recipient": ref, "provider": "P-norr", "valid_from": "2020-01-01", "lines": own}
        await service.put("orders", ref.replace("B", "O"), order | {"pauses": [paused] if paused else []})
    return service


async def states(service, at, *, role="planner", **asked):
    """`O-1/1 done` for everything that is expected of yesterday, as it is known at a clock time."""
    service.app.state.database.clock = SetClock(at)
    who = {"provider": "P-norr"} if role == "planner" else {}
    params = {"date": day(-1).date()} | asked
    answer = await service.ask("GET", "/v1/expected", role=role, expect=200, params=params, **who)
    return [f"{one['order_line']} {one['state']}" for one in answer.json()["items"]]


async def test_a_day_goes_by(town):
    assert await states(town, day(-1, "06:00")) == ["O-1/1 due", "O-1/2 due", "O-2/1 due", "O-3/1 paused"]
    await town.visit_by("S-1", "H-1", day(-1, "08:00"), day(-1, "08:30"))
    assert await states(town, day(-1, "10:30")) == ["O-1/1 done", "O-1/2 due", "O-2/1 due", "O-3/1 paused"]
    await town.visit_by("S-1", "H-2", day(-1, "11:00"), day(-1, "11:05"), outcome="declined")
    assert await states(town, day(-1, "20:59")) == ["O-1/1 done", "O-1/2 due", "O-2/1 declined", "O-3/1 paused"]
    assert await states(town, day(-1, "21:00")) == ["O-1/1 done", "O-1/2 late", "O-2/1 declined", "O-3/1 paused"]
    assert await states(town, day(0)) == ["O-1/1 done", "O-1/2 missed", "O-2/1 declined", "O-3/1 paused"]
    # Who came late has come: a phone without coverage tells of it a day afterwards.
    await town.visit_by("S-1", "H-1", day(-1, "19:00"), day(-1, "19:20"))
    assert await states(town, day(0), state="done") == ["O-1/1 done", "O-1/2 done"]
    answer = await town.ask("GET", "/v1/expected", role="system", params={"date": day(-1).date(), "recipient": "B-1"})
    assert {one["visit"] for one in answer.json()["items"]} == {one["id"] for one in await town.visits(recipient="B-1")}
    assert answer.json()["items"][0]["window"] == ["07:00", "10:00"]


async def test_whoever_is_dead_is_expected_no_more(town):
    await town.put("recipients", "B-1", {"area": "URBAN", "household": "H-1", "died_on": day(-2).date()})
    assert await states(town, day(0)) == ["O-2/1 missed", "O-3/1 paused"]


async def test_who_asks_sees_what_is_theirs(town):
    assert await states(town, day(0), role="case_officer", recipient="B-2") == ["O-2/1 missed"]
    sol = await town.ask("GET", "/v1/expected", role="planner", provider="P-sol", params={"date": day(-1).date()})
    assert sol.json()["items"] == []
    asked = {"date": day(-1).date(), "recipient": "B-2"}
    await town.ask("GET", "/v1/expected", role="planner", provider="P-sol", params=asked, expect=404)


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({}, "/query/date"),
        ({"date": "2026-03-01", "from": "2026-03-01"}, "/query/date"),
        ({"from": "2026-03-01"}, "/query/to"),
        ({"from": "2026-03-01", "to": "2026-03-08"}, "/query/to"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "/query/to"),
        ({"from": "2026-03-01", "to": "2026-04-01", "recipient": "B-1"}, "/query/to"),
    ],
)
async def test_the_days_are_a_day_or_a_short_span(town, params, pointer):
    answer = await town.ask("GET", "/v1/expected", role="controller", params=params, expect=422)
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_table_of_them_is_had_in_every_format(town):
    params = {"from": day(-3).date(), "to": day(-1).date()}
    answer = await town.ask("GET", "/v1/expected", role="controller", params=params, headers={"Accept": "text/csv"})
    assert len(answer.text.splitlines()) == 1 + 4 * 3
    assert isinstance(dt.date.fromisoformat(answer.text.splitlines()[1].split(";")[4]), dt.date)
