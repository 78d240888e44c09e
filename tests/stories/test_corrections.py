"""People put right what the taps could not tell, each way of it told through HTTP; a number is the situation's."""

import asyncio
import datetime as dt
import uuid

import pytest
from service import day, tap_item
from world import H1, H2, PAR, at, codes, contract, line, order, shares, spans, staff, suggestion


async def apply(home, visit, code):
    """Make the correction that the visit itself suggests."""
    repair = suggestion(visit, code)
    kind, reason = repair.pop("kind"), repair.pop("reason")
    return await home.correct(visit, kind, reason, **repair)


async def test_01_the_end_of_a_forgotten_tap_out_is_confirmed(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    [forgotten] = await home.visits()
    told = await apply(home, forgotten, "missing_out")
    assert told["id"] == forgotten["id"]
    assert (told["status"], told["seconds"], told["payable"], codes(told)) == ("complete", 1800, True, set())
    assert told["evidence"] == {"in": "static", "out": "manual"}
    assert told["provisional"] is False
    assert told["version"] == forgotten["version"] + 1
    [correction] = told["corrections"]
    assert (correction["kind"], correction["reason"], correction["note"]) == ("set_end", "forgot_out", None)
    assert correction["by"] == "operator/P-norr"
    assert correction["before"] == {"ended_at": None}, "what was provisional did not stand"
    assert correction["after"].keys() == {"ended_at"}
    assert at(correction["after"]["ended_at"]) == day(-2, "08:30")
    assert await home.visit(told["id"]) == told
    row = next(row for row in await home.executed(month=f"{day(-2):%Y-%m}") if row["recipient"] == "B-1")
    assert (row["executed_seconds"], row["manual_visits"]) == (1800, 1)


async def test_01_a_tap_out_that_comes_after_the_correction_moves_nothing(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    [forgotten] = await home.visits()
    await home.correct(forgotten, "set_end", ended_at=day(-2, "08:25"))
    await home.tap("S-1", H1, "out", day(-2, "08:40"))
    [told] = await home.visits()
    assert (told["status"], at(told["ended_at"]), told["seconds"]) == ("complete", day(-2, "08:25"), 1500)
    assert (codes(told), told["payable"], told["evidence"]["out"]) == ({"fact_after_correction"}, True, "manual")


async def test_what_was_corrected_is_read_by_a_connection_that_has_read_nothing_before(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    [forgotten] = await home.visits()
    corrected = await home.correct(forgotten, "set_end", ended_at=day(-2, "08:25"))
    await home.app.state.database.engine.dispose()
    await home.put("staff", "S-1", staff("S-1", person="P-1"))
    [told] = await home.visits()
    assert (told["seconds"], told["corrections"]) == (1500, corrected["corrections"])


async def test_01_a_second_tap_out_after_a_corrected_end_is_no_visit_of_its_own(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:10"))
    [visit] = await home.visits()
    await home.correct(visit, "set_end", ended_at=day(-2, "09:00"))
    await home.tap("S-1", H1, "out", day(-2, "08:58"))
    [told] = await home.visits()
    assert (at(told["ended_at"]), codes(told)) == (day(-2, "09:00"), {"fact_after_correction"})


async def test_03_the_start_of_a_lone_tap_out_is_confirmed_and_a_late_tap_in_attaches(home):
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [lone] = await home.visits()
    told = await apply(home, lone, "missing_in")
    assert (told["status"], at(told["started_at"]), told["seconds"]) == ("complete", day(-1, "08:00"), 1800)
    assert told["evidence"] == {"in": "manual", "out": "static"}
    await home.tap("S-1", H1, "in", day(-1, "08:05"))
    [later] = await home.visits()
    assert (at(later["started_at"]), codes(later)) == (day(-1, "08:00"), {"fact_after_correction"})
    assert later["corrections"] == told["corrections"]
    moved = await home.ask("GET", f"/v1/visits/{told['id']}", role="controller", expect=301)
    assert moved.headers["location"] == f"/v1/visits/{later['id']}"


async def test_03_a_tap_in_before_a_corrected_start_is_no_visit_of_its_own(home):
    await home.visit_by("S-1", H1, day(-1, "08:30"), day(-1, "09:00"))
    [visit] = await home.visits()
    await home.correct(visit, "set_start", started_at=day(-1, "08:00"))
    await home.tap("S-1", H1, "in", day(-1, "07:58"))
    [told] = await home.visits()
    assert (at(told["started_at"]), told["seconds"], codes(told)) == (day(-1, "08:00"), 3600, {"fact_after_correction"})
    await home.tap("S-1", H1, "out", day(-1, "08:10"))
    first, second = await home.visits()
    assert (at(first["started_at"]), at(first["ended_at"])) == (day(-1, "07:58"), day(-1, "08:10"))
    assert (at(second["started_at"]), codes(second)) == (day(-1, "08:00"), {"overlap"})


async def test_04_an_out_at_the_neighbours_door_is_taken_for_the_right_one(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "out", day(-1, "08:28"))
    [visit] = await home.visits()
    told = await apply(home, visit, "tag_mismatch")
    assert (told["status"], told["seconds"], codes(told)) == ("complete", 1680, set())


async def test_07_extra_staff_that_the_municipality_resolves_is_payable(home):
    await home.visit_by("S-1", H2, day(-1, "08:00"), day(-1, "08:30"))
    await home.visit_by("S-2", H2, day(-1, "08:00"), day(-1, "08:30"))
    extra = next(one for one in await home.visits() if codes(one))
    said = {"id": uuid.uuid4(), "kind": "resolve", "anomaly": "extra_staff", "reason": "emergency"}
    path, headers = f"/v1/visits/{extra['id']}/corrections", {"If-Match": f'"{extra["version"]}"'}
    await home.ask("POST", path, said, role="planner", provider="P-norr", headers=headers, expect=403)
    told = (await home.ask("POST", path, said, role="admin", headers=headers, expect=201)).json()
    assert (told["payable"], shares(told)) == (True, [("lunch", 1800, True)])
    assert told["anomalies"][0]["state"] == "resolved"


async def test_12_a_corrected_end_gives_back_what_an_inner_visit_took(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "in", day(-1, "08:10"))
    await home.tap("S-1", H2, "out", day(-1, "08:50"))
    await home.tap("S-1", H1, "out", day(-1, "09:00"))
    outer, inner = await home.visits()
    assert (outer["seconds"], inner["seconds"]) == (1200, 2400)
    await home.correct(inner, "set_end", ended_at=day(-1, "08:20"))
    outer, inner = await home.visits()
    assert (outer["seconds"], inner["seconds"]) == (3000, 600)
    assert spans(outer) == [(day(-1, "08:00"), day(-1, "08:10")), (day(-1, "08:20"), day(-1, "09:00"))]


async def test_an_omitted_visit_has_no_seconds_and_takes_none_until_it_is_restored(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.visit_by("S-1", H2, day(-1, "08:10"), day(-1, "08:50"))
    await home.tap("S-1", H1, "out", day(-1, "09:00"))
    _, inner = await home.visits()
    omitted = await home.correct(inner, "omit", "wrong_tag")
    assert (omitted["status"], omitted["seconds"], omitted["presence"], omitted["payable"]) == ("omitted", 0, [], False)
    await home.correct(omitted, "omit", expect=409)
    assert [one["seconds"] for one in await home.visits()] == [3600, 0]
    back = await home.correct(omitted, "restore")
    assert (back["status"], back["seconds"]) == ("complete", 2400)
    assert [one["kind"] for one in back["corrections"]] == ["omit", "restore"]
    assert [one["seconds"] for one in await home.visits()] == [1200, 2400]
    await home.correct(back, "restore", expect=409)


async def test_08_of_a_couple_one_visit_is_omitted_and_the_other_has_all_the_time(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    first, second = await home.visits()
    await home.correct(second, "omit")
    first, second = await home.visits()
    assert (first["seconds"], second["seconds"], second["status"]) == (1800, 0, "omitted")
    await home.correct(first, "omit")
    assert [one["status"] for one in await home.visits()] == ["omitted", "omitted"]
    await home.correct(second, "restore")
    told = await home.visits()
    assert {(one["recipient"], one["status"], one["seconds"]) for one in told} == {
        (first["recipient"], "omitted", 0),
        (second["recipient"], "complete", 1800),
    }
    await home.correct(next(one for one in told if one["status"] == "omitted"), "restore")
    assert {(one["recipient"], one["seconds"]) for one in await home.visits()} == {("B-a", 1200), ("B-b", 600)}


async def test_a_visit_is_given_to_another_carer_and_both_have_their_own_seconds(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "09:00"))
    await home.visit_by("S-2", H2, day(-1, "08:30"), day(-1, "08:40"))
    first, second = await home.visits()
    told = await home.correct(first, "set_staff", "wrong_staff", staff="S-2")
    assert (told["id"], told["staff"], told["role"], told["seconds"]) == (first["id"], "S-2", "assistant_nurse", 3000)
    assert (await home.visit(second["id"]))["seconds"] == 600
    await home.correct(told, "set_staff", expect=422, staff="S-south")
    back = await home.correct(told, "set_staff", staff="S-1")
    assert (back["staff"], back["seconds"]) == ("S-1", 3600)


async def test_a_visit_given_to_another_carer_follows_that_carers_employment(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "09:00"))
    [visit] = await home.visits()
    await home.correct(visit, "set_staff", staff="S-2")
    await home.put("staff", "S-2", {"provider": "P-norr", "role": "trainee", "valid_from": "2026-01-01"})
    told = await home.visit(visit["id"])
    assert (told["role"], told["payable"]) == ("trainee", False)
    await home.put(
        "staff", "S-2", {"provider": "P-norr", "role": "trainee", "person": "S-3", "valid_from": "2026-01-01"}
    )
    await home.visit_by("S-3", H2, day(-1, "08:30"), day(-1, "08:40"))
    assert (await home.visit(visit["id"]))["seconds"] == 3000


async def test_a_visit_is_given_to_another_recipient_under_the_same_id(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    told = await home.correct(visit, "set_recipient", "wrong_recipient", recipient="B-2")
    assert (told["id"], told["recipient"], shares(told)) == (visit["id"], "B-2", [("lunch", 1800, True)])
    assert {row["recipient"] for row in await home.executed() if row["executed_seconds"]} == {"B-2"}
    await home.report("S-1", visit["taps"]["in"], ["dusch"])
    later = await home.visit(visit["id"])
    assert (later["recipient"], codes(later)) == ("B-2", {"not_ordered"})
    back = await home.correct(later, "set_recipient", recipient="B-1")
    assert (back["recipient"], shares(back)) == ("B-1", [("dusch", 1800, True)])
    assert len(back["corrections"]) == 2


async def test_a_recipient_who_has_a_visit_of_the_presence_gets_no_second_one(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    first = next(one for one in await home.visits() if one["recipient"] != "B-b")
    await home.correct(first, "set_recipient", expect=409, recipient="B-b")
    await home.correct(first, "set_recipient", expect=422, recipient="B-nobody")


async def test_a_visit_given_to_a_carer_of_another_provider_becomes_the_visit_of_whom_that_one_has_an_order_for(home):
    await home.put("orders", "O-b", order("B-b", line("1", "tillsyn"), provider="P-syd"))
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    said = {"id": uuid.uuid4(), "kind": "set_staff", "staff": "S-south", "reason": "wrong_staff"}
    path, headers = f"/v1/visits/{visit['id']}/corrections", {"If-Match": f'"{visit["version"]}"'}
    for _ in range(2):  # the second is a repetition
        told = (await home.ask("POST", path, said, headers=headers, expect=201)).json()
        assert (told["recipient"], told["staff"], told["seconds"]) == ("B-b", "S-south", 1800)
    assert await home.visits() == [told]
    await home.ask("GET", f"/v1/visits/{visit['id']}", role="controller", expect=410)


async def test_the_visits_of_a_couple_are_given_to_others_one_after_the_other(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    shower, check = sorted(await home.visits(), key=lambda one: one["recipient"])
    check = await home.correct(check, "set_interventions", interventions=["tillsyn"])
    await home.correct(await home.visit(shower["id"]), "set_recipient", recipient="B-1")
    await home.correct(await home.visit(check["id"]), "set_recipient", recipient="B-a")
    told = {one["id"]: one for one in await home.visits()}
    assert {id_: one["recipient"] for id_, one in told.items()} == {shower["id"]: "B-1", check["id"]: "B-a"}
    assert [name for name, _, _ in shares(told[check["id"]])] == ["tillsyn"]


async def test_a_visit_given_to_another_recipient_says_when_none_of_the_lines_fits(home):
    await home.put("orders", "O-2", order("B-2", line("1", "lunch", window=["12:00", "13:00"])))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    told = await home.correct(visit, "set_recipient", recipient="B-2")
    assert (codes(told), shares(told)) == ({"split_by_order"}, [("lunch", 1800, True)])


@pytest.mark.parametrize("who", ["S-3", "S-trainee"])
async def test_what_is_wrong_in_two_ways_is_payable_when_both_are_resolved(home, who):
    await home.visit_by(who, H2, day(-1, "08:00"), day(-1, "08:30"), interventions=["insulin"])
    [told] = await home.visits()
    wrong = sorted(codes(told))
    for count, code in enumerate(wrong, 1):
        told = await home.correct(told, "resolve", anomaly=code, role="admin")
        assert told["payable"] is (count == len(wrong) and who != "S-trainee")
        assert {one["state"] for one in told["anomalies"] if one["code"] in wrong[:count]} == {"resolved"}
    assert wrong == ["delegation_missing", "not_ordered"] if who == "S-3" else ["not_ordered"]


async def test_a_corrected_start_that_is_also_the_next_tap_in_elsewhere_ends_the_visit_there(home):
    await home.tap("S-1", H1, "in", day(-2, "08:00"))
    await home.tap("S-1", H2, "in", day(-2, "08:10"))
    forgotten, _ = await home.visits()
    told = await home.correct(forgotten, "set_start", started_at=day(-2, "08:10"))
    assert (told["provisional"], at(told["ended_at"])) == (True, day(-2, "08:10"))


async def test_what_was_done_is_told_in_the_place_of_a_missing_report(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    assert (codes(visit), visit["payable"]) == ({"report_missing"}, False)
    told = await home.correct(visit, "set_interventions", interventions=["dusch"])
    assert (codes(told), told["payable"], shares(told)) == (set(), True, [("dusch", 1800, True)])
    await home.report("S-1", visit["taps"]["in"], ["insulin"])
    assert shares(await home.visit(visit["id"])) == [("dusch", 1800, True)]
    said = [{"intervention": "dusch", "minutes": 10}, {"intervention": "insulin", "minutes": 5}]
    both = await home.correct(await home.visit(visit["id"]), "set_interventions", interventions=said)
    assert [name for name, _, _ in shares(both)] == ["dusch", "insulin"]
    await home.correct(both, "set_interventions", expect=422, interventions=["okänd"])


async def test_an_acknowledged_anomaly_stays_so_while_its_cause_is_the_same(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "in", day(-1, "08:20"))
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    await home.tap("S-1", H2, "out", day(-1, "09:00"))
    first, _ = await home.visits()
    told = await home.correct(first, "acknowledge", anomaly="overlap")
    assert [(one["code"], one["state"]) for one in told["anomalies"]] == [("overlap", "acknowledged")]
    await home.correct(told, "acknowledge", expect=409, anomaly="overlap")
    await home.correct(told, "acknowledge", expect=409, anomaly="missing_out")
    await home.report("S-1", first["taps"]["in"], ["dusch"])
    assert (await home.visit(first["id"]))["anomalies"][0]["state"] == "acknowledged"
    given = await home.correct(await home.visit(first["id"]), "set_staff", staff="S-3")
    assert given["anomalies"] == []


@pytest.mark.parametrize("accept", [True, False])
async def test_a_dispute_is_settled_by_a_person(home, accept):
    await home.tag_state("T-H-1", "suspended", day(-2))
    await home.tap("S-1", H1, "in", day(-1, "08:00"), verdict="disputed")
    await home.tap("S-1", H1, "out", day(-1, "08:30"), verdict="disputed")
    [visit] = await home.visits()
    assert visit["status"] == "disputed"
    told = await home.correct(visit, "settle_dispute", accept=accept)
    expected = ("complete", 1800, True) if accept else ("omitted", 0, False)
    assert (told["status"], told["seconds"], told["payable"]) == expected
    assert codes(told) == set()
    await home.correct(told, "settle_dispute", expect=409, accept=accept)


async def test_a_dispute_is_settled_by_its_tap(home):
    await home.tag_state("T-H-1", "lost", day(-2))
    tap = await home.tap("S-1", H1, "in", day(-1, "08:00"), verdict="disputed")
    await home.tap("S-1", H1, "out", day(-1, "08:30"), verdict="disputed")
    path = f"/v1/disputes/{tap['id']}/settle"
    body = {"id": uuid.uuid4(), "accept": True, "reason": "equipment"}
    told = (await home.ask("POST", path, body, role="planner", provider="P-norr", expect=201)).json()
    assert (told["status"], told["seconds"], told["corrections"][0]["kind"]) == ("complete", 1800, "settle_dispute")
    again = await home.ask("POST", path, body, role="planner", provider="P-norr", expect=201)
    assert again.json() == told
    await home.ask("POST", path, body | {"id": uuid.uuid4()}, role="planner", provider="P-norr", expect=409)
    await home.ask("POST", path, body, role="planner", provider="P-syd", expect=404)


async def test_a_repeated_correction_answers_as_before_and_another_under_its_id_is_refused(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    id_ = uuid.uuid4()
    first = await home.correct(visit, "set_end", id=id_, ended_at=day(-1, "08:40"))
    assert await home.correct(visit, "set_end", id=id_, ended_at=day(-1, "08:40")) == first
    refused = await home.correct(first, "set_end", id=id_, ended_at=day(-1, "08:41"), expect=409)
    assert refused["code"] == "id_conflict"
    assert await home.visit(visit["id"]) == first


async def test_a_correction_names_the_version_it_looked_at(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    path = f"/v1/visits/{visit['id']}/corrections"
    body = {"id": uuid.uuid4(), "kind": "omit", "reason": "equipment"}
    await home.ask("POST", path, body, role="planner", provider="P-norr", expect=428)
    assert (await home.correct(visit, "omit", version=99, expect=412))["code"] == "version_conflict"
    await home.correct(visit, "omit", provider="P-syd", expect=404)
    await home.correct({"id": uuid.uuid4(), "version": 1}, "omit", expect=404)
    assert (await home.visit(visit["id"]))["corrections"] == []


@pytest.mark.parametrize(
    ("kind", "said", "status", "code"),
    [
        ("set_end", {"ended_at": day(-1, "07:59")}, 422, "out_of_range"),
        ("set_end", {"ended_at": day(0, "01:00")}, 422, "out_of_range"),
        ("set_start", {"started_at": day(-1, "08:31")}, 422, "out_of_range"),
        ("set_end", {}, 422, "invalid_envelope"),
        ("set_end", {"ended_at": day(-1, "08:20"), "reason": "other"}, 422, "note_required"),
        ("set_end", {"ended_at": day(-1, "08:20"), "reason": "because"}, 422, "invalid_envelope"),
        ("set_interventions", {"interventions": []}, 422, "invalid_envelope"),
        ("acknowledge", {"anomaly": "nothing"}, 422, "invalid_envelope"),
        ("undo", {}, 422, "invalid_envelope"),
        ("undo", {"correction": uuid.UUID(int=1)}, 422, "unknown_ref"),
        ("repair", {"corrections": [{"kind": "omit"}] * 2}, 422, "invalid_envelope"),
        ("repair", {"corrections": [{"kind": "set_staff", "staff": "S-2"}] * 2}, 422, "invalid_envelope"),
        ("settle_dispute", {"accept": True}, 409, "correction_not_applicable"),
        ("omit", {"ended_at": day(-1, "08:20")}, 422, "invalid_envelope"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(home, kind, said, status, code):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    reason = said.pop("reason", "equipment") if "reason" in said else "equipment"
    assert (await home.correct(visit, kind, reason, expect=status, **said))["code"] == code
    assert await home.visits() == [visit]


async def test_fifty_corrections_of_one_visit_at_once_and_none_is_lost(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()

    async def insist(number):
        ended_at = day(-1, "08:30") + dt.timedelta(seconds=number)
        body = {"id": uuid.uuid4(), "kind": "set_end", "ended_at": ended_at, "reason": "equipment"}
        path = f"/v1/visits/{visit['id']}/corrections"
        while True:  # a busy service is asked again, as its clients do
            read = await home.ask("GET", f"/v1/visits/{visit['id']}", role="controller", expect=(200, 503))
            if read.status_code == 503:
                continue
            headers = {"If-Match": f'"{read.json()["version"]}"'}
            answer = await home.ask(
                "POST", path, body, role="planner", provider="P-norr", headers=headers, expect=(201, 412, 503)
            )
            if answer.status_code == 201:
                return body["id"]

    made = await asyncio.gather(*(insist(number) for number in range(50)))
    told = await home.visit(visit["id"])
    assert {uuid.UUID(one["id"]) for one in told["corrections"]} == set(made)
    assert told["version"] == visit["version"] + 50
    chain = told["corrections"]
    assert [one["before"]["ended_at"] for one in chain[1:]] == [one["after"]["ended_at"] for one in chain[:-1]]
    assert told["ended_at"] == chain[-1]["after"]["ended_at"]


@pytest.mark.parametrize(
    ("kind", "told", "late_way", "late"),
    [("set_end", "08:40", "out", "09:10"), ("set_start", "07:50", "in", "07:20")],
)
async def test_a_tap_that_came_after_the_correction_is_answered_with_the_visit_every_time(
    home, kind, told, late_way, late
):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    name = "ended_at" if kind == "set_end" else "started_at"
    await home.correct(visit, kind, **{name: day(-1, told)})
    item = tap_item(H1, late_way, day(-1, late))
    answers = [(await home.taps("S-1", [item]))[0] for _ in range(2)]
    assert [one["duplicate"] for one in answers] == [False, True]
    assert [[named["id"] for named in one["visits"]] for one in answers] == [[visit["id"]]] * 2
    [visit] = await home.visits()
    assert codes(visit) == {"fact_after_correction"}


async def test_a_correction_names_the_person_or_the_client_who_made_it(home):
    """Staff by their ref, a client by its id, an operator as one: a provider is nobody."""
    client = {"ref": "ekonomi", "role": "planner", "provider": "P-norr"}
    named = (await home.ask("POST", "/v1/clients", client, role="admin", expect=201)).json()
    form = {"grant_type": "client_credentials"} | {name: named[name] for name in ("client_id", "client_secret")}
    token = (await home.client().post("/oauth/token", data=form)).json()["access_token"]
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    path, body = f"/v1/visits/{visit['id']}/corrections", {"kind": "set_end", "reason": "equipment"}
    for version, (who, more) in enumerate(
        [
            ({"role": "planner", "provider": "P-norr", "staff": "S-2"}, {}),
            ({"role": None}, {"Authorization": f"Bearer {token}"}),
            ({"role": "planner", "provider": "P-norr"}, {}),
            ({"role": "admin"}, {}),
        ],
        visit["version"],
    ):
        said = body | {"id": uuid.uuid4(), "ended_at": day(-1, f"08:4{version}")}
        await home.ask("POST", path, said, headers={"If-Match": f'"{version}"', **more}, expect=201, **who)
    told = await home.visit(visit["id"])
    assert [one["by"] for one in told["corrections"]] == ["S-2", "188.ekonomi", "operator/P-norr", "operator/admin"]


@pytest.mark.parametrize(
    ("kind", "said", "before"),
    [
        ("set_start", {"started_at": day(-1, "08:00")}, {"started_at": None}),
        ("set_interventions", {"interventions": ["dusch"]}, {"interventions": None}),
        ("set_staff", {"staff": "S-2"}, {"staff": "S-1"}),
        ("set_recipient", {"recipient": "B-2"}, {"recipient": "B-1"}),
    ],
)
async def test_before_is_what_somebody_had_told(home, kind, said, before):
    """What was only reckoned, from the order or for want of an end, did not stand."""
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [visit] = await home.visits()
    told = await home.correct(visit, kind, **said)
    assert told["corrections"][0]["before"] == before


async def test_before_is_what_was_reported_with_its_minutes_and_then_what_was_corrected(home):
    reported = [{"intervention": "dusch", "minutes": 25}]
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"), interventions=reported)
    [visit] = await home.visits()
    told = await home.correct(visit, "set_interventions", interventions=["insulin"])
    told = await home.correct(told, "set_interventions", interventions=["dusch"])
    assert [one["before"]["interventions"] for one in told["corrections"]] == [
        [{"intervention": "dusch", "minutes": 25}],
        [{"intervention": "insulin", "minutes": None}],
    ]
    manual = await home.ask(
        "POST",
        "/v1/visits",
        {
            "id": uuid.uuid4(),
            "recipient": "B-2",
            "staff": "S-1",
            "started_at": day(-1, "10:00"),
            "ended_at": day(-1, "10:20"),
            "interventions": ["lunch"],
            "reason": "system_down",
        },
    )
    told = await home.correct(manual.json(), "set_interventions", interventions=["tillsyn"])
    assert told["corrections"][0]["before"] == {"interventions": [{"intervention": "lunch", "minutes": None}]}
