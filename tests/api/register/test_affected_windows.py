"""A change of master data tells the visits anew that it touches, and leaves none that a rebuild would change."""

import datetime as dt

import pytest
from service import day

from app.actions.visits.project import Affected, project
from app.domain.time import UTC

EVER, NEVER = dt.datetime(1950, 1, 1, tzinfo=UTC), dt.datetime(2150, 1, 1, tzinfo=UTC)
UID = "04A1B2C3D4E5F6"
LONG_AGO = day(-300).date().isoformat()


def line(intervention, minutes=30, ref="1"):
    shape = {"frequency": 1, "period": 1, "period_unit": "d"}
    return {"ref": ref, "intervention": intervention, "standard_minutes": minutes, **shape}


def order(*lines, recipient="B-001", provider="P-norr", **more):
    return {"recipient": recipient, "provider": provider, "valid_from": LONG_AGO, "lines": list(lines), **more}


@pytest.fixture
async def town(service):
    """Two providers, a catalogue, a recipient behind a tagged door, one carer, and a visit of yesterday morning."""
    for ref in ("P-norr", "P-stad"):
        await service.put("providers", ref, {"name": "Utförare", "form": "external"})
    for ref, category in (("dusch", "CARE"), ("stad", "SERVICE"), ("insulin", "DELEGATED_HSL")):
        await service.put("interventions", ref, {"title": ref, "category": category, "standard_minutes": 20})
    await service.put("recipients", "B-001", {"area": "URBAN", "household": "H-1"})
    await service.put("staff", "S-01", {"provider": "P-norr", "role": "care_assistant"})
    await service.put("tags", "T-001", {"kind": "static", "uid": UID})
    await service.mount("T-001", "H-1", day(-5))
    await service.visit_by("S-01", UID, day(-1, "08:00"), day(-1, "08:40"))
    return service


@pytest.fixture
async def told(town, database):
    """The visits as they stand, after seeing that telling everything anew would change none."""

    async def visits(**filters):
        async with database.write(188) as writing:
            sql, before = writing._driver, writing.change_no
            staff = [row[0] for row in await sql.fetch("SELECT DISTINCT staff FROM tap")]
            households = [row[0] for row in await sql.fetch("SELECT DISTINCT household FROM presence")]
            persons = {writing.master.person_of(ref) for ref in staff}
            everything = Affected(
                [(person, EVER, NEVER) for person in sorted(persons)], [(one, EVER, NEVER) for one in households]
            )
            await project(writing, everything)
            assert writing.change_no == before
        return await town.visits(**filters)

    return visits


def shares(visit):
    return [(share["intervention"], share["seconds"], share["payable"], share["reason"]) for share in visit["shares"]]


def codes(visit):
    return [anomaly["code"] for anomaly in visit["anomalies"]]


async def test_a_late_order_heals_and_a_withdrawn_one_undoes_it(town, told):
    [visit] = await told()
    assert shares(visit) == [(None, 2400, False, "not_ordered")]
    await town.put("orders", "O-1", order(line("dusch"), line("stad", 10, "2")))
    [visit] = await told()
    assert shares(visit) == [("dusch", 1800, True, "by_order"), ("stad", 600, True, "by_order")]
    assert (visit["payable"], codes(visit)) == (True, [])

    yesterday = day(-1).date().isoformat()
    pause = {"from": yesterday, "to": yesterday, "reason": "hospital"}
    await town.put("orders", "O-1", order(line("dusch"), line("stad", 10, "2"), pauses=[pause]))
    [visit] = await told()
    assert codes(visit) == ["order_not_in_force"]
    await town.withdraw("O-1")
    [visit] = await told()
    assert codes(visit) == ["not_ordered"]


