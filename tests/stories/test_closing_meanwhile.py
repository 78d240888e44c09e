"""Facts that come after a close was computed and before it was frozen: each is in it, and none twice."""

import asyncio
import datetime as dt
import random
import uuid
from functools import partial

import pytest
from service import tap_item
from world import H1, H2, H3, line, on, order, recipient

from app.actions.money import settle_month

CARE = {
    "ref": "care",
    "basis": "executed",
    "categories": ["CARE"],
    "rates": [{"area": "RURAL", "ore": 72_000}, {"form": "in_house", "ore": 30_000}, {"ore": 36_000}],
    "declined": [{"how": ["at_door", "no_answer", "in_advance", "single"], "percent": 50}],
}
GRANTED = {"ref": "granted", "basis": "granted", "categories": ["SERVICE"], "rates": [{"ore": 10_000}]}
RATIO = {"caps": {"ratio": {"of": ["CARE"], "percent": 25}}, "ref": "hsl", "basis": "executed",
         "categories": ["DELEGATED_HSL"], "rates": [{"ore": 36_000}]}  # fmt: skip
EVERY = [line("1", "dusch"), line("2", "lunch"), line("3", "städ"), line("4", "insulin")]


async def settle(service, rules):
    """Two visits a month to each of two recipients in July, which is closed, and in August."""
    contract = {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": {"rules": rules}}
    await service.put("contracts", "K-1", contract)
    await service.put("orders", "O-1", order("B-1", *EVERY))
    await service.put("orders", "O-2", order("B-2", *EVERY))
    for staff, place, spans in (
        ("S-1", H1, [("03", "08:00", "09:00"), ("17", "08:00", "09:00")]),
        ("S-2", H2, [("01", "00:10", "00:30"), ("17", "10:00", "10:20")]),
    ):
        ends = [
            tap_item(place, direction, on(f"2026-{month}-{day}", clock))
            for month in ("07", "08")
            for day, *clocks in spans
            for direction, clock in zip(("in", "out"), clocks, strict=True)
        ]
        await service.taps(staff, ends)
    await close(service, "2026-07")


async def close(service, month):
    path = f"/v1/periods/P-norr/{month}/close"
    return (await service.ask("POST", path, {"accept_open": True}, role="controller", expect=(200, 201))).json()


async def month_of(service, month):
    params = {"month": month, "provider": "P-norr"}
    return (await service.ask("GET", "/v1/compensation", role="system", params=params, expect=200)).json()


async def a_late_visit(service, month):
    await service.visit_by("S-1", H1, on(f"2026-{month}-05", "08:00"), on(f"2026-{month}-05", "08:40"))


async def a_call_elsewhere(service, month):
    """Ten minutes in the middle of a visit were another's."""
    for direction, clock in (("in", "08:20"), ("out", "08:30")):
        await service.tap("S-1", H3, direction, on(f"2026-{month}-17", clock))


async def another_recipient(service, month):
    [visit] = await service.visits(recipient="B-1", from_=f"2026-{month}-03", to=f"2026-{month}-03")
    await service.correct(visit, "set_recipient", "wrong_recipient", role="admin", recipient="B-3")


async def another_month(service, month):
    [visit] = await service.visits(recipient="B-2", from_=f"2026-{month}-01", to=f"2026-{month}-01")
    begins = on(f"2026-{month}-01", "00:00") - dt.timedelta(minutes=20)
    await service.correct(visit, "set_start", started_at=begins)


async def another_provider(service, month):
    [visit] = await service.visits(recipient="B-1", from_=f"2026-{month}-17", to=f"2026-{month}-17")
    body = {"id": uuid.uuid4(), "kind": "set_staff", "staff": "S-south", "reason": "wrong_staff"}
    path, headers = f"/v1/visits/{visit['id']}/corrections", {"If-Match": f'"{visit["version"]}"'}
    await service.ask("POST", path, body, role="admin", headers=headers, expect=201)


async def an_omission(service, month):
    [visit] = await service.visits(recipient="B-2", from_=f"2026-{month}-17", to=f"2026-{month}-17")
    await service.correct(visit, "omit", "other", note="ingen var där")


async def a_report(service, month):
    """Nothing of the visit changes but that lunch was declined in it."""
    [visit] = await service.visits(recipient="B-1", from_=f"2026-{month}-03", to=f"2026-{month}-03")
    told = [{"intervention": one} for one in ("dusch", "städ", "insulin")]
    await service.report("S-1", visit["taps"]["in"], [*told, {"intervention": "lunch", "outcome": "declined"}])


async def a_decline(service, month):
    body = {"recipient": "B-1", "provider": "P-norr", "at": on(f"2026-{month}-20", "08:00"),
            "notified_at": on(f"2026-{month}-19", "08:00"), "reason": "visitors", "intervention": "dusch"}  # fmt: skip
    await service.put("declines", f"A-{month}", body)


async def a_pause(service, month):
    await service.put("orders", "O-1", order("B-1", *EVERY, pauses=[(f"2026-{month}-10", f"2026-{month}-20")]))


async def a_withdrawn_order(service, month):
    if month == "08":
        await service.withdraw("O-2")


async def a_move(service, month):
    await service.put("recipients", "B-1", recipient("B-1", area="RURAL", valid_from=f"2026-{month}-10"))


async def another_price(service, _):
    dearer = {"rules": [CARE | {"rates": [{"ore": 50_000}]}]}
    await service.put("contracts", "K-1", {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": dearer})


async def another_catalogue(service, _):
    await service.put("interventions", "städ", {"title": "städ", "category": "SERVICE", "standard_minutes": 90,
                                                "valid_from": "2026-01-01"})  # fmt: skip


async def another_form(service, _):
    await service.put("providers", "P-norr", {"name": "P-norr", "form": "in_house"})


MEANWHILE = [
    a_late_visit, a_call_elsewhere, another_recipient, another_month, another_provider, an_omission, a_report,
    a_decline, a_pause, a_withdrawn_order, a_move, another_price, another_catalogue, another_form,
]  # fmt: skip


@pytest.fixture
def meanwhile(monkeypatch):
    """Calls that are put in here are made between the draft of the next close and the lock; gives what drafts said."""
    waiting, totals = [], []
    real = settle_month.drafted

    async def drafted(account, month, *, closing):
        draft = await real(account, month, closing=closing)
        if closing:
            totals.append(sum(line.amount_ore for line in await settle_month.settled(draft, account)))
        while closing and waiting:
            await waiting.pop()()
        return draft

    monkeypatch.setattr(settle_month, "drafted", drafted)
    return waiting, totals


async def left_over(service, month):
    """What an open month has of closed ones: everything computed anew, less what they were settled at."""
    return [one["adjusts"] for one in (await month_of(service, month))["lines"] if one["adjusts"]]


@pytest.mark.parametrize("happens", MEANWHILE)
async def test_what_comes_before_the_lock_is_in_the_close(home_of_old, meanwhile, happens):
    service, (waiting, totals) = home_of_old, meanwhile
    await settle(service, [CARE, GRANTED])
    waiting += [partial(happens, service, month) for month in ("07", "08")]
    closed = await close(service, "2026-08")
    assert closed["total_ore"] != totals[-1]
    assert await left_over(service, "2026-09") == []
    # What comes after it is settled in September, and by the next close no more.
    await service.visit_by("S-1", H1, on("2026-08-06", "08:00"), on("2026-08-06", "08:40"))
    assert await left_over(service, "2026-09") == ["2026-08"]
    await close(service, "2026-09")
    assert await left_over(service, "2026-10") == []


async def test_where_a_limit_looks_at_all_a_fact_of_one_changes_anothers_line(home_of_old, meanwhile):
    service, (waiting, totals) = home_of_old, meanwhile
    await settle(service, [CARE, GRANTED, RATIO])
    waiting += [partial(happens, service, "08") for happens in (a_late_visit, a_call_elsewhere, an_omission)]
    closed = await close(service, "2026-08")
    assert closed["total_ore"] != totals[-1]
    assert await left_over(service, "2026-09") == []


async def test_another_month_that_is_closed_meanwhile_is_settled_too(home_of_old, meanwhile):
    service, (waiting, _) = home_of_old, meanwhile
    await settle(service, [CARE])

    async def another_close():
        await close(service, "2026-08")
        await service.visit_by("S-1", H1, on("2026-08-06", "08:00"), on("2026-08-06", "08:40"))

    waiting.append(another_close)
    await close(service, "2026-09")
    assert await left_over(service, "2026-09") == ["2026-08"]
    assert await left_over(service, "2026-10") == []


async def test_months_closed_while_everything_goes_on(home_of_old):
    """Chance decides what comes when; in the end all that was settled is what the facts give."""
    service, chance = home_of_old, random.Random(11)
    await settle(service, [CARE, GRANTED])

    async def one_after_another(number):
        for day in range(2, 12):
            staff, place = ("S-1", H1) if number % 2 else ("S-2", H2)
            date = f"2026-{chance.choice(['07', '08', '09'])}-{day:02}"
            start = on(date, f"{12 + number}:{chance.randint(0, 20):02}")
            ends = [tap_item(place, "in", start), tap_item(place, "out", start + dt.timedelta(minutes=15 + day))]
            await service.taps(staff, ends)
            await asyncio.sleep(chance.random() / 20)

    async def closing():
        for month in ("2026-08", "2026-09"):
            await asyncio.sleep(0.2)
            await close(service, month)

    await asyncio.gather(closing(), *(one_after_another(number) for number in range(4)))
    await close(service, "2026-10")
    months = [f"2026-{month:02}" for month in range(7, 11)]
    paid = sum([(await month_of(service, month))["total_ore"] for month in months])
    body = {"from": "2026-07-01", "to": "2026-10-31", "compensation": {"rules": [CARE, GRANTED]}}
    simulated = (await service.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=200)).json()
    assert paid == simulated["paid_ore"] == simulated["simulated_ore"]
