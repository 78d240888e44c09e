"""An order that is put again: wholly, which may change its past, or from a day on, which keeps it."""

import pytest
from test_closing import amounts, close, month_of
from test_granted_time import GRANTED, reports
from world import H2, PAR, codes, line, on, order, shares

KR_AN_HOUR = {"rules": [GRANTED["rules"][0] | {"rates": [{"ore": 40_000}]}]}
CONTRACT = {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": KR_AN_HOUR}
OCTOBER = {"valid_from": "2026-10-01", "valid_to": "2026-10-31"}
EACH_DAY = {"period_unit": "d", "frequency": 1}


def lunches(minutes, **more):
    return order("B-2", line("1", "lunch", minutes) | EACH_DAY, **OCTOBER) | more


@pytest.fixture
async def granted(home_of_old):
    """P-norr is paid 400 kr for a granted hour, and the order of October grants none."""
    await home_of_old.put("contracts", "K-1", CONTRACT)
    await home_of_old.put("orders", "O-2", lunches(0))
    return home_of_old


async def test_put_again_from_a_day_on_it_keeps_the_days_before(granted):
    """20 minutes a day from the 15th are 17 times 20 minutes, not 31: 2 266.67 kr and not 4 133.33."""
    told = await granted.put("orders", "O-2", lunches(20, applies_from="2026-10-15"))
    assert told["warnings"] == [{"code": "changes_past", "from": "2026-10-15", "seconds": 20_400, "ore": 226_667}]
    assert await reports(granted) == (20_400, 20_400, 20_400, 226_667)
    read = (await granted.ask("GET", "/v1/orders/O-2")).json()
    assert (read["version"], read["applies_from"]) == (told["version"], "2026-10-15")
    assert [(one["lines"][0]["standard_minutes"], one["applies_from"]) for one in read["earlier"]] == [(0, None)]
    again = await granted.put("orders", "O-2", lunches(20, applies_from="2026-10-15"))
    assert again == read
    assert await granted.put("orders", "O-2", lunches(20, applies_from="2026-10-20")) == read  # already so that day

    # A third from the 20th on; from the 10th on alone takes the place of both.
    third = await granted.put("orders", "O-2", lunches(40, applies_from="2026-10-20"))
    assert [one["applies_from"] for one in third["earlier"]] == [None, "2026-10-15"]
    assert (await reports(granted))[0] == 5 * 1200 + 12 * 2400
    tenth = await granted.put("orders", "O-2", lunches(10, applies_from="2026-10-10"))
    assert [one["applies_from"] for one in tenth["earlier"]] == [None]
    assert (await reports(granted))[0] == 22 * 600


async def test_put_again_wholly_it_warns_of_what_it_changes_in_the_past(granted):
    told = await granted.put("orders", "O-2", lunches(20))
    assert told["warnings"] == [{"code": "changes_past", "from": "2026-10-01", "seconds": 37_200, "ore": 413_333}]
    assert told["earlier"] == []
    assert await reports(granted) == (37_200, 37_200, 37_200, 413_333)
    assert "warnings" not in await granted.put("orders", "O-2", lunches(20))
    assert "warnings" not in (await granted.ask("GET", "/v1/orders/O-2")).json()
    # What was kept is let go of when the whole order is put.
    await granted.put("orders", "O-2", lunches(30, applies_from="2026-10-15"))
    back = await granted.put("orders", "O-2", lunches(30))
    assert (back["earlier"], back["warnings"][0]["from"], back["warnings"][0]["seconds"]) == ([], "2026-10-01", 8_400)
    # Another window grants and pays the same; a first order, or one that begins tomorrow, has no past.
    windowed = lunches(30) | {"lines": [line("1", "lunch", 30, window=["07:00", "09:00"]) | EACH_DAY]}
    assert "warnings" not in await granted.put("orders", "O-2", windowed)
    assert "warnings" not in await granted.put("orders", "O-9", lunches(20))
    assert "warnings" not in await granted.put("orders", "O-9", lunches(20) | {"valid_to": "2099-12-31",
                                               "valid_from": "2099-01-01", "applies_from": "2099-01-01"})  # fmt: skip


async def test_the_warning_tells_what_the_whole_household_is_paid_otherwise(home_of_old):
    """A presence is divided between the couple: what one no longer has ordered, the other's share grows by."""
    executed = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}]}
    await home_of_old.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [executed]}})
    await home_of_old.visit_by("S-1", PAR, on("2026-10-02", "08:00"), on("2026-10-02", "08:30"))

    async def total():
        return (await month_of(home_of_old, "2026-10"))["total_ore"]

    before = await total()
    told = await home_of_old.put("orders", "O-a", order("B-a", line("1", "dusch", 20), line("2", "städ", 30)))
    assert (before, await total(), told["warnings"][0]["ore"]) == (18_000, 9_000, -9_000)
    passed = await home_of_old.put("orders", "O-a", order("B-a", line("1", "dusch", 20), provider="P-syd"))
    assert (await total(), passed["warnings"][0]["ore"]) == (18_000, 9_000)


