"""What happens every day at a door, each situation told through HTTP; the number is the situation's."""

import datetime as dt

from service import day, tap_item
from world import H1, H2, H3, ago, at, codes, on, order, shares, spans, staff, suggestion
from world import line as order_line


async def test_01_a_forgotten_tap_out_and_the_next_tap_elsewhere(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    await home.visit_by("S-1", H2, day(-2, "08:20"), day(-2, "08:50"))
    forgotten, following = await home.visits()
    assert (forgotten["recipient"], forgotten["status"], codes(forgotten)) == ("B-1", "incomplete", {"missing_out"})
    assert (at(forgotten["ended_at"]), forgotten["provisional"]) == (day(-2, "08:20"), True)
    assert (forgotten["seconds"], forgotten["presence"], forgotten["shares"]) == (0, [], [])
    assert not forgotten["payable"]
    repair = suggestion(forgotten, "missing_out")
    assert (repair["kind"], at(repair["ended_at"]), repair["reason"]) == ("set_end", day(-2, "08:20"), "forgot_out")
    assert (following["recipient"], following["status"], following["seconds"]) == ("B-2", "complete", 1800)
    assert following["payable"]


async def test_01_the_ordered_minutes_end_it_where_they_are_over_before_the_next_tap(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    await home.visit_by("S-1", H2, day(-2, "11:00"), day(-2, "11:30"))
    [forgotten] = await home.visits(recipient="B-1")
    assert at(forgotten["ended_at"]) == day(-2, "08:30")  # dusch 20 and insulin 10 minutes


async def test_02_a_forgotten_tap_out_and_a_tap_in_the_next_morning(home):
    await home.tap("S-1", H1, "in", day(-3, "08:00"))
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))
    forgotten, new = await home.visits()
    assert (forgotten["status"], codes(forgotten), forgotten["seconds"]) == ("incomplete", {"missing_out"}, 0)
    assert at(forgotten["ended_at"]) == day(-3, "08:30")
    assert (new["status"], new["seconds"], new["anomalies"]) == ("complete", 1800, [])
    assert new["payable"]


async def test_02_a_second_tap_in_the_same_day_opens_a_new_visit_as_well(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    await home.visit_by("S-1", H1, day(-2, "08:12"), day(-2, "08:42"))
    forgotten, new = await home.visits()
    assert (forgotten["status"], at(forgotten["ended_at"])) == ("incomplete", day(-2, "08:12"))
    assert (new["status"], new["seconds"]) == ("complete", 1800)


async def test_03_only_a_tap_out(home):
    tap = await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [visit] = await home.visits()
    assert (visit["status"], codes(visit), visit["payable"]) == ("incomplete", {"missing_in"}, False)
    assert (visit["started_at"], at(visit["ended_at"]), visit["provisional"]) == (None, day(-1, "08:30"), False)
    assert (visit["seconds"], visit["presence"]) == (0, [])
    assert visit["taps"] == {"in": None, "out": tap["id"]}
    repair = suggestion(visit, "missing_in")
    assert (repair["kind"], at(repair["started_at"]), repair["reason"]) == ("set_start", day(-1, "08:00"), "forgot_in")


async def test_04_a_tap_out_at_the_neighbours_door(home):
    began_at, left_at = ago(hours=2), ago(hours=1)
    await home.tap("S-1", H1, "in", began_at)
    tap_out = await home.tap("S-1", H2, "out", left_at)
    [visit] = await home.visits()
    assert (visit["recipient"], visit["status"], codes(visit)) == ("B-1", "open", {"tag_mismatch"})
    assert (visit["ended_at"], visit["seconds"]) == (None, 0)
    assert tap_out["visits"] == [{"id": visit["id"], "recipient": "B-1", "status": "open"}]
    repair = suggestion(visit, "tag_mismatch")
    assert (repair["kind"], at(repair["ended_at"]), repair["reason"]) == ("set_end", left_at, "wrong_tag")


async def test_04_a_tap_out_at_the_right_door_settles_the_wrong_one(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "out", day(-1, "08:28"))
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], codes(visit)) == ("complete", 1800, set())


async def test_a_tap_at_the_wrong_door_names_both(home):
    assert (await home.tap("S-1", H1, "in", ago(hours=2)))["doors"] is None
    left_at = ago(hours=1)
    out = await home.tap("S-1", H2, "out", left_at)
    assert out["doors"] == {"tapped": "H-2", "logged_in": ["H-1"]}
    assert (await home.tap("S-1", H1, "out", ago(minutes=50)))["doors"] is None
    again = await home.tap("S-1", H2, "out", left_at, id=out["id"])
    assert (again["duplicate"], again["doors"]) == (True, None)  # as it stands today


