"""Who taps without end costs others nothing: a batch costs what it touches, and what nobody can make is set aside."""

import datetime as dt
import math
import random
import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise

import pytest
from service import day, tap_item

from app.actions.check import check
from app.actions.taps.submission import DAYS_AT_ONCE
from app.actions.visits.rebuild import rebuild
from app.api.taps import taps as api_taps
from app.domain.time import local_date
from app.domain.visits.crowd import MOST
from app.store.pools import BusyError
from app.store.taps.submissions import KNOWN_REPORTS

STAFF = ("S-1", "S-2", "S-3")
UID = "04A1B2C3D4E5F6"
DAYS = 5
BATCH = 400
# Without the ledger's leaves: sealing reads them, on a connection whose counts may still wait to be told.
ROWS_READ = """
SELECT sum(idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_xact_user_tables WHERE relname <> 'ledger_leaf'
"""


@pytest.fixture
async def town(service):
    """Two homes, the first with help that takes two."""
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    for ref in STAFF:
        staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
        await service.put("staff", ref, staff)
    for home in ("H-1", "H-2"):
        await service.put("recipients", f"B-{home}", {"area": "URBAN", "household": home})
    line = {"ref": "1", "intervention": "dusch", "frequency": 2, "period": 1, "period_unit": "d", "staff_count": 2}
    order = {"recipient": "B-H-1", "provider": "P-norr", "valid_from": "2020-01-01", "lines": [line], "pauses": []}
    await service.put("orders", "O-1", order)
    return service


def at_any_time(dice, count, *, days=DAYS, home="H-1"):
    """Taps by hand at one home, in and out without sense, at random times of some days until yesterday's end."""
    first = day(-days)
    seconds = int((day(0) - first).total_seconds())
    return [
        tap_item(home, dice.choice(["in", "out"]), first + dt.timedelta(seconds=dice.randrange(seconds)))
        for _ in range(count)
    ]


@pytest.fixture
def work(monkeypatch):
    """Each write of taps: calls of the service's own functions, rows that its statements read, days of taps."""
    done = []
    record_taps = api_taps.record_taps

    async def counting(writing, submissions, *given):
        with counted_calls() as calls:
            answers = await record_taps(writing, submissions, *given)
        rows = await writing._driver.fetchval(ROWS_READ)
        # What a connection has counted is told at most once a second, and belongs to its next transaction until then.
        await writing._driver.execute("SELECT pg_stat_force_next_flush()")
        days = {local_date(item.tapped_at) for submission in submissions for item in submission.items}
        done.append(Counter({"calls": calls["app"], "rows": rows, "days": len(days)}))
        return answers

    monkeypatch.setattr(api_taps, "record_taps", counting)
    return done


@contextmanager
def counted_calls():
    """Counts calls of functions of `app`, each round of a generator among them."""
    calls = Counter()

    def note(frame, event, _):
        if event == "call" and "/app/" in frame.f_code.co_filename:
            calls["app"] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def test_a_batch_costs_what_it_touches_and_not_its_square(town, work):
    """Every batch touches all that is there: each of those taps is read some times and told once, never met by each."""
    dice = random.Random(7)
    for number in range(8):
        await town.taps(STAFF[number % 2], at_any_time(dice, BATCH))
    stored = 8 * BATCH
    assert work[-1]["rows"] < 10 * stored
    assert work[-1]["calls"] < 150 * stored


def one_after_the_other(count, *, home="H-1", offset=-1):
    """Taps in and out by turns, two minutes apart, on one day."""
    return [
        tap_item(home, ("in", "out")[number % 2], day(offset, "01:00") + number * dt.timedelta(minutes=2))
        for number in range(count)
    ]


