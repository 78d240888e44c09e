"""`make bench-looks`: what the access log adds to a list of 100 visits of 60 recipients, and to one visit.

Every other request is answered without the entry. What it prints depends on the machine, so no test asserts it.
"""

import statistics
import sys
import time

from service import day, tap_item

from app.store.access import access_log

RECIPIENTS = 60
VISITS = 100
ROUNDS = 400


async def test_what_logging_costs(service, monkeypatch):
    await service.put("providers", "P-1", {"name": "P", "form": "external"})
    for number in range(RECIPIENTS):
        await service.put("recipients", f"B-{number:03}", {"area": "URBAN"})
    for number in range(VISITS):
        staff = {"provider": "P-1", "role": "care_assistant", "valid_from": "2020-01-01"}
        await service.put("staff", f"S-{number}", staff)
        door = f"B-{number % RECIPIENTS:03}"
        taps = [tap_item(door, way, day(-1, clock)) for way, clock in (("in", "08:00"), ("out", "08:20"))]
        await service.taps(f"S-{number}", taps)
    client, add = service.client("planner", provider="P-1"), access_log.add

    async def nothing(*_):
        pass

    [first, *_] = await service.visits()
    for name, path in (("list of 100", "/v1/visits?limit=100"), ("one visit", f"/v1/visits/{first['id']}")):
        seconds = {True: [], False: []}
        for number in range(2 * ROUNDS):
            logged = number % 2 == 0
            monkeypatch.setattr(access_log, "add", add if logged else nothing)
            began = time.perf_counter()
            answer = await client.get(path)
            seconds[logged].append(time.perf_counter() - began)
            assert answer.status_code == 200
        with_it, without = (statistics.median(seconds[logged]) * 1000 for logged in (True, False))
        told = f"{name}: {with_it:.2f} ms with its entry, {without:.2f} ms without: {with_it / without - 1:+.1%}"
        sys.stdout.write(f"\nlooks {told}\n")
