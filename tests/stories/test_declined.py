"""What is declined, how, by whom and how often, and how many faces a recipient meets, as the municipality pulls it."""

import datetime as dt

import pytest
from service import day
from world import H1, H2, PAR, line, on, order, reasons, recipient, shares, staff

NORR = {"provider": "P-norr"}
HALF_PAY = {
    "ref": "care",
    "basis": "executed",
    "categories": ["CARE", "DELEGATED_HSL"],
    "rates": [{"ore": 36_000}],  # 10 öre a second
    "declined": [{"how": ["at_door", "no_answer", "in_advance", "single"], "percent": 50}],
}
CONTRACT = {"provider": "P-norr", "valid_from": "2026-01-01", "compensation": {"rules": [HALF_PAY]}}


@pytest.fixture
async def autumn(home_of_old):
    """Visits of August to October, told in November."""
    return home_of_old


async def visit(home, date, *done, outcome="performed", declined=(), place=H1, who="S-1", clock="08:00"):
    """One visit of half an hour; gives the tap in."""
    said = [*done, *({"intervention": one, "outcome": "declined"} for one in declined)]
    start = on(date, clock)
    return await home.visit_by(who, place, start, start + dt.timedelta(minutes=30), interventions=said, outcome=outcome)


async def decline(home, ref, date, intervention=None, **more):
    """A notice that nobody need come at noon that day."""
    told = on(date, "12:00")
    body = {"recipient": "B-1", "provider": "P-norr", "intervention": intervention, "at": told, "reason": "visitors"}
    await home.put("declines", ref, body | {"notified_at": told - dt.timedelta(days=1)} | more)


async def measured(home, name, *, role="controller", who=None, expect=200, **params):
    answer = await home.ask("GET", f"/v1/measures/{name}", role=role, params=params, expect=expect, **(who or {}))
    return answer.json()


def row(performed=0, in_advance=0, at_door=0, no_answer=0, share=None, **single):
    """What became of visits; `single` are interventions declined in performed visits."""
    interventions = [
        {"intervention": name, "declined_single": number, "declined_in_advance": 0} for name, number in single.items()
    ]
    return {
        "performed": performed,
        "declined_in_advance": in_advance,
        "declined_at_door": at_door,
        "no_answer": no_answer,
        "share": share,
        "declined_single": sum(single.values()),
        "interventions": interventions,
    }


async def test_four_outcomes_of_each_provider_and_the_trend_of_each_recipient(autumn):
    await visit(autumn, "2026-08-30", outcome="declined")
    await visit(autumn, "2026-10-01", outcome="declined")
    await visit(autumn, "2026-10-02", outcome="no_answer")
    await visit(autumn, "2026-10-03", "insulin", declined=["dusch"])
    await visit(autumn, "2026-10-04", "insulin", declined=["dusch", "städ"])  # nobody ordered cleaning
    await visit(autumn, "2026-10-04", place=H2, who="S-south", clock="10:00")
    await decline(autumn, "A-1", "2026-10-05")
    await decline(autumn, "A-2", "2026-10-06", "insulin")
    found = await measured(autumn, "declined", month="2026-10", months=3)
    norr = row(performed=2, in_advance=1, at_door=1, no_answer=1, share=0.4, dusch=2)
    norr["interventions"].append({"intervention": "insulin", "declined_single": 0, "declined_in_advance": 1})
    syd = row(performed=1, share=0.0)
    assert found["month"] == "2026-10"
    assert found["rows"] == [NORR | norr, {"provider": "P-syd"} | syd]
    assert found["total"] == norr | {"performed": 3, "share": 2 / 6}
    months = [row(at_door=1, share=1.0), row(), norr]
    told = [{"month": month} | one for month, one in zip(("2026-08", "2026-09", "2026-10"), months, strict=True)]
    assert found["recipients"] == [{"recipient": "B-1", "months": told}]
    # A planner sees its own provider's alone.
    own = await measured(autumn, "declined", role="planner", who={"provider": "P-syd"}, month="2026-10")
    assert (own["rows"], own["recipients"]) == ([{"provider": "P-syd"} | syd], [])
    one = await measured(autumn, "declined", month="2026-10", months=1, recipient="B-2")
    assert one["recipients"] == [{"recipient": "B-2", "months": [{"month": "2026-10"} | syd]}]
    assert (one["rows"], one["total"]) == ([{"provider": "P-syd"} | syd], syd)
    nothing = await measured(autumn, "declined", month="2019-02")
    assert (nothing["rows"], nothing["recipients"], nothing["total"]) == ([], [], row())
    for asked in ({"month": "2026-10", "months": 0}, {"month": "2026-10", "months": 25}, {"from": "2026-10-01"}):
        await measured(autumn, "declined", expect=422, **asked)