async def test_more_taps_than_a_person_can_make_in_a_day_are_kept_and_set_aside(town):
    """They are facts, each answered and listed to its planner; no visit comes of them, and no other day is touched."""
    flood = one_after_the_other(MOST["person"] + 3)
    results = await town.taps("S-1", flood)
    assert [one["verdict"] for one in results] == ["accepted"] * MOST["person"] + ["disputed"] * 3
    assert {(one["code"], len(one["visits"])) for one in results[-3:]} == {("too_many", 0)}
    [again] = await town.taps("S-1", flood[-1:])
    assert (again["verdict"], again["code"], again["duplicate"]) == ("disputed", "too_many", True)
    await town.tap("S-1", "H-2", "in", day(-1, "08:00"), verdict="disputed")
    await town.visit_by("S-2", "H-1", day(-1, "15:00"), day(-1, "15:30"))
    await town.visit_by("S-1", "H-1", day(-2, "08:00"), day(-2, "08:30"))
    disputes = await town.pages("/v1/disputes", role="planner", who={"provider": "P-norr"})
    assert [(one["code"], one["household"], one["visits"]) for one in disputes] == [
        ("too_many", "H-2", []),
        *[("too_many", "H-1", [])] * 3,
    ]
    body = {"accept": False, "reason": "other", "note": "aldrig där"}
    await town.ask("POST", f"/v1/disputes/{disputes[0]['tap']}/settle", body, role="planner", provider="P-norr")
    assert len(await town.pages("/v1/disputes")) == 3
    assert len(await town.visits()) == MOST["person"] // 2 + 2
    assert await check(town.app.state.database, 188) == []
    assert [line async for line in rebuild(town.app.state.database, 188)] == []


async def test_a_door_takes_more_taps_than_one_person_can_make_but_not_any_number(town):
    for staff in STAFF[:2]:
        assert {one["verdict"] for one in await town.taps(staff, one_after_the_other(MOST["person"]))} == {"accepted"}
    results = await town.taps(STAFF[2], one_after_the_other(MOST["person"]))
    left = MOST["household"] - 2 * MOST["person"]
    assert [one["code"] for one in results] == [None] * left + ["too_many"] * (MOST["person"] - left)
    await town.tap(STAFF[2], "H-2", "in", day(-1, "20:00"))


def over_days(count, *, hours=24):
    """Taps by turns in and out at one home, so many hours apart, the latest first, as no phone keeps them."""
    times = [day(-1, "08:00") - number * dt.timedelta(hours=hours) for number in range(count)]
    return [tap_item("H-1", ("out", "in")[number % 2], at) for number, at in enumerate(times)]


async def test_a_batch_of_many_days_is_written_some_days_at_a_time_and_answered_at_once(town, work):
    """Others get the lock in between, and no write touches more days than a day can hold taps."""
    items = over_days(25)
    results = await town.taps("S-1", items)
    assert [one["id"] for one in results] == [str(item["id"]) for item in items]
    assert {(one["verdict"], one["duplicate"], len(one["visits"])) for one in results[:5]} == {("accepted", False, 1)}
    assert [one["days"] for one in work] == [4, 4, 4, 4, 4, 4, 1]
    again = await town.taps("S-1", items)
    assert [one | {"duplicate": False, "visits": []} for one in again] == [one | {"visits": []} for one in results]
    assert len(work) == 14
    await town.taps("S-1", over_days(7, hours=20))
    assert [one["days"] for one in work[14:]] == [4, 2]
    assert [line async for line in rebuild(town.app.state.database, 188)] == []


async def test_a_week_that_cannot_be_written_fails_the_answer_and_loses_nothing(town, monkeypatch):
    """No item of the batch is answered; those of the days before are known when it is sent again."""
    items, record_taps = over_days(10), api_taps.record_taps
    written = []

    async def once(writing, submissions, *given):
        written.append(submissions)
        if len(written) == 2:
            raise BusyError
        return await record_taps(writing, submissions, *given)

    monkeypatch.setattr(api_taps, "record_taps", once)
    body = {"sent_at": dt.datetime.now(dt.UTC), "taps": items}
    await town.ask("POST", "/v1/taps", body, role="staff", staff="S-1", expect=503)
    results = await town.taps("S-1", items)
    assert {one["verdict"] for one in results} == {"accepted", "disputed"}
    assert [one["duplicate"] for one in results] == [False] * 6 + [True] * 4


