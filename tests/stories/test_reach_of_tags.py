"""A planner sees and moves the tags at its own provider's doors; what is out of reach is as if it were not there."""

import datetime as dt
import uuid

import pytest
from service import day
from world import line, order

NORR, SYD = ({"role": "planner", "provider": provider} for provider in ("P-norr", "P-syd"))
NOBODY = {"role": "planner", "provider": "P-nobody"}
AT = {"at": "2026-02-01T08:00:00Z"}


@pytest.fixture
async def shared(home):
    """P-syd has an order at H-3 alone; P-norr at the other doors."""
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30), provider="P-syd"))
    return home


async def listed(home, who, limit=1):
    return [
        tag["ref"]
        for tag in await home.pages("/v1/tags", role=who["role"], who={"provider": who["provider"]}, limit=limit)
    ]


async def answered(home, who, method, path, body=None, **more):
    """The answer without what is of the one request."""
    answer = await home.ask(method, path, body, expect=tuple(range(200, 500)), **who, **more)
    return answer.status_code, {name: value for name, value in answer.json().items() if name != "trace_id"}


async def test_a_planner_sees_the_tags_of_its_own_doors_alone(shared):
    assert await listed(shared, NORR) == ["T-H-1", "T-H-2", "T-H-par"]
    assert await listed(shared, SYD) == ["T-H-3"]
    assert await listed(shared, NOBODY) == []
    await shared.withdraw("O-3")  # counts as never placed
    assert await listed(shared, SYD) == []
    await shared.put("orders", "O-3", order("B-3", provider="P-syd", valid_to="2026-03-31"))  # had one
    assert await listed(shared, SYD) == ["T-H-3"]
    await shared.put("orders", "O-3", order("B-3", provider="P-norr"))
    assert (await listed(shared, SYD), len(await listed(shared, NORR))) == ([], 4)


async def test_a_foreign_tag_and_a_missing_one_are_told_in_the_same_bytes(shared):
    """Else whoever guesses refs learns which doors another provider has."""
    before = (await shared.ask("GET", "/v1/tags/T-H-3")).json()
    body = {"kind": "static", "uid": "04000000000099"}
    stale = {"headers": {"If-Match": '"2"'}}
    requests = [
        ("GET", "", None, {}),
        ("POST", "/mount", {"household": "H-1", **AT}, {}),
        ("POST", "/mount", {"household": "H-3", **AT}, {}),
        ("POST", "/mount", {"household": "H-nobody", **AT}, {}),
        ("POST", "/mount", {"household": "H-1", **AT}, stale),
        ("POST", "/state", {"state": "lost", "reason": "gone", **AT}, {}),
        ("POST", "/state", {"state": "lost", "reason": "gone", **AT}, stale),
        ("PUT", "", body, stale),
        ("PUT", "", body, {"headers": {"If-Match": "*"}}),
    ]
    for who in (NORR, NOBODY):
        for method, verb, said, more in requests:
            foreign = await answered(shared, who, method, f"/v1/tags/T-H-3{verb}", said, **more)
            assert foreign[0] in {404, 412}
            assert foreign == await answered(shared, who, method, f"/v1/tags/T-nobody{verb}", said, **more)
        status, refusal = await answered(shared, who, "PUT", "/v1/tags/T-H-3", body)
        assert (status, refusal["code"]) == (404, "unknown_ref")
    assert (await shared.ask("GET", "/v1/tags/T-H-3")).json() == before


async def test_a_tag_is_hung_at_a_door_within_reach_or_at_none(shared):
    told = [
        await answered(shared, NORR, "POST", "/v1/tags/T-H-1/mount", {"household": household, **AT})
        for household in ("H-3", "H-nobody")
    ]
    assert told[0] == told[1]
    assert (told[0][0], told[0][1]["errors"][0]["pointer"]) == (422, "/household")
    assert (await shared.ask("GET", "/v1/tags/T-H-1")).json()["version"] == 2


async def test_a_new_tag_is_its_providers_until_it_hangs_somewhere(shared):
    body = {"kind": "static", "uid": "04000000000099"}
    assert (await answered(shared, NOBODY, "PUT", "/v1/tags/T-new", body))[0] == 404
    await shared.ask("PUT", "/v1/tags/T-new", body, expect=201, **NORR)
    assert "T-new" in await listed(shared, NORR)
    assert await listed(shared, SYD) == ["T-H-3"]
    assert (await answered(shared, SYD, "POST", "/v1/tags/T-new/mount", {"household": "H-3", **AT}))[0] == 404
    again = await shared.ask("PUT", "/v1/tags/T-new", body, expect=200, role="system")
    assert again.json() == {"ref": "T-new", "version": 1, "keyset": None, "key_version": 1, **body,
                            "mounts": [], "states": []}  # fmt: skip
    await shared.ask("POST", "/v1/tags/T-new/mount", {"household": "H-1", **AT}, expect=200, **NORR)
    await shared.mount("T-new", "H-3", day(-1))
    assert "T-new" not in await listed(shared, NORR)  # who made it is no longer asked
    assert "T-new" in await listed(shared, SYD)


