"""Devices and clients: one-time codes, keys, tokens by signed assertion and by secret, and trust that ends."""

import asyncio
import base64
import datetime as dt
import json
import time
import uuid
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from service import SetClock, day, serving, tap_item

from app.actions.access.enrol_device import ALPHABET
from app.api.http import access, throttle

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
STAFF = {"role": "care_assistant", "valid_from": "2020-01-01"}


@pytest.fixture
async def town(service):
    """Two providers with a staff ref each, and a recipient at H-1."""
    for side in ("norr", "syd"):
        await service.put("providers", f"P-{side}", {"name": side, "form": "external"})
        await service.put("staff", f"S-{side}", STAFF | {"provider": f"P-{side}"})
    await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
    return service


def key_body(key=None):
    return (key or ECKey.generate_key("P-256")).as_dict(private=False)


async def offered(town, staff="S-norr", **who):
    return (await town.ask("POST", "/v1/devices", {"staff": staff}, expect=201, **who)).json()


async def knock(town, code, expect, key=None):
    answer = await town.ask(
        "POST", "/v1/devices/enrol", {"code": code, "public_key": key_body(key)}, role=None, expect=expect
    )
    return answer.json()


def claims_of(device, town, **changed):
    now = int(time.time())
    good = {"iss": device, "sub": device, "aud": f"{town.url}/oauth/token", "exp": now + 60, "jti": str(uuid.uuid4())}
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(key, claims, **header):
    return jwt.encode({"alg": "ES256", **header}, claims, key, algorithms=["ES256"])


async def asked(town, form, expect=200, **headers):
    answer = await town.client().post("/oauth/token", data=form, headers=headers)
    assert answer.status_code == expect, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


async def by_assertion(town, assertion, expect=200):
    return await asked(town, {"grant_type": JWT_BEARER, "assertion": assertion}, expect)


async def token_of(town, device, key):
    found = await by_assertion(town, signed(key, claims_of(device, town)))
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 900)
    return found["access_token"]


async def with_token(town, method, path, token, body=None):
    headers = {"Authorization": f"Bearer {token}"}
    return await town.client().request(method, path, json=body, headers=headers)


async def tapped(town, token, at, direction="in"):
    item = tap_item("H-1", direction, at)
    body = {"sent_at": dt.datetime.now(dt.UTC).isoformat(), "taps": [item | {"id": str(item["id"])}]}
    body["taps"][0]["tapped_at"] = at.isoformat()
    body["taps"][0]["tag"].pop("note", None)
    answer = await with_token(town, "POST", "/v1/taps", token, body)
    assert answer.status_code == 200, answer.text
    [result] = answer.json()["results"]
    return result["verdict"], result["code"]


async def revoked(town, device, **body):
    return (await town.ask("POST", f"/v1/devices/{device}/revoke", {"reason": "lost", **body}, expect=200)).json()


# Enrolment


async def test_a_phone_is_enrolled_by_its_code_and_sends_taps_as_its_staff(town):
    offer = await offered(town, role="planner", provider="P-norr")
    assert set(offer["code"].replace("-", "")) <= set(ALPHABET)
    assert offer["address"] == f"{town.url}/enrol#{offer['code']}"
    image = unquote(offer["qr"])
    assert image.startswith("data:image/svg+xml")
    assert "<svg" in image
    key = ECKey.generate_key("P-256")
    enrolled = await knock(town, offer["code"].lower().replace("-", " "), 201, key)
    device = enrolled["device"]
    assert enrolled == {
        "device": device,
        "staff": "S-norr",
        "shared": False,
        "provider": None,
        "municipality": 188,
        "token_endpoint": f"{town.url}/oauth/token",
    }
    stored = (await town.ask("GET", f"/v1/devices/{device}", role="planner", provider="P-norr")).json()
    assert stored["staff"] == "S-norr"
    assert stored["public_key"] == {name: key_body(key)[name] for name in ("kty", "crv", "x", "y")}
    assert (stored["revoked_at"], stored["version"]) == (None, 1)
    token = await token_of(town, device, key)
    assert await tapped(town, token, day(-1, "08:00")) == ("accepted", None)
    assert (await with_token(town, "GET", "/v1/visits", token)).status_code == 200


