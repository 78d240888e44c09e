"""What was corrected is taken back by one correction, a repair of several as a whole, each told through HTTP."""

import uuid

import pytest
from service import day
from world import H1, H2, PAR, at, codes, contract, line, order, shares, suggestion


def told(visit):
    """The visit but for its trail, and for the carer's words, which not everybody reads."""
    return {name: value for name, value in visit.items() if name not in {"version", "corrections", "note"}}


async def undo(home, visit, number=-1, **more):
    """Take back a correction of the visit; gives the visit as it then is."""
    return await home.correct(visit, "undo", correction=visit["corrections"][number]["id"], **more)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("set_start", {"started_at": day(-1, "07:40")}),
        ("set_end", {"ended_at": day(-1, "08:50")}),
        ("set_interventions", {"interventions": ["insulin"]}),
        ("set_staff", {"staff": "S-3"}),
        ("set_recipient", {"recipient": "B-2"}),
        ("omit", {}),
        ("acknowledge", {"anomaly": "not_ordered"}),
    ],
)
async def test_each_kind_is_undone_and_an_undo_is_undone(home, kind, said):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"), interventions=["dusch", "inköp"])
    [first] = await home.visits()
    corrected = await home.correct(first, kind, **said)
    assert told(corrected) != told(first)
    undone = await undo(home, corrected)
    assert (told(undone), undone["version"]) == (told(first), first["version"] + 2)
    named = corrected["corrections"][0]["id"]
    [_, trail] = undone["corrections"]
    assert (trail["before"], trail["after"]) == (
        {"correction": named, "undone": False},
        {"correction": named, "undone": True},
    )
    again = await undo(home, undone)
    assert told(again) == told(corrected)
    assert [one["kind"] for one in again["corrections"]] == [kind, "undo", "undo"]
    assert told(await home.visit(first["id"])) == told(again)