async def test_a_tap_with_an_older_visit_open_elsewhere_names_both(home):
    first_at = ago(hours=3)
    first = await home.tap("S-1", H1, "in", first_at)
    inside = await home.tap("S-1", H2, "auto", ago(hours=2))
    assert inside["doors"] == {"tapped": "H-2", "logged_in": ["H-1", "H-2"]}
    assert [one["recipient"] for one in inside["visits"]] == ["B-2"]
    bounced = await home.tap("S-1", H2, "auto", ago(hours=2, seconds=-20))
    assert bounced["doors"] == inside["doors"]
    assert (await home.tap("S-1", H2, "out", ago(hours=1)))["doors"] == {"tapped": "H-2", "logged_in": ["H-1"]}
    again = await home.tap("S-1", H1, "in", first_at, id=first["id"])
    assert (again["duplicate"], again["doors"]) == (True, None)  # then it was the only door
    assert (await home.tap("S-2", H2, "in", ago(minutes=30)))["doors"] is None  # somebody else


async def test_a_visit_for_another_provider_is_not_named_at_the_door(home):
    await home.put("staff", "S-south", staff("S-south") | {"person": "S-1"})
    began_at = ago(hours=2)
    inside = await home.tap("S-1", H1, "in", began_at)
    for uid, direction in [(H3, "out"), (H2, "in"), (H2, "out")]:
        assert (await home.tap("S-south", uid, direction, ago(hours=1)))["doors"] is None
    out = await home.tap("S-south", H1, "out", ago(minutes=30))  # ends it, as it is the same person
    again = await home.tap("S-1", H1, "in", began_at, id=inside["id"])
    assert (out["visits"], [one["status"] for one in again["visits"]]) == ([], ["complete"])


async def test_whoever_changed_employer_inside_a_visit_is_told_of_it(home):
    """It is the same ref's visit, though its provider is another by the tap out."""
    await home.put("staff", "S-1", staff("S-1") | {"provider": "P-syd", "valid_from": day(-1).date()})
    inside = await home.tap("S-1", H1, "in", day(-2, "23:50"))
    out = await home.tap("S-1", H1, "out", day(-1, "00:10"))
    assert [one["id"] for one in out["visits"]] == [one["id"] for one in inside["visits"]] != []


async def test_a_visit_forgotten_yesterday_is_not_open_elsewhere(home):
    await home.tap("S-1", H1, "in", ago(hours=17))
    assert (await home.tap("S-1", H2, "in", ago(hours=1)))["doors"] is None


async def test_05_two_taps_within_twenty_seconds(home):
    first = await home.tap("S-1", H1, "in", day(-1, "08:00"))
    again = await home.tap("S-1", H1, "in", day(-1, "08:00:20"))
    out = await home.tap("S-1", H1, "out", day(-1, "08:30"))
    await home.tap("S-1", H1, "out", day(-1, "08:30:20"))
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], visit["anomalies"]) == ("complete", 1800, [])
    assert visit["taps"] == {"in": first["id"], "out": out["id"]}
    assert [one["id"] for one in again["visits"]] == [visit["id"]]


async def test_05_a_tag_without_direction_bounces_too(home):
    await home.tap("S-1", H1, "auto", day(-1, "08:00"))
    await home.tap("S-1", H1, "auto", day(-1, "08:00:20"))
    await home.tap("S-1", H1, "auto", day(-1, "08:30"))
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], visit["anomalies"]) == ("complete", 1800, [])


async def test_11_an_alarm_at_the_same_recipient_is_told_in_the_visit_it_came_into(home):
    await home.put("orders", "O-larm", order("B-1", order_line("1", "larm", 15)))
    told = ["dusch", "insulin", "larm"]
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:45"), interventions=told)
    [visit] = await home.visits()
    assert (visit["seconds"], visit["payable"]) == (2700, True)
    assert shares(visit) == [("dusch", 1200, True), ("insulin", 600, True), ("larm", 900, True)]


async def test_11_an_alarm_team_that_comes_into_a_planned_visit_answers_the_alarm_alone(home):
    await home.put("orders", "O-larm", order("B-1", order_line("1", "larm", 15)))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"), interventions=["dusch", "insulin"])
    await home.visit_by("S-alarm", H1, day(-1, "08:10"), day(-1, "08:25"))
    planned, alarm = await home.visits()
    assert planned["group"] == alarm["group"] == planned["taps"]["in"]
    assert shares(planned) == [("dusch", 1200, True), ("insulin", 600, True)]
    assert shares(alarm) == [("larm", 900, True)]
    assert codes(planned) == codes(alarm) == set()


