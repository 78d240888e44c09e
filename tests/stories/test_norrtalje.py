"""A month of Norrtälje's mixture over HTTP: granted and executed time, nurses by visit and month, areas and pauses.

Every amount was computed by hand from the prices of 2020.
"""

import csv
import io
import json

import pytest
from world import H1, H2, on, order, recipient, staff

# The contract reaches back to the days that are told here.
CONTRACT = {"provider": "P-norr", "valid_from": "2026-01-01", "report_required": True, "split_policy": "hsl_first"}


def line(ref, intervention, minutes, frequency, unit="wk"):
    return {
        "ref": ref,
        "intervention": intervention,
        "standard_minutes": minutes,
        "frequency": frequency,
        "period": 1,
        "period_unit": unit,
    }


@pytest.fixture
async def town(home_of_old):
    service = home_of_old
    for couple in ("O-a", "O-b"):
        await service.withdraw(couple)
    body = {"title": "Rehab", "category": "LICENSED_HSL", "standard_minutes": 30}
    await service.put("interventions", "rehab", body)
    await service.put("staff", "S-nurse", {"provider": "P-norr", "role": "licensed", "valid_from": "2026-01-01"})
    await service.put("recipients", "B-1", recipient("B-1", area="RURAL", valid_from="2026-01-01"))
    lines = [
        line("1", "städ", 60, 1),
        line("2", "dusch", 20, 1, "d"),
        line("3", "insulin", 10, 1, "d"),
        line("4", "larm", 15, 1, "d"),
        line("5", "såromläggning", 20, 1),
        line("6", "rehab", 30, 1, "mo"),
    ]
    await service.put("orders", "O-1", order("B-1", *lines, pauses=[("2026-09-10", "2026-09-19")]))
    await service.put("contracts", "K-1", CONTRACT | {"compensation": {"preset": "norrtalje-2020"}})
    # One visit with everything in it: 105 minutes, of which insulin has its 10 first, and the rest is divided by
    # standard minutes: 60 + 20 + 15 of 95.
    start, end = on("2026-09-02", "08:00"), on("2026-09-02", "09:45")
    await service.visit_by("S-1", H1, start, end, interventions=["städ", "dusch", "insulin", "larm"])
    for date, what in (("2026-09-03", "såromläggning"), ("2026-09-07", "såromläggning"), ("2026-09-08", "rehab")):
        await service.visit_by("S-nurse", H1, on(date, "10:00"), on(date, "10:20"), interventions=[what])
    # In town: twenty minutes of alarm at 394 kr an hour.
    await service.put("orders", "O-2", order("B-2", line("1", "larm", 15, 1, "d")))
    start, end = on("2026-09-04", "22:00"), on("2026-09-04", "22:20")
    await service.visit_by("S-alarm", H2, start, end, interventions=["larm"])
    return service


EXPECTED = {
    # September has 30 days, 20 of them in force: 60 min x 20/7 at 394 kr/h, 20 min x 20 at 477 kr/h.
    ("B-1", "service"): 112_571,
    ("B-1", "care"): 318_000,
    ("B-1", "delegated"): 7_950,  # 10 min at 477 kr/h
    ("B-1", "alarm"): 11_925,  # 15 min
    ("B-1", "nurse-month"): 122_500,
    ("B-1", "nurse-visit"): 95_200,
    ("B-1", "rehab-visit"): 106_000,
    ("B-2", "alarm"): 13_133,
}


async def compensation(service, *, role="controller", month="2026-09", headers=None, **who):
    params = {"month": month}
    return await service.ask("GET", "/v1/compensation", role=role, params=params, expect=200, headers=headers, **who)


async def test_the_months_lines_and_their_sums(town):
    answer = (await compensation(town)).json()
    assert {(one["recipient"], one["rule"]): one["amount_ore"] for one in answer["lines"]} == EXPECTED
    total = 787_279
    assert answer["total_ore"] == total == sum(EXPECTED.values())
    assert answer["providers"] == [
        {"provider": "P-norr", "closed": False, "total_ore": total},
        {"provider": "P-syd", "closed": False, "total_ore": 0},
    ]
    [delegated] = [one for one in answer["lines"] if one["rule"] == "delegated"]
    assert delegated | {"line": None} == {
        "provider": "P-norr", "month": "2026-09", "recipient": "B-1", "contract": "K-1", "rule": "delegated",
        "title": "Delegerad HSL, utförd tid", "category": "DELEGATED_HSL", "area": "RURAL", "band": None,
        "reason": "executed", "notes": [], "from": "2026-09-02", "to": "2026-09-02", "visits": 1, "unit": "hour",
        "quantity": 0.16666667, "price_ore": 47700, "index": 1, "percent": 100, "amount_ore": 7950, "adjusts": None,
        "line": None,
    }  # fmt: skip