async def test_where_a_tag_hung_out_of_reach_is_neither_told_nor_changed(shared):
    await shared.mount("T-H-3", "H-1", day(-10))
    found = (await shared.ask("GET", "/v1/tags/T-H-3", expect=200, **NORR)).json()
    assert [one["household"] for one in found["mounts"]] == ["H-1"]
    mount = {"household": "H-2", "at": day(-20)}  # would take the visits that were at H-3 then
    assert (await answered(shared, NORR, "POST", "/v1/tags/T-H-3/mount", mount))[0] == 404
    moved = await shared.ask("POST", "/v1/tags/T-H-3/mount", {"household": "H-2", "at": day(-5)}, expect=200, **NORR)
    assert [one["household"] for one in moved.json()["mounts"]] == ["H-1", "H-2"]


async def test_who_else_has_an_open_order_where_a_tag_hung_is_told_that_it_was_moved(shared):
    async def moves(who):
        return await shared.pages("/v1/tag-moves", role=who["role"], who={"provider": who["provider"]}, limit=1)

    await shared.put("orders", "O-1s", order("B-1", line("1", "tillsyn", 30), provider="P-syd"))
    await shared.put("orders", "O-2s", order("B-2", line("1", "tillsyn", 30), provider="P-syd", valid_to="2026-03-31"))
    await shared.ask("POST", "/v1/tags/T-H-1/mount", {"household": "H-2", "at": day(-3)}, expect=200, **NORR)
    told = {"provider": "P-syd", "tag": "T-H-1", "household": "H-1", "moved_by": "P-norr"}
    told["at"] = f"{day(-3).astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert (await moves(SYD), await moves(NORR), await moves(NOBODY)) == ([told], [], [])
    await shared.ask("POST", "/v1/tags/T-H-1/mount", {"household": "H-par", "at": day(-2)}, expect=200, **NORR)
    assert await moves(SYD) == [told]  # at H-2 its order has ended
    await shared.mount("T-H-par", "H-3", day(-1))
    assert [(one["tag"], one["moved_by"]) for one in await moves(NORR)] == [("T-H-par", None)]
    assert len(await moves({"role": "controller", "provider": None})) == 2


async def test_a_planner_learns_of_nobody_elses_recipients_and_staff(shared):
    visit = (await shared.visit_by("S-1", "H-1", day(-1, "08:00"), day(-1, "08:30")))["visits"][0]
    visit = await shared.visit(visit["id"])
    refusals = [
        await shared.correct(visit, "set_recipient", "wrong_recipient", expect=422, recipient=ref)
        for ref in ("B-3", "B-nobody")
    ]
    refusals += [
        await shared.correct(visit, "set_staff", "wrong_staff", expect=422, staff=ref)
        for ref in ("S-south", "S-nobody")
    ]
    codes = [(one["code"], [error["pointer"] for error in one.get("errors", [])]) for one in refusals]
    assert codes[0] == codes[1] == ("unknown_ref", ["/recipient"])
    assert codes[2] == codes[3] == ("unknown_ref", ["/staff"])
    assert (await shared.correct(visit, "set_recipient", "wrong_recipient", recipient="B-2"))["recipient"] == "B-2"

    employed = {"provider": "P-norr", "role": "trainee", "valid_from": "2026-01-01", "delegations": []}
    notice = {"provider": "P-norr", "at": day(-1), "notified_at": day(-2), "reason": "visitors"}
    for path, body, name in (("/v1/staff/S-9", employed, "relative_of"), ("/v1/declines/A-9", notice, "recipient")):
        foreign, missing = [
            await answered(shared, NORR, "PUT", path, body | {name: ref}) for ref in ("B-3", "B-nobody")
        ]
        assert foreign == missing
        assert (foreign[0], foreign[1]["errors"][0]["pointer"]) == (422, f"/{name}")
        await shared.ask("PUT", path, body | {name: "B-1"}, expect=201, **NORR)
    await shared.put("staff", "S-9", employed | {"relative_of": "B-3"})
    await shared.ask("PUT", "/v1/staff/S-9", employed | {"relative_of": "B-3", "role": "licensed"}, expect=200, **NORR)


async def test_a_visit_that_another_provider_told_by_hand_is_not_given_for_its_id(shared):
    def manual(**more):
        times = {"started_at": day(-1, "08:00"), "ended_at": day(-1, "08:30")}
        told = {"id": uuid.uuid4(), "recipient": "B-3", "staff": "S-south", "interventions": ["tillsyn"], **times}
        return told | {"reason": "phone_dead"} | more

    told = manual()
    await shared.ask("POST", "/v1/visits", told, expect=201, **SYD)
    for repeated, missing in ((told, manual()), (told | {"recipient": "B-1"}, manual(recipient="B-1"))):
        found = await answered(shared, NORR, "POST", "/v1/visits", repeated)
        assert found == await answered(shared, NORR, "POST", "/v1/visits", missing)
        assert found[0] == 422
    own = await answered(shared, NORR, "POST", "/v1/visits", told | {"recipient": "B-1", "staff": "S-1"})
    assert (own[0], own[1]["code"]) == (409, "id_conflict")
    assert len(await shared.visits()) == 1
    await shared.ask("POST", "/v1/visits", told, expect=201, **SYD)
