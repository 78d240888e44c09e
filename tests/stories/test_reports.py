"""What carers tell of their visits: early, late, twice, corrected, declined, and about the wrong tap."""

import uuid

import pytest
from service import day, tap_item
from world import H1, H2, PAR, codes, contract, reasons, shares

START, END = day(-1, "08:00"), day(-1, "08:30")


async def post(home, *items, who="S-1"):
    """Send reports as they are; gives the results."""
    answer = await home.ask("POST", "/v1/reports", {"reports": list(items)}, role="staff", staff=who, expect=200)
    return answer.json()["results"]


def told(tap, *interventions, reported_at=END, outcome="performed", **more):
    """A report as a phone sends it."""
    items = [{"intervention": one, "outcome": "done"} for one in interventions]
    report = {"id": str(uuid.uuid4()), "tap": tap, "reported_at": reported_at, "outcome": outcome}
    return report | {"interventions": items} | more


async def test_a_report_that_comes_before_its_taps_waits_for_them(home):
    tap_in = tap_item(H1, "in", START)
    await home.report("S-1", tap_in["id"], ["dusch"], reported_at=END)
    assert await home.visits() == []
    await home.taps("S-1", [tap_in, tap_item(H1, "out", END)])
    [visit] = await home.visits()
    assert (shares(visit), reasons(visit)) == ([("dusch", 1800, True)], ["reported"])


async def test_the_latest_report_wins_whichever_comes_last(home):
    tap = await home.visit_by("S-1", H1, START, END)
    await home.report("S-1", tap["id"], ["insulin"], reported_at=day(-1, "08:40"))
    await home.report("S-1", tap["id"], ["dusch"], reported_at=day(-1, "08:35"))
    [visit] = await home.visits()
    assert shares(visit) == [("insulin", 1800, True)]
    await home.report("S-1", tap["id"], outcome="declined", reported_at=day(-1, "08:45"))
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"]) == ("declined", 0)


@pytest.mark.parametrize("named", ["in", "bounce", "out", "bounce after"])
async def test_a_report_may_name_any_tap_of_the_presence(home, named):
    taps = {
        "in": await home.tap("S-1", H1, "in", START),
        "bounce": await home.tap("S-1", H1, "in", day(-1, "08:00:20")),
        "out": await home.tap("S-1", H1, "out", END),
        "bounce after": await home.tap("S-1", H1, "out", day(-1, "08:30:20")),
    }
    await home.report("S-1", taps[named]["id"], ["dusch"])
    [visit] = await home.visits()
    assert shares(visit) == [("dusch", 1800, True)]


async def test_a_report_of_a_lonely_tap_out_says_what_it_was(home):
    tap = await home.tap("S-1", H1, "out", END)
    await home.report("S-1", tap["id"], outcome="no_answer")
    [visit] = await home.visits()
    assert (visit["status"], codes(visit), visit["seconds"]) == ("no_answer", {"missing_in"}, 0)


async def test_a_colleague_cannot_tell_of_somebody_elses_visit(home):
    tap = await home.visit_by("S-1", H1, START, END, interventions=["dusch"])
    before = await home.visits()
    await home.report("S-2", tap["id"], outcome="declined")
    assert await home.visits() == before


async def test_what_nobody_knows_is_refused_and_the_rest_is_taken(home):
    tap = await home.visit_by("S-1", H1, START, END)
    odd = told(tap["id"], reported_at=day(-1, "09:00"))
    stranger = [{"intervention": "dusch", "recipient": "B-999", "outcome": "done"}]
    results = await post(
        home,
        told(tap["id"], "stickning", reported_at=day(-1, "09:00")),
        odd | {"interventions": stranger},
        {"id": str(uuid.uuid4()), "tap": tap["id"], "outcome": "performed"},
        told(tap["id"], "dusch"),
    )
    assert [(one["verdict"], one["code"]) for one in results] == [
        ("refused", "unknown_intervention"),
        ("refused", "unknown_recipient"),
        ("refused", "malformed"),
        ("accepted", None),
    ]
    [visit] = await home.visits()
    assert shares(visit) == [("dusch", 1800, True)]


async def test_a_report_sent_again_is_the_same_report(home):
    tap = await home.visit_by("S-1", H1, START, END)
    report, odd = told(tap["id"], "dusch"), told(tap["id"], "stickning")
    first = await post(home, report, odd)
    before = await home.visits()
    assert await post(home, report, odd) == [one | {"duplicate": True} for one in first]
    [other] = await post(home, report | {"outcome": "declined", "interventions": []})
    assert (other["verdict"], other["code"], other["duplicate"]) == ("refused", "id_conflict", False)
    assert await home.visits() == before


async def test_one_intervention_declined_inside_a_visit_takes_no_time(home):
    items = [{"intervention": "dusch", "outcome": "declined"}, {"intervention": "insulin", "outcome": "done"}]
    await home.visit_by("S-1", H1, START, END, interventions=items)
    [visit] = await home.visits()
    assert (visit["status"], shares(visit)) == ("complete", [("insulin", 1800, True)])


async def test_minutes_that_do_not_add_up_are_scaled_and_said_so(home):
    await home.put("contracts", "C-norr", contract("reported"))
    items = [{"intervention": "dusch", "minutes": 30}, {"intervention": "insulin", "minutes": 10}]
    await home.visit_by("S-1", H1, START, END, interventions=items)
    [visit] = await home.visits()
    assert shares(visit) == [("dusch", 1350, True), ("insulin", 450, True)]
    assert (codes(visit), visit["payable"]) == ({"minutes_scaled"}, True)


async def test_a_contract_that_demands_a_report_holds_the_visit_until_it_comes(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    tap = await home.visit_by("S-1", H1, START, END)
    [visit] = await home.visits()
    assert (visit["payable"], codes(visit), reasons(visit)) == (False, {"report_missing"}, ["report_missing"] * 2)
    assert shares(visit) == [("dusch", 1200, False), ("insulin", 600, False)]
    await home.report("S-1", tap["id"], ["dusch", "insulin"])
    [visit] = await home.visits()
    assert (visit["payable"], visit["anomalies"]) == (True, [])


async def test_help_that_was_not_ordered_is_kept_and_not_paid(home):
    await home.visit_by("S-1", H2, START, END, interventions=["lunch", "städ"])
    [visit] = await home.visits()
    assert shares(visit) == [("lunch", 720, True), ("städ", 1080, False)]
    assert (visit["payable"], codes(visit), reasons(visit)) == (False, {"not_ordered"}, ["reported", "not_ordered"])


async def test_a_report_that_drops_one_of_a_couple_withdraws_that_visit(home):
    tap = await home.visit_by("S-1", PAR, START, END)
    visits = {visit["recipient"]: visit for visit in await home.visits()}
    await home.report("S-1", tap["id"], [{"intervention": "dusch", "recipient": "B-a"}])
    [left] = await home.visits()
    assert (left["id"], left["seconds"], left["payable"]) == (visits["B-a"]["id"], 1800, True)
    dropped = visits["B-b"]["id"]
    gone = await home.ask("GET", f"/v1/visits/{dropped}", role="controller", expect=410)
    assert gone.json()["code"] == "visit_withdrawn"
    changes = (await home.ask("GET", "/v1/changes", role="system", expect=200)).json()["items"]
    assert {"withdrawn": dropped, "replaced_by": None} in changes
    await home.report("S-1", tap["id"], ["dusch", "tillsyn"])
    back = await home.visit(dropped)
    assert (back["seconds"], back["version"]) == (600, visits["B-b"]["version"] + 1)
