"""The frame: who is let in, what is served beside the API, what is documented, what is counted."""

import datetime as dt
import hmac
import importlib
import json
import pkgutil
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from types import SimpleNamespace

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from joserfc import jwt
from joserfc.jwk import ECKey
from service import SetClock, serving

import app.api
from app import assets
from app.api.http import access
from app.api.http.access import ROLES, Tokens, allow
from app.api.http.problems import Problem
from app.store.clock import Clock

KEY = bytes(range(32))
OPEN = {"/v1/devices/enrol", "/v1/ledger/key", "/v1/pins", "/v1/work-shifts"}
"""Where a code, an assertion or nothing stands in the place of a token."""
BODILESS = {
    "/v1/members/{ref}/link",
    "/v1/purges/{ref}/approve",
    "/v1/recipients/{ref}/archive",
    "/v1/staff/{ref}/pin-code",
    "/v1/work-shifts/{work_shift}/end",
}
"""Where the address says it all."""


@pytest.fixture
def clock():
    return SetClock(dt.datetime.now(dt.UTC).replace(microsecond=0))


@pytest.fixture
def tokens(clock):
    return Tokens([KEY], clock)


def _claims(token):
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _refused(tokens, token):
    with pytest.raises(Problem) as caught:
        tokens.caller(token)
    return caught.value.code == "unauthenticated"


# Tokens


def test_a_token_carries_what_rfc_9068_asks_and_who_calls(tokens):
    token = tokens.mint(188, "staff", staff="S-07", provider="P-norr", device="D-1", scopes=["taps"], ttl_seconds=60)
    header = json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))
    claims = _claims(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims.keys() >= {"iss", "aud", "sub", "client_id", "iat", "exp", "jti"}
    assert claims["exp"] - claims["iat"] == 60
    caller = tokens.caller(token)
    assert (caller.municipality_id, caller.role, caller.staff) == (188, "staff", "S-07")
    assert (caller.provider, caller.device, caller.scopes) == ("P-norr", "D-1", frozenset({"taps"}))


def test_two_tokens_are_never_the_same(tokens):
    assert _claims(tokens.mint(188, "admin"))["jti"] != _claims(tokens.mint(188, "admin"))["jti"]


@pytest.mark.parametrize(
    ("role", "more"),
    [
        ("king", {}),
        ("staff", {}),
        ("planner", {}),
        ("staff", {"provider": "P"}),
        ("admin", {"scopes": ["visits:read", "everything"]}),
        ("admin", {"scopes": [""]}),
        ("admin", {"scopes": ["visits:read records:read"]}),
    ],
)
def test_no_token_is_minted_that_nobody_could_use(tokens, role, more):
    with pytest.raises(ValueError, match=r"role|scope"):
        tokens.mint(188, role, **more)


def _signed(claims, *, key=KEY, header=None):
    private = access._signing_key(key)
    return jwt.encode({"alg": "ES256", "typ": "at+jwt"} | (header or {}), claims, private, algorithms=["ES256"])


def _good():
    now = int(time.time())
    return {
        "iss": "taggad",
        "aud": "taggad",
        "sub": "x",
        "client_id": "x",
        "jti": "1",
        "iat": now,
        "exp": now + 60,
        "municipality": 188,
        "role": "admin",
    }


def test_the_claims_below_are_good_but_for_what_each_changes(tokens):
    assert tokens.caller(_signed(_good())).role == "admin"


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "client_id", "jti", "iat", "exp", "municipality", "role"])
def test_a_token_without_a_claim_it_needs_is_refused(tokens, missing):
    assert _refused(tokens, _signed({name: value for name, value in _good().items() if name != missing}))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"},
        {"iss": ""},
        {"aud": "other"},
        {"aud": ""},
        {"aud": []},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"role": "king"},
        {"role": ["admin"]},
        {"role": "staff"},
        {"role": "planner", "provider": ""},
        {"role": "staff", "staff": 7},
        {"municipality": "188"},
        {"municipality": True},
        {"municipality": 188.0},
        {"sub": ""},
        {"scope": ["taps"]},
        {"nbf": 4_000_000_000},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(tokens, changed):
    assert _refused(tokens, _signed(_good() | changed))


