"""Who came, to whom, on which order: the situations of teams, households, orders and employments, by number."""

import datetime as dt

import pytest
from service import day
from world import H1, H2, H3, PAR, STAFF, at, codes, contract, line, on, order, reasons, recipient, shares, staff

LUNCH = (day(-1, "12:00"), day(-1, "12:30"))
SHOWER_BY_TWO = order("B-3", line("1", "dusch", 20, staff_count=2))


def date(offset):
    """The day as a local date."""
    return str(day(offset).date())


def by_recipient(visits):
    """Visits that begin together, in an order that is no chance."""
    return sorted(visits, key=lambda visit: visit["recipient"])


async def test_06_two_ordered_and_two_came(home):
    await home.put("orders", "O-3", SHOWER_BY_TWO)
    await home.visit_by("S-1", H3, day(-1, "08:00"), day(-1, "08:20"))
    await home.visit_by("S-2", H3, day(-1, "08:01"), day(-1, "08:21"))
    first, second = await home.visits()
    assert first["group"] == second["group"] == first["taps"]["in"]
    assert [(one["staff"], one["payable"], one["seconds"]) for one in (first, second)] == [
        ("S-1", True, 1200),
        ("S-2", True, 1200),
    ]
    assert codes(first) == codes(second) == set()


async def test_06_two_ordered_and_one_came(home):
    await home.put("orders", "O-3", SHOWER_BY_TWO)
    await home.visit_by("S-1", H3, day(-1, "08:00"), day(-1, "08:20"))
    [visit] = await home.visits()
    assert [(one["code"], one["severity"]) for one in visit["anomalies"]] == [("staff_count", "fix")]
    assert (visit["payable"], shares(visit)) == (True, [("dusch", 1200, True)])


async def test_07_one_ordered_and_two_came(home):
    await home.visit_by("S-1", H2, day(-1, "12:00"), day(-1, "12:30"))
    await home.visit_by("S-2", H2, day(-1, "12:10"), day(-1, "12:40"))
    first, second = await home.visits()
    assert (shares(first), first["payable"], codes(first)) == ([("lunch", 1800, True)], True, set())
    assert (shares(second), reasons(second)) == (
        [("lunch", 600, True), ("lunch", 1200, False)],
        ["by_order", "extra_staff"],
    )
    assert (second["payable"], codes(second), second["seconds"]) == (False, {"extra_staff"}, 1800)


async def test_07_who_came_first_decides_whoever_is_heard_first(home):
    await home.visit_by("S-2", H2, day(-1, "12:00"), day(-1, "12:30"))
    [alone] = await home.visits()
    assert alone["payable"]
    await home.visit_by("S-1", H2, day(-1, "11:50"), day(-1, "12:30"))
    first, second = await home.visits()
    assert (first["staff"], first["payable"]) == ("S-1", True)
    assert (second["id"], second["payable"], shares(second)) == (alone["id"], False, [("lunch", 1800, False)])