async def test_a_wrong_a_used_and_an_ended_code_get_the_same_answer(town, owner):
    used, ended = await offered(town), await offered(town)
    await knock(town, used["code"], 201)
    await owner.execute(
        "UPDATE enrolment SET expires_at = now() WHERE code_digest = "
        "(SELECT code_digest FROM enrolment ORDER BY expires_at DESC LIMIT 1)"
    )
    answers = [await knock(town, code, 403) for code in ("0000-0000-0000", used["code"], ended["code"], "é")]
    assert {answer["code"] for answer in answers} == {"enrolment_code_invalid"}
    assert len({json.dumps(answer | {"trace_id": ""}) for answer in answers}) == 1
    await offered(town)  # which forgets what has ended
    assert await owner.fetchval("SELECT count(*) FROM enrolment") == 1


async def test_the_code_is_kept_nowhere(town, owner):
    offer = await offered(town)
    rows = await owner.fetch("SELECT * FROM enrolment")
    assert [row["staff"] for row in rows] == ["S-norr"]
    assert offer["code"].replace("-", "").encode() not in rows[0]["code_digest"]
    assert len(rows[0]["code_digest"]) == 32


async def test_guessing_is_slowed_down_and_an_office_that_enrols_is_not(town):
    for _ in range(12):
        await knock(town, (await offered(town))["code"], 201)
    for _ in range(10):
        await knock(town, "0000-0000-0000", 403)
    good = (await offered(town))["code"]
    answer = await town.client().post("/v1/devices/enrol", json={"code": good, "public_key": key_body()})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 600


def test_addresses_are_counted_apart_for_a_while_and_not_for_ever(monkeypatch):
    def come(address):
        class Request:
            client = type("Client", (), {"host": address})

        return counted.begin(Request)

    monkeypatch.setattr(throttle, "MOST_FAILURES", 2)
    monkeypatch.setattr(throttle, "WITHIN_SECONDS", 60)
    counted = throttle.Throttle()
    now = 1000.0
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: now))
    for _ in range(2):
        come("2001:db8::1")
        come("192.0.2.1")
    for neighbour in ("2001:db8::ffff", "192.0.2.1"):
        with pytest.raises(throttle.Problem) as caught:
            come(neighbour)
        assert caught.value.headers["Retry-After"] == "61"
    come("2001:db8:0:1::1")
    now += 60
    come("192.0.2.1")
    monkeypatch.setattr(throttle, "MOST_ADDRESSES", 3)
    for last in range(9):
        come(f"198.51.100.{last}")
    assert len(counted._counted) == 3


