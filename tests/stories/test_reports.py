"""What carers tell of their visits: early, late, twice, corrected, declined, and about the wrong tap."""

import datetime as dt
import uuid

import pytest
from service import day, tap_item
from world import H1, H2, PAR, ago, codes, contract, reasons, recipient, shares

START, END = day(-1, "08:00"), day(-1, "08:30")


async def post(home, *items, who="S-1", **envelope):
    """Send reports as they are; gives the results."""
    body = {"reports": list(items), **envelope}
    answer = await home.ask("POST", "/v1/reports", body, role="staff", staff=who, expect=200)
    return answer.json()["results"]


def verdicts(results):
    """Verdict, code and whether it was known, of each."""
    return [(one["verdict"], one["code"], one["duplicate"]) for one in results]


async def last_share(home):
    """What the seconds of the only visit went to."""
    [visit] = await home.visits()
    return [share["intervention"] for share in visit["shares"]]


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


async def test_a_report_of_tomorrow_counts_as_told_when_it_came(home):
    """A clock that runs a day ahead does not have the last word for a day."""
    tap = await home.visit_by("S-1", H1, START, END)
    await post(home, told(tap["id"], "insulin", reported_at=ago(days=-1)))
    await post(home, told(tap["id"], "dusch", reported_at=ago(minutes=10)))
    assert await last_share(home) == ["insulin"]
    await post(home, told(tap["id"], "dusch", reported_at=ago(hours=-1)))
    assert await last_share(home) == ["dusch"]


async def test_a_report_from_before_its_presence_counts_as_told_when_it_came(home):
    tap = await home.visit_by("S-1", H1, START, END)
    await post(home, told(tap["id"], "insulin", reported_at=day(-1, "08:40")))
    await post(home, told(tap["id"], "dusch", reported_at=day(-1, "07:59")))
    assert await last_share(home) == ["dusch"]


async def test_of_reports_of_one_time_the_one_received_last_counts(home):
    tap = await home.visit_by("S-1", H1, START, END)
    for intervention in ("dusch", "insulin", "dusch", "insulin"):
        await post(home, told(tap["id"], intervention, reported_at=END))
        assert await last_share(home) == [intervention]


async def test_a_batch_that_says_when_it_was_sent_is_shifted_by_that(home):
    """Two hours ahead: 10:40 by that clock was 08:40, before what the right clock told of 08:50."""
    tap = await home.visit_by("S-1", H1, START, END)
    await post(home, told(tap["id"], "dusch", reported_at=day(-1, "08:50")))
    ahead = dt.timedelta(hours=2)
    item = told(tap["id"], "insulin", reported_at=day(-1, "08:40") + ahead)
    assert verdicts(await post(home, item, sent_at=dt.datetime.now(dt.UTC) + ahead)) == [("accepted", None, False)]
    assert await last_share(home) == ["dusch"]
    assert verdicts(await post(home, item)) == [("accepted", None, True)], "the clock it was sent by is no part of it"
    await post(home, item | {"id": str(uuid.uuid4())})
    assert await last_share(home) == ["insulin"]


async def test_a_colleague_cannot_tell_of_somebody_elses_visit(home):
    tap = await home.visit_by("S-1", H1, START, END, interventions=["dusch"])
    before = await home.visits()
    item = told(tap["id"], outcome="declined", reported_at=day(-1, "09:00"))
    assert verdicts(await post(home, item, who="S-2")) == [("refused", "not_own_presence", False)]
    assert verdicts(await post(home, item, who="S-2")) == [("refused", "not_own_presence", True)]
    assert await home.visits() == before


async def test_a_colleagues_report_that_came_first_is_set_aside_when_the_tap_comes(home):
    tap_in = tap_item(H1, "in", START)
    item = told(tap_in["id"], "insulin", reported_at=day(-1, "09:00"))
    assert verdicts(await post(home, item, who="S-2")) == [("accepted", None, False)]
    await home.taps("S-1", [tap_in, tap_item(H1, "out", END)])
    await home.report("S-1", tap_in["id"], ["dusch"])
    assert await last_share(home) == ["dusch"]
    assert verdicts(await post(home, item, who="S-2")) == [("refused", "not_own_presence", True)]


@pytest.mark.parametrize("first", ["report", "tap"])
async def test_who_was_there_by_a_correction_tells_of_it_and_what_was_refused_stays_so(home, first):
    """The same visits whichever came first; who is given the presence afterwards may tell of it from then on."""
    tap_in = tap_item(H1, "in", START)
    item = told(tap_in["id"], "insulin", reported_at=day(-1, "08:40"))
    if first == "report":
        await post(home, item, who="S-2")
    await home.taps("S-1", [tap_in, tap_item(H1, "out", END)])
    if first == "tap":
        await post(home, item, who="S-2")
    [visit] = await home.visits()
    await home.correct(visit, "set_staff", staff="S-2")
    assert await last_share(home) == ["dusch", "insulin"], "as it was ordered"
    assert verdicts(await post(home, item, who="S-2")) == [("refused", "not_own_presence", True)]
    own = told(tap_in["id"], "dusch", reported_at=day(-1, "08:45"))
    assert verdicts(await post(home, own, who="S-2")) == [("accepted", None, False)]
    assert await last_share(home) == ["dusch"]


