"""News of what was long true: taps, orders, tags, homes and staff told late heal the visits that came before."""

import datetime as dt

from service import SetClock, day, tap_item
from world import H1, H2, H3, PAR, ago, codes, line, order, recipient, shares, staff

from app import main
from app.actions.visits.move_clock import move_clock

START, END = day(-2, "08:00"), day(-2, "08:30")
EVENING = (day(-2, "18:00"), day(-2, "18:30"))
NEW_UID = "04000000000021"


def date(offset):
    """The day as a local date."""
    return str(day(offset).date())


async def changes(home, after="0", *, role="system", **who):
    """Everything that changed after a cursor, and the cursor to go on from."""
    items = []
    while True:
        params = {"after": after, "limit": 2}
        page = (await home.ask("GET", "/v1/changes", role=role, expect=200, params=params, **who)).json()
        items += page["items"]
        if page["next"] == after:
            assert page["items"] == []
            return items, after
        after = page["next"]


async def test_a_tap_in_that_comes_after_its_out_takes_over_the_visit(home):
    tap_out = await home.tap("S-1", H1, "out", END)
    [lonely] = await home.visits()
    _, seen = await changes(home)
    tap_in = await home.tap("S-1", H1, "in", START)
    [visit] = await home.visits()
    assert visit["id"] != lonely["id"]
    assert (visit["status"], visit["seconds"], visit["anomalies"]) == ("complete", 1800, [])
    assert visit["taps"] == {"in": tap_in["id"], "out": tap_out["id"]}
    moved = await home.ask("GET", f"/v1/visits/{lonely['id']}", role="controller", expect=301)
    assert moved.headers["Location"] == f"/v1/visits/{visit['id']}"
    news, last = await changes(home, seen)
    assert [item for item in news if "visit" in item] == [{"visit": visit}]
    assert [item for item in news if "withdrawn" in item] == [{"withdrawn": lonely["id"], "replaced_by": visit["id"]}]
    assert await changes(home, last) == ([], last)


async def test_a_planner_hears_of_the_withdrawn_visits_of_its_provider_alone(home):
    await home.tap("S-1", H1, "out", END)
    [lonely] = await home.visits()
    await home.tap("S-1", H1, "in", START)
    [visit] = await home.visits()
    told = {"withdrawn": lonely["id"], "replaced_by": visit["id"]}
    own, _ = await changes(home, role="planner", provider="P-norr")
    assert told in own
    assert {"visit": visit | {"note": None}} in own
    assert (await changes(home, role="planner", provider="P-syd"))[0] == []
    path = f"/v1/visits/{lonely['id']}"
    await home.ask("GET", path, role="planner", provider="P-norr", expect=301)
    hidden = await home.ask("GET", path, role="planner", provider="P-syd", expect=404)
    assert hidden.json()["code"] == "not_found"


async def test_nobody_is_told_the_id_of_another_providers_visit_that_took_the_place_of_ones_own(home):
    second = {"person": "S-1", "provider": "P-syd", "role": "care_assistant", "valid_from": "2026-01-01"}
    await home.put("staff", "S-1b", second)
    await home.tap("S-1", H1, "out", END)
    [lonely] = await home.visits()
    await home.tap("S-1b", H1, "in", START)
    [visit] = await home.visits()
    assert (lonely["provider"], visit["provider"]) == ("P-norr", "P-syd")
    path = f"/v1/visits/{lonely['id']}"
    for who in ({"role": "planner", "provider": "P-norr"}, {"role": "staff", "staff": "S-1"}):
        gone = await home.ask("GET", path, **who, expect=410)
        assert visit["id"] not in gone.text + str(gone.headers)
    await home.ask("GET", path, role="planner", provider="P-syd", expect=404)
    await home.ask("GET", path, role="controller", expect=301)
    theirs, _ = await changes(home, role="planner", provider="P-norr")
    assert theirs == [{"withdrawn": lonely["id"], "replaced_by": None}] * 2, "when it was made and when it went"
    assert {"withdrawn": lonely["id"], "replaced_by": visit["id"]} in (await changes(home))[0]


