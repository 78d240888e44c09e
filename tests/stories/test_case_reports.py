"""The half-year report and the basis of fees over HTTP."""

from world import H2, on, order

LUNCH = {"ref": "1", "intervention": "lunch", "standard_minutes": 6, "frequency": 1, "period": 1, "period_unit": "d"}
CARE = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}]}
CONTRACT = {"provider": "P-norr", "valid_from": "2025-01-01", "compensation": {"rules": [CARE]}}


async def test_half_a_year_of_a_case(home_of_old):
    service = home_of_old
    await service.put("contracts", "K-1", CONTRACT)
    await service.put("orders", "O-2", order("B-2", LUNCH, valid_to="2026-05-31"))
    for date in ("2026-02-03", "2026-03-03"):
        await service.visit_by("S-1", H2, on(date, "12:00"), on(date, "12:30"))
    await service.ask("POST", "/v1/periods/P-norr/2026-02/close", role="controller", expect=201)
    # What is told of February after its close is income of February still.
    await service.visit_by("S-1", H2, on("2026-02-04", "12:00"), on("2026-02-04", "12:10"))
    await service.ask("POST", "/v1/periods/P-norr/2026-03/close", role="controller", expect=201)
    params = {"from": "2026-01", "recipient": "B-2", "cost_ore_per_hour": 30_000}
    rows = (await service.ask("GET", "/v1/reports/half-year", role="controller", params=params)).json()["rows"]
    assert {(row["provider"], row["recipient"], row["expected"]) for row in rows} == {("P-norr", "B-2", False)}
    told = ("month", "granted_seconds", "executed_seconds", "income_ore", "cost_ore")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("2026-01", 31 * 360, 0, 0, 0),
        ("2026-02", 28 * 360, 2400, 24_000, 20_000),
        ("2026-03", 31 * 360, 1800, 18_000, 15_000),
        ("2026-04", 30 * 360, 0, 0, 0),
        ("2026-05", 31 * 360, 0, 0, 0),
    ]
    # Another provider has nothing of it to see.
    own = {"from": "2026-01"}
    answer = await service.ask("GET", "/v1/reports/half-year", role="planner", provider="P-syd", params=own)
    assert answer.json() == {"rows": []}


async def test_the_basis_of_fees(home_of_old):
    service = home_of_old
    for ref in ("O-1", "O-a"):
        await service.withdraw(ref)
    await service.put("orders", "O-b", order("B-b", {**LUNCH, "intervention": "larm"}))
    pause = {"from": "2026-11-10", "to": "2026-11-19", "reason": "journey", "notified_at": on("2026-11-09", "12:00")}
    await service.put("orders", "O-2", order("B-2", LUNCH) | {"pauses": [pause]})
    early = {"at": on("2026-11-05", "12:00"), "notified_at": on("2026-11-01", "12:00"), "reason": "visitors"}
    await service.put("declines", "A-1", early | {"recipient": "B-2", "provider": "P-norr", "intervention": "lunch"})
    params = {"month": "2026-11"}
    answer = (await service.ask("GET", "/v1/reports/fee-basis", role="controller", params=params)).json()
    assert answer == {
        "month": "2026-11",
        "profile": "norrtalje-2022",
        "cap_ore": 217_000,
        "rows": [
            # 20 days in force and the 10th and 11th, cancelled too late; less the 5th, declined in time.
            {"recipient": "B-2", "seconds": 21 * 360, "alarm_only": False, "percent": 30, "fee_ore": 65_100},
            {"recipient": "B-b", "seconds": 0, "alarm_only": True, "percent": 10, "fee_ore": 21_700},
        ],
    }
    one = (
        await service.ask("GET", "/v1/reports/fee-basis", role="system", params=params | {"recipient": "B-b"})
    ).json()
    assert [row["recipient"] for row in one["rows"]] == ["B-b"]
