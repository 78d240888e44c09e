"""One person employed by two providers: only the municipality makes it so, and neither loses a second in silence."""

import uuid

import pytest
from service import day
from world import H1, H3, codes, line, order, staff

NORR, SYD = ({"role": "planner", "provider": provider} for provider in ("P-norr", "P-syd"))
ANYTHING = tuple(range(200, 500))


@pytest.fixture
async def shared(home):
    """P-syd has an order at H-3 alone; S-1 of P-norr was at H-1 yesterday for an hour."""
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30), provider="P-syd"))
    await home.visit_by("S-1", H1, day(-1, "08:00"), day(-1, "09:00"))
    return home


def manual():
    """Within the hour of S-1, as P-syd's planner tells it of its own staff."""
    return {"id": uuid.uuid4(), "recipient": "B-3", "staff": "S-south", "interventions": ["tillsyn"],
            "started_at": day(-1, "08:05"), "ended_at": day(-1, "08:55"), "reason": "phone_dead"}  # fmt: skip


async def known_as(home, ref, person, **who):
    """Who an employment is, and whom it is said to be, once it is put."""
    told = await home.put("staff", ref, staff(ref if ref != "S-1b" else "S-1", person=person), **who)
    return told["person"], told["person_unconfirmed"]


async def seconds(home):
    return {visit["staff"]: (visit["presence_seconds"], "overlap" in codes(visit)) for visit in await home.visits()}


async def test_a_planner_takes_no_second_of_another_providers_person(shared):
    """The manual visit would have left ten minutes of the hour, without a word to P-norr."""
    assert await known_as(shared, "S-south", "S-1", **SYD) == ("S-south", "S-1")
    await shared.ask("POST", "/v1/visits", manual(), expect=201, **SYD)
    await shared.visit_by("S-south", H3, day(-1, "08:10"), day(-1, "08:40"))
    found = {(one["staff"], one["evidence"]["in"]): one["presence_seconds"] for one in await shared.visits()}
    assert found["S-1", "static"] == 3600
    version = (await shared.ask("GET", "/v1/staff/S-south", **SYD)).json()["version"]
    again = await shared.put("staff", "S-south", staff("S-south", person="S-1"), **SYD)
    assert (again["version"], again["person_unconfirmed"]) == (version, "S-1")


async def test_whoever_is_named_a_planner_learns_of_nobody(shared):
    told = []
    for name in ("S-1", "S-nobody"):
        answer = await shared.put("staff", "S-south", staff("S-south", person=name), **SYD)
        told.append({key: value for key, value in answer.items() if key != "version"} | {"person_unconfirmed": None})
        assert answer["person_unconfirmed"] == name
    assert told[0] == told[1]


async def test_the_municipality_confirms_by_putting_it_itself(shared):
    """Then it is one person, whose seconds go once; who loses some and who takes them are both told."""
    await known_as(shared, "S-south", "S-1", **SYD)
    await shared.visit_by("S-south", H3, day(-1, "08:10"), day(-1, "08:40"))
    assert await seconds(shared) == {"S-1": (3600, False), "S-south": (1800, False)}
    assert await known_as(shared, "S-south", "S-1") == ("S-1", None)
    assert await seconds(shared) == {"S-1": (1800, True), "S-south": (1800, True)}
    for who, ref in ((NORR, "S-1"), (SYD, "S-south")):
        [visit] = await shared.visits(role="planner", who={"provider": who["provider"]}, anomaly="overlap")
        assert visit["staff"] == ref


async def test_who_leaves_the_other_provider_overlaps_nobody(shared):
    await known_as(shared, "S-south", "S-1")
    await shared.visit_by("S-south", H3, day(-1, "08:10"), day(-1, "08:40"))
    assert (await seconds(shared))["S-1"] == (1800, True)
    await shared.put("staff", "S-south", staff("S-south", person="S-1", provider="P-norr"))
    assert await seconds(shared) == {"S-1": (1800, False), "S-south": (1800, False)}


async def test_a_planner_neither_takes_back_nor_widens_what_the_municipality_has_confirmed(shared):
    await known_as(shared, "S-south", "S-1")
    assert await known_as(shared, "S-south", None, **SYD) == ("S-1", "S-south")
    assert await known_as(shared, "S-south", "S-1", **SYD) == ("S-1", None)
    assert await known_as(shared, "S-1", None, **NORR) == ("S-1", None)
    assert await known_as(shared, "S-2", "S-1", **NORR) == ("S-2", "S-1")


async def test_a_planner_says_of_its_own_staff_who_is_the_same(shared):
    assert await known_as(shared, "S-1b", "S-1", **NORR) == ("S-1", None)
    assert await known_as(shared, "S-1b", None, **NORR) == ("S-1b", None)


async def test_a_new_employment_is_nobody_elses_person_by_its_ref(shared):
    """Else a ref made after the name of a person would say what no planner may say."""
    await known_as(shared, "S-2", "anna")

    async def told(ref):
        answer = await shared.ask("PUT", f"/v1/staff/{ref}", staff("S-south"), expect=ANYTHING, **SYD)
        return answer.status_code, {name: value for name, value in answer.json().items() if name != "trace_id"}

    assert await told("anna") == await told("S-1")
    assert (await told("anna"))[0] == 404
    assert (await told("S-nobody"))[0] == 201