@pytest.mark.parametrize(
    ("claim", "ahead", "taken"),
    [
        ("iat", 59, True),
        ("iat", 61, False),
        ("nbf", 59, True),
        ("nbf", 61, False),
        ("exp", 1, True),
        ("exp", 0, False),
        ("exp", -1, False),
    ],
)
def test_a_clock_may_be_a_minute_ahead_and_no_token_outlives_its_end(tokens, clock, claim, ahead, taken):
    """Another worker's clock may be ahead, by which a token begins; its end is promised and comes to the second."""
    token = _signed(_good() | {claim: int(clock.at.timestamp()) + ahead})
    assert (tokens.caller(token).role == "admin") if taken else _refused(tokens, token)


def test_only_our_own_signature_counts(tokens):
    good = _signed(_good())
    head, body, signature = good.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    admin = urlsafe_b64encode(json.dumps(_good() | {"municipality": 7}).encode()).rstrip(b"=").decode()
    public = access._signing_key(KEY).as_pem(private=False)
    symmetric = urlsafe_b64encode(b'{"alg":"HS256","typ":"at+jwt"}').rstrip(b"=").decode() + "." + body
    by_public_key = urlsafe_b64encode(hmac.digest(public, symmetric.encode(), "sha256")).rstrip(b"=").decode()
    forged = [
        f"{none}.{body}.",
        f"{head}.{admin}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{symmetric}.{by_public_key}",
        _signed(_good(), key=bytes(range(1, 33))),
        jwt.encode({"alg": "ES256", "typ": "at+jwt"}, _good(), ECKey.generate_key("P-256")),
        _signed(_good(), header={"typ": "JWT"}),
        _signed(_good(), header={"kid": "somebody-else"}),
        "",
        "a.b.c",
        "åäö",
        good + "x" * 5000,
    ]
    assert [token for token in forged if not _refused(tokens, token)] == []
    assert tokens.caller(good)


def test_a_new_key_signs_and_the_old_one_still_verifies():
    old = Tokens([KEY], Clock())
    both = Tokens([bytes(range(100, 132)), KEY], Clock())
    assert both.caller(old.mint(188, "admin")).role == "admin"
    assert both.caller(both.mint(188, "admin")).role == "admin"
    assert _refused(old, both.mint(188, "admin"))


def test_a_verified_token_is_remembered_until_it_ends(tokens, clock, monkeypatch):
    verified = []
    verify = tokens._verify
    monkeypatch.setattr(tokens, "_verify", lambda token: verified.append(token) or verify(token))
    short, long = tokens.mint(188, "admin", ttl_seconds=30), tokens.mint(188, "admin", ttl_seconds=300)
    for _ in range(3):
        tokens.caller(short)
        tokens.caller(long)
    clock.at += dt.timedelta(seconds=299)
    tokens.caller(long)
    assert verified == [short, long]
    assert _refused(tokens, short)
    clock.at += dt.timedelta(seconds=1)
    assert _refused(tokens, long)
    assert not any(token.encode() in tokens._remembered for token in (short, long))


def test_an_ended_token_is_refused_though_it_was_remembered(tokens, clock):
    token = tokens.mint(188, "admin", ttl_seconds=1)
    tokens.caller(token)
    clock.at += dt.timedelta(seconds=2)
    assert _refused(tokens, token)


def test_what_is_remembered_is_bounded(tokens, monkeypatch):
    monkeypatch.setattr(access, "REMEMBERED_TOKENS", 3)
    used = tokens.mint(188, "admin")
    for _ in range(10):
        caller = tokens.caller(used)
        tokens.caller(tokens.mint(188, "admin"))
    assert len(tokens._remembered) == 3
    assert tokens.caller(used) is caller


def test_a_route_names_roles_and_a_scope_that_exist():
    with pytest.raises(ValueError, match="king"):
        allow("king", scope="taps")
    with pytest.raises(ValueError, match="everything"):
        allow("staff", scope="everything")
    with pytest.raises(ValueError, match="role"):
        allow(scope="taps")


