"""Money is conserved: however it is grouped, pulled, named or closed, the same facts come to the same sum."""

import datetime as dt
import random
from collections import defaultdict

from service import tap_item
from world import STAFF, TAGS, line, on, order, staff

EVERY = [line("1", "dusch"), line("2", "städ"), line("3", "insulin"), line("4", "larm")]
DOCUMENTS = {"P-norr": {"preset": "norrtalje-2020"}, "P-syd": {"preset": "lss-sol-2022"}}
SWAPPED = {"P-norr": "P-syd", "P-syd": "P-norr"}
PROVIDER = {"S-1": "P-norr", "S-2": "P-norr", "S-south": "P-syd"}


async def told(service, names):
    """Two providers with a month of visits by chance, the same whatever they are called."""
    for number, (provider, document) in enumerate(DOCUMENTS.items()):
        contract = {"provider": names[provider], "valid_from": "2026-01-01", "compensation": document}
        await service.put("contracts", f"K-{number}", contract)
        for recipient in ("B-1", "B-2"):
            body = order(recipient, *EVERY, provider=names[provider])
            await service.put("orders", f"{recipient}-{number}", body)
    for ref in ("O-1", "O-2", "O-a", "O-b"):
        await service.withdraw(ref)
    for ref in PROVIDER:
        await service.put("staff", ref, staff(ref, provider=names[STAFF[ref][0]]))
    chance = random.Random(3)
    for ref in PROVIDER:
        ends = []
        for day in range(1, 29):
            start = on(f"2026-09-{day:02}", "06:00") + dt.timedelta(minutes=chance.randint(0, 1000))
            place = TAGS[chance.choice(["H-1", "H-2"])]
            end = start + dt.timedelta(seconds=chance.randint(100, 5000))
            ends += [tap_item(place, "in", start), tap_item(place, "out", end)]
        await service.taps(ref, ends)


async def pulled(service, provider=None):
    params = {"month": "2026-09", **({"provider": provider} if provider else {})}
    return (await service.ask("GET", "/v1/compensation", role="system", params=params, expect=200)).json()


async def simulated(service, first, last):
    body = {"from": first, "to": last, "compensation": DOCUMENTS["P-norr"]}
    return (await service.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=200)).json()


def by(lines, *keys):
    found = defaultdict(int)
    for one in lines:
        found[tuple(one[key] for key in keys)] += one["amount_ore"]
    return found


async def test_providers_that_swap_their_names_swap_their_money(settle_another):
    answers = []
    for names in ({name: name for name in SWAPPED}, SWAPPED):
        service = await settle_another(late_tap_days=36500)
        await told(service, names)
        answers.append((await pulled(service))["lines"])
    as_named, swapped = answers
    renamed = [one | {"provider": SWAPPED[one["provider"]]} for one in swapped]
    assert len(as_named) > 10
    assert sorted(renamed, key=lambda one: (one["provider"], one["line"])) == sorted(
        as_named, key=lambda one: (one["provider"], one["line"])
    )


async def test_sums_over_any_grouping_are_equal(home_of_old):
    service = home_of_old
    await told(service, {name: name for name in SWAPPED})
    whole = await pulled(service)
    total, lines = whole["total_ore"], whole["lines"]
    for keys in (["recipient"], ["provider", "category"], ["area"], ["rule", "band"], ["reason", "unit", "price_ore"]):
        assert sum(by(lines, *keys).values()) == total
    apart = [await pulled(service, provider) for provider in DOCUMENTS]
    assert [one for answer in apart for one in answer["lines"]] == lines
    assert {one["provider"]: one["total_ore"] for one in whole["providers"]} == {
        provider: amount for (provider,), amount in by(lines, "provider").items()
    }
    # The comparison groups by provider, area and category; the half-year report by provider and recipient.
    compared = await simulated(service, "2026-09-01", "2026-09-30")
    paid = {(one["provider"], one["area"], one["category"]): one["paid_ore"] for one in compared["rows"]}
    assert {group: ore for group, ore in paid.items() if ore} == by(lines, "provider", "area", "category")
    assert compared["paid_ore"] == total
    same = [one for one in compared["rows"] if one["provider"] == "P-norr"]
    assert all(one["difference_ore"] == 0 for one in same)
    params = {"from": "2026-09"}
    report = (await service.ask("GET", "/v1/reports/half-year", role="controller", params=params)).json()["rows"]
    first = [one for one in report if one["month"] == "2026-09"]
    assert {(one["provider"], one["recipient"]): one["income_ore"] for one in first} == by(
        lines, "provider", "recipient"
    )
    # Closing moves nothing.
    for provider in DOCUMENTS:
        path = f"/v1/periods/{provider}/2026-09/close"
        await service.ask("POST", path, {"accept_open": True}, role="controller", expect=201)
    assert (await pulled(service))["lines"] == lines
    again = await simulated(service, "2026-09-01", "2026-09-30")
    assert again == compared