async def test_a_paused_day_a_withdrawn_notice_and_a_later_order_change_what_was_declined_in_advance(autumn):
    await decline(autumn, "A-1", "2026-10-05")
    await decline(autumn, "A-2", "2026-10-06", withdrawn=True)
    await decline(autumn, "A-3", "2026-10-07", "städ")

    async def in_advance():
        total = (await measured(autumn, "declined", month="2026-10"))["total"]
        return total["declined_in_advance"], [one["intervention"] for one in total["interventions"]]

    assert await in_advance() == (1, [])
    lines = [{"ref": "1", "intervention": "städ", "frequency": 1, "period": 1, "period_unit": "wk"}]
    await autumn.put("orders", "O-clean", order("B-1", *lines, valid_from="2026-10-06"))
    assert await in_advance() == (1, ["städ"])
    await autumn.put("orders", "O-1", order("B-1", *lines, pauses=[("2026-10-01", "2026-10-09")]))
    assert await in_advance() == (0, ["städ"])
    await autumn.put("recipients", "B-1", recipient("B-1", died_on="2026-10-06", valid_from="2020-01-01"))
    assert await in_advance() == (0, [])


async def test_the_latest_report_and_what_people_correct_say_what_was_declined_within_a_visit(autumn):
    tap = await visit(autumn, "2026-10-03", "insulin", declined=["dusch"])
    other = await visit(autumn, "2026-10-04", "insulin", declined=["dusch"])

    async def single(**filters):
        return (await measured(autumn, "declined", month="2026-10", **filters))["total"]["declined_single"]

    assert await single() == 2
    await autumn.report("S-1", tap["id"], ["dusch", "insulin"], reported_at=on("2026-10-03", "09:00"))
    assert await single() == 1
    # What a person says was done was not declined; what they say nothing of was.
    shown = await autumn.visit(other["visits"][0]["id"])
    shown = await autumn.correct(shown, "set_interventions", interventions=["lunch"])
    assert await single() == 1
    await autumn.correct(shown, "set_interventions", interventions=["dusch"])
    assert await single() == 0
    third = await visit(autumn, "2026-10-05", "insulin", declined=["dusch"])
    shown = await autumn.correct(await autumn.visit(third["visits"][0]["id"]), "omit")
    assert await single() == 0
    await autumn.correct(shown, "restore")
    assert await single() == 1
    # Whoever of a couple was served nothing still declined.
    await visit(autumn, "2026-10-06", "dusch", declined=["tillsyn"], place=PAR)
    assert [await single(recipient=ref) for ref in ("B-1", "B-a", "B-b")] == [1, 0, 1]
    by_couple = await measured(autumn, "declined", month="2026-10", recipient="B-b")
    assert by_couple["rows"] == [NORR | row(tillsyn=1)]


async def test_at_another_door_than_ones_own_nobody_declines_but_who_was_served_there(autumn):
    """A rebuild after the order has changed tells the same, for a change of orders looks where the recipient was."""

    async def single():
        return (await measured(autumn, "declined", month="2026-10"))["total"]["declined_single"]

    lunch = {"intervention": "lunch", "recipient": "B-2", "outcome": "declined"}
    await visit(autumn, "2026-10-03", "dusch", lunch)
    assert await single() == 0
    await visit(autumn, "2026-10-04", "dusch", {"intervention": "tillsyn", "recipient": "B-2"}, lunch)
    assert await single() == 1
    await autumn.put("orders", "O-2", order("B-2", line("1", "städ")))
    assert await single() == 0