# Who is let in


def _request(header, tokens):
    state = SimpleNamespace(tokens=tokens)
    headers = {} if header is None else {"authorization": header}
    return SimpleNamespace(headers=headers, app=SimpleNamespace(state=state))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "bearer-abc", "Bearer a.b.c"])
def test_no_or_a_bad_token_is_401(tokens, header):
    with pytest.raises(Problem) as caught:
        allow(*ROLES, scope="taps").caller(_request(header, tokens))
    assert caught.value.code == "unauthenticated"


def test_a_scope_that_is_none_opens_nothing(tokens):
    """Earlier versions took any word for one, in tokens that may last a year."""
    old = _signed(_good() | {"scope": "everything"})
    with pytest.raises(Problem) as caught:
        allow("admin", scope="taps").caller(_request(f"Bearer {old}", tokens))
    assert caught.value.code == "insufficient_scope"


def test_the_scheme_is_read_in_any_case_and_the_role_decides(tokens):
    token = tokens.mint(188, "auditor")
    assert allow("auditor", scope="taps").caller(_request(f"bEARER {token}", tokens)).role == "auditor"
    with pytest.raises(Problem) as caught:
        allow("admin", scope="taps").caller(_request(f"Bearer {token}", tokens))
    assert caught.value.code == "forbidden_role"


def _operations(served):
    """Every documented operation: method, path template, description."""
    for path, methods in served.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _asking_for_a_token(served):
    return [
        (method, path)
        for method, path, operation in _operations(served)
        if path.startswith("/v1/") and path not in OPEN
    ]


def _without_the_route(served, method, path):
    """A client of a role that may not use the route; None where all may."""
    [route] = [
        one
        for included in served.app.routes
        for one in getattr(getattr(included, "original_router", None), "routes", ())
        if one.path == path and method in one.methods
    ]
    roles = [role for role in ROLES if role not in access.allowed_by(route).roles]
    assert roles or path.startswith(("/v1/my-access", "/v1/me")), path
    return served.client(roles[0], staff="S-1", provider="P-1") if roles else None


def _address(path):
    return re.sub(r"\{[^}]+\}", "x-1", path)


