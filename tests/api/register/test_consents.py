"""Consents: what is taken, and what a case officer reads with one, without, and in an emergency."""

import pytest
from service import day

TODAY, YESTERDAY = day(0).date(), day(-1).date()
GIVEN = {"recipient": "B-1", "what": "Läsa besök", "given_on": YESTERDAY}


@pytest.fixture
async def town(service):
    """A recipient with one visit yesterday."""
    await service.put("providers", "P-1", {"name": "P-1", "form": "external"})
    await service.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": "2026-01-01"})
    await service.put("recipients", "B-1", {"area": "URBAN"})
    await service.visit_by("S-1", "B-1", day(-1, "00:01"), day(-1, "00:04"))
    [service.one] = await service.visits()
    return service


async def codes(town, **asked):
    """The statuses of the list and of the visit to a case officer."""
    listed = await town.ask(
        "GET", "/v1/visits", role="case_officer", expect=(200, 403), params={"recipient": "B-1"} | asked
    )
    one = await town.ask("GET", f"/v1/visits/{town.one['id']}", role="case_officer", expect=(200, 404), params=asked)
    return listed.status_code, one.status_code


async def test_a_consent_opens_visits_from_its_day_until_it_is_withdrawn(town):
    assert await codes(town) == (403, 404)
    await town.put("consents", "M-1", GIVEN, role="case_officer")
    assert await codes(town) == (200, 200)
    await town.put("consents", "M-2", GIVEN | {"withdrawn_on": TODAY})
    assert await codes(town) == (200, 200), "the other one still holds"
    await town.put("consents", "M-1", GIVEN | {"withdrawn_on": TODAY}, role="case_officer")
    assert await codes(town) == (403, 404)


async def test_an_emergency_has_one_of_four_reasons(town):
    assert await codes(town, emergency="danger_to_life") == (200, 200)
    for path in ("/v1/visits", f"/v1/visits/{town.one['id']}"):
        asked = {"emergency": "curious"}
        problem = (await town.ask("GET", path, role="case_officer", params=asked, expect=422)).json()
        assert [one["pointer"] for one in problem["errors"]] == ["/query/emergency"]


async def test_a_case_officer_asks_about_one_recipient(town):
    for asked in ({}, {"emergency": "danger_to_life"}):
        problem = (await town.ask("GET", "/v1/visits", role="case_officer", params=asked, expect=422)).json()
        assert problem["errors"][0]["pointer"] == "/query/recipient"


async def test_a_case_officer_sees_no_money_and_no_note(town):
    told = {"name": "P-1", "form": "external", "org_no": "556000-0001", "invoicing": {"payer": "omsorg"}}
    await town.put("payers", "omsorg", {"name": "N", "org_no": "212000-0001", "reference": "4711"})
    await town.put("providers", "P-1", told)
    assert (await town.ask("GET", "/v1/providers/P-1", role="case_officer")).json()["invoicing"] is None
    asked = {"emergency": "missing_person"}
    shown = (await town.ask("GET", f"/v1/visits/{town.one['id']}", role="case_officer", params=asked)).json()
    assert "note" not in shown
    month = {"month": f"{day(-1):%Y-%m}"}
    for path in (
        "/v1/compensation",
        "/v1/reports/fee-basis",
        "/v1/periods",
        "/v1/contracts",
        "/v1/compensation/presets",
    ):
        await town.ask("GET", path, role="case_officer", params=month if "/re" in path else None, expect=403)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"recipient": "B-2"}, "/recipient"),
        ({"given_on": day(0).date().replace(year=2199)}, "/given_on"),
        ({"withdrawn_on": "2026-01-01"}, "/withdrawn_on"),
        ({"what": ""}, "/what"),
    ],
)
async def test_what_is_no_consent_is_refused(town, changed, pointer):
    problem = (await town.ask("PUT", "/v1/consents/M-1", GIVEN | changed, expect=422)).json()
    assert [one["pointer"] for one in problem["errors"]] == [pointer]
