"""Clients that prove who they are by keys of their own (`private_key_jwt`), and our keys that others verify by."""

import base64
import secrets
import time
import uuid
from itertools import pairwise

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from service import SECRETS, serving

from app.api.access.assertions import CLIENT_ASSERTION

NAME = "188.ekonomi"


def key_of(kid=None, kind=ECKey, size="P-256"):
    return kind.generate_key(size, {"kid": kid} if kid else None, auto_kid=False)


def set_of(*keys):
    return {"keys": [key.as_dict(private=False) for key in keys]}


async def made(service, *keys, expect=201, **more):
    body = {"ref": "ekonomi", "role": "controller", "jwks": set_of(*keys)} | more
    return (await service.ask("POST", "/v1/clients", body, expect=expect)).json()


def claims_of(service, **changed):
    good = {"iss": NAME, "sub": NAME, "aud": f"{service.url}/oauth/token", "exp": int(time.time()) + 60}
    claims = good | {"jti": str(uuid.uuid4())} | changed
    return {name: value for name, value in claims.items() if value is not None}


def signed(key, claims, **header):
    algorithm = "PS256" if isinstance(key, RSAKey) else "ES256"
    head = {"alg": algorithm} | ({"kid": key.kid} if key.kid else {}) | header
    return jwt.encode(head, claims, key, algorithms=[algorithm])


async def asked(service, assertion, expect=200, headers=None, **form):
    form = {"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION} | form
    answer = await service.client().post("/oauth/token", data=form | {"client_assertion": assertion}, headers=headers)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def test_a_client_with_keys_gets_tokens_by_what_it_signs_and_no_secret(service, owner):
    elliptic, rsa = key_of(), key_of("old", RSAKey, 2048)
    client = await made(service, elliptic, rsa, scopes=["visits:read", "pay:read"])
    assert (client["client_id"], client["client_secret"], client["jwks"]) == (NAME, None, set_of(elliptic, rsa))
    assert (await service.ask("GET", "/v1/clients/ekonomi")).json()["jwks"] == set_of(elliptic, rsa)
    for key in (elliptic, rsa):
        for more in ({}, {"client_id": NAME}):
            token = await asked(service, signed(key, claims_of(service)), scope="visits:read", **more)
            caller = service.app.state.tokens.caller(token["access_token"])
            assert (caller.role, caller.client, caller.scopes) == ("controller", "ekonomi", {"visits:read"})
    assert (await asked(service, signed(rsa, claims_of(service)), 400, scope="taps"))["error"] == "invalid_scope"
    form = {"grant_type": "client_credentials", "client_id": NAME, "client_secret": ""}
    assert (await service.client().post("/oauth/token", data=form)).status_code == 401
    stored = await owner.fetchval("SELECT body::text FROM record WHERE kind = 'clients'")
    assert '"d"' not in stored


async def test_an_assertion_is_good_once_for_us_and_for_minutes(service):
    key = key_of()
    await made(service, key)
    once = signed(key, claims_of(service))
    await asked(service, once)
    wrong = [
        {"iss": "188.another"},
        {"sub": "188.another"},
        {"iss": "188.another", "sub": "188.another"},
        {"aud": "https://elsewhere.example/oauth/token"},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": int(time.time()) + 3600},
        {"jti": None},
        {"jti": "x" * 200},
        {"nbf": 4_000_000_000},
    ]
    refused = [once, *(signed(key, claims_of(service, **changed)) for changed in wrong)]
    good = signed(key, claims_of(service))
    head, body, _ = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    shared = jwt.encode({"alg": "HS256"}, claims_of(service), OctKey.generate_key(256), algorithms=["HS256"])
    refused += [signed(key_of(), claims_of(service)), f"{none}.{body}.", f"{head}.{body}.", shared, "a.b.c", "å", ""]
    for assertion in refused:
        assert (await asked(service, assertion, 401))["error"] == "invalid_client", assertion
    assert (await asked(service, good, 401, client_id="188.another"))["error"] == "invalid_client"
    for twice in (
        {"client_secret": "x"},
        {"client_assertion_type": "urn:other"},
        {"headers": {"Authorization": "Basic YTpi"}},
    ):
        assert (await asked(service, good, 400, **twice))["error"] == "invalid_request"
    for aud in ("taggad", service.url, [service.url, "https://elsewhere.example"]):
        await asked(service, signed(key, claims_of(service, aud=aud)))
    await asked(service, good)


async def test_a_set_that_is_put_takes_the_place_of_the_secret_and_of_the_set_before(service):
    old, new = key_of("old"), key_of("new")
    client = (await service.ask("POST", "/v1/clients", {"ref": "ekonomi", "role": "system"}, expect=201)).json()
    by_secret = {"grant_type": "client_credentials"} | {n: client[n] for n in ("client_id", "client_secret")}
    assert (await service.client().post("/oauth/token", data=by_secret)).status_code == 200

    async def put(*keys, expect=200, **more):
        return await service.ask("PUT", "/v1/clients/ekonomi/jwks", set_of(*keys), expect=expect, **more)

    # A change of keys without a moment in which no key is good
    for keys, good in [((old,), (old,)), ((old, new), (old, new)), ((new,), (new,))]:
        assert (await put(*keys)).json()["jwks"] == set_of(*keys)
        for key in (old, new):
            await asked(service, signed(key, claims_of(service)), 200 if key in good else 401)
        assert (await service.client().post("/oauth/token", data=by_secret)).status_code == 401
    again = await put(new)
    assert (again.headers["etag"], again.json()["version"]) == ('"4"', 4)
    await put(old, expect=412, headers={"If-Match": '"3"'})
    await service.ask("POST", "/v1/clients/ekonomi/revoke", {"reason": "leaked"})
    await asked(service, signed(new, claims_of(service)), 401)
    await service.ask("PUT", "/v1/clients/nobody/jwks", set_of(new), expect=404)


async def test_nobody_puts_keys_of_a_client_that_reaches_further(service):
    key = key_of()
    await made(service, key)
    for ref, scopes in (("wide", None), ("narrow", ["visits:read"])):
        await service.ask("POST", "/v1/clients", {"ref": ref, "role": "system", "scopes": scopes}, expect=201)
    held = {"scopes": ("clients", "visits:read")}
    await service.ask("PUT", "/v1/clients/wide/jwks", set_of(key), expect=403, **held)
    await service.ask("PUT", "/v1/clients/narrow/jwks", set_of(key), expect=200, **held)


async def test_only_public_keys_of_a_safe_kind_are_taken(service):
    good, rsa = key_of("a").as_dict(private=False), key_of("a", RSAKey, 2048).as_dict(private=False)
    for keys in [
        [],
        [key_of("a").as_dict(private=True)],
        [good | {"crv": "P-384"}],
        [good | {"x": "A" * 43}],
        [good | {"kty": "oct", "k": "AAAA"}],
        [good, key_of("a").as_dict(private=False)],
        [rsa | {"n": "_" * 171}],
        [rsa | {"n": "A" * 171 + "_" * 171}],
        [rsa | {"e": "Aw"}],
        [good] * 9,
    ]:
        answer = await service.ask(
            "POST", "/v1/clients", {"ref": "x", "role": "system", "jwks": {"keys": keys}}, expect=422
        )
        assert all(one["pointer"].startswith("/jwks") for one in answer.json()["errors"]), keys


# Our own keys


async def test_an_oauth_library_finds_what_it_needs_to_know(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, public_url="https://taggad.example") as named:
        answer = await named.ask("GET", "/.well-known/oauth-authorization-server", role=None)
        told = answer.json()
        assert told["issuer"] == "https://taggad.example"
        assert told["token_endpoint"] == "https://taggad.example/oauth/token"
        assert told["jwks_uri"] == "https://taggad.example/.well-known/jwks.json"
        assert "private_key_jwt" in told["token_endpoint_auth_methods_supported"]
        assert answer.headers["cache-control"] == "public, max-age=300"
        # Whoever stands between verifies a token by these alone, and finds the issuer it was told of.
        keys = (await named.ask("GET", "/.well-known/jwks.json", role=None)).json()
        assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys["keys"])
        token = jwt.decode(named.token("admin"), KeySet.import_key_set(keys), algorithms=["ES256"])
        assert token.claims["iss"] == told["issuer"]