async def test_12_an_alarm_elsewhere_leaves_the_visit_it_came_into(home):
    await home.put("orders", "O-larm", order("B-2", order_line("1", "larm", 15)))
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.visit_by("S-1", H2, day(-1, "08:20"), day(-1, "08:35"), interventions=["larm"])
    await home.tap("S-1", H1, "out", day(-1, "09:00"))
    outer, inner = await home.visits()
    assert spans(outer) == [(day(-1, "08:00"), day(-1, "08:20")), (day(-1, "08:35"), day(-1, "09:00"))]
    assert (outer["presence_seconds"], outer["seconds"], outer["status"]) == (2700, 2700, "complete")
    assert shares(outer) == [("dusch", 1800, True), ("insulin", 900, True)]
    assert shares(inner) == [("larm", 900, True)]
    assert codes(outer) == codes(inner) == set()


async def test_12_two_visits_that_cross_give_each_second_to_the_later_one(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "in", day(-1, "08:20"))
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    await home.tap("S-1", H2, "out", day(-1, "08:50"))
    first, second = await home.visits()
    assert (first["seconds"], second["seconds"]) == (1200, 1800)
    assert codes(first) == codes(second) == {"overlap"}
    assert first["payable"]
    assert second["payable"]


async def test_13_a_visit_over_midnight_is_one_visit_of_the_day_it_began(home):
    await home.visit_by("S-night", H1, day(-2, "23:40"), day(-1, "00:20"))
    [visit] = await home.visits(from_=day(-2).date(), to=day(-2).date())
    assert (visit["seconds"], visit["payable"]) == (2400, True)
    assert visit["local_date"] == str(day(-2).date())
    assert await home.visits(from_=day(-1).date(), to=day(-1).date()) == []


async def test_13_a_visit_over_the_end_of_a_month_is_counted_whole_where_it_began(home_of_old):
    home = home_of_old
    await home.visit_by("S-night", H1, on("2026-09-30", "23:40"), on("2026-10-01", "00:20"))
    [visit] = await home.visits()
    assert (visit["local_date"], visit["seconds"], visit["anomalies"]) == ("2026-09-30", 2400, [])
    [september] = [row for row in await home.executed(month="2026-09") if row["executed_seconds"]]
    assert (september["recipient"], september["executed_seconds"], september["visits"]) == ("B-1", 2400, 1)
    assert [row for row in await home.executed(month="2026-10") if row["executed_seconds"]] == []


async def test_14_the_night_that_loses_an_hour(home_of_old):
    await home_of_old.visit_by("S-night", H1, on("2026-03-29", "01:40"), on("2026-03-29", "03:20"))
    [visit] = await home_of_old.visits(from_="2026-03-29", to="2026-03-29")
    assert (visit["seconds"], visit["payable"]) == (40 * 60, True)
    assert shares(visit) == [("dusch", 1600, True), ("insulin", 800, True)]


async def test_15_the_night_that_gains_an_hour(home_of_old):
    end_at = on("2026-10-25", "02:20", second_pass=True)
    await home_of_old.visit_by("S-night", H1, on("2026-10-25", "01:40"), end_at)
    [visit] = await home_of_old.visits(from_="2026-10-25", to="2026-10-25")
    assert (visit["seconds"], visit["payable"]) == (100 * 60, True)
    assert at(visit["ended_at"]) == end_at


async def test_15_the_repeated_hour_tells_its_two_passes_apart(home_of_old):
    first, second = on("2026-10-25", "02:10"), on("2026-10-25", "02:10", second_pass=True)
    await home_of_old.visit_by("S-night", H1, first, first + dt.timedelta(minutes=30))
    await home_of_old.visit_by("S-night", H1, second, second + dt.timedelta(minutes=30))
    visits = await home_of_old.visits(from_="2026-10-25", to="2026-10-25")
    assert [at(visit["started_at"]) for visit in visits] == [first, second]
    assert [visit["seconds"] for visit in visits] == [1800, 1800]


async def test_16_a_tag_that_was_replaced(home):
    replaced_at = day(-2, "12:00")
    new_uid = "04000000000011"
    await home.put("tags", "T-new", {"kind": "static", "uid": new_uid})
    await home.mount("T-new", "H-1", replaced_at)
    await home.tag_state("T-H-1", "retired", replaced_at)
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:30"))  # told afterwards, done before
    await home.visit_by("S-1", new_uid, day(-2, "18:00"), day(-2, "18:30"))
    told = [await home.tap("S-2", H1, way, day(-1, clock), verdict="disputed") for way, clock in
            (("in", "08:00"), ("out", "08:30"))]  # fmt: skip
    assert {(tap["verdict"], tap["code"]) for tap in told} == {("disputed", "tag_retired")}
    before, after, disputed = await home.visits()
    assert (before["status"], before["seconds"], before["payable"]) == ("complete", 1800, True)
    assert (after["status"], after["seconds"], after["payable"]) == ("complete", 1800, True)
    assert (disputed["status"], codes(disputed), disputed["payable"]) == ("disputed", {"tag_retired"}, False)
    assert (disputed["seconds"], disputed["shares"]) == (0, [])