async def test_a_change_that_says_nothing_of_a_visit_leaves_its_version(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    [before] = await told()
    await town.put("orders", "O-1", order(line("dusch"), decision="D-1"))
    await town.put("orders", "O-1", order(line("dusch"), valid_to=day(0).date().isoformat()))
    await town.put("contracts", "C-1", {"provider": "P-norr", "valid_from": LONG_AGO})
    await town.put("recipients", "B-001", {"area": "RURAL", "household": "H-1"})
    assert await told() == [before]


async def test_a_batch_of_orders_tells_every_household_anew(town, told):
    await town.put("recipients", "B-002", {"area": "URBAN", "household": "H-2"})
    await town.visit_by("S-01", "H-2", day(-1, "09:00"), day(-1, "09:30"))
    batch = [
        order(line("dusch")) | {"ref": "O-1"},
        order(line("stad"), recipient="B-002") | {"ref": "O-2"},
        order(line("stad"), recipient="B-x") | {"ref": "O-3"},
    ]
    await town.ask("POST", "/v1/orders:batch", {"orders": batch}, role="system", expect=200)
    assert {(one["recipient"], one["payable"]) for one in await told()} == {("B-001", True), ("B-002", True)}


async def test_an_order_moved_to_another_recipient_is_told_at_both_doors(town, told):
    await town.put("recipients", "B-002", {"area": "URBAN", "household": "H-2"})
    await town.visit_by("S-01", "H-2", day(-1, "09:00"), day(-1, "09:30"))
    await town.put("orders", "O-1", order(line("dusch")))
    await town.put("orders", "O-1", order(line("dusch"), recipient="B-002"))
    assert {(one["recipient"], one["payable"]) for one in await told()} == {("B-001", False), ("B-002", True)}


async def test_an_order_of_somebody_reported_at_another_door_is_told_there(town, told):
    await town.put("recipients", "B-002", {"area": "URBAN", "household": "H-2"})
    done = [{"intervention": "dusch", "recipient": "B-002"}]
    await town.visit_by("S-01", UID, day(-2, "08:00"), day(-2, "08:30"), interventions=done)
    await town.put("orders", "O-2", order(line("dusch"), recipient="B-002"))
    [visit] = await told(recipient="B-002")
    assert (visit["household"], visit["payable"]) == ("H-1", True)


async def test_who_lives_behind_a_door_is_told_late(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    await town.put("recipients", "B-002", {"area": "URBAN", "household": "H-1"})
    await town.put("orders", "O-2", order(line("stad"), recipient="B-002"))
    assert {(one["recipient"], one["seconds"]) for one in await told()} == {("B-001", 1200), ("B-002", 1200)}
    moved = {"area": "URBAN", "household": "H-9", "valid_from": day(-3).date().isoformat()}
    await town.put("recipients", "B-002", moved)
    assert [(one["recipient"], one["seconds"]) for one in await told()] == [("B-001", 2400)]
    back = moved | {"household": "H-1", "valid_from": day(-1).date().isoformat()}
    await town.put("recipients", "B-002", back)
    assert len(await told()) == 2


async def test_a_death_told_late_ends_the_orders(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    died = {"area": "URBAN", "household": "H-1", "valid_from": "1900-01-01"}
    await town.put("recipients", "B-001", died | {"died_on": day(-2).date().isoformat()})
    [visit] = await told()
    assert not visit["payable"]
    await town.put("recipients", "B-001", died | {"died_on": day(-1).date().isoformat()})
    [visit] = await told()
    assert visit["payable"]


async def test_a_delegation_told_late_releases_what_was_held(town, told):
    await town.put("orders", "O-1", order(line("insulin")))
    [visit] = await told()
    assert (visit["payable"], codes(visit)) == (False, ["delegation_missing"])
    given = [{"intervention": "insulin", "valid_from": LONG_AGO, "valid_to": None}]
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "1900-01-01"}
    await town.put("staff", "S-01", staff | {"delegations": given})
    [visit] = await told()
    assert (visit["payable"], codes(visit)) == (True, [])


async def test_an_employment_told_late_gives_the_visits_their_provider(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    begins = {"provider": "P-stad", "role": "care_assistant", "valid_from": day(0).date().isoformat()}
    await town.put("staff", "S-02", begins)
    await town.visit_by("S-02", UID, day(-2, "08:00"), day(-2, "08:30"))
    [visit] = await told(to=day(-2).date())
    assert visit["provider"] == "P-stad"
    assert "not_employed" in codes(visit)
    await town.put("staff", "S-02", {"provider": "P-norr", "role": "care_assistant", "valid_from": LONG_AGO})
    [visit] = await told(to=day(-2).date())
    assert (visit["provider"], visit["payable"]) == ("P-norr", True)
    moved = {"provider": "P-stad", "role": "care_assistant", "valid_from": day(-2).date().isoformat()}
    await town.put("staff", "S-02", moved)
    [visit] = await told(to=day(-2).date())
    assert (visit["provider"], codes(visit)) == ("P-stad", ["not_ordered"])


async def test_two_refs_told_to_be_one_person_are_paired_together(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    await town.put("staff", "S-02", {"provider": "P-norr", "role": "care_assistant"})
    await town.tap("S-02", UID, "in", day(-2, "08:00"))
    await town.tap("S-01", UID, "out", day(-2, "08:30"))
    statuses = [one["status"] for one in await told(to=day(-2).date())]
    assert statuses == ["incomplete", "incomplete"]
    await town.put("staff", "S-02", {"provider": "P-norr", "role": "care_assistant", "person": "S-01"})
    [visit] = await told(to=day(-2).date())
    assert (visit["status"], visit["seconds"]) == ("complete", 1800)
    apart = {"provider": "P-norr", "role": "care_assistant", "person": "S-02", "valid_from": "2150-01-01"}
    await town.put("staff", "S-02", apart)
    assert len(await told(to=day(-2).date())) == 2


async def test_a_new_category_or_new_minutes_are_told_where_they_are_in_force(town, told):
    await town.put("orders", "O-1", order(line("dusch", None), line("stad", None, "2")))
    [visit] = await told()
    assert shares(visit) == [("dusch", 1200, True, "by_order"), ("stad", 1200, True, "by_order")]
    new = {"title": "Dusch", "category": "CARE", "standard_minutes": 60}
    await town.put("interventions", "dusch", new)
    assert shares((await told())[0]) == shares(visit)  # from today on
    await town.put("interventions", "dusch", new | {"valid_from": day(-1).date().isoformat(), "category": "MEAL"})
    [visit] = await told()
    assert shares(visit) == [("dusch", 1800, True, "by_order"), ("stad", 600, True, "by_order")]
    assert [share["category"] for share in visit["shares"]] == ["MEAL", "SERVICE"]


async def test_a_contract_told_late_holds_what_was_not_reported(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    contract = {"provider": "P-norr", "valid_from": LONG_AGO, "report_required": True}
    await town.put("contracts", "C-1", contract)
    [visit] = await told()
    assert codes(visit) == ["report_missing"]
    await town.put("contracts", "C-1", contract | {"valid_to": day(-2).date().isoformat()})
    [visit] = await told()
    assert codes(visit) == []
    await town.put("contracts", "C-1", contract | {"provider": "P-stad"})
    await town.put("contracts", "C-1", contract)
    [visit] = await told()
    assert codes(visit) == ["report_missing"]


async def test_a_mount_told_late_moves_the_visit_to_its_door(town, told):
    await town.put("recipients", "B-002", {"area": "URBAN", "household": "H-2"})
    await town.mount("T-001", "H-2", day(-1, "07:00"))
    [visit] = await told()
    assert (visit["recipient"], visit["household"]) == ("B-002", "H-2")
    await town.mount("T-001", "H-1", day(-1, "12:00"))
    assert await told() == [visit]
    await town.mount("T-001", "H-1", day(-1, "07:00"))
    [visit] = await told()
    assert visit["household"] == "H-1"


async def test_taps_at_a_tag_that_hung_nowhere_heal_when_its_mount_is_told(town, told):
    await town.put("tags", "T-002", {"kind": "static", "uid": "0A0B0C0D"})
    await town.tap("S-01", "0A0B0C0D", "in", day(-2, "08:00"), verdict="disputed")
    await town.tap("S-01", "0A0B0C0D", "out", day(-2, "08:30"), verdict="disputed")
    assert len(await told()) == 1
    await town.mount("T-002", "H-1", day(-3))
    visit = (await told(to=day(-2).date()))[0]
    assert (visit["status"], visit["seconds"]) == ("complete", 1800)


async def test_a_state_judges_taps_that_arrive_from_now_on(town, told):
    await town.put("orders", "O-1", order(line("dusch")))
    await town.tag_state("T-001", "retired", day(-2))
    [visit] = await told()
    assert visit["status"] == "complete"
    await town.tap("S-01", UID, "in", day(-1, "12:00"), verdict="disputed")
    assert [one["status"] for one in await told()] == ["complete", "disputed"]
