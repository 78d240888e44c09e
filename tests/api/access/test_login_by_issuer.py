"""Logging in by identity providers: one that is right, and one that is wrong in every way that opens a door.

`test_login_by_a_real_issuer.py` has one that other people have written.
"""

import hashlib

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from people import MEMBER, ROLE, Person, put_members
from service import serving
from wrong_provider import CLIENT, SECRET, providing

from app.api.access import openid

ANNA = {"issuer": "kommun", "subject": "anna"}


@pytest.fixture
async def idp():
    async with providing() as provider:
        yield provider


@pytest.fixture
async def office(service, idp):
    """Anna, who is a controller and, at the third level, an admin."""
    await put_members(service)
    issuer = {"title": "Norrtälje kommun", "issuer": idp.url, "client_id": CLIENT, "client_secret": SECRET,
              "acr": {"admin": ["loa3"]}}  # fmt: skip
    await service.put("issuers", "kommun", issuer, role="admin")
    await service.put("members", "C-anna", MEMBER | ROLE["controller"] | ANNA, role="admin")
    return service


async def to_issuer(person, asked="", issuer="kommun"):
    """Be sent to the identity provider; gives the address to which it sends back."""
    sent = await person.get(f"/login/188/{issuer}{asked}", expect=303)
    back = await person.client.get(sent.headers["location"])
    return back.headers["location"]


async def log_in(person, expect=303, asked=""):
    return await person.get(await to_issuer(person, asked), expect=expect)


async def refused(person, answer):
    """Nobody is logged in, and the page says what to do."""
    assert "could not be finished" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert person.secret is None
    await person.get("/v1/me", expect=401)


async def test_a_person_logs_in_with_all_that_the_protocol_has_against_thieves(office, idp, owner):
    async with Person(office) as anna:
        page = await anna.client.get("/login", follow_redirects=True)
        assert "Log in with Norrtälje kommun" in page.text
        answer = await log_in(anna, asked="?next=/docs")
        assert answer.headers["location"] == "/docs"
        me = (await anna.get("/v1/me")).json()
        assert (me["member"], me["role"], me["login"]["method"]) == ("C-anna", "controller", "issuer")
    asked = idp.asked
    assert asked["redirect_uri"] == f"{office.url}/login/188/kommun/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["scope"], asked["max_age"], asked["acr_values"]) == ("openid profile email", "3600", "loa3")
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    fact = await owner.fetchval("SELECT body FROM record WHERE kind = 'sessions'")
    assert '"issuer": "kommun"' in fact