async def test_17_tags_taken_from_the_wall_show_one_person_at_two_doors_and_are_held_once_it_is_told(home):
    """No tap says where a chip hangs. What shows it: two doors at once, who is logged in where nobody is, a report."""
    start, later = day(-2, "08:00"), dt.timedelta(seconds=20)
    for door, since in ((H1, start), (H2, start + later)):
        await home.tap("S-1", door, "in", since)
        await home.tap("S-1", door, "out", since + dt.timedelta(minutes=30))
    first, second = await home.visits()
    assert [codes(one) for one in (first, second)] == [{"overlap"}, {"overlap"}]
    assert [one["seconds"] for one in (first, second)] == [20, 1800]  # what was claimed of both is counted once
    await home.tap("S-1", H1, "in", ago(minutes=5))
    live = (await home.ask("GET", "/v1/presence", role="inspector", params={"household": "H-1"})).json()
    assert [one["staff"] for one in live["items"]] == ["S-1"]  # and an inspector stands at the door
    await home.tag_state("T-H-1", "tampered", day(-1, "12:00"), reason="other")
    await home.tap("S-2", H1, "in", day(-1, "08:00"))
    await home.tap("S-2", H1, "out", day(-1, "08:30"))
    await home.tap("S-2", H1, "in", ago(minutes=4), verdict="disputed")
    before, after = await home.visits(staff="S-2")
    assert (before["payable"], after["payable"], codes(after)) == (True, False, {"tag_tampered"})


async def test_23_a_phone_without_net_for_nine_hours(home):
    starts = [day(-1, "07:00") + n * dt.timedelta(minutes=27) for n in range(20)]
    items = []
    for n, start in enumerate(starts):
        tag = (H1, H2, H3)[n % 3]
        items += [tap_item(tag, "in", start), tap_item(tag, "out", start + dt.timedelta(minutes=20))]
    results = await home.taps("S-1", items)
    assert [(one["verdict"], one["code"], one["evidence"]) for one in results] == [("accepted", None, "static")] * 40
    assert [at(one["at"]) for one in results] == [item["tapped_at"] for item in items]
    visits = await home.visits()
    assert [at(visit["started_at"]) for visit in visits] == starts
    assert {(visit["status"], visit["seconds"]) for visit in visits} == {("complete", 1200)}


async def test_24_a_wall_clock_two_hours_slow(home):
    wrong = dt.timedelta(hours=2)
    true_in, true_out = ago(hours=3), ago(hours=2, minutes=30)
    items = [tap_item(H1, "in", true_in - wrong), tap_item(H1, "out", true_out - wrong)]
    results = await home.taps("S-1", items, sent_at=dt.datetime.now(dt.UTC) - wrong)
    assert [(one["verdict"], one["code"]) for one in results] == [("accepted", "clock_adjusted")] * 2
    [visit] = await home.visits()
    assert abs(at(visit["started_at"]) - true_in) < dt.timedelta(seconds=30)
    assert (visit["status"], visit["seconds"], visit["payable"]) == ("complete", 1800, True)
    assert visit["anomalies"] == [], "both ends were moved alike"


async def test_24_a_monotonic_clock_knows_better_than_a_wall_clock_that_was_set_meanwhile(home):
    true_in, true_out = ago(hours=3), ago(hours=2, minutes=30)
    booted_at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=10)

    def uptime(instant):
        return int((instant - booted_at).total_seconds() * 1000)

    items = [
        tap_item(H1, "in", true_in - dt.timedelta(hours=2), uptime_ms=uptime(true_in), boot_id="b1"),
        tap_item(H1, "out", true_out, uptime_ms=uptime(true_out), boot_id="b1"),
    ]
    results = await home.taps("S-1", items, sent_uptime_ms=uptime(dt.datetime.now(dt.UTC)), boot_id="b1")
    assert [one["code"] for one in results] == ["clock_adjusted", None]
    [visit] = await home.visits()
    assert abs(at(visit["started_at"]) - true_in) < dt.timedelta(seconds=30)
    assert (visit["seconds"], visit["payable"], codes(visit)) == (1800, True, {"clock_adjusted"})