async def test_an_out_that_comes_late_closes_what_a_later_day_had_left_incomplete(home):
    await home.tap("S-1", H1, "in", START)
    await home.visit_by("S-1", H1, *EVENING)
    forgotten, _ = await home.visits()
    assert codes(forgotten) == {"missing_out"}
    tap_out = await home.tap("S-1", H1, "out", END)
    assert [one["id"] for one in tap_out["visits"]] == [forgotten["id"]]
    healed, evening = await home.visits()
    assert (healed["id"], healed["seconds"], healed["anomalies"]) == (forgotten["id"], 1800, [])
    assert (evening["seconds"], evening["anomalies"]) == (1800, [])


async def test_an_inner_visit_that_comes_late_takes_its_seconds_from_the_outer(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "09:00"))
    [alone] = await home.visits()
    await home.visit_by("S-1", H2, day(-2, "08:20"), day(-2, "08:30"))
    outer, inner = await home.visits()
    assert (alone["seconds"], outer["seconds"], inner["seconds"]) == (3600, 3000, 600)
    assert outer["id"] == alone["id"]


async def test_an_order_put_after_the_taps_heals_each_visit_of_its_days(home):
    for offset in (-4, -3, -2):
        await home.visit_by("S-1", H3, day(offset, "08:00"), day(offset, "08:30"))
    before = await home.visits()
    assert [codes(visit) for visit in before] == [{"not_ordered"}] * 3
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30), valid_from=date(-3)))
    early, *healed = await home.visits()
    assert (codes(early), early["payable"]) == ({"order_not_in_force"}, False)
    assert [(visit["payable"], codes(visit)) for visit in healed] == [(True, set())] * 2
    assert [visit["id"] for visit in (early, *healed)] == [visit["id"] for visit in before]


async def test_an_order_withdrawn_after_the_taps_takes_its_pay_with_it(home):
    await home.visit_by("S-1", H2, START, END)
    await home.withdraw("O-2")
    [visit] = await home.visits()
    assert (visit["payable"], codes(visit)) == (False, {"not_ordered"})
    await home.put("orders", "O-2", order("B-2", line("1", "lunch")))
    [visit] = await home.visits()
    assert (visit["payable"], codes(visit)) == (True, set())


async def test_a_tag_mounted_after_its_taps_heals_them(home):
    await home.put("tags", "T-new", {"kind": "static", "uid": NEW_UID})
    items = [tap_item(NEW_UID, "in", START), tap_item(NEW_UID, "out", END)]
    results = await home.taps("S-1", items)
    assert [(one["verdict"], one["code"], one["visits"]) for one in results] == [("disputed", "tag_unassigned", [])] * 2
    assert await home.visits() == []
    await home.mount("T-new", "H-2", day(-2, "07:00"))
    [visit] = await home.visits()
    assert (visit["recipient"], visit["status"], visit["seconds"]) == ("B-2", "complete", 1800)
    assert (visit["payable"], visit["anomalies"]) == (True, [])
    again = await home.taps("S-1", items)
    assert [(one["verdict"], one["code"], one["duplicate"]) for one in again] == [
        ("disputed", "tag_unassigned", True)
    ] * 2
    assert {one["visits"][0]["id"] for one in again} == {visit["id"]}


async def test_a_tag_that_was_moved_counts_at_the_door_where_it_hung(home):
    await home.visit_by("S-1", H1, START, END)
    await home.visit_by("S-1", H1, *EVENING)
    await home.mount("T-H-1", "H-2", day(-2, "12:00"))
    assert [visit["recipient"] for visit in await home.visits()] == ["B-1", "B-2"]


async def test_what_came_after_a_tap_follows_it_to_the_door_where_its_tag_hung(home):
    await home.tap("S-1", H1, "in", START)
    await home.tap("S-1", H3, "out", END)
    await home.tap("S-1", H2, "out", END + dt.timedelta(minutes=5))
    [mismatch] = await home.visits()
    assert (mismatch["recipient"], mismatch["status"]) == ("B-1", "incomplete")
    await home.mount("T-H-1", "H-3", day(-2, "07:00"))
    closed, lonely = await home.visits()
    assert (closed["recipient"], closed["status"], closed["seconds"]) == ("B-3", "complete", 1800)
    assert (lonely["recipient"], codes(lonely)) == ("B-2", {"missing_in"})


