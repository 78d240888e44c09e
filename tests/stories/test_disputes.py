"""Disputed taps that no visit has come of: a person decides of the tap alone, and what comes of it later follows."""

import uuid

import pytest
from service import day
from world import H1, codes

NEW = "04AAAAAAAAAAAA"


@pytest.fixture
async def unhung(home):
    """A visit told at a tag that nobody had told to hang anywhere: its taps, in and out."""
    await home.put("tags", "T-new", {"kind": "static", "uid": NEW})
    return [
        await home.tap("S-1", NEW, way, day(-1, at), verdict="disputed")
        for way, at in (("in", "08:00"), ("out", "08:30"))
    ]


async def settle(home, tap, *, accept, expect=201, **more):
    body = {"id": uuid.uuid4(), "accept": accept, "reason": "equipment"} | more
    who = {"role": "planner", "provider": "P-norr"}
    answer = await home.ask("POST", f"/v1/disputes/{tap['id']}/settle", body, **who, expect=expect)
    return answer.json()


async def listed(home):
    return [one["tap"] for one in await home.pages("/v1/disputes")]


async def test_a_tap_without_a_visit_is_settled_once_and_sealed(home, unhung):
    first, second = unhung
    assert await listed(home) == [first["id"], second["id"]]
    told = await settle(home, first, accept=False)
    assert (told["tap"], told["accept"], told["visits"]) == (first["id"], False, [])
    assert await listed(home) == [second["id"]]
    assert await settle(home, first, accept=False, id=told["id"]) == told
    assert (await settle(home, first, accept=True, id=told["id"], expect=409))["code"] == "id_conflict"
    assert (await settle(home, first, accept=True, expect=409))["code"] == "correction_not_applicable"
    assert (await settle(home, {"id": uuid.uuid4()}, accept=True, expect=404))["code"] == "not_found"
    other = {"role": "planner", "provider": "P-syd", "expect": 404}
    body = {"accept": True, "reason": "equipment"}
    await home.ask("POST", f"/v1/disputes/{second['id']}/settle", body, **other)
    await home.seal()
    await home.ask("GET", "/v1/ledger/proof", role="auditor", params={"fact": told["id"]}, expect=200)


async def test_a_rejected_tap_makes_no_visit_when_its_tag_is_hung_up_later(home, unhung):
    first, second = unhung
    await settle(home, first, accept=False)
    await home.mount("T-new", "H-2", day(-3))
    [visit] = await home.visits()
    assert (visit["taps"], visit["status"], codes(visit)) == (
        {"in": None, "out": second["id"]}, "incomplete", {"missing_in"}
    )  # fmt: skip


async def test_an_accepted_tap_disputes_no_visit_that_comes_of_it_later(home, unhung):
    told = [await settle(home, tap, accept=True) for tap in unhung]
    assert await listed(home) == []
    await home.tag_state("T-new", "lost", day(-2))
    await home.mount("T-new", "H-2", day(-3))
    [visit] = await home.visits()
    assert (visit["status"], visit["seconds"], visit["payable"]) == ("complete", 1800, True)
    assert [one["id"] for one in visit["corrections"]] == [one["id"] for one in told]
    assert {one["kind"] for one in visit["corrections"]} == {"settle_dispute"}


async def test_a_held_end_says_that_it_is_disputed_until_it_is_settled(home):
    await home.tap("S-1", H1, "in", day(-1, "08:00"))
    await home.tag_state("T-H-1", "lost", day(-1, "08:15"))
    held = await home.tap("S-1", H1, "out", day(-1, "08:30"), verdict="disputed")
    [visit] = await home.visits()
    assert visit["evidence"] == {"in": "static", "out": "disputed"}
    visit = await home.correct(visit, "set_staff", staff="S-2")
    assert await listed(home) == [held["id"]], "whoever it is said to have been"
    told = await settle(home, held, accept=True)
    assert (told["id"], told["status"], told["evidence"]) == (
        visit["id"], "complete", {"in": "static", "out": "static"}
    )  # fmt: skip
    assert await listed(home) == []