async def test_csv_and_lines_of_json_say_the_same(town):
    lines = (await compensation(town)).json()["lines"]
    ndjson = (await compensation(town, headers={"Accept": "application/x-ndjson"})).text
    assert [json.loads(text) for text in ndjson.splitlines()] == lines
    table = (await compensation(town, headers={"Accept": "text/csv"})).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table), delimiter=";"))
    assert [(row["rule"], int(row["amount_ore"])) for row in rows] == [
        (one["rule"], one["amount_ore"]) for one in lines
    ]
    other = {"headers": {"Accept": "image/png"}, "params": {"month": "2026-09"}}
    await town.ask("GET", "/v1/compensation", role="system", expect=406, **other)


async def test_a_planner_sees_its_own_provider_alone(town):
    answer = (await compensation(town, role="planner", provider="P-syd")).json()
    assert [one["provider"] for one in answer["providers"]] == ["P-syd"]
    params = {"month": "2026-09", "provider": "P-norr"}
    who = {"role": "planner", "provider": "P-syd"}
    await town.ask("GET", "/v1/compensation", params=params, expect=404, **who)


async def test_what_needs_a_repair_is_not_paid_until_it_is(town):
    """Insulin by somebody without a delegation is held; when the delegation is told, the money follows."""
    start, end = on("2026-09-05", "08:00"), on("2026-09-05", "08:10")
    await town.visit_by("S-3", H1, start, end, interventions=["insulin"])
    assert (await compensation(town)).json()["total_ore"] == 787_279
    given = [{"intervention": "insulin", "valid_from": "2026-01-01"}]
    await town.put("staff", "S-3", staff("S-3", delegations=given, valid_from="2026-01-01"))
    assert (await compensation(town)).json()["total_ore"] == 787_279 + 7_950


async def simulated(service, document, first="2026-09-01", last="2026-09-30", **more):
    body = {"from": first, "to": last, "compensation": document, **more}
    return (await service.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=200)).json()


async def test_what_if_nothing_changed(town):
    answer = await simulated(town, {"preset": "norrtalje-2020"})
    assert (answer["paid_ore"], answer["simulated_ore"], answer["difference_ore"]) == (787_279, 787_279, 0)
    assert all(row["difference_ore"] == 0 for row in answer["rows"])


async def test_what_if_everything_were_paid_by_the_hour_of_executed_time(town):
    rule = {"ref": "all", "basis": "executed", "categories": ["SERVICE", "CARE", "DELEGATED_HSL", "ALARM"],
            "rates": [{"ore": 36_000}]}  # fmt: skip
    answer = await simulated(town, {"rules": [rule]}, provider="P-norr")
    # 105 and 20 minutes at 6 kr.
    assert answer["simulated_ore"] == 63_000 + 12_000
    rows = {(row["area"], row["category"]): (row["paid_ore"], row["simulated_ore"]) for row in answer["rows"]}
    assert rows == {
        ("RURAL", "SERVICE"): (112_571, 36_000),
        ("RURAL", "CARE"): (318_000, 12_000),
        ("RURAL", "DELEGATED_HSL"): (7_950, 6_000),
        ("RURAL", "ALARM"): (11_925, 9_000),
        ("RURAL", "LICENSED_HSL"): (323_700, 0),
        ("URBAN", "ALARM"): (13_133, 12_000),
    }
    cut = await simulated(town, {"rules": [rule]}, first="2026-09-03", last="2026-09-30")
    assert cut["simulated_ore"] == 12_000


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"to": "2026-08-31"}, "/to"),
        ({"to": "2029-08-31"}, "/to"),
        ({"compensation": {"preset": "x"}}, "/compensation/preset"),
    ],
)
async def test_what_if_is_asked_wrongly(town, change, pointer):
    body = {"from": "2026-09-01", "to": "2026-09-30", "compensation": {}} | change
    answer = await town.ask("POST", "/v1/compensation/simulate", body, role="controller", expect=422)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_the_presets_can_be_read(home):
    items = (await home.ask("GET", "/v1/compensation/presets", role="controller")).json()["items"]
    assert {"norrtalje-2020", "solna-2024"} <= {item["preset"] for item in items}


def total_of(answer):
    return sum(one["amount_ore"] for one in answer.json()["lines"] if one["recipient"] == "B-2")


