"""Living against a service on loopback: the district put, past days sent, then real time until a signal."""

import asyncio
import json
import signal
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from firmware_sim.__main__ import main
from firmware_sim.campaign.compare import compare_verdicts
from firmware_sim.people.day import live_day
from firmware_sim.people.device import EARLY_SECONDS, enrol
from firmware_sim.people.live import enrol_all, past_days, put_world, upload
from firmware_sim.people.records import STOCKHOLM
from firmware_sim.people.truth import Truth
from firmware_sim.people.world import build_world
from firmware_sim.wire import ServiceRefusedError, Wire

ON = date(2026, 10, 24)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world():
    return build_world(7, ON)


async def test_the_district_is_put_phase_by_phase(clerk, world):
    async with Wire(clerk.base_url) as wire:
        await put_world(wire, "system", world)
    calls = [(one.method, one.path, json.dumps(one.body)) for one in clerk.asked]
    first, second = ({(c.method, c.path, json.dumps(c.body)) for c in phase} for phase in world.calls())
    assert set(calls[: len(first)]) == first
    assert set(calls[len(first) :]) == second
    assert len(calls) == len(first) + len(second)
    assert {one.token for one in clerk.asked} == {"system"}


async def test_a_busy_service_is_asked_again_while_the_district_is_put(clerk, world):
    answered = Counter()

    def answer(asked):
        answered[asked.path] += 1
        return (503, {"code": "busy"}, {"Retry-After": "0"}) if answered[asked.path] == 1 else (201, {})

    clerk.answer = answer
    small = [call for phase in world.calls() for call in phase][:3]
    async with Wire(clerk.base_url) as wire:
        for call in small:
            assert (await wire.insist(call.method, call.path, token="system", body=call.body)).status == 201
    assert set(answered.values()) == {2}


async def test_a_refused_record_stops_the_district_and_names_itself(clerk, world):
    clerk.answer = lambda asked: (403, {"code": "forbidden"}) if asked.path == "/v1/staff/S-07" else (201, {})
    async with Wire(clerk.base_url) as wire:
        with pytest.raises(ServiceRefusedError, match="PUT /v1/staff/S-07: 403 forbidden"):
            await put_world(wire, "system", world)


async def test_a_lived_day_arrives_whole_from_its_own_people(clerk, world):
    day = live_day(world, ON)
    clerk.known_uids = {tag.uid for tag in world.tags}
    said = []
    async with Wire(clerk.base_url) as wire:
        devices = await enrol_all(wire, "admin", world)
        phones = await upload(devices, day, said.append)
    assert sum(phone.waiting for phone in phones) == 0
    assert [phone.contradictions for phone in phones if phone.contradictions] == []
    assert clerk.items == {event.item["id"]: (f"token-of-{event.staff}", event.item) for event in day.events}
    verdicts = {item: verdict for phone in phones for item, verdict in phone.verdicts.items()}
    assert compare_verdicts(verdicts, [day.truth]) == []
    assert (
        said[-1]
        == f"{ON}: {len(phones)} of {len(phones)} phones, {len(day.events)} of {len(day.events)} taps and reports"
    )
    # One signature for each phone that sent anything, however often it sent.
    assert len(clerk.assertions) == len(phones)
    # The bad luck of the phones was there: items came more than once.
    sent = sum(len(one.body.get("taps", one.body.get("reports", ()))) for one in clerk.asked)
    assert sent > len(day.events)


async def test_somebody_without_a_phone_is_not_passed_over(world):
    with pytest.raises(KeyError):
        await upload({}, live_day(world, ON))


async def test_a_phone_signs_anew_when_its_token_ends_or_is_not_taken(clerk):
    clerk.token_seconds = EARLY_SECONDS  # which is over as soon as it is given
    async with Wire(clerk.base_url) as wire:
        device = await enrol(wire, "admin", "S-01")
        for count in (1, 2):
            assert (await device.send("/v1/taps", {"taps": []})).status == 200
            assert len(clerk.assertions) == count
        clerk.token_seconds = 900
        for count in (3, 3):
            assert (await device.send("/v1/taps", {"taps": []})).status == 200
            assert len(clerk.assertions) == count
        clerk.answer = lambda asked: (401, {}) if asked.path == "/v1/taps" else clerk.usual(asked)
        assert [(await device.send("/v1/taps", {"taps": []})).status for _ in "12"] == [401, 401]
        assert len(clerk.assertions) == 4
        clerk.answer = lambda asked: (503, {}) if asked.path == "/oauth/token" else clerk.usual(asked)
        assert (await device.send("/v1/taps", {"taps": []})).status == 503