WRONG = {
    "another nonce": {"claims": {"nonce": "n" * 43}},
    "no nonce": {"claims": {"nonce": None}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "another audience": {"claims": {"aud": "another"}},
    "no audience": {"claims": {"aud": None}},
    "for another of several": {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    "expired": {"claims": {"exp": 1_700_000_000}},
    "no end": {"claims": {"exp": None}},
    "not yet": {"claims": {"nbf": 4_000_000_000}},
    "too old": {"claims": {"auth_time": 1_700_000_000}},
    "of no time": {"claims": {"auth_time": None}},
    "nobody": {"claims": {"sub": None}},
    "another state": {"returned": {"state": "s" * 43}},
    "no state": {"returned": {"state": None}},
    "no code": {"returned": {"code": None}},
    "a made-up code": {"returned": {"code": "c" * 43}},
    "an error": {"returned": {"error": "access_denied"}},
    "an answer of another issuer": {"returned": {"iss": "https://evil.example"}},
    "an answer of no issuer": {"metadata": {"authorization_response_iss_parameter_supported": True}},
    "metadata of another issuer": {"metadata": {"issuer": "https://evil.example"}},
    "no keys": {"metadata": {"jwks_uri": None}},
    "userinfo in clear": {"metadata": {"userinfo_endpoint": "http://169.254.169.254/latest"}},
    "tokens from another machine in clear": {"metadata": {"token_endpoint": "http://169.254.169.254/token"}},
    "metadata without end": {"metadata": {"more": "x" * 2**20}},
    "keys in clear": {"metadata": {"token_endpoint": "ftp://127.0.0.1/token"}},
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_lets_nobody_in(office, idp, case):
    for part, changes in WRONG[case].items():
        setattr(idp, part, changes)
    async with Person(office) as thief:
        sent = await thief.client.get("/login/188/kommun")
        if sent.status_code == 303:
            back = await thief.client.get(sent.headers["location"])
            sent = await thief.client.get(back.headers["location"])
        assert sent.status_code == 400
        await refused(thief, sent)
    for part in WRONG[case]:
        setattr(idp, part, {})
    office.app.state.identity_providers._known.clear()
    office.app.state.identity_providers._failed_at.clear()
    async with Person(office) as anna:
        assert (await log_in(anna)).headers["location"] == "/account"


async def test_in_public_no_other_service_of_the_machine_is_asked(office, idp, database_url):
    async with serving(database_url, public_url="https://taggad.example") as public, Person(public) as anybody:
        assert (await anybody.get("/login/188/kommun", expect=303)).headers["location"] == "/login"
        assert public.app.state.identity_providers._known == {}


async def test_whoever_is_nobody_yet_waits_for_no_writer_and_holds_none_up(office):
    async with Person(office) as thief:
        back = await to_issuer(thief)
        async with office.app.state.database.write(188):
            await thief.get(back + "x", expect=400)
            again = await to_issuer(thief)
            await thief.get(again.replace("code=", "code=x"), expect=400)


async def test_no_more_issuers_are_remembered_than_there_is_room_for(office, idp, monkeypatch):
    monkeypatch.setattr(openid, "MOST_REMEMBERED", 1)
    async with providing() as other, Person(office) as anybody:
        await office.put("issuers", "other", {"issuer": other.url, "client_id": CLIENT}, role="admin")
        for ref in ("kommun", "other", "kommun", "other"):
            await anybody.get(f"/login/188/{ref}", expect=303)
        assert list(office.app.state.identity_providers._known) == [other.url]


async def test_a_signature_that_anybody_can_make_lets_nobody_in(office, idp):
    own = RSAKey.generate_key(2048, {"kid": idp.key.kid})
    public = OctKey.import_key(hashlib.sha256(idp.key.as_pem(private=False)).digest())
    for key, algorithm in ((own, "RS256"), (public, "HS256")):
        idp.signs_with, idp.algorithm = key, algorithm
        idp.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
        office.app.state.identity_providers._known.clear()
        async with Person(office) as thief:
            await refused(thief, await log_in(thief, expect=400))
    idp.key = idp.signs_with = RSAKey.generate_key(2048, {"kid": "newer"})
    idp.algorithm = "RS256"
    async with Person(office) as anna:  # a new key is read when it is met
        await log_in(anna)


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(office, idp):
    async with Person(office) as anna, Person(office) as thief:
        back = await to_issuer(anna)
        await refused(thief, await thief.get(back, expect=400))
        attempt = anna.client.cookies["taggad-login"]
        await anna.get(back, expect=303)
        assert "taggad-login" not in anna.client.cookies
        thief.client.cookies.set("taggad-login", attempt, domain="127.0.0.1")
        await refused(thief, await thief.get(back, expect=400))
        for broken in (attempt[:-4] + "AAAA", "x", ""):
            again = await to_issuer(thief)
            thief.client.cookies.set("taggad-login", broken, domain="127.0.0.1")
            await refused(thief, await thief.get(again, expect=400))


async def test_an_answer_to_one_issuer_is_none_to_another(office, idp):
    async with providing() as evil:
        issuer = {"issuer": evil.url, "client_id": CLIENT, "client_secret": SECRET}
        await office.put("issuers", "evil", issuer, role="admin")
        async with Person(office) as anna:
            back = await to_issuer(anna)
            await refused(anna, await anna.get(back.replace("/kommun/", "/evil/"), expect=400))
            back = await to_issuer(anna, issuer="evil")
            await refused(anna, await anna.get(back.replace("/evil/", "/kommun/"), expect=400))
            # Its own people alone: no other issuer says who the municipality's Anna is.
            nobody = await anna.get(await to_issuer(anna, issuer="evil"), expect=403)
            assert "You have no role here" in nobody.text
        assert idp.proved == {}, "no code of one was shown to the other"


async def test_nobody_is_led_away_from_here(office):
    for asked in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/%5Cevil.example\\",
        "/ok\n//x",
        "evil",
    ):
        async with Person(office) as anna:
            sent = await anna.client.get("/login/188/kommun", params={"next": asked})
            back = await anna.client.get(sent.headers["location"])
            answer = await anna.get(back.headers["location"], expect=303)
            assert answer.headers["location"] == "/account", asked


async def test_who_is_nobodys_member_is_told_so_and_it_is_a_fact(office, idp, owner):
    idp.claims = {"sub": "191212121212"}
    async with Person(office) as stranger:
        for _ in range(2):
            answer = await log_in(stranger, expect=403)
            assert "You have no role here" in answer.text
            assert "Norrtälje kommun: 191212121212" in answer.text
        assert stranger.secret is None
    rows = await owner.fetch("SELECT version, body::text FROM record WHERE kind = 'strangers'")
    assert [row["version"] for row in rows] == [1], "once a day"
    leaf = "SELECT count(*) FROM ledger_leaf l JOIN record r ON lpad(to_hex(r.seq), 32, '0')::uuid = l.fact"
    assert await owner.fetchval(f"{leaf} WHERE r.kind = 'strangers' AND l.kind = 'record'") == 1
    assert await owner.fetchval("SELECT count(*) FROM record WHERE record::text LIKE '%191212121212%'") == 0


async def test_a_role_with_a_level_is_not_opened_by_a_weaker_login(office, idp):
    await office.put("members", "A-anna", MEMBER | ROLE["admin"] | ANNA, role="admin")
    for acr, opens in [(None, "/account"), ("loa2", "/account"), ("loa3", "/login/choose")]:
        idp.claims = {"acr": acr}
        async with Person(office) as anna:
            assert (await log_in(anna)).headers["location"] == opens, acr
            assert (await anna.client.get("/v1/sessions")).status_code in {401, 403}, "no admin yet"
    await office.put("members", "C-anna", MEMBER | ROLE["controller"] | ANNA | {"valid_to": "2026-02-01"}, role="admin")
    idp.claims = {"acr": "loa2"}
    async with Person(office) as anna:
        assert "safer login" in (await log_in(anna, expect=403)).text
        assert anna.secret is None


async def test_of_several_memberships_one_is_chosen_and_always_shown(office, idp):
    await office.put("members", "P-anna", MEMBER | ROLE["planner"] | {"hsa_id": "SE2321000016-1A2B"}, role="admin")
    issuer = {"issuer": idp.url, "client_id": CLIENT, "claims": {"hsa_id": "hsa", "email": "email"}}
    await office.put("issuers", "kommun", issuer | {"client_secret": SECRET}, role="admin")
    idp.userinfo = {"hsa": "SE2321000016-1a2b"}
    async with Person(office) as anna:
        assert (await log_in(anna)).headers["location"] == "/login/choose"
        await anna.get("/v1/me", expect=401)
        assert (await anna.get("/account", expect=303)).headers["location"] == "/login/choose"
        before = anna.secret
        await anna.post("/login/choose", member="P-anna", token=await token_of(anna, "/login/choose"))
        assert anna.secret != before
        assert "Norrtälje · Planner, Norr" in (await anna.get("/account")).text
        assert (await anna.get("/v1/me")).json()["role"] == "planner"
        await anna.post("/login/choose", member="C-anna", token=await anna.token())
        assert (await anna.get("/v1/me")).json()["role"] == "controller"
        other = await anna.post("/login/choose", member="nobody", token=await anna.token())
        assert other.headers["location"] == "/login/choose"
        assert (await anna.get("/v1/me")).json()["role"] == "controller"
    idp.userinfo = {"hsa": "SE2321000016-1a2b", "sub": "another"}
    async with Person(office) as thief:
        await refused(thief, await log_in(thief, expect=400))


async def token_of(person, path):
    return (await person.get(path)).text.partition('name="token" value="')[2][:64]


async def test_an_address_opens_a_membership_only_when_it_is_verified(office, idp):
    await office.put("members", "E", MEMBER | ROLE["controller"] | {"email": "bo@norr.example"}, role="admin")
    issuer = {"issuer": idp.url, "client_id": CLIENT, "claims": {"email": "email"}}
    await office.put("issuers", "kommun", issuer | {"client_secret": SECRET}, role="admin")
    for verified, expect in [(None, 403), (False, 403), ("true", 403), (True, 303)]:
        idp.claims = {"sub": "bo", "email": "Bo@norr.example", "email_verified": verified}
        async with Person(office) as bo:
            await log_in(bo, expect=expect)


async def test_a_signature_of_ours_stands_for_a_secret(office, idp):
    issuer = {"issuer": idp.url, "client_id": CLIENT, "private_key_jwt": True}
    await office.put("issuers", "kommun", issuer, role="admin")
    async with Person(office) as anna:
        await log_in(anna)
        keys = KeySet.import_key_set((await anna.get("/.well-known/jwks.json")).json())
    assert idp.proved["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion = jwt.decode(idp.proved["client_assertion"], keys, algorithms=["ES256"])
    assert {name: assertion.claims[name] for name in ("iss", "sub", "aud")} == {
        "iss": CLIENT, "sub": CLIENT, "aud": f"{idp.url}/token"}  # fmt: skip
    assert "authorization" not in idp.proved or not idp.proved["authorization"]


async def test_an_identity_provider_that_does_not_answer_is_told_of(office, idp):
    idp.metadata = {"issuer": None}
    async with Person(office) as anna:
        await refused(anna, await anna.get("/login/188/kommun", expect=400))
        idp.metadata = {}
        await refused(anna, await anna.get("/login/188/kommun", expect=400))  # nobody waits for it again at once
        office.app.state.identity_providers._failed_at.clear()
        await anna.get("/login/188/kommun", expect=303)
    issuer = {"issuer": "http://127.0.0.1:9", "client_id": CLIENT}
    await office.put("issuers", "kommun", issuer, role="admin")
    async with Person(office) as anna:
        await refused(anna, await anna.get("/login/188/kommun", expect=400))
        for gone in ("/login/188/nobody", "/login/17/kommun", "/login/188/nobody/callback"):
            assert (await anna.get(gone, expect=303)).headers["location"] == "/login"