async def test_claims_of_the_future_are_moved_together_however_many_days_they_are_of(town, work):
    ahead = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)
    items = [tap_item("H-1", "auto", ahead + number * dt.timedelta(hours=15)) for number in range(20)]
    results = await town.taps("S-1", items)
    times = [dt.datetime.fromisoformat(one["at"]) for one in results]
    assert {later - at for at, later in pairwise(times)} == {dt.timedelta(hours=15)}
    assert times[-1] <= dt.datetime.now(dt.UTC)
    dates = len({local_date(at) for at in times})  # in the evening one less than before
    assert len(work) == math.ceil(dates / DAYS_AT_ONCE) < 5


@pytest.fixture
async def flooded(town):
    """The town with a tag at the first home that two persons have tapped more often in five days than people can."""
    await town.put("tags", "T-1", {"kind": "static", "uid": UID})
    await town.mount("T-1", "H-1", day(-DAYS - 1))
    dice = random.Random(7)
    for number in range(5):
        await town.taps(STAFF[number % 2], at_any_time(dice, 1000, home=UID))
    return town


async def told_of(town, home):
    """The taps that open and end visits at a home, and how many seconds these are."""
    visits = [one for one in await town.visits() if one["household"] == home]
    return {tap for one in visits for tap in one["taps"].values() if tap}, sum(one["seconds"] for one in visits)


async def test_a_flooded_tag_is_hung_elsewhere_and_back_and_nothing_is_lost(flooded, owner):
    taps = await owner.fetchval("SELECT count(*) FROM tap WHERE code IS DISTINCT FROM 'too_many'")
    here = await told_of(flooded, "H-1")
    assert len(here[0]) > taps / 2 > 1000
    with counted_calls() as calls:
        await flooded.mount("T-1", "H-2", day(-DAYS - 1))
    assert await told_of(flooded, "H-1") == (set(), 0)
    assert await told_of(flooded, "H-2") == here
    assert calls["app"] < 150 * taps
    await flooded.mount("T-1", "H-1", day(-DAYS - 1))
    assert await told_of(flooded, "H-1") == here
    assert await check(flooded.app.state.database, 188) == []


async def test_a_flood_is_rebuilt_and_nothing_is_lost(flooded, owner):
    """Also what the projection had forgotten: every visit comes back under its id."""
    here = await told_of(flooded, "H-1")
    kept = await flooded.visits()
    for table in ("visit", "presence", "month_sum", "anomaly_count"):
        await owner.execute(f"DELETE FROM {table}")
    lines = [line async for line in rebuild(flooded.app.state.database, 188)]
    assert {f"visit {one['id']} was missing" for one in kept} <= set(lines)
    assert await told_of(flooded, "H-1") == here
    assert [line async for line in rebuild(flooded.app.state.database, 188)] == []
    assert await check(flooded.app.state.database, 188) == []


async def test_what_is_set_aside_is_never_read_again(town, work):
    """However often a day is flooded, a batch into it reads and does what the limit allows, whatever there is."""
    dice = random.Random(7)
    for _ in range(6):
        await town.taps("S-1", at_any_time(dice, BATCH * 2, days=1))
    filled = MOST["person"]
    assert max(one["rows"] for one in work[1:]) < 8 * filled
    assert max(one["calls"] for one in work[2:]) < work[0]["calls"]


PLANNED_FOR_WRITES = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET ROLE taggad_app"


@pytest.mark.parametrize(
    ("asked", "given", "index"),
    [
        ("SELECT FROM tap WHERE municipality_id = $1 AND id = $2", (188, uuid.UUID(int=0)), "tap_pkey"),
        (KNOWN_REPORTS, (188, [], [], [], []), "report_pkey"),
    ],
)
async def test_what_arrives_is_looked_up_by_its_id_before_there_are_statistics(town, owner, asked, given, index):
    """The plan lives on while the table grows: by any other index each look-up would read all there is."""
    await owner.execute(PLANNED_FOR_WRITES)
    plan = "\n".join(row[0] for row in await owner.fetch(f"EXPLAIN {asked}", *given))
    await owner.execute("RESET ROLE")
    assert index in plan