async def paid(home, month="2026-10"):
    """What each reason comes to in öre, by recipient."""
    params = {"month": month, "provider": "P-norr"}
    answer = await home.ask("GET", "/v1/compensation", role="system", params=params, expect=200)
    return {(one["recipient"], one["reason"]): one["amount_ore"] for one in answer.json()["lines"]}


@pytest.fixture
async def half_paid(autumn):
    """What is turned down pays half its standard time; a shower of forty minutes is all that B-1 has ordered."""
    await autumn.put("contracts", "K-1", CONTRACT)
    await autumn.put("orders", "O-1", order("B-1", line("1", "dusch", 40)))
    return autumn


async def read(home, tap):
    """The visits of a presence by recipient."""
    found = [one for one in await home.visits() if one["taps"]["in"] == tap["id"]]
    return sorted(found, key=lambda one: one["recipient"])


async def test_a_report_that_says_that_nothing_was_done_pays_for_what_was_declined_and_nothing_else(half_paid):
    home = half_paid
    declined = await visit(home, "2026-10-03", declined=["dusch"])
    not_done = await visit(home, "2026-10-04", {"intervention": "dusch", "outcome": "not_done"})
    for tap in (declined, not_done):
        [shown] = await read(home, tap)
        assert (shown["status"], shown["seconds"], shown["payable"]) == ("complete", 1800, False)
        assert (shares(shown), reasons(shown)) == ([(None, 1800, False)], ["nothing_done"])
        assert (shown["shares"][0]["order_line"], shown["anomalies"]) == (None, [])
    assert await paid(home) == {("B-1", "declined_single"): 12_000}
    assert (await measured(home, "declined", month="2026-10"))["total"] == row(performed=2, share=0.0, dusch=1)
    [executed] = await home.executed(month="2026-10", provider="P-norr", recipient="B-1")
    assert (executed["executed_seconds"], executed["payable_seconds"], executed["visits"]) == (3600, 0, 2)
    # A person who says what was done all the same says so in the report's place.
    [shown] = await read(home, declined)
    corrected = await home.correct(shown, "set_interventions", interventions=["dusch"])
    assert shares(corrected) == [("dusch", 1800, True)]
    assert await paid(home) == {("B-1", "executed"): 18_000}
    assert (await measured(home, "declined", month="2026-10"))["total"] == row(performed=2, share=0.0)


async def test_what_is_ordered_and_not_spoken_of_takes_the_time_of_what_was_declined(half_paid):
    home = half_paid
    await home.put("contracts", "K-1", CONTRACT | {"report_required": True})
    await home.put("orders", "O-1", order("B-1", line("1", "dusch", 40), line("2", "insulin", 10)))
    [shown] = await read(home, await visit(home, "2026-10-03", declined=["dusch"]))
    assert (shares(shown), shown["payable"]) == ([("insulin", 1800, True)], True)
    assert await paid(home) == {("B-1", "executed"): 18_000, ("B-1", "declined_single"): 12_000}
    assert (await measured(home, "declined", month="2026-10"))["total"] == row(performed=1, share=0.0, dusch=1)


async def test_of_a_couple_only_who_was_given_something_has_a_visit_that_pays(half_paid):
    home = half_paid

    async def shown(date, *said):
        tap = await visit(home, date, *said, place=PAR)
        return {one["recipient"]: (shares(one), reasons(one)) for one in await read(home, tap)}

    def declined(what, who=None):
        return {"intervention": what, "recipient": who, "outcome": "declined"}

    nothing = ["nothing_done"]
    assert await shown("2026-10-03", declined("dusch")) == {"B-b": ([("tillsyn", 1800, True)], ["by_order"])}
    assert await shown("2026-10-04", declined("dusch", "B-b")) == {
        "B-a": ([("dusch", 1200, True)], ["by_order"]), "B-b": ([("tillsyn", 600, True)], ["by_order"]),
    }  # fmt: skip
    assert await shown("2026-10-05", declined("dusch"), declined("tillsyn", "B-b")) == {
        "B-a": ([(None, 1200, False)], nothing), "B-b": ([(None, 600, False)], nothing),
    }  # fmt: skip
    assert await paid(home) == {
        ("B-a", "executed"): 12_000,
        ("B-b", "executed"): 24_000,
        ("B-a", "declined_single"): 6_000,
        ("B-b", "declined_single"): 3_000,
    }