async def test_08_a_couple_behind_one_tag(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30:01"))
    one, other = by_recipient(await home.visits())
    assert [(visit["recipient"], shares(visit)) for visit in (one, other)] == [
        ("B-a", [("dusch", 1201, True)]),
        ("B-b", [("tillsyn", 600, True)]),
    ]
    assert one["presence_seconds"] == other["presence_seconds"] == one["seconds"] + other["seconds"] == 1801
    assert one["taps"] == other["taps"]
    assert one["group"] == other["group"]
    assert one["id"] != other["id"]


async def test_08_a_report_says_whose_help_it_was(home):
    told = [{"intervention": "dusch", "recipient": "B-a"}, {"intervention": "tillsyn", "recipient": "B-b"}]
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"), interventions=told)
    assert [(visit["recipient"], shares(visit)) for visit in by_recipient(await home.visits())] == [
        ("B-a", [("dusch", 1200, True)]),
        ("B-b", [("tillsyn", 600, True)]),
    ]


async def test_09_a_couple_of_whom_one_has_the_order(home):
    await home.withdraw("O-b")
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    assert (visit["recipient"], shares(visit), visit["payable"]) == ("B-a", [("dusch", 1800, True)], True)


async def test_10_care_and_delegated_health_care_in_one_visit(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    assert (visit["status"], visit["payable"], visit["anomalies"]) == ("complete", True, [])
    assert shares(visit) == [("dusch", 1200, True), ("insulin", 600, True)]
    assert [one["category"] for one in visit["shares"]] == ["CARE", "DELEGATED_HSL"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("proportional", [("dusch", 1600, True), ("insulin", 800, True)]),
        ("hsl_first", [("dusch", 1500, True), ("insulin", 900, True)]),
        ("reported", [("dusch", 1500, True), ("insulin", 900, True)]),
    ],
)
async def test_10_the_contract_says_how_they_share(home, policy, expected):
    await home.put("contracts", "C-norr", contract(policy))
    told = [{"intervention": "dusch", "minutes": 25}, {"intervention": "insulin", "minutes": 15}]
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:40"), interventions=told)
    [visit] = await home.visits()
    assert (shares(visit), visit["anomalies"], visit["seconds"]) == (expected, [], 2400)


async def test_19_the_order_ended_the_day_before(home):
    ended = order("B-1", line("1", "dusch"), line("2", "insulin"), valid_to=date(-2))
    await home.put("orders", "O-1", ended)
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    last, after = await home.visits()
    assert (last["payable"], codes(last)) == (True, set())
    assert (after["status"], after["seconds"], after["payable"]) == ("complete", 1800, False)
    assert codes(after) == {"order_not_in_force"}
    assert reasons(after) == ["order_not_in_force"]


async def test_19_what_is_reported_then_is_kept_by_its_catalogue_minutes(home):
    ended = order("B-1", line("1", "dusch"), line("2", "insulin"), valid_to=date(-2))
    await home.put("orders", "O-1", ended)
    told = ["dusch", "tillsyn"]
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"), interventions=told)
    [visit] = await home.visits()
    assert shares(visit) == [("dusch", 1200, False), ("tillsyn", 600, False)]
    assert reasons(visit) == ["order_not_in_force", "not_ordered"]
    assert codes(visit) == {"order_not_in_force", "not_ordered"}


async def test_20_the_order_comes_three_days_late(home):
    await home.visit_by("S-1", H3, day(-3, "08:00"), day(-3, "08:30"))
    [before] = await home.visits()
    assert (before["status"], before["seconds"], before["payable"]) == ("complete", 1800, False)
    assert (codes(before), reasons(before)) == ({"not_ordered"}, ["not_ordered"])
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30), valid_from=date(-3)))
    [healed] = await home.visits()
    assert (healed["id"], healed["version"]) == (before["id"], before["version"] + 1)
    assert (shares(healed), healed["payable"], healed["anomalies"]) == ([("tillsyn", 1800, True)], True, [])


async def test_21_taken_to_hospital_after_the_visit(home):
    await home.visit_by("S-1", H1, day(-2, "09:00"), day(-2, "09:30"))
    await home.put("orders", "O-1", order("B-1", line("1", "dusch"), pauses=[(date(-1), date(0))]))
    await home.visit_by("S-1", H1, day(-1, "09:00"), day(-1, "09:30"))
    stands, after = await home.visits()
    assert (stands["status"], stands["payable"], stands["seconds"]) == ("complete", True, 1800)
    assert (codes(after), after["payable"], after["seconds"]) == ({"order_not_in_force"}, False, 1800)


async def test_21_taken_to_hospital_before_anybody_came(home_of_old):
    """The first absence day is that day: nobody comes, and the day grants nothing."""
    daily = line("1", "dusch", 20)
    span = {"from_": "2026-10-05", "to": "2026-10-05", "recipient": "B-1"}
    await home_of_old.put("orders", "O-1", order("B-1", daily))
    [before] = await home_of_old.executed(**span)
    await home_of_old.put("orders", "O-1", order("B-1", daily, pauses=[("2026-10-05", "2026-10-08")]))
    assert (before["granted_seconds"], before["executed_seconds"]) == (1200, 0)
    assert await home_of_old.executed(**span) == []


async def test_22_an_absence_over_the_end_of_a_month(home_of_old):
    home = home_of_old
    away = order("B-1", line("1", "dusch", 20), pauses=[("2026-09-29", "2026-10-02")])
    await home.put("orders", "O-1", away)
    for morning in ("2026-09-28", "2026-09-29", "2026-09-30", "2026-10-01", "2026-10-02", "2026-10-03"):
        await home.visit_by("S-1", H1, on(morning, "08:00"), on(morning, "08:20"))
    told = [(one["local_date"][5:], one["payable"], codes(one)) for one in await home.visits()]
    paused = {"order_not_in_force"}
    assert told == [
        ("09-28", True, set()),
        ("09-29", False, paused),
        ("09-30", False, paused),
        ("10-01", False, paused),
        ("10-02", False, paused),
        ("10-03", True, set()),
    ]
    granted = {}
    for month in ("2026-09", "2026-10"):
        [row] = await home.executed(month=month, recipient="B-1")
        granted[month] = row["granted_seconds"]
    assert granted == {"2026-09": 28 * 1200, "2026-10": 29 * 1200}