async def test_declined_visits_and_absence_pay_by_their_tables(home_of_old):
    service = home_of_old
    care = {
        "ref": "care",
        "basis": "executed",
        "categories": ["CARE"],
        "rates": [{"ore": 36_000}],
        "declined": [
            {"how": ["at_door", "single"], "percent": 50},
            {"how": ["no_answer"], "percent": 100},
            {"how": ["in_advance"], "notice_hours": 24, "percent": 100},
        ],
        "absence": {"planned_days": 5, "days": [{"first": 1, "last": 2, "percent": 75}]},
    }
    await service.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [care]}})
    told_late = {
        "from": "2026-09-29",
        "to": "2026-10-04",
        "reason": "hospital",
        "notified_at": on("2026-09-28", "20:00"),
    }
    told_early = told_late | {"from": "2026-09-15", "to": "2026-09-20", "notified_at": on("2026-09-10", "08:00")}
    body = order("B-2", line("1", "lunch", 30, 1, "d"), line("2", "tillsyn", 10, 1, "d"))
    await service.put("orders", "O-2", body | {"pauses": [told_late, told_early]})

    async def visit(date, outcome="performed", interventions=()):
        start, end = on(date, "12:00"), on(date, "12:30")
        await service.visit_by("S-1", H2, start, end, outcome=outcome, interventions=interventions)

    await visit("2026-09-02", "declined")  # both lines: 40 min at half pay
    await visit("2026-09-03", "no_answer", [{"intervention": "lunch", "outcome": "declined"}])  # lunch: 30 min
    await visit("2026-09-04", "performed", ["lunch", {"intervention": "tillsyn", "outcome": "declined"}])  # 30, and 5
    lines = (await compensation(service)).json()["lines"]
    assert {(one["reason"], one["amount_ore"]) for one in lines if one["recipient"] == "B-2"} == {
        ("declined_at_door", 12_000),
        ("declined_no_answer", 18_000),
        ("executed", 18_000),
        ("declined_single", 3_000),
        ("absence", 36_000),  # 29 and 30 September: 40 min each, 75 %
    }
    early, late = on("2026-09-05", "12:00"), on("2026-09-07", "11:00")
    notice = {"recipient": "B-2", "provider": "P-norr", "intervention": "lunch", "reason": "visitors"}
    await service.put("declines", "A-1", notice | {"at": on("2026-09-07", "12:00"), "notified_at": early})
    assert total_of(await compensation(service)) == 87_000  # told two days ahead
    await service.put("declines", "A-2", notice | {"at": on("2026-09-07", "12:00"), "notified_at": late})
    assert total_of(await compensation(service)) == 87_000 + 18_000
    await service.put("declines", "A-2", notice | {"at": late, "notified_at": late, "withdrawn": True})
    assert total_of(await compensation(service)) == 87_000
    # What a person says was done within the visit of the 4th was not declined.
    [corrected] = await service.visits(recipient="B-2", from_="2026-09-04", to="2026-09-04")
    await service.correct(corrected, "set_interventions", interventions=["lunch", "tillsyn"])
    assert total_of(await compensation(service)) == 84_000
    october = (await compensation(service, month="2026-10")).json()["lines"]
    assert october == []  # the two days of the quota were in September


async def test_rehabilitation_is_what_the_catalogue_says_it_is(town):
    """A visit by the price of rehabilitation, in no month of nursing, whatever the intervention is called."""
    body = {"title": "Fysioterapi", "category": "LICENSED_HSL", "standard_minutes": 30}
    await town.put("interventions", "fysioterapi", body)
    await town.put("orders", "O-2", order("B-2", line("1", "fysioterapi", 30, 1)))
    at = [on("2026-09-08", clock) for clock in ("12:00", "12:30")]
    await town.visit_by("S-nurse", H2, *at, interventions=["fysioterapi"])

    async def paid():
        lines = (await compensation(town)).json()["lines"]
        return {line["rule"]: line["amount_ore"] for line in lines if line["recipient"] == "B-2" if line["amount_ore"]}

    # Until the catalogue says more, licensed health care is nursing.
    assert await paid() == {"nurse-month": 107_100, "nurse-visit": 41_300}
    await town.put("interventions", "fysioterapi", body | {"licensed": "rehabilitation"})
    assert await paid() == {"rehab-visit": 92_000}
    refused = body | {"category": "CARE", "licensed": "rehabilitation"}
    answer = await town.ask("PUT", "/v1/interventions/promenad", refused, role="system", expect=422)
    assert answer.json()["errors"][0]["pointer"] == "/licensed"