@pytest.fixture
def two_keys():
    return [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]


async def test_our_key_is_changed_while_two_instances_serve_and_no_token_is_refused(database_url, owner, two_keys):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    old, new = two_keys
    tokens, shown = [], []
    # Instances are restarted one after the other, so that at any time one has this setting and the other the next.
    steps = [old, f"{old},{new}", f"{new},{old}"]
    for ours, theirs in pairwise(steps):
        async with (
            serving(database_url, token_key=ours) as one,
            serving(database_url, token_key=theirs) as other,
        ):
            tokens += [one.token("admin"), other.token("admin")]
            for token in tokens:
                for service in (one, other):
                    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
                        answer = await client.get("/v1/visits", headers={"Authorization": f"Bearer {token}"})
                        assert answer.status_code == 200, (ours, theirs)
            sets = [(await service.ask("GET", "/.well-known/jwks.json", role=None)).json() for service in (one, other)]
            shown.append([[key["kid"] for key in keys["keys"]] for keys in sets])
    [old_kid], both = shown[0]
    assert len(set(both)) == 2
    assert both[0] == old_kid
    assert shown[1] == [both, both[::-1]]
    # When the tokens of the old key have ended, it is dropped: then it verifies nothing.
    async with serving(database_url, token_key=new) as last:
        first, newest = tokens[0], tokens[-1]
        for token, status in ((newest, 200), (first, 401)):
            answer = await last.client().get("/v1/visits", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status
    assert SECRETS["token_key"] not in two_keys