async def test_27_a_change_of_employer_in_the_middle_of_the_month(home):
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30)))
    await home.put("orders", "O-3s", order("B-3", line("1", "tillsyn", 30), provider="P-syd"))
    await home.put("staff", "S-4n", staff("S-1", person="S-4", valid_to=date(-3)))
    await home.put("staff", "S-4s", staff("S-south", person="S-4", valid_from=date(-2)))
    await home.visit_by("S-4n", H3, day(-3, "08:00"), day(-3, "08:30"))
    await home.visit_by("S-4s", H3, day(-2, "08:00"), day(-2, "08:30"))
    before, after = await home.visits()
    assert [(one["provider"], one["staff"], one["payable"], codes(one)) for one in (before, after)] == [
        ("P-norr", "S-4n", True, set()),
        ("P-syd", "S-4s", True, set()),
    ]
    for provider, visit in (("P-norr", before), ("P-syd", after)):
        assert await home.visits(role="planner", who={"provider": provider}) == [visit | {"note": None}]


async def test_27_the_old_employment_is_over(home):
    await home.visit_by("S-1", H2, *LUNCH)
    await home.put("staff", "S-1", staff("S-1", valid_to=date(-2)))
    [visit] = await home.visits()
    assert (visit["seconds"], visit["payable"], codes(visit)) == (1800, False, {"not_employed"})


async def test_27_one_person_of_two_employments_is_never_at_two_places(home):
    await home.put("staff", "S-4", staff("S-1", person="S-1"))
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.visit_by("S-4", H2, day(-1, "08:10"), day(-1, "08:20"))
    await home.tap("S-4", H1, "out", day(-1, "08:30"))
    outer, inner = await home.visits()
    assert (outer["staff"], outer["seconds"], inner["staff"], inner["seconds"]) == ("S-1", 1200, "S-4", 600)


