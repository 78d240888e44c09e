"""A phone that several share: its user is chosen by PIN, and a tap is of whoever made it, whenever it is sent."""

import asyncio
import datetime as dt
import uuid

import pytest
from joserfc import jwt
from service import SetClock, serving, tap_item
from shared_phone import JWT_BEARER, NORR, PIN_OF, SharedPhone, set_pin, shared_phone

from app.actions.check import check
from app.actions.visits.rebuild import rebuild
from app.api.http import access

STAFF = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}


@pytest.fixture
async def office(database_url, owner, monkeypatch):
    """An office with a shared phone, two persons with PINs, two recipients, and a clock that the test sets."""
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    clock = SetClock(dt.datetime.now(dt.UTC).replace(microsecond=0))
    async with serving(database_url, clock=clock) as service:
        service.clock = clock
        await furnish(service)
        yield service


async def furnish(service):
    for side in ("norr", "syd"):
        await service.put("providers", f"P-{side}", {"name": side, "form": "external"})
    for staff in ("S-1", "S-2", "S-3"):
        await service.put("staff", staff, STAFF)
    await service.put("staff", "S-syd", STAFF | {"provider": "P-syd"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    line = {"ref": "1", "intervention": "dusch", "frequency": 1, "period": 1, "period_unit": "d"}
    for number in (1, 2):
        await service.put("recipients", f"B-{number}", {"area": "URBAN", "household": f"H-{number}"})
        order = {"recipient": f"B-{number}", "provider": "P-norr", "valid_from": "2020-01-01", "lines": [line]}
        await service.put("orders", f"O-{number}", order)
    for staff, pin in PIN_OF.items():
        await set_pin(service, staff, pin)
    service.phone = await shared_phone(service)


async def test_a_shared_phone_taps_as_whoever_has_chosen_it(office, owner):
    phone, clock = office.phone, office.clock
    minute = dt.timedelta(minutes=1)

    # S-1 has the phone in the morning. At the second door there is no coverage, so that visit waits in the phone.
    began = await phone.choose("S-1")
    assert (began["staff"], began["device"]) == ("S-1", phone.ref)
    clock.at += 5 * minute
    assert await phone.send("S-1", tap_item("H-1", "in", clock.at)) == [("accepted", None, 1)]
    clock.at += 5 * minute
    assert await phone.send("S-1", tap_item("H-1", "out", clock.at)) == [("accepted", None, 1)]
    waiting = [tap_item("H-2", way, clock.at + minutes * minute) for way, minutes in (("in", 5), ("out", 25))]
    clock.at += 60 * minute
    await phone.renew("S-1")
    ended = await phone.ask("S-1", "POST", f"/v1/work-shifts/{phone.shifts['S-1']}/end")
    assert ended.json()["ends_at"] == clock.at.isoformat().replace("+00:00", "Z")

    # Nobody uses it now: what S-1's token opened is closed, and a new one is for the taps that wait.
    for path in ("/v1/visits", "/v1/reminders"):
        assert (await phone.ask("S-1", "GET", path)).status_code == 401

    # S-2 has it when there is coverage again. Both send, and each visit is whose it was.
    clock.at += 10 * minute
    await phone.choose("S-2")
    assert (await phone.renew("S-1"))["scope"] == "taps"
    assert (await phone.ask("S-1", "GET", "/v1/visits")).status_code == 401
    assert await phone.send("S-1", *waiting) == [("accepted", None, 0)] * 2, "and S-2 reads nothing of it"
    assert await phone.send("S-2", tap_item("H-2", "in", clock.at)) == [("accepted", None, 1)]
    report = {"id": uuid.uuid4(), "tap": waiting[0]["id"], "reported_at": clock.at, "outcome": "performed",
              "interventions": [{"intervention": "dusch", "outcome": "done"}]}  # fmt: skip
    told = await phone.ask("S-1", "POST", "/v1/reports", {"reports": [report]})
    assert told.json()["results"][0]["verdict"] == "accepted"
    # What S-1 is said to have tapped while S-2 had the phone is disputed.
    assert await phone.send("S-1", tap_item("H-1", "in", clock.at)) == [("disputed", "device_not_bound", 0)]

    visits = [(one["staff"], one["recipient"], one["status"]) for one in await office.visits()]
    assert sorted(visits) == [
        ("S-1", "B-1", "complete"),
        ("S-1", "B-1", "disputed"),
        ("S-1", "B-2", "complete"),
        ("S-2", "B-2", "open"),
    ]
    devices = await owner.fetch("SELECT DISTINCT device FROM tap")
    assert [row["device"] for row in devices] == [phone.ref]
    assert [visit["staff"] for visit in (await phone.ask("S-2", "GET", "/v1/visits")).json()["items"]] == ["S-2"]
    assert await check(office.app.state.database, 188) == []
    assert [line async for line in rebuild(office.app.state.database, 188)] == []


async def test_a_work_shift_ends_by_itself_by_the_next_and_by_another_phone(office):
    phone, clock = office.phone, office.clock
    began = await phone.choose("S-1")
    lasts = dt.datetime.fromisoformat(began["ends_at"]) - dt.datetime.fromisoformat(began["began_at"])
    assert (lasts, began["expires_in"]) == (dt.timedelta(hours=12), 900)
    clock.at += lasts - dt.timedelta(minutes=5)
    assert (await phone.renew("S-1"))["expires_in"] == 300
    clock.at += dt.timedelta(minutes=5)
    assert (await phone.renew("S-1"))["scope"] == "taps"
    await office.close()  # whose tokens have ended

    await phone.choose("S-1")
    await phone.choose("S-2")
    assert (await phone.ask("S-1", "GET", "/v1/visits")).status_code == 401
    other = await shared_phone(office)
    await other.choose("S-2")
    assert (await phone.ask("S-2", "GET", "/v1/visits")).status_code == 401
    assert (await other.ask("S-2", "GET", "/v1/visits")).status_code == 200
    # Another phone's work shift gives no token, and nobody ends somebody else's.
    phone.shifts["S-2"] = other.shifts["S-2"]
    assert (await phone.renew("S-2", 400))["error"] == "invalid_grant"
    for shift in (phone.shifts["S-1"], str(uuid.uuid4()), "x"):
        assert (await other.ask("S-2", "POST", f"/v1/work-shifts/{shift}/end")).status_code == 404


async def test_five_wrong_pins_and_a_planner_must_reset_it(office, owner):
    phone = office.phone
    # One answer for whoever may not: nobody of that name, no PIN, another provider's, a wrong PIN.
    for staff in ("S-nobody", "S-3", "S-syd", "S-1"):
        assert (await phone.choose(staff, "111222", 403))["code"] == "pin_wrong"
    await phone.choose("S-1")  # which begins the count anew
    tries = await asyncio.gather(*(phone.choose("S-1", "111222", 403) for _ in range(8)))
    assert sorted(one["code"] for one in tries) == ["pin_locked"] * 3 + ["pin_wrong"] * 5
    assert (await phone.choose("S-1", expect=403))["code"] == "pin_locked"
    await phone.choose("S-2")
    assert await set_pin(office, "S-1", "918273") == {"staff": "S-1"}
    assert (await phone.choose("S-1", expect=403))["code"] == "pin_wrong"
    await phone.choose("S-1", "918273")
    # The PIN is nowhere, and that it was set is a fact.
    hashes = [row[0] for row in await owner.fetch("SELECT pin_hash FROM pin")]
    assert all(one.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for one in hashes)
    facts = await owner.fetch("SELECT version, recorded_by, body FROM record WHERE kind = 'pins' AND ref = 'S-1'")
    assert [row["version"] for row in facts] == [1, 2]
    assert {row["recorded_by"] for row in facts} == {"188:staff:S-1"}
    assert "918273" not in str([tuple(row) for row in facts])


async def test_a_pin_is_set_once_by_a_code_and_is_not_the_first_that_anybody_tries(office):
    code = (await office.ask("POST", "/v1/staff/S-3/pin-code", expect=201, **NORR)).json()["code"]
    for pin in ("12345", "1234567890123", "123456", "654321", "901234", "111111", "121212", "12a456", 123456):
        answer = await office.ask("POST", "/v1/pins", {"code": code, "pin": pin}, role=None, expect=422)
        assert [one["pointer"] for one in answer.json()["errors"]] == ["/pin"]
    await office.ask("POST", "/v1/pins", {"code": code.lower(), "pin": "294617"}, role=None, expect=201)
    body = {"code": code, "pin": "294617"}
    assert (await office.ask("POST", "/v1/pins", body, role=None, expect=403)).json()["code"] == "pin_code_invalid"
    # A code enrols no phone, and one that enrols sets no PIN.
    enrolling = (await office.ask("POST", "/v1/devices", {"staff": "S-3"}, expect=201)).json()["code"]
    body = {"code": enrolling, "pin": "294617"}
    assert (await office.ask("POST", "/v1/pins", body, role=None, expect=403)).json()["code"] == "pin_code_invalid"
    for staff in ("S-syd", "S-nobody"):
        await office.ask("POST", f"/v1/staff/{staff}/pin-code", expect=404, **NORR)


async def test_a_shared_phone_is_its_providers_and_opens_nothing_by_itself(office):
    phone = office.phone
    form = {"grant_type": JWT_BEARER, "assertion": phone.assertion()}
    assert (await office.client().post("/oauth/token", data=form)).json()["error"] == "invalid_grant"
    stored = (await office.ask("GET", f"/v1/devices/{phone.ref}", **NORR)).json()
    assert (stored["staff"], stored["shared"], stored["provider"]) == (None, True, "P-norr")
    assert [one["ref"] for one in await office.pages("/v1/devices", role="planner", who={"provider": "P-norr"})] == [
        phone.ref
    ]
    syd = {"role": "planner", "provider": "P-syd"}
    assert await office.pages("/v1/devices", role="planner", who={"provider": "P-syd"}) == []
    await office.ask("GET", f"/v1/devices/{phone.ref}", expect=404, **syd)
    await office.ask("POST", f"/v1/devices/{phone.ref}/revoke", {"reason": "x"}, expect=404, **syd)
    for body in (
        {"shared": True},
        {"shared": True, "staff": "S-1"},
        {"shared": True, "provider": "P-norr", "staff": "S-1"},
        {"provider": "P-norr"},
        {},
    ):
        await office.ask("POST", "/v1/devices", body, expect=422, **NORR)
    await office.ask("POST", "/v1/devices", {"shared": True, "provider": "P-norr"}, expect=422, **syd)
    # A phone of one person has no work shifts, and its assertion is used once.
    own, key = await office.enrol("S-1")
    await SharedPhone(office, own, key).choose("S-1", expect=401)
    body = {"assertion": phone.assertion(), "staff": "S-1", "pin": PIN_OF["S-1"]}
    await office.ask("POST", "/v1/work-shifts", body, role=None, expect=201)
    for assertion in (body["assertion"], "a.b.c", jwt.encode({"alg": "ES256"}, {"iss": phone.ref}, key)):
        await office.ask("POST", "/v1/work-shifts", body | {"assertion": assertion}, role=None, expect=401)
    # A phone that is lost: nobody chooses it any more, and what was tapped before is still taken.
    await phone.choose("S-1")
    tap = tap_item("H-1", "in", office.clock.at)
    office.clock.at += dt.timedelta(minutes=5)
    await office.ask("POST", f"/v1/devices/{phone.ref}/revoke", {"reason": "lost"}, expect=200, **NORR)
    await phone.choose("S-1", expect=401)
    await phone.renew("S-1")
    assert await phone.send("S-1", tap) == [("accepted", "device_revoked", 0)]