async def test_a_recipient_who_moved_is_visited_at_the_new_home(home):
    await home.visit_by("S-1", H2, START, END)
    await home.visit_by("S-1", H3, *EVENING)
    assert [visit["recipient"] for visit in await home.visits()] == ["B-2", "B-3"]
    await home.put("recipients", "B-2", recipient("B-2", household="H-3", valid_from=date(-2)))
    await home.put("recipients", "B-3", recipient("B-3", household="H-3b", valid_from=date(-2)))
    [morning, evening] = await home.visits()
    assert (evening["recipient"], evening["household"], shares(evening)) == ("B-2", "H-3", [("lunch", 1800, True)])
    assert morning["recipient"] == "B-2"  # the tag still hangs where nobody else has moved in


async def test_an_order_of_who_moved_out_reaches_the_door_where_nobody_lives_now(home):
    for ref in ("B-a", "B-b"):
        await home.put("orders", f"O-{ref[-1]}", order(ref, line("1", "dusch", 20), valid_to=date(-30)))
        await home.put("recipients", ref, recipient(ref, household="H-new", valid_from=date(-3)))
    await home.put("orders", "O-a", order("B-a", line("1", "dusch", 20)))
    await home.visit_by("S-1", PAR, START, END)
    assert [visit["recipient"] for visit in await home.visits()] == ["B-a"]
    await home.put("orders", "O-b", order("B-b", line("1", "dusch", 20)))
    assert {visit["recipient"] for visit in await home.visits()} == {"B-a", "B-b"}


async def test_staff_whose_employment_begins_later_than_their_taps(home):
    await home.put("staff", "S-new", staff("S-1", valid_from=date(0)))
    told = await home.visit_by("S-new", H2, START, END)
    [before] = await home.visits()
    assert (before["provider"], before["role"], before["payable"]) == ("P-norr", "care_assistant", False)
    assert (codes(before) >= {"not_employed"}, told["verdict"]) == (True, "accepted")
    await home.put("staff", "S-new", staff("S-1"))
    [visit] = await home.visits()
    assert (visit["id"], visit["provider"], visit["payable"]) == (before["id"], "P-norr", True)
    assert visit["anomalies"] == []


async def test_a_colleague_heard_of_late_was_the_first(home):
    await home.visit_by("S-2", PAR, day(-2, "08:10"), day(-2, "08:40"))
    assert all(visit["payable"] for visit in await home.visits())
    await home.visit_by("S-1", PAR, START, END)
    visits = await home.visits()
    assert {(visit["staff"], visit["payable"]) for visit in visits} == {("S-1", True), ("S-2", False)}
    assert len({visit["group"] for visit in visits}) == 1


async def test_a_tap_that_comes_after_the_days_that_are_allowed_is_disputed(settle_another):
    home = await settle_another(late_tap_days=2)
    items = [tap_item(H1, "in", day(-4, "08:00")), tap_item(H1, "out", day(-4, "08:30"))]
    results = await home.taps("S-1", items)
    assert [(one["verdict"], one["code"]) for one in results] == [("disputed", "received_too_late")] * 2
    [visit] = await home.visits()
    assert (visit["status"], codes(visit), visit["payable"], visit["seconds"]) == (
        "disputed",
        {"received_too_late"},
        False,
        0,
    )


async def test_a_visit_left_open_becomes_incomplete_by_the_hour_alone(settle_another, monkeypatch):
    monkeypatch.setattr(main, "CLOCK_SECONDS", 3600)
    home = await settle_another()
    await home.tap("S-1", H1, "in", ago(hours=1))
    [visit] = await home.visits()
    assert (visit["status"], visit["ended_at"], visit["anomalies"]) == ("open", None, [])
    [present] = await home.visits(status="open")
    assert present["id"] == visit["id"]
    home.app.state.database.clock = SetClock(dt.datetime.now(dt.UTC) + dt.timedelta(hours=16))
    await move_clock(home.app.state.database)
    [visit] = await home.visits()
    assert (visit["status"], codes(visit), visit["provisional"]) == ("incomplete", {"missing_out"}, True)
    assert visit["seconds"] == 0