async def test_the_warning_tells_whole_months_as_they_will_be_settled(granted):
    """Five hours of the first days are paid up to the month's granted time: 31 times 20 minutes, then 14 times 20."""
    capped = {"ref": "care", "basis": "executed_at_most_granted", "categories": ["CARE"], "rates": [{"ore": 36_000}]}
    await granted.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [capped]}})
    await granted.put("orders", "O-2", lunches(20))
    for number in range(1, 6):
        date = f"2026-10-{number:02}"
        await granted.visit_by("S-1", H2, on(date, "12:00"), on(date, "13:00"))
    before = (await month_of(granted, "2026-10"))["total_ore"]
    told = await granted.put("orders", "O-2", lunches(0, applies_from="2026-10-15"))
    assert (before, (await month_of(granted, "2026-10"))["total_ore"]) == (180_000, 168_000)
    assert told["warnings"] == [{"code": "changes_past", "from": "2026-10-15", "seconds": -20_400, "ore": -12_000}]


async def test_many_orders_are_put_from_a_day_on_and_warned_of_one_by_one(granted):
    body = {
        "orders": [
            {"ref": "O-2", **lunches(20, applies_from="2026-10-15")},
            {"ref": "O-9", **lunches(20)},
            {"ref": "O-b", **order("B-b", line("1", "tillsyn", 10))},
        ]
    }
    results = (await granted.ask("POST", "/v1/orders:batch", body, role="system", expect=200)).json()["results"]
    assert [one["status"] for one in results] == ["replaced", "created", "unchanged"]
    assert [one["from"] for one in results[0]["warnings"]] == ["2026-10-15"]
    assert results[0]["warnings"][0]["seconds"] == 20_400
    assert all("warnings" not in one for one in results[1:])


async def test_a_late_visit_is_told_by_what_was_ordered_that_day(granted):
    """The phone was away: on the 10th lunch was ordered, from the 15th on a shower."""
    await granted.put("orders", "O-2", lunches(30))
    shower = order("B-2", line("1", "dusch", 20), **OCTOBER) | {"applies_from": "2026-10-15"}
    before = await granted.visit_by("S-1", H2, on("2026-10-12", "12:00"), on("2026-10-12", "12:30"))
    await granted.put("orders", "O-2", shower)
    for date in ("2026-10-10", "2026-10-20"):
        await granted.visit_by("S-1", H2, on(date, "12:00"), on(date, "12:30"))
    told = await granted.visits(recipient="B-2")
    assert [shares(one) for one in told] == [[("lunch", 1800, True)]] * 2 + [[("dusch", 1800, True)]]
    assert told[1]["id"] == before["visits"][0]["id"]
    assert {one["shares"][0]["order_line"] for one in told} == {"O-2/1"}
    # Reported on a day when another part held, it is known but not in force.
    await granted.visit_by("S-2", H2, on("2026-10-21", "12:00"), on("2026-10-21", "12:30"), interventions=["lunch"])
    assert codes((await granted.visits(staff="S-2"))[0]) == {"order_not_in_force"}
    await granted.put("orders", "O-2", shower | {"applies_from": None})
    assert [shares(one) for one in await granted.visits(staff="S-1")] == [[("dusch", 1800, True)]] * 3


@pytest.mark.parametrize(("applies_from", "ore"), [("2026-08-15", 226_667), (None, 413_333)])
async def test_a_closed_month_is_adjusted_either_way(home_of_old, applies_from, ore):
    await home_of_old.put("contracts", "K-1", CONTRACT)
    august = {"valid_from": "2026-08-01", "valid_to": "2026-08-31"}
    await home_of_old.put("orders", "O-2", lunches(0) | august)
    for ref in ("O-1", "O-a", "O-b"):
        await home_of_old.withdraw(ref)
    await close(home_of_old, "2026-08")
    frozen = await month_of(home_of_old, "2026-08")
    await home_of_old.put("orders", "O-2", lunches(20) | august | {"applies_from": applies_from})
    assert await month_of(home_of_old, "2026-08") == frozen
    assert amounts(await month_of(home_of_old, "2026-09")) == [("2026-09", "2026-08", ore)]


async def test_an_order_may_pass_to_another_provider_from_a_day_on(granted):
    """So the first one keeps what it was paid, and both have had to do with the recipient."""
    await granted.put("orders", "O-2", lunches(20))
    await granted.put("orders", "O-2", lunches(20, applies_from="2026-10-15", provider="P-syd"))
    rows = await granted.executed("provider", month="2026-10", recipient="B-2")
    assert {row["provider"]: row["granted_seconds"] for row in rows} == {"P-norr": 14 * 1200, "P-syd": 17 * 1200}
    for provider in ("P-norr", "P-syd"):
        await granted.ask("GET", "/v1/recipients/B-2", role="planner", provider=provider, expect=200)
    for who, earlier in (({"role": "planner", "provider": "P-syd"}, 0), ({"role": "controller"}, 1)):
        read = (await granted.ask("GET", "/v1/orders/O-2", expect=200, **who)).json()
        assert len(read["earlier"]) == earlier
    await granted.visit_by("S-1", H2, on("2026-10-20", "12:00"), on("2026-10-20", "12:30"))
    assert codes((await granted.visits(recipient="B-2"))[0]) == {"order_not_in_force"}
    await granted.withdraw("O-2")
    await granted.ask("GET", "/v1/recipients/B-2", role="planner", provider="P-syd", expect=404)
