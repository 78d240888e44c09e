"""Licensed, delegated and called-for work: who may, who is enrolled, what was done without; a number is a situation."""

import datetime as dt

import pytest
from service import day
from world import H1, H2, PAR, line, order, recipient, staff

NORR = {"provider": "P-norr"}
DAY = dt.timedelta(days=1)


@pytest.fixture
async def nurses(home):
    """The municipality with a nurse, and licensed care ordered of B-1 and B-3."""
    await home.put("staff", "S-nurse", {"provider": "P-norr", "role": "licensed", "valid_from": "2026-01-01"})
    wounds = line("1", "såromläggning", 30, frequency=1)
    await home.put("orders", "O-wound-1", order("B-1", wounds))
    await home.put("orders", "O-wound-3", order("B-3", wounds, pauses=[("2026-01-01", None)]))
    return home


async def listed(home, path, *, role="controller", who=None, **filters):
    return await home.pages(path, role=role, who=who, **filters)


async def measured(home, name, month=None, **filters):
    params = {"month": month or f"{day(-1):%Y-%m}"} | filters
    return (await home.ask("GET", f"/v1/measures/{name}", role="controller", expect=200, params=params)).json()


async def test_licensed_visits_and_who_is_enrolled_for_them_in_a_month(nurses):
    await nurses.visit_by("S-nurse", H1, day(-1, "08:00"), day(-1, "08:20"))
    await nurses.visit_by("S-nurse", H1, day(-1, "16:00"), day(-1, "16:10"))
    await nurses.visit_by("S-nurse", H2, day(-1, "10:00"), day(-1, "10:30"), interventions=["såromläggning"])
    await nurses.visit_by("S-1", H1, day(-1, "12:00"), day(-1, "12:30"), interventions=["dusch"])
    found = await measured(nurses, "licensed")
    counted = {"visits": 3, "seconds": 3600, "recipients": 2, "unordered": 1, "enrolled": 1}
    assert found == {"month": found["month"], "rows": [NORR | counted], "total": counted}
    one = (await measured(nurses, "licensed", recipient="B-1"))["total"]
    assert (one["visits"], one["enrolled"]) == (2, 1)
    # Who is paused all month is not enrolled, and nobody is visited before anything began.
    assert (await measured(nurses, "licensed", recipient="B-3"))["total"]["enrolled"] == 0
    assert (await measured(nurses, "licensed", "2025-12"))["rows"] == []
    await nurses.put("recipients", "B-1", recipient("B-1", died_on=day(-62).date(), valid_from="2020-01-01"))
    assert (await measured(nurses, "licensed", recipient="B-1"))["total"]["enrolled"] == 0


async def test_alarms_with_and_without_other_orders(home):
    alarm = line("1", "larm", 15, frequency=1)
    await home.put("orders", "O-alarm-1", order("B-1", alarm))
    await home.put("orders", "O-alarm-3", order("B-3", alarm))
    for number, household in enumerate((H1, H1, "H-3"), 1):
        start = day(-1, f"0{number}:00")
        await home.visit_by("S-alarm", household, start, day(-1, f"0{number}:10"), interventions=["larm"])
    found = await measured(home, "alarms")
    counted = {"visits": 3, "seconds": 1800, "recipients": 2, "with_other_orders": 2, "without_other_orders": 1}
    assert found["rows"] == [NORR | counted | {"alarm_only": 1}]
    # Another provider's order is one as well, from the day it is in force.
    await home.put("orders", "O-south", order("B-3", line("1", "städ"), provider="P-syd", valid_from=f"{day(-1):%F}"))
    total = (await measured(home, "alarms", provider="P-norr"))["total"]
    assert (total["with_other_orders"], total["without_other_orders"], total["alarm_only"]) == (3, 0, 0)
    assert (await measured(home, "alarms", provider="P-syd"))["rows"] == []


