"""What one person tells by hand and a second one attests, told through HTTP; a number is the situation's."""

import datetime as dt
import uuid

import pytest
from service import day
from world import H1, PAR, at, codes, contract, suggestion

SUGGESTED = {"kind": "attest", "reason": "other", "note": "Intygat"}


@pytest.fixture
async def strict(home):
    """The municipality whose contract lets nothing above twenty minutes be told by one person alone."""
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 20})
    return home


async def register(home, minutes, *, staff="S-9", recipient="B-1", who="S-1", start=None, expect=201):
    """A visit of `who` told by hand by a planner who is `staff`."""
    start = start or day(-1, "08:00")
    end = start + dt.timedelta(minutes=minutes)
    told = {
        "id": uuid.uuid4(),
        "recipient": recipient,
        "staff": who,
        "started_at": start,
        "ended_at": end,
        "interventions": ["dusch"],
        "reason": "phone_dead",
    }
    teller = {"role": "planner", "provider": "P-norr", "staff": staff}
    return (await home.ask("POST", "/v1/visits", told, expect=expect, **teller)).json()


async def correct(home, visit, kind, *, role="planner", staff="S-8", expect=201, reason="equipment", **said):
    body = {"id": uuid.uuid4(), "kind": kind, "reason": reason} | said
    who = {"role": role, "provider": "P-norr" if role == "planner" else None, "staff": staff}
    headers = {"If-Match": f'"{visit["version"]}"'}
    path = f"/v1/visits/{visit['id']}/corrections"
    return (await home.ask("POST", path, body, headers=headers, expect=expect, **who)).json()


def held(visit):
    return codes(visit) == {"attestation_missing"} and not visit["payable"]


async def test_a_manual_visit_above_the_limit_waits_for_a_second_person(strict):
    short = await register(strict, 20)
    assert (codes(short), short["payable"]) == (set(), True)
    await correct(strict, short, "attest", expect=409)
    await correct(strict, short, "omit")
    visit = await register(strict, 21)
    assert held(visit)
    assert (visit["status"], visit["seconds"]) == ("complete", 1260)
    assert [share["reason"] for share in visit["shares"]] == ["attestation_missing"]
    assert suggestion(visit, "attestation_missing") == SUGGESTED
    refused = await correct(strict, visit, "attest", staff="S-9", expect=403)
    assert refused["code"] == "second_person_required"
    # Another role is no other person, nor is who is said to have been there.
    await correct(strict, visit, "attest", role="admin", staff="S-9", expect=403)
    await correct(strict, visit, "attest", staff="S-1", expect=403)
    await correct(strict, visit, "resolve", role="admin", anomaly="attestation_missing", expect=409)
    told = await correct(strict, visit, "attest")
    assert (told["payable"], codes(told)) == (True, set())
    [attested] = told["corrections"]
    assert (attested["kind"], attested["by"]) == ("attest", "S-8")
    assert attested["after"].pop("attested")
    assert {name: at(value) for name, value in attested["after"].items()} == {
        "started_at": day(-1, "08:00"),
        "ended_at": day(-1, "08:21"),
    }
    await correct(strict, told, "attest", expect=409)


async def test_what_was_attested_is_the_times_and_new_times_ask_for_a_new_attestation(strict):
    visit = await correct(strict, await register(strict, 30), "attest")
    later = await correct(strict, visit, "set_end", ended_at=day(-1, "08:40"))
    assert held(later)
    # One has told the end, the other the start: it takes a third, or who told nothing that stands.
    await correct(strict, later, "attest", staff="S-8", expect=403)
    await correct(strict, later, "attest", staff="S-9", expect=403)
    again = await correct(strict, later, "attest", role="admin", staff=None)
    assert (again["payable"], [one["kind"] for one in again["corrections"]]) == (True, ["attest", "set_end", "attest"])
    back = await correct(strict, again, "set_end", ended_at=day(-1, "08:30"))
    assert back["payable"]


