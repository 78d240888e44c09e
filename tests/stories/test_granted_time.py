"""Granted time where the catalogue changes and recipients die: one number, whoever tells it."""

from world import order, recipient

DAILY = {"ref": "1", "intervention": "lunch", "frequency": 1, "period": 1, "period_unit": "d"}
GRANTED = {"rules": [{"ref": "all", "basis": "granted", "categories": ["SERVICE", "CARE"], "rates": [{"ore": 36_000}]}]}


async def catalogue(service, first, minutes, category="CARE"):
    body = {"title": "Lunch", "category": category, "standard_minutes": minutes, "valid_from": first}
    await service.put("interventions", "lunch", body)


async def granted(service, **asked):
    rows = await service.executed("category", recipient="B-2", **asked)
    return {row["category"]: row["granted_seconds"] for row in rows}


async def reports(service, month="2026-10"):
    """Granted SoL seconds as executed share, the fee basis and the half-year tell them, and what is paid by them."""

    async def told(path, **params):
        return (await service.ask("GET", path, role="controller", params=params)).json()

    share = await told("/v1/measures/executed-share", month=month, recipient="B-2")
    fee = await told("/v1/reports/fee-basis", month=month, recipient="B-2")
    half = await told("/v1/reports/half-year", **{"from": month, "recipient": "B-2"})
    pay = await told("/v1/compensation", month=month, provider="P-norr")
    return (
        share["total"]["granted_seconds"],
        sum(row["seconds"] for row in fee["rows"]),
        next((row["granted_seconds"] for row in half["rows"] if row["month"] == month), 0),
        sum(line["amount_ore"] for line in pay["lines"] if line["recipient"] == "B-2"),
    )


async def test_each_day_grants_by_its_own_catalogue(home_of_old):
    """30 minutes a day, from the 17th of October 60: 16 half hours and 15 hours are 82 800 seconds."""
    await home_of_old.put("orders", "O-2", order("B-2", DAILY, valid_from="2026-10-01", valid_to="2026-11-30"))
    await home_of_old.put(
        "contracts", "K-1", {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": GRANTED}
    )
    await catalogue(home_of_old, "2026-01-02", 30)
    await catalogue(home_of_old, "2026-10-17", 60)
    assert await granted(home_of_old, month="2026-10") == {"CARE": 82_800}
    assert await granted(home_of_old, from_="2026-10-01", to="2026-10-31") == {"CARE": 82_800}
    assert await granted(home_of_old, from_="2026-09-01", to="2026-10-31") == {"CARE": 82_800}
    assert await granted(home_of_old, from_="2026-10-01", to="2026-11-30") == {"CARE": 82_800 + 30 * 3600}
    assert await reports(home_of_old) == (82_800, 82_800, 82_800, 828_000)
    # A changed category moves with its day: what is health care from the 17th on is no part of the SoL time before it.
    await catalogue(home_of_old, "2026-10-17", 60, "DELEGATED_HSL")
    assert await granted(home_of_old, month="2026-10") == {"CARE": 28_800, "DELEGATED_HSL": 54_000}
    assert await reports(home_of_old) == (28_800, 28_800, 28_800, 288_000)


async def test_parts_of_seconds_are_rounded_once_for_each_line(home_of_old):
    """20 minutes a week: 5 314 2/7 seconds in October for each of two lines."""
    weekly = DAILY | {"standard_minutes": 20, "period_unit": "wk"}
    lines = weekly, weekly | {"ref": "2", "intervention": "städ"}
    await home_of_old.put("orders", "O-2", order("B-2", *lines, valid_from="2026-01-01"))
    await home_of_old.put(
        "contracts", "K-1", {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": GRANTED}
    )
    both = 2 * 5_314
    assert await granted(home_of_old, month="2026-10") == {"CARE": 5_314, "SERVICE": 5_314}
    share, fee, half, _ = await reports(home_of_old)
    assert (share, fee, half) == (both, both, both)
    # Half a second is a whole one: 1 minute every eighth day is 232.5 seconds in October, of each of the lines.
    eighth = [one | {"standard_minutes": 1, "period": 8, "period_unit": "d"} for one in lines]
    await home_of_old.put("orders", "O-2", order("B-2", *eighth, valid_from="2026-01-01"))
    share, fee, half, _ = await reports(home_of_old)
    assert (share, fee, half) == (466, 466, 466)


async def test_a_death_ends_what_is_granted_as_it_ends_pay(home_of_old):
    """The day of death still grants; the order needs no end."""
    lunch = DAILY | {"standard_minutes": 30}
    await home_of_old.put("orders", "O-2", order("B-2", lunch, valid_from="2026-10-01"))
    await home_of_old.put(
        "contracts", "K-1", {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": GRANTED}
    )
    assert await reports(home_of_old) == (31 * 1800, 31 * 1800, 31 * 1800, 31 * 18_000)
    await home_of_old.put("recipients", "B-2", recipient("B-2", died_on="2026-10-10", valid_from="2026-10-11"))
    assert await granted(home_of_old, month="2026-10") == {"CARE": 10 * 1800}
    assert await granted(home_of_old, month="2026-11") == {}
    assert await reports(home_of_old) == (10 * 1800, 10 * 1800, 10 * 1800, 10 * 18_000)
    assert await reports(home_of_old, "2026-11") == (0, 0, 0, 0)
