"""Limits on requests: counted by caller and by municipality, told in every answer, and never of taps."""

import datetime as dt
import re
from types import SimpleNamespace

import pytest
from service import day, serving, tap_item, written

from app.api.http import limits
from app.api.http.limits import Limits
from app.settings import Settings

FIELD = re.compile(r'"caller";r=(\d+);t=(\d+), "municipality";r=(\d+);t=(\d+)')


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(at=1000.0)
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now.at))
    return now


def test_callers_and_municipalities_are_counted_apart_and_anew_each_minute(clock):
    counted = Limits(2, 3)
    assert counted.policy == '"caller";q=2;w=60, "municipality";q=3;w=60'
    asked = [
        (188, "a", (1, 2), False),
        (188, "a", (0, 1), False),
        (188, "a", (-1, 1), True),  # which takes nothing from the others
        (188, "b", (1, 0), False),
        (188, "c", (1, -1), True),
        (17, "a", (1, 2), False),
    ]
    for municipality, caller, left, exceeded in asked:
        usage = counted.count(municipality, caller)
        assert (tuple(usage.remaining.values()), usage.exceeded) == (left, exceeded), (municipality, caller)
    assert counted.count(17, "a").field() == '"caller";r=0;t=61, "municipality";r=1;t=61'
    clock.at += 59.5
    assert counted.count(188, "a").reset_seconds == 1
    clock.at += 0.5
    assert tuple(counted.count(188, "a").remaining.values()) == (1, 2)
    assert len(counted._counted) == 2, "nothing is kept of the minute before"


async def test_one_request_too_many_is_429_and_says_when_to_come_back(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, caller_requests=60, municipality_requests=100) as service:
        for number in range(60):
            answer = await service.ask("GET", "/v1/visits", role="system", expect=200)
            left, seconds, of_all, _ = map(int, FIELD.fullmatch(answer.headers["ratelimit"]).groups())
            assert (left, of_all) == (59 - number, 99 - number)
            assert 1 <= seconds <= 61
        assert answer.headers["ratelimit-policy"] == '"caller";q=60;w=60, "municipality";q=100;w=60'
        refused = await service.ask("GET", "/v1/visits", role="system", expect=429)
        assert refused.json()["code"] == "too_many_requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert FIELD.fullmatch(refused.headers["ratelimit"])[1] == "0"
        # Others of the municipality are served until it has used its own up, whatever tokens they have.
        statuses = [
            (await service.ask("GET", "/v1/visits", role=role, expect=(200, 429))).status_code
            for role in ("controller", "admin")
            for _ in range(25)
        ]
        assert statuses == [200] * 40 + [429] * 10


async def test_what_phones_bring_is_never_limited(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, caller_requests=60, municipality_requests=60) as service:
        await service.put("providers", "P-1", {"name": "P", "form": "external"})
        await service.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": "2020-01-01"})
        await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
        for _ in range(60):
            await service.ask("GET", "/v1/visits", role="system", expect=(200, 429))
        client = service.client("staff", staff="S-1")
        for minute in range(70):  # more than anybody may ask
            tap = tap_item("H-1", "in", day(-1, "08:00") + dt.timedelta(minutes=2 * minute))
            body = {"sent_at": dt.datetime.now(dt.UTC), "taps": [tap]}
            answer = await client.post("/v1/taps", json=written(body))
            assert answer.status_code == 200, answer.text
            assert "ratelimit" not in answer.headers
        report = {"id": "not one"}
        assert (await client.post("/v1/reports", json={"reports": [report]})).status_code == 200
        await service.ask("GET", "/v1/visits", role="staff", staff="S-1", expect=429)


def test_the_defaults_leave_room_for_an_import_and_hold_a_loop():
    settings = Settings()
    assert 600 <= settings.caller_requests <= settings.municipality_requests / 5