async def test_28_no_delegation_that_day(home):
    await home.visit_by("S-3", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    assert shares(visit) == [("dusch", 1200, True), ("insulin", 600, False)]
    assert reasons(visit)[1] == "delegation_missing"
    assert (visit["status"], visit["payable"], codes(visit)) == ("complete", False, {"delegation_missing"})


async def test_28_a_delegation_told_afterwards_releases_what_was_held(home):
    await home.visit_by("S-3", H1, day(-1, "08:00"), day(-1, "08:30"))
    given = [{"intervention": "insulin", "valid_from": date(-1), "valid_to": date(-1)}]
    await home.put("staff", "S-3", staff("S-3", delegations=given))
    [visit] = await home.visits()
    assert (visit["payable"], visit["anomalies"]) == (True, [])


async def test_29_declined_after_three_minutes(home):
    start, end = day(-1, "08:00"), day(-1, "08:03")
    tap = await home.visit_by("S-1", H1, start, end, outcome="declined", note="ville sova")
    [visit] = await home.visits()
    assert (visit["status"], visit["payable"], visit["seconds"]) == ("declined", False, 0)
    assert (visit["presence"], visit["shares"]) == ([], [])
    assert (visit["taps"]["in"], visit["taps"]["out"] is None) == (tap["id"], False)
    assert (at(visit["started_at"]), at(visit["ended_at"])) == (start, end)
    assert sum(row["executed_seconds"] for row in await home.executed()) == 0


async def test_31_nobody_opens(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:02"), outcome="no_answer")
    [visit] = await home.visits(status="no_answer")
    assert (visit["payable"], visit["seconds"], visit["shares"]) == (False, 0, [])


async def test_32_a_trainee_beside_a_carer(home):
    await home.visit_by("S-trainee", H2, day(-1, "11:59"), day(-1, "12:30"))
    await home.visit_by("S-1", H2, *LUNCH)
    trainee, carer = await home.visits()
    assert (trainee["role"], trainee["payable"], reasons(trainee)) == ("trainee", False, ["trainee"])
    assert (trainee["seconds"], trainee["group"]) == (1860, carer["group"])
    assert (carer["payable"], codes(carer), shares(carer)) == (True, set(), [("lunch", 1800, True)])


async def test_32_a_trainee_does_not_fill_the_place_of_a_second_carer(home):
    await home.put("orders", "O-3", SHOWER_BY_TWO)
    await home.visit_by("S-1", H3, day(-1, "08:00"), day(-1, "08:20"))
    await home.visit_by("S-trainee", H3, day(-1, "08:00"), day(-1, "08:20"))
    carer, trainee = sorted(await home.visits(), key=lambda visit: visit["staff"])
    assert (codes(carer), carer["payable"]) == ({"staff_count"}, True)
    assert not trainee["payable"]


async def test_33_found_dead(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    await home.put("recipients", "B-1", recipient("B-1", died_on=date(-2)))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    finding, later = await home.visits()
    assert (finding["status"], finding["payable"], finding["anomalies"]) == ("complete", True, [])
    assert (later["status"], later["payable"], codes(later)) == ("complete", False, {"order_not_in_force"})


async def test_35_a_change_of_provider_on_the_day(home):
    lines = line("1", "lunch")
    await home.put("orders", "O-2", order("B-2", lines, valid_to=date(-1)))
    await home.put("orders", "O-2s", order("B-2", lines, provider="P-syd", valid_from=date(-1)))
    await home.visit_by("S-1", H2, *LUNCH)
    await home.visit_by("S-south", H2, day(-1, "17:00"), day(-1, "17:30"))
    leaving, coming = await home.visits()
    assert [(one["provider"], one["payable"], one["shares"][0]["order_line"]) for one in (leaving, coming)] == [
        ("P-norr", True, "O-2/1"),
        ("P-syd", True, "O-2s/1"),
    ]


async def test_38_a_protected_recipient_is_nameless_for_planners_and_still_counted(home):
    hidden = recipient("B-2", name="Kund Två", protected=True)
    await home.put("recipients", "B-2", hidden)
    await home.visit_by("S-1", H2, *LUNCH)
    [visit] = await home.visits(recipient="B-2", role="planner", who={"provider": "P-norr"})
    assert (visit["seconds"], visit["payable"]) == (1800, True)
    planner = await home.ask("GET", "/v1/recipients/B-2", role="planner", provider="P-norr")
    assert (planner.json()["name"], planner.json()["protected"]) == (None, True)
    listed = await home.pages("/v1/recipients", role="planner", who={"provider": "P-norr"})
    assert "Kund" not in str(listed)
    assert (await home.ask("GET", "/v1/recipients/B-2", role="system")).json()["name"] == "Kund Två"
    [row] = [row for row in await home.executed() if row["recipient"] == "B-2"]
    assert (row["executed_seconds"], row["visits"]) == (1800, 1)


async def test_39_a_relative_who_is_employed(home):
    await home.put("staff", "S-1", staff("S-1", relative_of="B-2"))
    await home.visit_by("S-1", H2, *LUNCH)
    [visit] = await home.visits()
    assert (visit["payable"], visit["anomalies"]) == (True, [])
    told = (await home.ask("GET", "/v1/staff/S-1", role="controller")).json()
    assert told["relative_of"] == "B-2"


async def test_a_crew_for_one_thing_takes_only_its_own_lines(home):
    assert STAFF["S-alarm"][1] == "alarm_team"
    await home.visit_by("S-alarm", H1, day(-1, "03:00"), day(-1, "03:15"))
    [visit] = await home.visits()
    assert (reasons(visit), visit["payable"], codes(visit)) == (["not_ordered"], False, {"not_ordered"})


async def test_a_line_outside_its_window_shares_by_the_week(home):
    morning = order("B-3", line("1", "dusch", 20, frequency=1, window=["07:00", "10:00"]))
    await home.put("orders", "O-3", morning)
    inside, outside = day(-1, "07:00"), day(-1, "15:00")
    for start in (inside, outside):
        await home.visit_by("S-1", H3, start, start + dt.timedelta(minutes=20))
    first, second = await home.visits()
    assert (codes(first), reasons(first)) == (set(), ["by_order"])
    assert (codes(second), reasons(second), second["payable"]) == ({"split_by_order"}, ["weekly_minutes"], True)


async def test_30_cancelled_ahead_by_two_clocks(home_of_old):
    """Notice of three days is early enough for the fee (48 hours) and too late for this contract's pay (five days)."""
    home = home_of_old
    table = [{"how": ["in_advance"], "notice_hours": 120, "percent": 50}]
    rule = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}], "declined": table}
    await home.put("contracts", "C-norr", contract() | {"compensation": {"rules": [rule]}})
    await home.put("orders", "O-2", order("B-2", line("1", "lunch", 30)))
    query = {"month": "2026-09", "recipient": "B-2"}

    async def clocks():
        fees = (await home.ask("GET", "/v1/reports/fee-basis", role="controller", params=query)).json()["rows"]
        asked = {"month": "2026-09", "provider": "P-norr"}
        paid = (await home.ask("GET", "/v1/compensation", role="controller", params=asked)).json()["lines"]
        return fees[0]["seconds"], sum(one["amount_ore"] for one in paid if one["recipient"] == "B-2")

    before, nothing = await clocks()
    said = {"recipient": "B-2", "provider": "P-norr", "intervention": "lunch", "reason": "visitors"}
    planned = on("2026-09-08", "12:00")
    await home.put("declines", "A-1", said | {"at": planned, "notified_at": planned - dt.timedelta(hours=72)})
    after, half_an_hour = await clocks()
    assert (before - after, half_an_hour - nothing) == (1800, 9_000)
    assert await home.visits() == []
    await home.put("declines", "A-1", said | {"at": planned, "notified_at": planned - dt.timedelta(hours=24)})
    assert await clocks() == (before, 9_000)