async def test_every_route_of_the_api_asks_for_a_token_before_anything_else(service):
    asked = _asking_for_a_token(service)
    assert len(asked) > 20
    for method, path in asked:
        for headers in ({}, {"Authorization": "Bearer a.b.c"}):
            answer = await service.client().request(method, _address(path), content=b"{", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_role_without_the_route_is_403_before_any_look_up(service):
    """Whatever else is wrong with the request."""
    for method, path in _asking_for_a_token(service):
        client = _without_the_route(service, method, path)
        if client is None:
            continue
        answer = await client.request(method, _address(path), content=b"{")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_role"), (method, path)


async def test_a_token_of_another_installation_opens_nothing(service):
    stranger = Tokens([KEY], Clock()).mint(188, "admin")
    answer = await service.client().get("/v1/visits", headers={"Authorization": f"Bearer {stranger}"})
    assert answer.status_code == 401


# What is served


def test_every_router_is_served(service):
    found = pkgutil.walk_packages(app.api.__path__, "app.api.")
    modules = [importlib.import_module(module.name) for module in found]
    routers = {module.__name__: module.router for module in modules if hasattr(module, "router")}
    assert len(routers) > 5
    served = {(path, method.upper()) for path, methods in service.app.openapi()["paths"].items() for method in methods}
    for name, router in routers.items():
        assert isinstance(router, APIRouter), name
        documented = [route for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
        for route in documented:
            assert {(route.path, method) for method in route.methods} <= served, (name, route.path)


async def test_the_service_lives_and_is_ready(service):
    client = service.client()
    assert (await client.get("/health/live")).json() == {"status": "alive"}
    assert (await client.get("/health/ready")).json() == {"status": "ready", "warnings": []}


async def test_a_slash_too_much_is_another_address(service):
    assert (await service.client().get("/health/live/")).status_code == 404


async def test_the_folder_of_the_documentation_is_its_start_page(service):
    answer = await service.client().get("/docs/")
    assert (answer.status_code, answer.text) == (200, (await service.client().get("/docs")).text)


PROTECTING = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
PAGES = ("/", "/docs", "/docs/visits", "/problems/busy", "/enrol", "/t/k1", "/worker.js", "/figures")
KEPT = {"/enrol": "public, max-age=300", "/t/k1": "public, max-age=300", "/worker.js": "no-cache"}
"""Pages that are the same for everybody: they show nobody."""


async def test_every_answer_carries_the_protecting_headers(service):
    others = ("/openapi.json", "/health/live", "/nothing", "/static/start.css", "/v1/visits", "/v1/measures/indices")
    for path in (*PAGES, *others):
        answer = await service.client("admin").get(path, headers={"Accept": "text/html, */*"})
        assert {name: answer.headers[name] for name in PROTECTING} == PROTECTING, path
        assert "strict-transport-security" not in answer.headers
        assert len(answer.headers.get_list("content-security-policy")) == 1
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert "http" not in policy
        assert {"frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
        lasting = answer.headers["cache-control"]
        assert lasting == KEPT.get(path, "no-cache" if path.startswith("/static/") else "no-store"), path


async def test_whoever_came_by_https_comes_by_it_again(database_url):
    async with serving(database_url, trusted_proxies=("127.0.0.1",)) as behind:
        answer = await behind.client().get("/health/live", headers={"X-Forwarded-Proto": "https"})
        assert answer.headers["strict-transport-security"] == "max-age=63072000"


@pytest.mark.parametrize("page", ["/", "/docs", "/enrol", "/worker.js", "/problems/busy"])
async def test_what_a_page_is_made_of_is_kept_for_ever_and_changes_its_address_with_its_content(service, page):
    client = service.client()
    text = (await client.get(page, headers={"Accept": "text/html, text/javascript"})).text
    named = re.findall(r"\"(/static/[^\"]+)\"", text)
    assert named
    for path in named:
        files = assets.PAGES
        assert path.startswith(f"{files.url}/")
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        known = {"If-None-Match": answer.headers["etag"]}
        again = await client.get(path, headers=known)
        assert (again.status_code, again.headers["cache-control"]) == (304, answer.headers["cache-control"])
        # A page of another version refers to what there was then.
        for other in (path.replace(files.version, "0123456789abcdef"), path.replace(f"/{files.version}", "")):
            earlier = await client.get(other)
            assert (earlier.content, earlier.headers["cache-control"]) == (answer.content, "no-cache")
            assert (await client.get(other, headers=known)).status_code == 304


def test_any_change_of_a_static_file_changes_the_address_of_all(tmp_path):
    """Scripts load each other from beside themselves."""
    seen = set()
    for name, text in (("a.js", "1"), ("b.js", "1"), ("b.js", "2")):
        (tmp_path / name).write_text(text)
        seen.add(assets.Assets(tmp_path, "/static").url)
    (tmp_path / "a.js").rename(tmp_path / "c.js")
    seen.add(assets.Assets(tmp_path, "/static").url)
    assert len(seen) == 4


@pytest.mark.parametrize("path", ["/", "/?lang=en", "/docs", "/enrol"])
async def test_pages_need_nothing_from_elsewhere_and_nothing_inline(service, path):
    client = service.client()
    page = (await client.get(path)).text
    assert page.startswith("<!doctype html>\n<html lang=")
    assert re.findall(r"https?://|//[a-z]", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
    assert len(links) > 2
    for link in links:
        assert (await client.get(link, follow_redirects=True)).status_code == 200, link


async def test_the_start_page_speaks_swedish_first_and_english_when_asked(service):
    client = service.client()
    swedish = await client.get("/")
    assert '<html lang="sv">' in swedish.text
    assert "Besöksloggen som hemtjänsten kan lita på" in swedish.text
    assert swedish.headers["content-language"] == "sv"
    for english in (
        await client.get("/", headers={"Accept-Language": "en-GB"}),
        await client.get("/?lang=en", headers={"Accept-Language": "sv"}),
    ):
        assert '<html lang="en">' in english.text
        assert "The visit log that home care can trust" in english.text
    assert '<html lang="sv">' in (await client.get("/?lang=%22%3E%3Cscript%3E")).text


async def test_the_start_page_counts_and_names_nobody(service, owner):
    await owner.execute(
        "INSERT INTO presence (municipality_id, id, person, staff, household, anchor_at, reach_at, started_at, state,"
        " flags_in, flags_out, overlap) VALUES (188, gen_random_uuid(), 'S-07', 'S-07', 'H-07', now(), now(), now(),"
        " 'open', '{}', '{}', false)"
    )
    client = service.client()
    assert (await client.get("/figures")).json() == {
        "municipalities": 1,
        "taps": 0,
        "visits_today": 0,
        "logged_in": 1,
    }
    page = (await client.get("/")).text
    assert '<dt>inloggade nu</dt><dd data-name="logged_in">1</dd>' in page
    assert "S-07" not in page
    assert "H-07" not in page


async def test_taps_are_counted_by_verdict_and_code(service):
    def counted(text, name):
        found = re.findall(rf"^{re.escape(name)} ([0-9.]+)$", text, flags=re.MULTILINE)
        return float(found[0]) if found else 0.0

    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    begun = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01"}
    await service.put("staff", "S-07", begun)
    client = service.client("staff", staff="S-07")
    name = 'taggad_taps_total{code="malformed",verdict="refused"}'
    before = counted((await client.get("/metrics")).text, name)
    answer = await client.post("/v1/taps", json={"sent_at": "2026-10-24T08:00:00Z", "taps": [{}, {}]})
    assert [result["code"] for result in answer.json()["results"]] == ["malformed", "malformed"]
    text = (await client.get("/metrics")).text
    assert counted(text, name) == before + 2
    assert counted(text, 'taggad_request_seconds_count{method="POST",route="/v1/taps",status="200"}') >= 1


async def test_addresses_are_counted_by_their_template(service):
    client = service.client("admin")
    await client.get("/v1/visits/3fa85f64-5717-4562-b3fc-2c963f66afa6")
    await client.get("/19121212-1212")
    await client.request("PROPFIND", "/health/live")
    await client.head("/openapi.json")
    text = (await client.get("/metrics")).text
    assert 'method="GET",route="/v1/visits/{' in text
    assert 'method="other"' in text
    assert 'method="HEAD"' in text
    assert "3fa85f64" not in text
    assert "19121212" not in text
    assert "PROPFIND" not in text


async def test_a_larger_body_is_taken_when_the_setting_says_so(database_url, owner):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, max_body_bytes=1024) as small:
        answer = await small.client("staff", staff="S-07").post("/v1/taps", json={"sent_at": "x" * 2000})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


# What is documented


async def test_the_description_is_openapi_3_1_and_every_reference_leads_somewhere(service):
    document = (await service.client().get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    text = json.dumps(document)
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', text)):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place
    assert "$defs" not in text


def test_every_operation_has_examples_of_its_body_and_its_answer(service):
    lacking = []
    for method, path, operation in _operations(service):
        bodies = list(operation.get("requestBody", {}).get("content", {}).values())
        if method in {"PUT", "POST"} and path.startswith("/v1/") and not bodies and path not in BODILESS:
            lacking.append((method, path, "no body"))
        answers = [said for status, said in operation["responses"].items() if status.startswith("2")]
        lacking += [(method, path, "body") for body in bodies if not {"example", "examples"} & body.keys()]
        lacking += [
            (method, path, "answer")
            for said in answers
            for content in said.get("content", {}).values()
            if not {"example", "examples"} & content.keys()
        ]
        if not answers:
            lacking.append((method, path, "no answer"))
    assert lacking == []


def test_every_operation_says_what_a_refusal_looks_like_and_whether_it_needs_a_token(service):
    asking = _asking_for_a_token(service)
    for method, path, operation in _operations(service):
        needs = (method, path) in asking
        assert bool(operation["security"]) is needs, (method, path)
        assert bool(operation.get("x-roles")) is needs, (method, path)
        answers = operation["responses"]
        assert answers["default"] == {"$ref": "#/components/responses/Refusal"}, (method, path)
        assert {"401", "403"} <= answers.keys() or not needs, (method, path)
    for name, answer in service.app.openapi()["components"]["responses"].items():
        schema = answer["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}, name


# What an address takes


def _declared(operation):
    return {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}


async def test_a_parameter_that_a_route_does_not_know_is_422_on_every_route(service):
    """And what it knows is named; the name that was sent may be somebody's number, and is not."""
    for method, path, operation in _operations(service):
        declared = _declared(operation)
        query = {"limitt": "1", **dict.fromkeys(declared, "1")}
        clients = [service.client(role, staff="S-1", provider="P-1") for role in ROLES] + [service.client()]
        answers = [await one.request(method, _address(path), params=query, content=b"{") for one in clients]
        bodies = [answer.json() for answer in answers if answer.status_code not in {401, 403}]
        assert bodies, (method, path)
        for body in bodies:
            assert (body["status"], body["code"]) == (422, "unknown_parameter"), (method, path)
            [error] = body["errors"]
            assert (error["pointer"], error["code"]) == ("/query", "unknown_parameter")
            listed = error["message"].partition("Tillåtet: ")[2].rstrip(".")
            assert {name for name in listed.split(", ") if name} == declared, (method, path)
            assert "limitt" not in str(body)


async def test_a_parameter_given_twice_is_422_on_every_route(service):
    """Else one of two filters would be left out, and who asked would take the rest for an answer to both."""
    for method, path, operation in _operations(service):
        for name in _declared(operation):
            query = [(name, "1"), (name, "1")]
            clients = [service.client(role, staff="S-1", provider="P-1") for role in ROLES] + [service.client()]
            answers = [await one.request(method, _address(path), params=query, content=b"{") for one in clients]
            bodies = [answer.json() for answer in answers if answer.status_code not in {401, 403}]
            assert bodies, (method, path)
            for body in bodies:
                told = (body["status"], body["code"], [(one["pointer"], one["code"]) for one in body["errors"]])
                assert told == (422, "invalid_parameter", [(f"/query/{name}", "given_twice")]), (method, path)


async def test_whoever_may_not_ask_is_told_that_before_what_else_is_wrong(service):
    for method, path in _asking_for_a_token(service):
        answer = await service.client().request(method, _address(path), params={"limitt": 1})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path)
        client = _without_the_route(service, method, path)
        if client is None:
            continue
        answer = await client.request(method, _address(path), params={"limitt": 1})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_role"), (method, path)


async def test_what_an_address_takes_is_said_whole(service):
    """Every documented address, by a method that nobody takes: RFC 9110 asks for all that would do."""
    taken = {}
    for method, path, _ in _operations(service):
        taken.setdefault(path, set()).update({method} | ({"HEAD"} if method == "GET" else set()))
    for path, methods in taken.items():
        answer = await service.client("admin").patch(_address(path))
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        # /v1/devices/enrol is also the address of a device with that ref.
        assert set(answer.headers["allow"].split(", ")) >= methods, path
    assert len(taken) > 50
    answer = await service.client("admin").patch("/v1/orders/O-1")
    assert answer.headers["allow"] == "GET, HEAD, PUT, DELETE"
    assert (await service.client("staff", staff="S-1").head("/v1/taps")).headers["allow"] == "POST"
    assert (await service.client().post("/static/start.css")).headers["allow"] == "GET, HEAD"


async def test_head_is_get_without_its_body(service):
    client = service.client("admin")
    for path in (
        "/",
        "/health/live",
        "/openapi.json",
        "/static/start.css",
        "/v1/visits",
        "/v1/orders",
        "/v1/orders/O-1",
    ):
        got, asked = await client.get(path), await client.head(path)
        assert asked.status_code == got.status_code, path
        assert asked.content == b""
        for name in ("content-type", "content-length", "allow", "etag"):
            assert asked.headers.get(name) == got.headers.get(name), (path, name)
    again = await client.get("/health/live")
    assert again.json() == {"status": "alive"}, "the connection is as good as before"