async def test_what_was_corrected_later_stays_when_the_earlier_is_undone(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    visit = await home.correct(visit, "set_end", ended_at=day(-1, "08:40"))
    visit = await home.correct(visit, "set_end", ended_at=day(-1, "08:50"))
    visit = await undo(home, visit, 0)
    assert at(visit["ended_at"]) == day(-1, "08:50")
    visit = await undo(home, visit, 1)
    assert at(visit["ended_at"]) == day(-1, "08:30")
    visit = await undo(home, visit, 2)
    assert at(visit["ended_at"]) == day(-1, "08:40"), "the undo of the first is taken back, not that of the second"


async def test_what_cannot_be_undone(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    first, second = await home.visits()
    first = await home.correct(first, "set_end", ended_at=day(-1, "08:40"))
    second = await home.visit(second["id"])
    named = first["corrections"][0]["id"]
    refused = await home.correct(second, "undo", correction=named, expect=409)
    assert refused["code"] == "correction_not_applicable", "it is the other visit's"
    assert (await home.correct(first, "undo", correction=uuid.uuid4(), expect=422))["code"] == "unknown_ref"
    await home.correct(first, "undo", correction=named, version=99, expect=412)
    await home.correct(first, "undo", correction=named, provider="P-syd", expect=404)
    said = {"id": uuid.uuid4(), "correction": named}
    undone = await home.correct(first, "undo", **said)
    assert await home.correct(first, "undo", **said) == undone, "a repeat answers the same"
    assert (await undo(home, undone, 0, expect=409))["code"] == "correction_not_applicable", "it is undone already"


async def test_a_tap_that_a_corrected_end_had_taken_in_stands_by_itself_again(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:10"))
    [visit] = await home.visits()
    await home.correct(visit, "set_end", ended_at=day(-2, "09:00"))
    await home.tap("S-1", H1, "out", day(-2, "08:58"))
    [visit] = await home.visits()
    visit = await undo(home, visit)
    assert (at(visit["ended_at"]), codes(visit)) == (day(-2, "08:10"), set())
    _, lone = await home.visits()
    assert (codes(lone), at(lone["ended_at"])) == ({"missing_in"}, day(-2, "08:58"))
    visit = await undo(home, visit)
    assert ([told(one) for one in await home.visits()], codes(visit)) == ([told(visit)], {"fact_after_correction"})


async def test_a_visit_of_a_tap_that_somebody_has_corrected_is_not_taken_in_when_that_is_undone(home):
    await home.visit_by("S-1", H1, day(-2, "08:00"), day(-2, "08:10"))
    await home.tap("S-1", H1, "out", day(-2, "08:58"))
    first, lone = await home.visits()
    lone = await home.correct(lone, "set_recipient", recipient="B-2")
    await home.correct(first, "set_end", ended_at=day(-2, "08:30"))
    lone = await undo(home, lone)
    assert (lone["recipient"], len(await home.visits())) == ("B-1", 2)


async def test_an_undo_follows_what_it_takes_back_to_whatever_its_tap_belongs(home):
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [lone] = await home.visits()
    await home.correct(lone, "set_recipient", recipient="B-2")
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    [whole] = await home.visits()
    undone = await undo(home, whole)
    assert undone["recipient"] == "B-1"
    await home.tap("S-1", H1, "out", day(-1, "08:20"))  # the first OUT is alone again, and so is what was said of it
    _, lone = await home.visits()
    assert (lone["recipient"], [one["kind"] for one in lone["corrections"]]) == ("B-1", ["set_recipient", "undo"])


async def test_of_a_couple_each_visit_comes_back_by_its_own_undo(home):
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    first, second = await home.visits()
    first = await home.correct(first, "omit")
    second = await home.correct(await home.visit(second["id"]), "omit")

    async def seconds():
        return {one["id"]: (one["status"], one["seconds"]) for one in await home.visits()}

    gone = ("omitted", 0)
    assert await seconds() == {first["id"]: gone, second["id"]: gone}
    first = await undo(home, await home.visit(first["id"]))
    assert await seconds() == {first["id"]: ("complete", 1800), second["id"]: gone}
    first = await undo(home, first)
    assert await seconds() == {first["id"]: gone, second["id"]: gone}
    second = await undo(home, await home.visit(second["id"]))
    assert await seconds() == {first["id"]: gone, second["id"]: ("complete", 1800)}
    first = await undo(home, await home.visit(first["id"]), 2)
    assert [one["status"] for one in await home.visits()] == ["complete", "complete"]
    second = await home.correct(await home.visit(second["id"]), "omit")
    first = await undo(home, await home.visit(first["id"]))
    assert await seconds() == {first["id"]: gone, second["id"]: gone}, "an undo may take the last visit away"
    await home.visit_by("S-1", H1, day(-1, "08:10"), day(-1, "08:20"))
    inner = next(one for one in await home.visits() if one["recipient"] == "B-1")
    await home.correct(second, "restore")
    assert (await home.visit(inner["id"]))["seconds"] == 600


async def test_what_only_others_may_say_they_alone_may_say_again(home):
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 20})
    await home.visit_by("S-1", H2, day(-1, "08:00"), day(-1, "08:30"), interventions=["dusch"])
    [visit] = await home.visits()
    resolved = await home.correct(visit, "resolve", anomaly="not_ordered", role="admin")
    assert (await undo(home, resolved, expect=403))["code"] == "forbidden_role"
    undone = await undo(home, resolved, role="admin")
    assert not undone["payable"]
    assert (await undo(home, undone, expect=403))["code"] == "forbidden_role"

    async def as_(who, visit, kind, expect=201, **said):
        body = {"id": uuid.uuid4(), "kind": kind, "reason": "equipment"} | said
        headers = {"If-Match": f'"{visit["version"]}"'}
        path, planner = f"/v1/visits/{visit['id']}/corrections", {"role": "planner", "provider": "P-norr"}
        return (await home.ask("POST", path, body, headers=headers, staff=who, expect=expect, **planner)).json()

    ended = await as_("S-2", undone, "set_end", ended_at=day(-1, "09:00"))
    attested = await as_("S-3", ended, "attest")
    last = attested["corrections"][-1]["id"]
    withdrawn = await as_("S-3", attested, "undo", correction=last)
    assert "attestation_missing" in codes(withdrawn)
    last = withdrawn["corrections"][-1]["id"]
    refused = await as_("S-2", withdrawn, "undo", 403, correction=last)
    assert refused["code"] == "second_person_required", "who told the end cannot make it attested again"
    assert "attestation_missing" not in codes(await as_("S-3", withdrawn, "undo", correction=last))


async def test_a_dispute_that_was_settled_is_open_again_when_that_is_undone(home):
    await home.tag_state("T-H-1", "suspended", day(-2))
    tap = await home.tap("S-1", H1, "in", day(-1, "08:00"), verdict="disputed")
    await home.tap("S-1", H1, "out", day(-1, "08:30"), verdict="disputed")
    [visit] = await home.visits()
    omitted = await home.correct(visit, "settle_dispute", accept=False)
    assert await home.pages("/v1/disputes") == []
    undone = await undo(home, omitted)
    assert told(undone) == told(visit)
    assert tap["id"] in {one["tap"] for one in await home.pages("/v1/disputes")}


async def test_a_visit_that_was_given_to_another_provider_comes_back(home):
    await home.put("orders", "O-b", order("B-b", line("1", "tillsyn"), provider="P-syd"))
    await home.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:30"))
    [visit] = await home.visits()
    named = uuid.uuid4()
    given = await home.correct(visit, "set_staff", staff="S-south", id=named, role="admin")
    assert (given["recipient"], given["corrections"]) == ("B-b", [])
    back = await home.correct(given, "undo", correction=named, role="admin")
    assert (back["id"], told(back)) == (visit["id"], told(visit))
    assert [one["kind"] for one in back["corrections"]] == ["set_staff", "undo"]


REPAIR = [{"kind": "set_end", "ended_at": day(-1, "08:40")}, {"kind": "set_recipient", "recipient": "B-2"}]


@pytest.mark.parametrize("named", [0, 1])
async def test_corrections_that_belong_together_are_made_and_undone_as_one(home, named):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [first] = await home.visits()
    id_ = uuid.uuid4()
    repaired = await home.correct(first, "repair", id=id_, corrections=REPAIR)
    assert (repaired["recipient"], shares(repaired)) == ("B-2", [("lunch", 2400, True)])
    assert (repaired["version"], repaired["corrections"][0]["id"]) == (first["version"] + 1, str(id_))
    assert [one["kind"] for one in repaired["corrections"]] == ["set_end", "set_recipient"]
    assert [one["after"].keys() for one in repaired["corrections"]] == [{"ended_at"}, {"recipient"}]
    assert await home.correct(first, "repair", id=id_, corrections=REPAIR) == repaired
    await home.correct(first, "repair", id=id_, corrections=REPAIR[::-1], expect=409)
    undone = await undo(home, repaired, named)
    assert told(undone) == told(first)
    again = await undo(home, undone)
    assert told(again) == told(repaired)


async def test_of_corrections_that_belong_together_none_is_made_where_one_cannot_be(home):
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "08:30"))
    [first] = await home.visits()
    wrong = [REPAIR[0], {"kind": "set_recipient", "recipient": "B-none"}]
    assert (await home.correct(first, "repair", corrections=wrong, expect=422))["code"] == "unknown_ref"
    crossed = [
        {"kind": "set_end", "ended_at": day(-1, "08:10")},
        {"kind": "set_start", "started_at": day(-1, "08:20")},
    ]
    assert (await home.correct(first, "repair", corrections=crossed, expect=422))["code"] == "out_of_range"
    assert await home.visits() == [first]
    moved = [{"kind": "set_end", "ended_at": day(-1, "07:30")}, {"kind": "set_start", "started_at": day(-1, "07:00")}]
    assert (await home.correct(first, "repair", corrections=moved[::-1]))["seconds"] == 1800


