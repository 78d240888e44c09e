"""Measures hold until a visit or master data change: until then one ETag, and 304 for whoever has it already."""

import datetime as dt
import io
import re
import zipfile

import pytest
from fastapi.responses import Response
from service import SetClock, day, serving, tap_item

from app.actions.visits.rebuild import rebuild
from app.api.http.formats import MEDIA_TYPES, XLSX
from app.api.http.kept import KeptAnswers
from app.api.http.spool import _Waiting
from app.main import MODULES

MONTH = f"{day(-1):%Y-%m}"
FROM = f"{day(-14):%Y-%m-%d}"
PATHS = [
    f"/v1/executed-time?month={MONTH}",
    f"/v1/executed-time?from={FROM}&to={day(-1):%Y-%m-%d}&by=staff,local_date",
    f"/v1/measures/continuity?from={FROM}",
    f"/v1/measures/indices?month={MONTH}",
    f"/v1/measures/executed-share?month={MONTH}",
    f"/v1/measures/evidence?month={MONTH}",
    f"/v1/measures/licensed?month={MONTH}",
    f"/v1/measures/alarms?month={MONTH}",
    f"/v1/measures/declined?month={MONTH}&months=2",
]
INDICES = PATHS[3]


@pytest.fixture
async def town(service):
    """Two providers with a recipient, a carer and a visit of yesterday each."""
    for number in (1, 2):
        await service.put("providers", f"P-{number}", {"name": f"P-{number}", "form": "external"})
        recipient = {"area": "URBAN", "protected": False, "birth_date": "1940-01-01"}
        await service.put("recipients", f"B-{number}", recipient)
        staff = {"provider": f"P-{number}", "role": "care_assistant", "valid_from": "2020-01-01", "delegations": []}
        await service.put("staff", f"S-{number}", staff)
        await visited(service, number, "08:00", "08:30")
    return service


def told(answer):
    """The body and the headers, apart from what is left of the caller's quota."""
    return answer.content, {name: value for name, value in answer.headers.items() if name != "ratelimit"}


async def visited(service, number, start, end):
    taps = [tap_item(f"B-{number}", direction, day(-1, at)) for direction, at in (("in", start), ("out", end))]
    await service.taps(f"S-{number}", taps)


async def etags(service, paths=PATHS, **asked):
    return [(await service.ask("GET", path, **asked)).headers["etag"] for path in paths]


def test_every_measure_has_its_path_here():
    routes = [route for module in MODULES for route in module.router.routes if hasattr(route, "path")]
    measured = {one.path for one in routes if one.path.startswith(("/v1/measures/", "/v1/executed-time"))}
    assert {path.partition("?")[0] for path in PATHS} == measured


async def test_one_etag_until_a_visit_or_master_data_change(town):
    seen = [await etags(town)]
    assert len(set(seen[0])) == len(PATHS)
    assert await etags(town) == seen[0]
    await visited(town, 2, "10:00", "10:30")
    seen.append(await etags(town))
    recipient = {"area": "URBAN", "protected": False, "birth_date": "1940-01-01", "died_on": f"{day(-1):%Y-%m-%d}"}
    await town.put("recipients", "B-1", recipient)
    seen.append(await etags(town))
    await visited(town, 1, "10:00", "10:30")
    seen.append(await etags(town))
    for path_etags in zip(*seen, strict=True):
        assert len(set(path_etags)) == len(seen)
    assert await etags(town) == seen[-1]


async def test_an_answer_tells_of_the_change_before_it(town):
    for visits in (2, 3, 4):
        for _ in range(2):
            assert (await town.ask("GET", INDICES)).json()["total"]["visits"] == visits
        await visited(town, 1, f"1{visits}:00", f"1{visits}:30")


async def test_who_has_the_answer_gets_304_without_it(town):
    for path in PATHS:
        whole = await town.ask("GET", path, expect=200)
        etag = whole.headers["etag"]
        assert whole.headers["cache-control"] == "no-store"
        for given in (etag, f"W/{etag}", f'"other", {etag}'):
            unchanged = await town.ask("GET", path, headers={"If-None-Match": given}, expect=304)
            assert unchanged.content == b""
            shown = {name: unchanged.headers[name] for name in ("etag", "cache-control", "vary")}
            assert shown == {name: whole.headers[name] for name in shown}
        for given in ("*", '"other"', etag.strip('"'), ""):
            assert (await town.ask("GET", path, headers={"If-None-Match": given}, expect=200)).content == whole.content
    held = {"If-None-Match": etag}
    await visited(town, 1, "12:00", "12:30")
    await town.ask("GET", PATHS[-1], headers=held, expect=200)