async def test_only_a_public_key_of_the_curve_is_taken(town):
    code = (await offered(town))["code"]
    for changed in [
        {"crv": "P-384"},
        {"kty": "RSA"},
        {"x": "AAAA"},
        {"x": "A" * 43},
        {"d": "A" * 43},
        {"y": None},
    ]:
        body = {"code": code, "public_key": key_body() | changed}
        answer = await town.client().post("/v1/devices/enrol", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith("/public_key")
    await knock(town, code, 201)


async def test_two_phones_with_one_code_at_once_have_one_winner(town):
    code = (await offered(town))["code"]
    body = {"code": code, "public_key": key_body()}
    both = await asyncio.gather(*(town.client().post("/v1/devices/enrol", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in both) == [201, 403, 403, 403]


async def test_planners_enrol_list_and_revoke_their_own_staffs_phones_alone(town):
    theirs, _ = await town.enrol("S-syd")
    ours, _ = await town.enrol("S-norr")
    norr = {"role": "planner", "provider": "P-norr"}
    for staff in ("S-syd", "S-nobody"):
        answer = await town.ask("POST", "/v1/devices", {"staff": staff}, expect=422, **norr)
        assert answer.json()["code"] == "unknown_ref"
    await town.ask("GET", f"/v1/devices/{theirs}", expect=404, **norr)
    await town.ask("POST", f"/v1/devices/{theirs}/revoke", {"reason": "x"}, expect=404, **norr)
    assert [one["ref"] for one in await town.pages("/v1/devices", role="planner", who={"provider": "P-norr"})] == [ours]
    assert {one["ref"] for one in await town.pages("/v1/devices", role="admin")} == {ours, theirs}
    await town.ask("POST", f"/v1/devices/{ours}/revoke", {"reason": "x"}, expect=200, **norr)


# Assertions


async def test_a_forged_host_neither_leads_a_phone_away_nor_widens_what_it_signs_for(town, database_url):
    async with serving(database_url, public_url="https://taggad.example/") as named:
        forged = {"Host": "evil.example"}
        asked_there = {"headers": forged, "role": "admin", "expect": 201}
        offer = (await named.ask("POST", "/v1/devices", {"staff": "S-norr"}, **asked_there)).json()
        assert offer["address"] == f"https://taggad.example/enrol#{offer['code']}"
        key = ECKey.generate_key("P-256")
        body = {"code": offer["code"], "public_key": key_body(key)}
        enrolled = (await named.ask("POST", "/v1/devices/enrol", body, **asked_there | {"role": None})).json()
        assert enrolled["token_endpoint"] == "https://taggad.example/oauth/token"
        for aud, expect in [
            ("http://evil.example/oauth/token", 400),
            (f"{named.url}/oauth/token", 400),
            ("https://taggad.example/oauth/token", 200),
            ("taggad", 200),
        ]:
            form = {"grant_type": JWT_BEARER, "assertion": signed(key, claims_of(enrolled["device"], town, aud=aud))}
            await asked(named, form, expect, **forged)


async def test_an_assertion_with_a_wrong_claim_gets_no_token(town):
    device, key = await town.enrol("S-norr")
    for changed in [
        {"iss": "D-0000000000000000"},
        {"sub": "D-0000000000000000"},
        {"aud": "https://elsewhere.example/oauth/token"},
        {"aud": []},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"exp": "soon"},
        {"jti": None},
        {"jti": "x" * 200},
        {"jti": 7},
        {"sub": None},
        {"iss": None},
        {"iss": 7},
        {"nbf": 4_000_000_000},
    ]:
        refused = await by_assertion(town, signed(key, claims_of(device, town, **changed)), 400)
        assert refused["error"] == "invalid_grant"
    assert await by_assertion(town, signed(key, claims_of(device, town, aud="taggad")))


async def test_a_devices_clock_may_be_a_minute_off(town):
    device, key = await town.enrol("S-norr")
    now = int(time.time())
    town.app.state.clock = SetClock(dt.datetime.fromtimestamp(now, dt.UTC))
    for changed, expect in [
        ({"iat": now + 59}, 200),
        ({"iat": now + 61}, 400),
        ({"nbf": now + 59}, 200),
        ({"nbf": now + 61}, 400),
        ({"exp": now - 59}, 200),
        ({"exp": now - 61}, 400),
        ({"exp": now + 359}, 200),
        ({"exp": now + 361}, 400),
    ]:
        await by_assertion(town, signed(key, claims_of(device, town, **changed)), expect)


async def test_only_the_devices_own_key_signs_for_it(town):
    device, key = await town.enrol("S-norr")
    _, other = await town.enrol("S-norr")
    good = signed(key, claims_of(device, town))
    head, body, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for forged in (
        signed(other, claims_of(device, town)),
        f"{none}.{body}.",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "a.b.c",
        "åäö",
        "x" * 9000,
    ):
        assert (await by_assertion(town, forged, 400))["error"] == "invalid_grant"
    await by_assertion(town, good)


async def test_an_assertion_is_good_once(town, owner):
    device, key = await town.enrol("S-norr")
    once = signed(key, claims_of(device, town))
    await by_assertion(town, once)
    assert (await by_assertion(town, once, 400))["error"] == "invalid_grant"
    await owner.execute("UPDATE spent_assertion SET expires_at = now()")
    await token_of(town, device, key)
    assert await owner.fetchval("SELECT count(*) FROM spent_assertion") == 1


async def test_a_request_that_is_none_is_refused_as_rfc_6749_says(service):
    for form, error in [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": JWT_BEARER}, "invalid_request"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "everything"}, "invalid_scope"),
        ({"grant_type": "x" * 20_000}, "invalid_request"),
    ]:
        refused = await asked(service, form, 400)
        assert refused.keys() == {"error", "error_description"}
        assert refused["error"] == error
    as_json = await service.client().post("/oauth/token", json={"grant_type": "client_credentials"})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")


# Revocation


@pytest.fixture
def at_once(monkeypatch):
    """What was revoked is looked up at every request, as it otherwise is every half minute."""
    monkeypatch.setattr(access, "REVOCATIONS_FRESH_SECONDS", 0)


async def test_a_revoked_device_still_delivers_what_was_tapped_before_and_nothing_else(town, at_once):
    device, key = await town.enrol("S-norr")
    old = await token_of(town, device, key)
    assert await tapped(town, old, day(-1, "07:00")) == ("accepted", None)
    told = await revoked(town, device, at=day(-1, "09:00").isoformat())
    assert (told["version"], told["reason"]) == (2, "lost")
    for token in (old, await token_of(town, device, key)):
        assert await tapped(town, token, day(-1, "08:00")) == ("accepted", "device_revoked")
        assert await tapped(town, token, day(-1, "09:00")) == ("disputed", "device_not_bound")
        assert await tapped(town, token, day(-1, "10:00"), "out") == ("disputed", "device_not_bound")
        for method, path in (("GET", "/v1/visits"), ("POST", "/v1/reports")):
            answer = await with_token(town, method, path, token, {} if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    flagged = [visit for visit in await town.visits() if "device_revoked" in json.dumps(visit)]
    assert flagged
    severities = {one["code"]: one["severity"] for one in flagged[0]["anomalies"]}
    assert severities["device_revoked"] == "acknowledge"


async def test_of_two_revocations_the_earlier_holds_and_none_lies_ahead(town):
    device, _ = await town.enrol("S-norr")
    later = await revoked(town, device)
    assert await revoked(town, device) == later
    earlier = await revoked(town, device, at=day(-1).isoformat())
    assert earlier["version"] == 3
    assert await revoked(town, device, at=day(0).isoformat()) == earlier
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    body = {"reason": "lost", "at": ahead}
    answer = await town.ask("POST", f"/v1/devices/{device}/revoke", body, expect=422)
    assert answer.json()["errors"] == [
        {"pointer": "/at", "code": "out_of_range", "message": answer.json()["errors"][0]["message"]}
    ]


async def test_what_was_revoked_is_known_within_half_a_minute_and_looked_up_no_oftener(town, monkeypatch):
    device, key = await town.enrol("S-norr")
    token = await token_of(town, device, key)
    now = time.monotonic() + 31  # what enrolling looked up is old
    reads = []
    read = access.revoked_since
    monkeypatch.setattr(access, "revoked_since", lambda *given: reads.append(given) or read(*given))
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: now))
    for _ in range(3):
        assert (await with_token(town, "GET", "/v1/visits", token)).status_code == 200
    assert len(reads) == 1
    now += access.REVOCATIONS_FRESH_SECONDS
    many = await asyncio.gather(*(with_token(town, "GET", "/v1/visits", token) for _ in range(5)))
    assert {answer.status_code for answer in many} == {200}
    assert len(reads) == 2
    await revoked(town, device)
    now += access.REVOCATIONS_FRESH_SECONDS
    assert access.REVOCATIONS_FRESH_SECONDS <= 60
    assert (await with_token(town, "GET", "/v1/visits", token)).status_code == 401
    assert len(reads) == 3


async def test_a_device_of_somebody_else_is_disputed(town):
    device, _ = await town.enrol("S-syd")
    for bound in (device, "D-nobody"):
        result = await town.tap("S-norr", "H-1", "in", day(-1, "08:00"), device=bound, verdict="disputed")
        assert result["code"] == "device_not_bound"


async def test_a_token_says_who_the_device_is_as_those_of_the_command_line_do(town):
    device, key = await town.enrol("S-norr")
    caller = town.app.state.tokens.caller(await token_of(town, device, key))
    assert (caller.municipality_id, caller.role, caller.staff, caller.device) == (188, "staff", "S-norr", device)


# Clients


async def made(town, ref="ekonomi", role="system", **more):
    return (await town.ask("POST", "/v1/clients", {"ref": ref, "role": role, **more}, expect=201)).json()


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def by_secret(town, client, expect=200):
    form = {"grant_type": "client_credentials"}
    named = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    found = [await asked(town, form | named, expect)]
    return [*found, await asked(town, form, expect, **basic(*named.values()))]


async def test_a_client_gets_tokens_of_its_role_by_basic_and_in_the_form(town):
    for role in ("system", "controller", "inspector", "auditor", "admin", "planner"):
        more = {"provider": "P-norr"} if role == "planner" else {}
        client = await made(town, f"the-{role}", role, **more)
        for found in await by_secret(town, client):
            caller = town.app.state.tokens.caller(found["access_token"])
            assert (caller.municipality_id, caller.role, caller.client) == (188, role, f"the-{role}")
            assert caller.provider == more.get("provider")
            assert caller.subject == f"188:{role}:188.the-{role}"


async def test_the_secret_is_shown_once_and_kept_as_a_digest(town, owner):
    client = await made(town)
    secret = client.pop("client_secret")
    shown = (await town.ask("GET", "/v1/clients/ekonomi")).json()
    assert shown == {name: value for name, value in client.items() if name != "client_id"}
    assert (await town.ask("GET", "/v1/clients")).json()["items"] == [shown]
    assert secret not in await owner.fetchval("SELECT body::text FROM record WHERE kind = 'clients'")


async def test_a_wrong_secret_name_or_scheme_is_one_answer(town):
    client = await made(town)
    form = {"grant_type": "client_credentials"}
    for name, secret in (
        (client["client_id"], "wrong"),
        ("188.nobody", client["client_secret"]),
        ("17.ekonomi", client["client_secret"]),
        ("ekonomi", client["client_secret"]),
        ("", ""),
        ("188.\0", "x"),
        ("188.ekonomi\n", client["client_secret"]),
    ):
        for refused in (
            await asked(town, form | {"client_id": name, "client_secret": secret}, 401),
            await asked(town, form, 401, **basic(name, secret)),
        ):
            assert refused["error"] == "invalid_client"
    for header in ("Basic", "Basic é", "Basic AAAA", "Bearer x"):
        answer = await town.client().post("/oauth/token", data=form, headers={"Authorization": header.encode()})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
    twice = form | {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    assert (await asked(town, twice, 400, **basic("a", "b")))["error"] == "invalid_request"


async def test_a_revoked_client_gets_no_token_and_those_it_has_open_nothing(town, at_once):
    client = await made(town)
    [found, _] = await by_secret(town, client)
    assert (await with_token(town, "GET", "/v1/visits", found["access_token"])).status_code == 200
    await town.ask("POST", "/v1/clients/ekonomi/revoke", {"reason": "leaked"}, expect=200)
    assert (await with_token(town, "GET", "/v1/visits", found["access_token"])).status_code == 401
    assert {refused["error"] for refused in await by_secret(town, client, 401)} == {"invalid_client"}
    await town.ask("POST", "/v1/clients/nobody/revoke", {"reason": "leaked"}, expect=404)


async def test_a_client_that_nobody_could_be_is_not_made(town):
    await made(town, "taken")
    for body, status, code in [
        ({"role": "staff"}, 422, "invalid_envelope"),
        ({"role": "planner"}, 422, "invalid_envelope"),
        ({"role": "planner", "provider": "P-nobody"}, 422, "unknown_ref"),
        ({"role": "system", "provider": "P-norr"}, 422, "invalid_envelope"),
        ({"ref": "19121212-1212", "role": "system"}, 422, "ref_is_personal_number"),
        ({"ref": "taken", "role": "system"}, 409, "client_exists"),
    ]:
        answer = await town.ask("POST", "/v1/clients", {"ref": "new"} | body, expect=status)
        assert answer.json()["code"] == code


# Presence


async def test_the_inspector_sees_who_is_logged_in_at_the_door_and_nobody_else(town):
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    await town.put("recipients", "B-2", {"area": "URBAN"})
    await town.tap("S-norr", "H-1", "in", now - dt.timedelta(minutes=30))
    await town.tap("S-syd", "H-1", "in", now - dt.timedelta(minutes=20))
    await town.tap("S-norr", "B-2", "in", now - dt.timedelta(hours=2))
    await town.tap("S-norr", "B-2", "out", now - dt.timedelta(hours=1))
    found = (await town.ask("GET", "/v1/presence?household=H-1", role="inspector", expect=200)).json()
    assert found["household"] == "H-1"
    assert [(one["staff"], one["provider"], one["evidence"]) for one in found["items"]] == [
        ("S-norr", "P-norr", "manual"),
        ("S-syd", "P-syd", "manual"),
    ]
    assert dt.datetime.fromisoformat(found["items"][0]["since"]) == now - dt.timedelta(minutes=30)
    await town.tap("S-syd", "H-1", "out", now)
    await town.tap("S-norr", "H-1", "out", now)
    for empty in ("H-1", "B-2"):
        answer = await town.ask("GET", f"/v1/presence?household={empty}", role="inspector", expect=200)
        assert answer.json()["items"] == []
    for unknown in ("H-9", "%00", ""):
        await town.ask("GET", f"/v1/presence?household={unknown}", role="inspector", expect=404)
    await town.ask("GET", "/v1/presence", role="inspector", expect=422)


async def test_a_disputed_presence_is_shown_as_that(town):
    device, _ = await town.enrol("S-syd")
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    await town.tap("S-norr", "H-1", "in", at, device=device, verdict="disputed")
    [one] = (await town.ask("GET", "/v1/presence?household=H-1", role="inspector")).json()["items"]
    assert one["evidence"] == "disputed"