async def test_who_declined_at_the_door_is_not_paid_for_because_of_what_the_other_was_given(half_paid):
    home = half_paid
    tap = await visit(home, "2026-10-03", outcome="declined", place=PAR)
    first, second = await read(home, tap)
    assert {first["status"], second["status"]} == {"declined"}
    corrected = await home.correct(first, "set_interventions", interventions=["dusch"])
    assert (corrected["status"], shares(corrected)) == ("complete", [("dusch", 1800, True)])
    [_, second] = await read(home, tap)
    assert (second["recipient"], second["status"], second["shares"]) == ("B-b", "declined", [])
    assert await paid(home) == {("B-a", "executed"): 18_000, ("B-b", "declined_at_door"): 3_000}
    assert (await measured(home, "declined", month="2026-10"))["total"] == row(performed=1, at_door=1, share=0.5)
    omitted = await home.correct(second, "omit")
    assert omitted["status"] == "omitted"
    assert await paid(home) == {("B-a", "executed"): 18_000}
    await home.correct(omitted, "restore")
    [_, second] = await read(home, tap)
    both = await home.correct(second, "set_interventions", interventions=["tillsyn"])
    assert (both["status"], both["seconds"]) == ("complete", 600)
    assert await paid(home) == {("B-a", "executed"): 12_000, ("B-b", "executed"): 6_000}


async def test_what_the_report_names_is_paid_by_whichever_tap_it_names_and_whoever_was_there(half_paid):
    """Insulin was declined at the door, not the shower that is ordered too: ten minutes at half their price."""
    home = half_paid
    await home.put("orders", "O-1", order("B-1", line("1", "dusch", 40), line("2", "insulin", 10)))
    await home.tap("S-1", H1, "in", on("2026-10-02", "08:00"))
    bounce = await home.tap("S-1", H1, "in", on("2026-10-02", "08:00:30"))
    await home.tap("S-1", H1, "out", on("2026-10-02", "08:05"))
    said = [{"intervention": "insulin", "outcome": "declined"}]
    told_at = on("2026-10-02", "08:05")
    await home.report("S-1", bounce["id"], said, outcome="declined", reported_at=told_at)
    assert await paid(home) == {("B-1", "declined_at_door"): 3_000}
    [shown] = await home.visits()
    await home.correct(shown, "set_staff", staff="S-2")
    assert await paid(home) == {("B-1", "declined_at_door"): 3_000}
    # A trainee is never paid for, nor whoever was not employed, nor what is declined after a death.
    for who in ("S-trainee", "S-3"):
        await visit(home, "2026-10-03", outcome="declined", who=who)
        await visit(home, "2026-10-04", "insulin", declined=["dusch"], who=who)
        await home.put("staff", who, staff(who, valid_to=None if who == "S-trainee" else "2026-10-01"))
    assert await paid(home) == {("B-1", "declined_at_door"): 3_000}
    await home.put("recipients", "B-1", recipient("B-1", died_on="2026-10-01", valid_from="2020-01-01"))
    assert await paid(home) == {}