async def test_a_wrong_door_without_a_report_is_one_repair_and_one_undo(home):
    """The end alone would be asked for its report next, and at an unusual hour for how it was divided."""
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.put("orders", "O-2", order("B-2", line("1", "lunch", window=["12:00", "13:00"])))
    await home.tap("S-1", H2, "in", day(-1, "08:00"))
    await home.tap("S-1", H1, "out", day(-1, "08:28"))
    await home.tap("S-1", H1, "out", day(-1, "08:30"))
    [visit] = await home.visits()
    repair = suggestion(visit, "tag_mismatch")
    assert (repair["kind"], [one["kind"] for one in repair["corrections"]]) == (
        "repair",
        ["set_end", "set_interventions"],
    )
    body = {"id": uuid.uuid4()} | repair
    path, headers = f"/v1/visits/{visit['id']}/corrections", {"If-Match": f'"{visit["version"]}"'}
    posted = (await home.ask("POST", path, body, role="planner", provider="P-norr", headers=headers, expect=201)).json()
    assert (posted["status"], shares(posted), codes(posted)) == ("complete", [("lunch", 1680, True)], set())
    undone = await undo(home, posted)
    assert told(undone) == told(visit)
    applied = f"/v1/anomalies/{visit['id']}:tag_mismatch/apply"
    again = (await home.ask("POST", applied, role="planner", provider="P-norr", expect=201)).json()
    assert told(again) == told(posted)
    assert [told(one) for one in await home.visits()] == [told(again)]


async def test_a_repair_that_would_say_that_health_care_was_given_asks_who_knows(home):
    await home.put("contracts", "C-norr", contract(report_required=True))
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tap("S-1", H2, "out", day(-1, "08:28"))
    [visit] = await home.visits()
    path, planner = f"/v1/anomalies/{visit['id']}:tag_mismatch/apply", {"role": "planner", "provider": "P-norr"}
    assert (await home.ask("POST", path, expect=422, **planner)).json()["code"] == "answer_required"
    body = {"interventions": ["insulin"]}
    told_ = (await home.ask("POST", path, body, expect=201, **planner)).json()
    assert (shares(told_), codes(told_)) == ([("insulin", 1680, True)], set())