async def test_other_things_said_of_the_visit_leave_it_attested(strict):
    visit = await correct(strict, await register(strict, 30), "attest")
    told = await correct(strict, visit, "set_interventions", interventions=["dusch", "insulin"])
    assert (told["payable"], codes(told)) == (True, set())
    moved = await correct(strict, told, "set_recipient", recipient="B-2")
    assert "attestation_missing" not in codes(moved)


async def test_an_end_corrected_or_tapped_by_hand_is_told_by_one_person(strict):
    await strict.tap("S-1", H1, "in", day(-2, "08:00"))
    [forgotten] = await strict.visits()
    ended = await correct(strict, forgotten, "set_end", ended_at=day(-2, "08:30"))
    assert held(ended)
    await correct(strict, ended, "attest", staff="S-8", expect=403)
    assert (await correct(strict, ended, "attest", staff="S-9"))["payable"]
    await strict.visit_by("S-1", "H-1", day(-1, "08:00"), day(-1, "08:30"))
    [by_hand] = await strict.visits(from_=day(-1).date(), to=day(-1).date())
    assert held(by_hand)
    await correct(strict, by_hand, "attest", staff="S-1", expect=403)
    assert (await correct(strict, by_hand, "attest", staff="S-9"))["payable"]
    await strict.visit_by("S-2", H1, day(-1, "10:00"), day(-1, "10:30"))
    [tapped] = await strict.visits(from_=day(-1).date(), to=day(-1).date(), staff="S-2")
    assert (codes(tapped), tapped["payable"]) == (set(), True)


async def test_08_a_couples_visit_told_by_hand_is_attested_once(strict):
    await strict.visit_by("S-1", PAR, day(-1, "08:00"), day(-1, "08:10"))
    first, second = await strict.visits()
    await correct(strict, first, "set_end", ended_at=day(-1, "08:30"), staff="S-9")
    first, second = await strict.visits()
    assert held(first)
    assert held(second)
    await correct(strict, second, "attest")
    assert [one["payable"] for one in await strict.visits()] == [True, True]


async def test_one_call_from_the_inbox_attests(strict):
    await register(strict, 30)
    reader = {"role": "planner", "provider": "P-norr"}
    [anomaly] = (await strict.ask("GET", "/v1/anomalies", **reader)).json()["items"]
    assert (anomaly["code"], anomaly["severity"], anomaly["suggestion"]) == ("attestation_missing", "fix", SUGGESTED)
    path = f"/v1/anomalies/{anomaly['id']}/apply"
    refused = await strict.ask("POST", path, staff="S-9", expect=403, **reader)
    assert refused.json()["code"] == "second_person_required"
    told = (await strict.ask("POST", path, staff="S-8", expect=201, **reader)).json()
    assert (told["payable"], codes(told)) == (True, set())
    assert (await strict.ask("GET", "/v1/anomalies", **reader)).json()["items"] == []


async def test_the_limit_is_the_contracts_of_the_day_and_heals_when_it_is_lifted(home):
    visit = await register(home, 59)
    assert visit["payable"]
    limited = contract() | {"manual_attest_minutes": 0}
    await home.put("contracts", "C-norr", limited)
    assert held(await home.visit(visit["id"]))
    await home.put("contracts", "C-norr", limited | {"valid_to": day(-2).date()})
    assert (await home.visit(visit["id"]))["payable"]
    await home.put("contracts", "C-norr", limited | {"manual_attest_minutes": -1}, expect=422)


async def test_where_nothing_is_agreed_one_person_alone_tells_an_hour_and_no_more(home):
    """Without a contract of the day, and by one that does not say; one that says sixteen hours asks nobody."""
    hour = await register(home, 60)
    more = await register(home, 61, start=day(-1, "18:00"))
    assert (codes(hour), hour["payable"]) == (set(), True)
    assert held(more)
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": None})
    assert held(await home.visit(more["id"]))
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 960})
    assert (await home.visit(more["id"]))["payable"]
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 59})
    assert held(await home.visit(hour["id"]))