async def test_delegations_given_expiring_expired_and_revoked(home):
    def leave(last, first="2026-01-01", intervention="insulin"):
        return {"intervention": intervention, "valid_from": first, "valid_to": last and f"{last:%F}"}

    first_state = await listed(home, "/v1/delegations", provider="P-syd")
    [given] = first_state
    assert (given["staff"], given["intervention"], given["state"]) == ("S-south", "insulin", "valid")
    assert (given["valid_to"], given["revoked_at"], given["given_by"]) == (None, None, "operator/system")
    today = day(0).date()
    ends = {"S-1": today + 10 * DAY, "S-2": today - 3 * DAY, "S-night": today + 90 * DAY}
    for ref, last in ends.items():
        await home.put("staff", ref, staff(ref, delegations=[leave(last)]))
    renewed = [leave(day(-3)), leave(None, f"{day(-2):%F}")]
    await home.put("staff", "S-2", staff("S-2", delegations=renewed))
    await home.put("staff", "S-3", staff("S-3", delegations=[leave(day(-5))]))
    await home.put("staff", "S-alarm", staff("S-alarm", delegations=[]))
    found = {(one["staff"], one["valid_from"]): one["state"] for one in await listed(home, "/v1/delegations", **NORR)}
    assert found == {
        ("S-1", "2026-01-01"): "expiring",
        ("S-2", "2026-01-01"): "revoked",  # it had no end when it was given
        ("S-2", f"{day(-2):%F}"): "valid",
        ("S-3", "2026-01-01"): "expired",
        ("S-alarm", "2026-01-01"): "revoked",
        ("S-night", "2026-01-01"): "valid",
        ("S-trainee", "2026-01-01"): "valid",
    }
    [soon] = await listed(home, "/v1/delegations", state="expiring", **NORR)
    assert (soon["staff"], soon["revoked_by"]) == ("S-1", "operator/system")
    assert await listed(home, "/v1/delegations", state="expiring", soon=5, **NORR) == []
    later = await listed(home, "/v1/delegations", state="revoked", on=today + 20 * DAY, staff="S-1")
    assert [one["staff"] for one in later] == ["S-1"]
    pages = await listed(home, "/v1/delegations", limit=1)
    assert pages == await listed(home, "/v1/delegations")
    own = await listed(home, "/v1/delegations", role="planner", who=NORR)
    assert {one["provider"] for one in own} == {"P-norr"}
    for asked, status in (({"staff": "S-nobody"}, 404), ({"cursor": "x"}, 422), ({"state": "lost"}, 422)):
        await home.ask("GET", "/v1/delegations", role="controller", params=asked, expect=status)


async def test_28_the_nurse_reads_what_was_done_without_a_delegation(home):
    insulin = {"interventions": ["insulin"]}
    days = {"from": day(-7).date(), "to": day(0).date()}
    await home.visit_by("S-3", H1, day(-2, "08:00"), day(-2, "08:10"), **insulin)
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:10"), **insulin)
    await home.visit_by("S-3", PAR, day(-1, "09:00"), day(-1, "09:10"), interventions=["dusch", "insulin"])
    first, second = await listed(home, "/v1/delegations/missing", **days)
    assert (first["staff"], first["recipient"], first["intervention"], first["seconds"], first["lack"]) == (
        "S-3", "B-1", "insulin", 600, "never_given",
    )  # fmt: skip
    assert (second["local_date"], second["intervention"]) == (f"{day(-1):%F}", "insulin")
    assert await listed(home, "/v1/delegations/missing", limit=1, **days) == [first, second]
    # It had expired, and was only given anew after that.
    for told in ({"valid_from": "2026-01-01", "valid_to": f"{day(-4):%F}"}, {"valid_from": f"{day(0):%F}"}):
        await home.put("staff", "S-3", staff("S-3", delegations=[{"intervention": "insulin", **told}]))
        found = await listed(home, "/v1/delegations/missing", staff="S-3", **days)
        assert [one["lack"] for one in found] == ["expired", "expired"]
    # Paying for it is no leave; a delegation told afterwards is.
    visit = await home.visit(first["visit"])
    said = {"id": first["visit"], "kind": "resolve", "anomaly": "delegation_missing", "reason": "emergency"}
    headers = {"If-Match": f'"{visit["version"]}"'}
    await home.ask("POST", f"/v1/visits/{visit['id']}/corrections", said, headers=headers, expect=201)
    [still, _] = await listed(home, "/v1/delegations/missing", **days)
    assert (still["visit"], still["state"]) == (first["visit"], "resolved")
    await home.put("staff", "S-3", staff("S-3", delegations=[{"intervention": "insulin", "valid_from": "2026-01-01"}]))
    assert await listed(home, "/v1/delegations/missing", **days) == []
    await home.ask("GET", "/v1/delegations/missing", role="controller", expect=422)
    await home.ask("GET", "/v1/delegations/missing", role="staff", staff="S-1", params={"month": "2026-01"}, expect=403)
