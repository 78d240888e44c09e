"""An alarm answered by another provider's team, because its line names who else may come."""

import pytest
from service import day
from world import H2, codes, contract, line, order, shares, staff

LARM = {"ref": "alarms", "basis": "executed", "categories": ["ALARM"], "rates": [{"ore": 36_000}]}


def ordered(**more):
    """P-norr has lunch and alarms of B-2; P-syd's team may answer these."""
    return order("B-2", line("1", "lunch"), line("2", "larm") | {"answered_by": ["P-syd"]}, **more)


@pytest.fixture
async def answered(home):
    await home.put("staff", "S-team", staff("S-alarm") | {"provider": "P-syd", "delegations": []})
    await home.put("contracts", "K-syd", contract() | {"provider": "P-syd", "compensation": {"rules": [LARM]}})
    await home.put("orders", "O-2", ordered())
    return home


async def test_the_answering_team_has_the_alarm_ordered_and_is_paid_for_it(answered):
    """Without the word it is not ordered, and 0 kr."""
    await answered.visit_by("S-team", H2, day(-1, "03:00"), day(-1, "03:15"))
    [visit] = await answered.visits()
    assert (shares(visit), visit["payable"], codes(visit)) == ([("larm", 900, True)], True, set())
    assert (visit["provider"], visit["shares"][0]["order_line"]) == ("P-syd", "O-2/2")
    month = f"{day(-1):%Y-%m}"

    async def paid(provider):
        asked = {"month": month, "provider": provider}
        answer = await answered.ask("GET", "/v1/compensation", role="controller", params=asked, expect=200)
        return answer.json()["total_ore"]

    assert (await paid("P-syd"), await paid("P-norr")) == (9_000, 0)
    await answered.put("orders", "O-2", order("B-2", line("1", "lunch"), line("2", "larm")))
    [visit] = await answered.visits()
    assert (visit["payable"], codes(visit), await paid("P-syd")) == (False, {"not_ordered"}, 0)
    await answered.put("orders", "O-2", ordered(valid_to=f"{day(-2).date()}"))
    assert codes((await answered.visits())[0]) == {"order_not_in_force"}


async def test_an_alarm_that_nobody_opened_for_is_paid_to_who_came(answered):
    """By the rule's half of the alarm's fifteen minutes; taken back where the order no longer names the provider."""
    declined = [{"how": ["no_answer", "single"], "percent": 50}]
    rules = [LARM | {"declined": declined}]
    await answered.put("contracts", "K-syd", contract() | {"provider": "P-syd", "compensation": {"rules": rules}})
    await answered.visit_by("S-team", H2, day(-1, "03:00"), day(-1, "03:15"), outcome="no_answer")
    said = [{"intervention": "larm", "outcome": "declined"}]
    await answered.visit_by("S-team", H2, day(-1, "04:00"), day(-1, "04:15"), interventions=said)
    asked = {"month": f"{day(-1):%Y-%m}", "provider": "P-syd"}

    async def paid():
        answer = await answered.ask("GET", "/v1/compensation", role="controller", params=asked, expect=200)
        return {line["reason"]: line["amount_ore"] for line in answer.json()["lines"]}

    assert await paid() == {"declined_no_answer": 4_500, "declined_single": 4_500}
    told = await answered.put("orders", "O-2", order("B-2", line("1", "lunch"), line("2", "larm")))
    assert [(one["seconds"], one["ore"]) for one in told["warnings"]] == [(0, -9_000)]
    assert await paid() == {}


async def test_nothing_else_of_the_order_is_the_answering_providers(answered):
    await answered.visit_by("S-team", H2, day(-1, "03:00"), day(-1, "03:15"), interventions=["larm", "lunch"])
    await answered.visit_by("S-south", H2, day(-1, "12:00"), day(-1, "12:15"))
    night, noon = await answered.visits()
    assert {share["intervention"]: share["payable"] for share in night["shares"]} == {"larm": True, "lunch": False}
    assert codes(night) == {"not_ordered"}
    assert shares(noon) == [("larm", 900, True)]  # all that is ordered of it
    own = {"role": "planner", "provider": "P-syd"}
    assert len(await answered.visits(role="planner", who={"provider": "P-syd"})) == 2
    await answered.ask("GET", "/v1/orders/O-2", expect=404, **own)
    assert (await answered.ask("GET", "/v1/orders", expect=200, **own)).json()["items"] == []


async def test_granted_time_stays_with_the_order_and_executed_goes_to_who_came(answered):
    await answered.visit_by("S-team", H2, day(-1, "03:00"), day(-1, "03:15"))
    rows = await answered.executed("provider,category", recipient="B-2")
    alarms = {row["provider"]: row for row in rows if row["category"] == "ALARM"}
    assert alarms["P-syd"]["executed_seconds"] == 900
    assert alarms["P-syd"]["granted_seconds"] == 0
    assert alarms["P-norr"]["executed_seconds"] == 0
    assert alarms["P-norr"]["granted_seconds"] > 0
    for provider, visits in (("P-syd", 1), ("P-norr", 0)):
        params = {"month": f"{day(-1):%Y-%m}", "provider": provider}
        answer = await answered.ask("GET", "/v1/measures/alarms", role="controller", params=params, expect=200)
        assert answer.json()["total"]["visits"] == visits


@pytest.mark.parametrize(
    ("answering", "intervention", "code", "pointer"),
    [
        (["P-syd", "P-nobody"], "larm", "unknown_ref", "/lines/1/answered_by/1"),
        (["P-syd"], "tillsyn", "invalid_value", "/lines/1/answered_by"),
        (["P-syd", "P-syd"], "larm", "invalid_envelope", "/lines/1/answered_by"),
    ],
)
async def test_who_answers_is_a_provider_and_what_is_answered_an_alarm(home, answering, intervention, code, pointer):
    body = order("B-2", line("1", "lunch"), line("2", intervention) | {"answered_by": answering})
    refusal = (await home.ask("PUT", "/v1/orders/O-2", body, role="system", expect=422)).json()
    assert (refusal["code"], [one["pointer"] for one in refusal["errors"]]) == (code, [pointer])


async def test_an_order_that_says_nothing_of_it_is_the_same_as_before(answered):
    first = await answered.put("orders", "O-9", order("B-1", line("1", "larm")))
    assert first["lines"][0]["answered_by"] == []
    said = order("B-1", line("1", "larm") | {"answered_by": []})
    assert await answered.put("orders", "O-9", said) == first