def test_past_days_are_yesterday_and_today_so_far(world):
    now = datetime(2026, 10, 24, 8, 0, tzinfo=UTC)
    yesterday, today = past_days(world, now)
    assert (yesterday.on, today.on) == (date(2026, 10, 23), ON)
    for day in (yesterday, today):
        assert day.events
        assert max(event.at for event in day.events) <= now
    assert any(one.in_at.astimezone(STOCKHOLM).date() == ON for one in yesterday.truth.presences)


def test_staff_are_named_so_that_tokens_can_be_made(capsys, world):
    assert main(["staff", "--seed", "7"]) == 0
    named = json.loads(capsys.readouterr().out)
    assert named == [{"ref": one.ref, "role": one.role, "provider": one.provider} for one in world.staff]


@pytest.mark.parametrize(
    ("arguments", "given", "complaint"),
    [
        (["staff", "--staff", "3"], "", "at least 20 staff"),
        (["live", "--base-url", "http://127.0.0.1:9", "--speed", "0"], "{}", "--speed must be above 0"),
        (["live", "--base-url", "http://127.0.0.1:9"], "secret, not JSON", "standard input must be"),
        (["live", "--base-url", "http://127.0.0.1:9"], "[]", "standard input must be"),
        (["live", "--base-url", "http://127.0.0.1:9", "--sun-share", "2"], "{}", "between 0 and 1"),
        (["live", "--base-url", "http://127.0.0.1:9"], '{"system_token": "secret"}', "standard input must be"),
    ],
)
async def test_asked_wrongly_it_says_why_and_shows_no_secret(arguments, given, complaint):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware_sim", *arguments, cwd=ROOT, stdin=-1, stdout=-1, stderr=-1
    )
    out, err = await process.communicate(given.encode())
    assert process.returncode == 2
    assert complaint in err.decode()
    assert "secret" not in out.decode() + err.decode()
    assert "Traceback" not in err.decode()


async def start(clerk, *arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware_sim", "live", "--seed", "1", "--base-url", clerk.base_url, *arguments,
        cwd=ROOT, stdin=-1, stdout=-1, stderr=-1,
    )  # fmt: skip
    process.stdin.write(json.dumps({"admin_token": "admin", "system_token": "system"}).encode())
    process.stdin.close()
    return process


async def ended(process, within=30):
    try:
        return await asyncio.wait_for(process.communicate(), within)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_lives_the_past_then_in_real_time_until_a_signal(clerk, tmp_path):
    started_at = datetime.now(UTC)
    process = await start(clerk, "--speed", "600", "--truth", str(tmp_path / "truth.json"))
    lines = []
    try:
        async with asyncio.timeout(120):
            while line := (await process.stdout.readline()).decode().strip():
                lines.append(line)
                if " doors, " in line and not line.endswith("nothing sent; 0 waiting"):
                    break
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
    out, err = await ended(process)
    assert (process.returncode, err) == (0, b"")
    assert out.decode().strip().splitlines()[-1] == "stopped"
    text = "\n".join(lines)
    assert [one.token for one in clerk.asked if one.path.startswith("/v1/keysets/")] == ["admin"]
    assert {"keyset", "e", "c"} in [set(item.get("tag", ())) for _, item in clerk.items.values()]
    for said in ("district, part 1:", "0 items still waiting", "now in real time", "visits made"):
        assert said in text
    truths = [Truth.from_json(json.dumps(one)) for one in json.loads((tmp_path / "truth.json").read_text())]
    assert truths[1].on - truths[0].on == timedelta(days=1)
    keys = {one.key for truth in truths for one in truth.presences}
    assert keys <= clerk.items.keys()
    tapped = [item["tapped_at"] for _, item in clerk.items.values() if "tapped_at" in item and item["id"] not in keys]
    assert max(datetime.fromisoformat(one) for one in tapped) > started_at - timedelta(minutes=1)


async def test_a_service_that_refuses_the_district_ends_it(clerk):
    clerk.answer = lambda _: (422, {"code": "invalid_body"})
    out, err = await ended(await start(clerk))
    assert b"422 invalid_body" in err
    assert b"Traceback" not in err
    assert b"real time" not in out


async def test_a_signal_while_the_service_is_away_ends_it_at_once(clerk):
    clerk.answer = lambda _: (503, {"code": "busy"}, {"Retry-After": "60"})
    process = await start(clerk)
    try:
        async with asyncio.timeout(60):
            assert (await process.stdout.readline()).startswith(b"district, part 1")
    finally:
        process.send_signal(signal.SIGINT)
        out, err = await ended(process)
    assert (process.returncode, out, err) == (0, b"stopped\n", b"")