async def test_24_taps_sent_apart_by_a_wrong_clock_keep_their_duration(home):
    wrong = dt.timedelta(hours=2)
    start, end = ago(hours=3), ago(hours=2, minutes=30)
    device, _ = await home.enrol("S-1")
    for way, instant in (("in", start), ("out", end)):
        sent_at = dt.datetime.now(dt.UTC) - wrong
        await home.taps("S-1", [tap_item(H1, way, instant - wrong)], sent_at=sent_at, device=device)
    [visit] = await home.visits()
    assert visit["seconds"] == 1800


async def test_25_a_wrong_time_zone_with_the_right_utc(home):
    zone = dt.timezone(dt.timedelta(hours=9))
    tap = await home.tap("S-1", H1, "in", day(-1, "08:00").astimezone(zone))
    await home.tap("S-1", H1, "out", day(-1, "08:30").astimezone(zone))
    assert (tap["code"], at(tap["at"])) == (None, day(-1, "08:00"))
    [visit] = await home.visits()
    assert (visit["seconds"], visit["anomalies"], visit["local_date"]) == (1800, [], str(day(-1).date()))


async def test_26_a_batch_that_is_delivered_twice(home):
    items = [tap_item(H1, "in", day(-1, "08:00")), tap_item(H1, "out", day(-1, "08:30"))]
    first = await home.taps("S-1", items)
    before = await home.visits()
    again = await home.taps("S-1", items)
    assert [one["duplicate"] for one in first] == [False, False]
    assert again == [one | {"duplicate": True} for one in first]
    assert await home.visits() == before


async def test_34_shopping_away_from_home(home):
    await home.put("orders", "O-shop", order("B-1", order_line("1", "inköp", 60)))
    away = {"reason": "visit_outside_home", "note": "butiken"}
    tap = await home.tap("S-1", "H-1", "in", day(-1, "10:00"), **away)
    await home.tap("S-1", "H-1", "out", day(-1, "11:00"), **away)
    await home.report("S-1", tap["id"], ["inköp"])
    assert (tap["verdict"], tap["evidence"]) == ("accepted", "manual")
    [visit] = await home.visits()
    assert visit["evidence"] == {"in": "manual", "out": "manual"}
    assert (shares(visit), visit["payable"]) == ([("inköp", 3600, True)], True)
    assert visit["counted_as"] == "off_site"
    [row] = [row for row in await home.executed() if row["recipient"] == "B-1"]
    assert (row["visits"], row["manual_visits"], row["off_site_visits"]) == (1, 0, 1)


async def test_36_a_night_visit_over_the_edge_of_a_price_band_is_one_visit(home):
    await home.visit_by("S-night", H1, day(-1, "21:30"), day(-1, "22:30"))
    [visit] = await home.visits()
    assert spans(visit) == [(day(-1, "21:30"), day(-1, "22:30"))]
    assert shares(visit) == [("dusch", 2400, True), ("insulin", 1200, True)]


async def test_40_a_day_without_the_providers_system_is_told_by_hand_in_bulk(home):
    items = []
    for n in range(10):
        start = day(-2, "08:00") + n * dt.timedelta(minutes=45)
        door = ("H-1", "H-2")[n % 2]
        items.append(tap_item(door, "in", start, reason="system_down"))
        items.append(tap_item(door, "out", start + dt.timedelta(minutes=30), reason="system_down"))
    results = await home.taps("S-1", items)
    assert {(one["verdict"], one["code"], one["evidence"]) for one in results} == {("accepted", None, "manual")}
    visits = await home.visits()
    assert len(visits) == 10
    assert {(one["status"], one["seconds"], one["payable"]) for one in visits} == {("complete", 1800, True)}
    assert {(one["evidence"]["in"], one["counted_as"]) for one in visits} == {("manual", "system_down")}
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    await home.visit_by("S-1", "H-1", day(-1, "09:00"), day(-1, "09:30"))
    [row] = await home.executed("staff", from_=day(-2).date(), to=day(-1).date())
    assert (row["visits"], row["manual_visits"], row["system_down_visits"], row["static_visits"]) == (12, 1, 10, 1)
    # The days may lie in two months.
    shares = {month: await manual_share(home, month) for month in {f"{day(-2):%Y-%m}", f"{day(-1):%Y-%m}"}}
    assert shares.pop(f"{day(-1):%Y-%m}") == 0.5
    assert [*shares.values()] in ([], [None])


async def manual_share(home, month):
    answer = await home.ask("GET", "/v1/measures/evidence", role="controller", params={"month": month})
    return answer.json()["total"]["manual_share"]