EMPLOYED = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01", "delegations": []}


async def test_who_is_made_by_a_planner_and_told_of_by_hand_the_same_day_is_signalled_to_both_sides(home):
    """The eight hours are held, and that the staff is new is said beside: also when somebody has attested them."""
    planner = {"role": "planner", "provider": "P-norr"}
    made = await home.put("staff", "S-new", EMPLOYED, **planner)
    assert made["registered_on"] == str(day(0).date())
    visit = await register(home, 480, who="S-new")
    assert (codes(visit), visit["payable"]) == ({"attestation_missing", "new_staff_by_hand"}, False)
    for reader in (planner, {"role": "controller"}):
        items = (await home.ask("GET", "/v1/anomalies?code=new_staff_by_hand", **reader)).json()["items"]
        assert [(one["visit"], one["severity"], one["state"]) for one in items] == [
            (visit["id"], "acknowledge", "open")
        ]
    told = await correct(home, visit, "attest")
    assert (told["payable"], codes(told)) == (True, {"new_staff_by_hand"})
    seen = await correct(home, told, "acknowledge", anomaly="new_staff_by_hand")
    assert [one["state"] for one in seen["anomalies"]] == ["acknowledged"]
    # Who has made the ref stays so, also when the municipality puts the employment.
    again = await home.put("staff", "S-new", EMPLOYED | {"role": "assistant_nurse"})
    assert again["registered_on"] == made["registered_on"]
    assert codes(await home.visit(visit["id"])) == {"new_staff_by_hand"}


async def test_what_new_staff_taps_at_a_tag_and_whom_the_municipality_makes_is_no_signal(home):
    await home.put("staff", "S-new", EMPLOYED, role="planner", provider="P-norr")
    await home.visit_by("S-new", H1, day(-1, "08:00"), day(-1, "08:30"))
    made = await home.put("staff", "S-known", EMPLOYED)
    assert made["registered_on"] is None
    await register(home, 30, who="S-known")
    assert "new_staff_by_hand" not in {code for one in await home.visits() for code in codes(one)}
    [tapped] = await home.visits(staff="S-new")
    corrected = await correct(home, tapped, "set_end", ended_at=day(-1, "08:40"))
    assert "new_staff_by_hand" in codes(corrected)


async def test_a_tap_received_too_late_is_attested_by_another_than_its_carer(home):
    start, end = day(-9, "08:00"), day(-9, "08:30")
    await home.tap("S-1", H1, "in", start, verdict="disputed")
    await home.tap("S-1", H1, "out", end, verdict="disputed")
    [visit] = await home.visits()
    assert (visit["status"], codes(visit)) == ("disputed", {"received_too_late"})
    assert suggestion(visit, "received_too_late") == SUGGESTED
    await correct(home, visit, "attest", staff="S-1", expect=403)
    await correct(home, visit, "settle_dispute", accept=True, staff="S-1", expect=403)
    told = await correct(home, visit, "attest")
    assert (told["status"], told["payable"], codes(told)) == ("complete", True, set())
    assert told["evidence"] == {"in": "static", "out": "static"}


async def test_late_and_told_by_hand_is_attested_once_and_another_dispute_stays(home):
    await home.put("contracts", "C-norr", contract() | {"manual_attest_minutes": 20})
    await home.tap("S-1", "H-1", "in", day(-9, "08:00"), verdict="disputed")
    await home.tap("S-1", "H-1", "out", day(-9, "08:30"), verdict="disputed")
    [visit] = await home.visits()
    told = await correct(home, visit, "attest")
    assert (told["status"], told["payable"], codes(told)) == ("complete", True, set())
    await home.tag_state("T-H-par", "lost", day(-12))
    await home.tap("S-2", PAR, "in", day(-9, "10:00"), verdict="disputed")
    lost, _ = await home.visits(staff="S-2")
    await correct(home, lost, "attest", expect=409)
