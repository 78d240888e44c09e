"""What scopes are given out: to clients, to phones, at the command line; none gets more than it was given."""

import pytest
from joserfc import jwt

from app.actions.versions import keep
from app.api.access.clients import PURPOSE
from app.api.access.oauth import JWT_BEARER
from app.api.http.access import digest_of
from app.store.register.records import Stored


async def made(service, ref="ekonomi", role="controller", *, expect=201, who=None, **more):
    body = {"ref": ref, "role": role, **more}
    return (await service.ask("POST", "/v1/clients", body, expect=expect, **(who or {}))).json()


async def token_of(service, client, expect=200, **form):
    form |= {"grant_type": "client_credentials"}
    form |= {name: client[name] for name in ("client_id", "client_secret")}
    answer = await service.client().post("/oauth/token", data=form)
    assert answer.status_code == expect, answer.text
    return answer.json()


def scopes_of(service, answer):
    return service.app.state.tokens.caller(answer["access_token"]).scopes


REGISTERED = ["visits:read", "pay:read"]


async def test_a_client_gets_what_it_is_registered_with_and_less_where_it_asks_for_less(service):
    client = await made(service, scopes=[*REGISTERED, *REGISTERED])
    assert client["scopes"] == REGISTERED
    assert (await service.ask("GET", "/v1/clients/ekonomi")).json()["scopes"] == REGISTERED
    for asked, given in (
        ({}, REGISTERED),
        ({"scope": ""}, REGISTERED),
        ({"scope": "pay:read"}, ["pay:read"]),
        ({"scope": "pay:read visits:read pay:read"}, REGISTERED),
    ):
        answer = await token_of(service, client, **asked)
        assert (sorted(answer["scope"].split(" ")), scopes_of(service, answer)) == (sorted(given), set(given)), asked
    for more in ("ledger:read", "visits:read ledger:read", "everything", " ", "visits:read  pay:read"):
        assert (await token_of(service, client, 400, scope=more))["error"] == "invalid_scope", more


async def test_a_client_that_is_registered_with_none_reaches_what_its_role_does_and_may_ask_for_less(service):
    client = await made(service)
    assert client["scopes"] is None
    whole = await token_of(service, client)
    assert ("scope" in whole, scopes_of(service, whole)) == (False, set())
    less = await token_of(service, client, scope="visits:read")
    assert (less["scope"], scopes_of(service, less)) == ("visits:read", {"visits:read"})


async def test_a_client_from_before_there_were_scopes_is_one_of_none(service):
    state = service.app.state
    digest = digest_of(service, PURPOSE, "secret").hex()
    body = {"role": "system", "provider": None, "secret_digest": digest, "revoked_at": None, "reason": None}
    async with state.database.write(188) as writing:
        await keep(writing, "clients", "188:admin:operator", [Stored("old", 1, removed=False, body=body)])
    assert (await service.ask("GET", "/v1/clients/old")).json()["scopes"] is None
    answer = await token_of(service, {"client_id": "188.old", "client_secret": "secret"})
    assert scopes_of(service, answer) == set()


@pytest.mark.parametrize("scopes", [["everything"], [""], ["visits:read pay:read"], [], "visits:read", [None]])
async def test_no_client_is_made_with_a_scope_that_is_none(service, scopes):
    told = await made(service, expect=422, scopes=scopes)
    assert all(one["pointer"].startswith("/scopes") for one in told["errors"])


async def test_nobody_makes_a_client_that_reaches_further(service):
    own = {"scopes": ("clients", "visits:read")}
    for more in ({"scopes": ["visits:read", "pay:read"]}, {}, {"scopes": None}):
        assert (await made(service, expect=403, who=own, **more))["code"] == "insufficient_scope", more
    assert (await made(service, "less", who=own, scopes=["visits:read"]))["scopes"] == ["visits:read"]


async def test_a_phone_may_ask_for_less_than_its_role_reaches(service):
    await service.put("providers", "P-1", {"name": "Ett", "form": "external"})
    await service.put("staff", "S-1", {"provider": "P-1", "role": "care_assistant", "valid_from": "2026-01-01"})
    device, key = await service.enrol("S-1")

    async def asked(jti, **form):
        claims = {
            "iss": device,
            "sub": device,
            "aud": "taggad",
            "exp": service.app.state.clock.now().timestamp(),
            "jti": jti,
        }
        assertion = jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])
        form |= {"grant_type": JWT_BEARER, "assertion": assertion}
        return (await service.client().post("/oauth/token", data=form)).json()

    assert scopes_of(service, await asked("1", scope="taps")) == {"taps"}
    assert scopes_of(service, await asked("2")) == set()
    assert (await asked("3", scope="everything"))["error"] == "invalid_scope"