async def test_a_report_refused_for_want_of_master_data_is_judged_anew(home):
    tap = await home.visit_by("S-1", H1, START, END)
    stranger = [{"intervention": "fotvård", "recipient": "B-9", "outcome": "done"}]
    item = told(tap["id"]) | {"interventions": stranger}
    assert verdicts(await post(home, item, item)) == [
        ("refused", "unknown_intervention", False),
        ("refused", "unknown_intervention", True),
    ]
    catalogue = {"title": "Fotvård", "category": "CARE", "standard_minutes": 20}
    await home.put("interventions", "fotvård", catalogue)
    assert verdicts(await post(home, item)) == [("refused", "unknown_recipient", False)]
    await home.put("recipients", "B-9", recipient("B-1"))
    assert verdicts(await post(home, item)) == [("accepted", None, False)]
    assert verdicts(await post(home, item)) == [("accepted", None, True)]
    assert {visit["recipient"] for visit in await home.visits()} == {"B-9"}


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


WORDS = "Ville duscha före frukost."
READERS = {
    "planner": ({"role": "planner", "provider": "P-norr"}, True),
    "carer": ({"role": "staff", "staff": "S-1"}, True),
    "controller": ({"role": "controller"}, False),
    "system": ({"role": "system"}, False),
    "admin": ({"role": "admin"}, False),
}


@pytest.mark.parametrize("reader", READERS)
async def test_the_carers_words_stand_with_the_visit_for_its_provider_alone(home, reader):
    """Everybody else has no such field: that somebody wrote nothing would be an answer too."""
    who, reads = READERS[reader]
    start = ago(hours=3)
    tap = await home.visit_by("S-1", H1, start, start + dt.timedelta(minutes=30))
    item = told(tap["id"], "dusch", reported_at=start + dt.timedelta(minutes=31))
    await post(home, item | {"note": WORDS})
    await home.visit_by("S-1", H2, start + dt.timedelta(hours=1), start + dt.timedelta(minutes=90))
    listed = (await home.ask("GET", "/v1/visits", expect=200, **who)).json()["items"]
    one = (await home.ask("GET", f"/v1/visits/{listed[0]['id']}", expect=200, **who)).json()
    assert one == listed[0]
    assert [visit.get("note", "no field") for visit in listed] == ([WORDS, None] if reads else ["no field"] * 2)
    if reader != "carer":
        changes = (await home.ask("GET", "/v1/changes", expect=200, **who)).json()["items"]
        assert listed[0] in [change["visit"] for change in changes]


async def test_words_that_take_the_place_of_others_are_a_change_of_the_visit(home):
    """Who pulls changes would never hear of them otherwise."""
    planner = {"role": "planner", "provider": "P-norr"}
    tap = await home.visit_by("S-1", H1, START, END)
    item = told(tap["id"], "dusch")
    await post(home, item | {"note": WORDS})
    [before] = await home.visits()
    after = (await home.ask("GET", "/v1/changes", expect=200, **planner)).json()["next"]
    other = item | {"id": str(uuid.uuid4()), "note": "Ville inte alls."}
    await post(home, other)
    changes = (await home.ask("GET", f"/v1/changes?after={after}", expect=200, **planner)).json()["items"]
    assert [change["visit"]["note"] for change in changes] == ["Ville inte alls."]
    said = {"id": uuid.uuid4(), "kind": "set_end", "reason": "equipment", "ended_at": day(-1, "08:40")}
    headers = {"If-Match": f'"{before["version"] + 1}"'}
    path = f"/v1/visits/{before['id']}/corrections"
    answer = await home.ask("POST", path, said, headers=headers, expect=201, **planner)
    assert answer.json()["note"] == "Ville inte alls.", "the planner who corrects it reads it too"
    await post(home, told(tap["id"], "dusch", reported_at=day(-1, "09:00")))
    [visit] = (await home.ask("GET", "/v1/visits", expect=200, **planner)).json()["items"]
    assert visit["note"] is None, "the report that counts has none"


async def test_words_are_in_no_file_of_time_or_money(home):
    tap = await home.visit_by("S-1", H1, START, END)
    await post(home, told(tap["id"], "dusch") | {"note": WORDS})
    month = f"{START:%Y-%m}"
    for path in (
        f"/v1/executed-time?month={month}&by=recipient,staff",
        f"/v1/compensation?provider=P-norr&month={month}",
    ):
        for role in ({"role": "planner", "provider": "P-norr"}, {"role": "system"}):
            answer = await home.ask("GET", path, **role)
            assert WORDS not in answer.text