@pytest.mark.parametrize(("ordered", "paid_for"), [(1, 1), (2, 2)])
async def test_as_many_are_paid_for_what_is_declined_at_once_as_were_ordered(half_paid, ordered, paid_for):
    """Three come together: a shower of forty minutes at half its price for each who was ordered."""
    await half_paid.put("orders", "O-1", order("B-1", line("1", "dusch", 40, staff_count=ordered)))
    for who in ("S-1", "S-2", "S-3"):
        await visit(half_paid, "2026-10-02", outcome="declined", who=who)
        await visit(half_paid, "2026-10-03", outcome="no_answer", who=who)
        await visit(half_paid, "2026-10-04", declined=["dusch"], who=who)
    each = 12_000 * paid_for
    reasons = ("declined_at_door", "declined_no_answer", "declined_single")
    assert await paid(half_paid) == {("B-1", reason): each for reason in reasons}
    # Who comes when the others have left was ordered to.
    await visit(half_paid, "2026-10-02", outcome="declined", who="S-3", clock="08:30")
    assert (await paid(half_paid))["B-1", "declined_at_door"] == each + 12_000


async def test_an_alarm_team_is_paid_for_alarms_that_were_declined_alone(half_paid):
    home = half_paid
    care = HALF_PAY | {"categories": ["CARE", "ALARM"]}
    await home.put("contracts", "K-1", CONTRACT | {"compensation": {"rules": [care]}})
    await visit(home, "2026-10-02", outcome="no_answer", who="S-alarm")
    assert await paid(home) == {}
    await home.put("orders", "O-9", order("B-1", line("1", "larm", 20)))
    assert await paid(home) == {("B-1", "declined_no_answer"): 6_000}


async def test_indices_have_their_known_answers(home):
    for offset, who in enumerate(("S-1", "S-1", "S-1", "S-2", "S-2", "S-south"), -6):
        await home.visit_by(who, H1, day(offset, "08:00"), day(offset, "08:30"))
    await home.visit_by("S-trainee", H1, day(-1, "08:00"), day(-1, "08:30"))
    await home.visit_by("S-night", H2, day(-3, "23:00"), day(-3, "23:10"))
    first = day(-6).date()

    async def ask(**filters):
        return await measured(home, "indices", **({"from": first} | filters))

    found = await ask()
    known = {"visits": 6, "upc": 0.5, "hhi": 7 / 18, "coc": 4 / 15, "secon": 0.6, "k": 0.6}
    alone = {"visits": 1, "upc": 1.0, "hhi": 1.0, "coc": None, "secon": None, "k": None}
    assert found == {
        "profile": "all-visits",
        "from": f"{first}",
        "to": f"{first + dt.timedelta(days=13)}",
        "rows": [{"recipient": "B-1", "persons": 3} | known, {"recipient": "B-2", "persons": 1} | alone],
        "total": {"recipients": 2} | known | {"visits": 7, "upc": 4 / 7, "hhi": 15 / 37},
    }
    strict = await ask(profile="kolada-classic")
    assert [one["recipient"] for one in strict["rows"]] == ["B-1"]
    nobody = dict.fromkeys(alone) | {"visits": 0}
    none = await ask(recipient="B-3")
    assert (none["rows"], none["total"]) == ([{"recipient": "B-3", "persons": 0} | nobody], {"recipients": 0} | nobody)
    # Two who come together are one visit to follow another, and a visit by each.
    await home.visit_by("S-2", H2, day(-3, "23:05"), day(-3, "23:15"))
    await home.visit_by("S-2", H2, day(-2, "09:00"), day(-2, "09:30"))
    [both] = (await ask(recipient="B-2"))["rows"]
    assert (both["visits"], both["persons"], both["secon"], both["k"]) == (3, 2, 1.0, 0.5)
    # A planner sees the visits of its own provider.
    own = await measured(home, "indices", role="planner", who={"provider": "P-syd"}, **{"from": first})
    assert [(one["recipient"], one["visits"]) for one in own["rows"]] == [("B-1", 1)]
    month = await measured(home, "indices", month="2020-02")
    assert (month["from"], month["to"], month["rows"]) == ("2020-02-01", "2020-02-29", [])
    for asked in ({}, {"month": "2026-10", "from": first}, {"from": first, "profile": "kolada-2030"}):
        await measured(home, "indices", expect=422, **asked)
