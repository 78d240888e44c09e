"""`make bench-hold`: how long taps hold a municipality's lock while one staff token floods a door.

Fifty honest phones tap, one empties the queue of nine hours, and the flood is a thousand taps at a time by hand, at
random times of some days. What it prints depends on the machine, so no test asserts it; `test_flood` counts the work.
"""

import asyncio
import datetime as dt
import random
import sys
import time

import pytest
from service import day, tap_item

from app.api.taps import taps as api_taps

SECONDS = 30
PHONES = 50


@pytest.fixture
async def street(service):
    """A home for each phone, one for the flood and one for the queue."""
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    for number in range(PHONES + 2):
        await service.put("recipients", f"B-{number}", {"area": "URBAN", "household": f"H-{number}"})
        staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
        await service.put("staff", f"S-{number}", staff)
    return service


@pytest.mark.parametrize("days", [1, 30])
async def test_how_long_the_lock_is_held(street, monkeypatch, days):
    held, waited, until = [], [], time.monotonic() + SECONDS
    record_taps, dice = api_taps.record_taps, random.Random(7)

    async def timed(*given):
        began = time.perf_counter()
        answers = await record_taps(*given)
        held.append(time.perf_counter() - began)
        return answers

    async def phone(number):
        taps = 0
        while time.monotonic() < until:
            began = time.perf_counter()
            at = day(-1, "01:00") + taps * dt.timedelta(minutes=7)
            await street.tap(f"S-{number}", f"H-{number}", "auto", at)
            waited.append(time.perf_counter() - began)
            taps += 1
            await asyncio.sleep(dice.uniform(1, 3))

    async def flood():
        while time.monotonic() < until:
            seconds = [dice.randrange(days * 86400) for _ in range(1000)]
            times = [day(-days) + dt.timedelta(seconds=one) for one in seconds]
            await street.taps(f"S-{PHONES}", [tap_item(f"H-{PHONES}", dice.choice(["in", "out"]), at) for at in times])

    async def queue():
        times = [day(-1, "07:00") + number * dt.timedelta(minutes=9) for number in range(60)]
        await street.taps(f"S-{PHONES + 1}", [tap_item(f"H-{PHONES + 1}", "auto", at) for at in times])

    monkeypatch.setattr(api_taps, "record_taps", timed)
    await asyncio.gather(flood(), queue(), *(phone(number) for number in range(PHONES)))
    told = "; ".join(f"{name} {_figures(times)}" for name, times in (("held", held), ("honest taps", waited)))
    sys.stdout.write(f"\nflood over {days} days: {told}\n")


def _figures(times):
    ranked = sorted(times)
    marks = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
    return " ".join(f"{name} {ranked[int((len(ranked) - 1) * part)]:.3f} s" for name, part in marks)