async def test_an_unchanged_answer_is_not_computed_again(town, monkeypatch):
    whole = await town.ask("GET", INDICES)

    async def computed(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr("app.store.measures.indices.tallies", computed)
    again = await town.ask("GET", INDICES, expect=200)
    assert told(again) == told(whole)
    await town.ask("GET", INDICES, headers={"If-None-Match": whole.headers["etag"]}, expect=304)
    await visited(town, 1, "12:00", "12:30")
    await town.ask("GET", INDICES, expect=500)


@pytest.mark.parametrize("kept_too", [True, False])
async def test_a_large_answer_waits_in_a_file_until_it_is_kept(town, monkeypatch, kept_too):
    executed = PATHS[0]
    small = await town.ask("GET", executed)
    await visited(town, 1, "12:00", "12:30")
    monkeypatch.setattr("app.api.http.spool.IN_MEMORY_BYTES", 10)
    monkeypatch.setattr("app.api.http.spool.SENT_BYTES", 100)
    monkeypatch.setattr("app.api.http.kept.MOST_KEPT_BYTES", 2 * len(small.content) + 20 if kept_too else 100)
    whole = await town.ask("GET", executed)
    assert len(small.content) <= len(whole.content) <= len(small.content) + 10
    assert whole.headers["content-length"] == str(len(whole.content))
    monkeypatch.setattr("app.store.exports.in_pieces", None)
    again = await town.ask("GET", executed, expect=200 if kept_too else 500)
    assert not kept_too or told(again) == told(whole)
    await town.ask("GET", executed, headers={"If-None-Match": whole.headers["etag"]}, expect=304)
    assert _Waiting.of_all == 0


async def test_nobody_gets_what_was_kept_for_other_eyes(town):
    for path in PATHS:
        for provider in ("P-1", "P-2"):
            await town.ask("GET", path, role="planner", provider=provider)
    everything = await town.ask("GET", INDICES)
    seen = {}
    for provider in ("P-1", "P-2"):
        answer = await town.ask("GET", INDICES, role="planner", provider=provider)
        seen[provider] = [row["recipient"] for row in answer.json()["rows"]]
        held = {"If-None-Match": f"{everything.headers['etag']}, {answer.headers['etag']}"}
        other = "P-1" if provider == "P-2" else "P-2"
        theirs = await town.ask("GET", INDICES, role="planner", provider=other, headers=held, expect=200)
        assert theirs.content != answer.content
    assert seen == {"P-1": ["B-1"], "P-2": ["B-2"]}
    # Everybody who sees the whole municipality has the same answer.
    assert len({(await etags(town, [INDICES], role=role))[0] for role in ("system", "controller", "admin")}) == 1


async def test_who_may_not_ask_is_refused_whatever_is_kept(town):
    held = {"If-None-Match": (await etags(town, [INDICES]))[0]}
    await town.ask("GET", INDICES, role=None, headers=held, expect=401)
    await town.ask("GET", INDICES, role="staff", staff="S-1", headers=held, expect=403)
    await town.ask("GET", INDICES, scopes=("visits:read",), headers=held, expect=403)
    await town.ask("GET", INDICES, municipality=580, headers=held, expect=404)
    await town.ask("GET", f"{INDICES}&provder=P-1", headers=held, expect=422)
    await town.ask("GET", f"{INDICES}&provider=P-3", headers=held, expect=404)


async def test_each_format_has_its_etag_and_one_etag_the_same_bytes(town):
    answers = {kind: await town.ask("GET", INDICES, headers={"Accept": kind}) for kind in MEDIA_TYPES}
    assert len({answer.headers["etag"] for answer in answers.values()}) == len(MEDIA_TYPES)
    town.app.state.kept = KeptAnswers()
    for kind, answer in answers.items():
        again = await town.ask("GET", INDICES, headers={"Accept": kind})
        assert again.headers["etag"] == answer.headers["etag"]
        assert again.content == answer.content, kind
    said = zipfile.ZipFile(io.BytesIO(answers[XLSX].content)).read("docProps/core.xml")
    assert set(re.findall(rb"[0-9-]+T[0-9:]+Z", said)) == {b"1980-01-01T00:00:00Z"}  # and not when it was made


async def test_no_measure_depends_on_the_time(town, database_url):
    """Nobody would notice that a kept answer has aged."""
    now = [await town.ask("GET", path) for path in PATHS]
    async with serving(database_url, clock=SetClock(dt.datetime.now(dt.UTC) + dt.timedelta(days=70))) as later:
        for path, answer in zip(PATHS, now, strict=True):
            then = await later.ask("GET", path)
            assert (then.headers["etag"], then.content) == (answer.headers["etag"], answer.content)


async def test_a_restored_database_gives_other_etags(town, owner):
    before = await etags(town)
    await owner.execute("UPDATE municipality SET epoch = gen_random_uuid()")
    assert not set(before) & set(await etags(town))


@pytest.mark.parametrize(
    "slip",
    ["UPDATE month_sum SET executed_seconds = executed_seconds + 60", "UPDATE order_line SET standard_minutes = 1"],
)
async def test_what_a_rebuild_mends_is_answered_at_once(town, owner, slip):
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    await town.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    order = {"recipient": "B-1", "provider": "P-1", "valid_from": "2020-01-01", "lines": [line], "pauses": []}
    await town.put("orders", "O-1", order)
    right = await town.ask("GET", PATHS[0])
    await owner.execute(slip)
    town.app.state.kept = KeptAnswers()
    wrong = await town.ask("GET", PATHS[0])
    assert wrong.content != right.content
    assert [line async for line in rebuild(town.app.state.database, 188)]
    held = {"If-None-Match": wrong.headers["etag"]}
    assert (await town.ask("GET", PATHS[0], headers=held, expect=200)).content == right.content
    assert [line async for line in rebuild(town.app.state.database, 188)] == []


def test_the_oldest_answers_make_room():
    kept = KeptAnswers(most_bytes=10)
    answers = {name: Response(name * 4) for name in "abc"}
    for name, response in answers.items():
        kept.keep(name.encode(), "1", response)
    assert [kept.get(name.encode(), "1") for name in "abc"] == [None, answers["b"], answers["c"]]
    kept.keep(b"b", "2", newer := Response("newer"))
    assert [kept.get(b"b", "1"), kept.get(b"b", "2"), kept.get(b"c", "1")] == [None, newer, answers["c"]]
    kept.keep(b"c", "2", Response("c" * 11))
    assert [kept.get(b"c", "1"), kept.get(b"c", "2"), kept.get(b"b", "2")] == [None, None, newer]