async def test_a_tap_is_listed_to_who_employed_the_staff_ref_that_day(home):
    await home.put("tags", "T-new", {"kind": "static", "uid": NEW})
    before, after = [await home.tap("S-1", NEW, "in", day(ago, "08:00"), verdict="disputed") for ago in (-3, -1)]
    moved = {"provider": "P-syd", "role": "care_assistant", "valid_from": str(day(-2).date())}
    await home.put("staff", "S-1", moved)
    for provider, tap in (("P-norr", before), ("P-syd", after)):
        theirs = await home.pages("/v1/disputes", role="planner", who={"provider": provider})
        assert [one["tap"] for one in theirs] == [tap["id"]]


async def other_employment(home):
    """The staff ref of S-1's person at another provider."""
    person = {"person": "S-1", "provider": "P-syd", "role": "care_assistant", "valid_from": "2026-01-01"}
    await home.put("staff", "S-1b", person)


@pytest.mark.parametrize(
    ("out_by", "correction"),
    [
        ("S-1", None),
        ("S-1b", None),
        ("S-1", {"kind": "set_staff", "staff": "S-2"}),
        ("S-1b", {"kind": "set_staff", "staff": "S-2"}),
        ("S-1", {"kind": "set_start", "started_at": day(-1, "21:00")}),
    ],
)
async def test_a_tap_that_holds_a_visit_is_listed_and_settled_whoever_made_it_and_however_it_was_corrected(
    home, out_by, correction
):
    await other_employment(home)
    await home.tag_state("T-H-1", "lost", day(-1, "07:30"))
    made = [
        await home.tap(who, H1, way, day(-1, at), verdict="disputed")
        for who, way, at in (("S-1", "in", "08:00"), (out_by, "out", "08:30"))
    ]
    [visit] = await home.visits()
    if correction:
        if "started_at" in correction:
            visit = await home.correct(visit, "set_end", ended_at=day(-1, "22:00"))
        said = {name: value for name, value in correction.items() if name != "kind"}
        visit = await home.correct(visit, correction["kind"], **said)
    assert await listed(home) == [one["id"] for one in made]
    theirs = [one["tap"] for one in await home.pages("/v1/disputes", role="planner", who={"provider": "P-norr"})]
    assert theirs == [one["id"] for one in made], "the visit is theirs, whichever ref tapped"
    assert await home.pages("/v1/disputes", role="planner", who={"provider": "P-syd"}) == []
    told = await settle(home, made[1], accept=True)
    assert (told["id"], told["status"]) == (visit["id"], "complete")
    assert await listed(home) == []


async def test_a_settled_tap_waits_no_more_when_the_other_end_is_disputed_later(home):
    await home.tag_state("T-H-1", "lost", day(-1, "07:30"))
    first = await home.tap("S-1", H1, "in", day(-1, "08:00"), verdict="disputed")
    await settle(home, first, accept=True)
    second = await home.tap("S-1", H1, "out", day(-1, "08:30"), verdict="disputed")
    assert await listed(home) == [second["id"]]
    assert (await settle(home, first, accept=False, expect=409))["code"] == "correction_not_applicable"
    assert (await settle(home, second, accept=True))["status"] == "complete"


async def test_what_was_decided_of_a_tap_alone_stands_among_the_corrections_in_the_order_recorded(home, unhung):
    await home.tag_state("T-new", "lost", day(-2))
    await home.tap("S-1", "H-2", "in", day(-1, "07:00"))
    [visit] = await home.visits()
    visit = await home.correct(visit, "set_interventions", interventions=["dusch"])
    told = await settle(home, unhung[1], accept=True)
    await home.mount("T-new", "H-2", day(-1, "08:15"))
    [visit] = await home.visits()
    assert [one["id"] for one in visit["corrections"]] == [visit["corrections"][0]["id"], told["id"]]
    assert visit["corrections"][0]["kind"] == "set_interventions"


async def test_a_tap_healed_by_hanging_its_tag_up_is_not_decided_of(home, unhung):
    await home.mount("T-new", "H-2", day(-3))
    [visit] = await home.visits()
    for tap in unhung:
        assert (await settle(home, tap, accept=False, expect=409))["code"] == "correction_not_applicable"
    assert await home.visits() == [visit]
