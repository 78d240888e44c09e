"""Who taps without end costs others nothing: a batch costs what it touches."""

import datetime as dt
import random
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from service import day, tap_item

from app.api import taps as api_taps

STAFF = ("S-1", "S-2", "S-3")
DAYS = 5
BATCH = 400
ROWS_READ = "SELECT relname, idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables"


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
    """What the batches of taps did, each: calls of the service's own functions, and rows that its statements read."""
    done = []
    record_taps = api_taps.record_taps

    async def counting(writing, *given):
        with counted_calls() as calls:
            answers = await record_taps(writing, *given)
        rows = await writing.sql.fetch(ROWS_READ)
        done.append(Counter({"calls": calls["app"], "rows": sum(row[1] for row in rows)}))
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
