"""Login links and sessions: good once, bound to one browser, over when they should be, and facts all of them."""

import datetime as dt
import hashlib
import re

import pytest
from people import MEMBER, ROLE, Person, link_to, put_members
from service import SetClock, serving

from app.actions.access import passkeys
from app.api.http.sessions import TOKEN_HEADER
from app.domain.author import Author
from app.store.access import members

NOON = dt.datetime(2026, 10, 24, 10, tzinfo=dt.UTC)


@pytest.fixture
async def office(service):
    await put_members(service, anna="admin", per="planner")
    return service


@pytest.fixture
async def clocked(database_url, owner):
    """The service with a clock that a test sets."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', $1)", NOON)
    async with serving(database_url, clock=SetClock(NOON)) as served:
        await put_members(served, anna="admin")
        yield served


async def test_a_session_acts_as_its_membership_on_pages_and_api_alike(office):
    async with Person(office) as per:
        assert await per.enter("per") == "/account"
        me = (await per.get("/v1/me")).json()
        assert (me["role"], me["provider"], me["member"]) == ("planner", "P-norr", "per")
        assert (me["login"]["method"], me["login"]["memberships"]) == ("link", ["per"])
        assert "Planner, Norr" in (await per.get("/account")).text
        await per.get("/v1/staff")
        refused = (await per.get("/v1/clients", expect=403)).json()
        assert refused["code"] == "forbidden_role"
        body = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01"}
        headers = {TOKEN_HEADER: await per.token()}
        put = await per.client.put("/v1/staff/S-1", json=body, headers=headers)
        assert put.status_code == 201, put.text
    client = await office.ask("GET", "/v1/me", role="system")
    assert (client.json()["role"], client.json()["login"]) == ("system", None)


async def test_a_link_is_good_once_and_for_a_quarter_of_an_hour(clocked, owner):
    async with Person(clocked) as anna, Person(clocked) as thief:
        path = await link_to(clocked, "anna")
        secret = path.rpartition("/")[2]
        assert "Administrator" in (await thief.get(path)).text
        assert "Administrator" in (await anna.get(path)).text  # what looks at links uses none up
        await anna.post(path)
        assert thief.secret is None
        assert "does not work" in (await thief.post(path, expect=410)).text
        assert "does not work" in (await thief.get(path, expect=410)).text
        late = await link_to(clocked, "anna")
        clocked.app.state.clock.at += dt.timedelta(minutes=15)
        await thief.post(late, expect=410)
        for never in ("/login/link/x", f"/login/link/17.{'a' * 43}", f"/login/link/188.{'a' * 43}"):
            await thief.get(never, expect=410)
            await thief.post(never, expect=410)
    dump = "SELECT string_agg(t::text, ' ') FROM (SELECT body::text FROM record UNION ALL SELECT login_link::text"
    kept = await owner.fetchval(f"{dump} FROM login_link UNION ALL SELECT session::text FROM session) AS t(t)")
    random = secret.partition(".")[2]
    assert random not in kept
    assert hashlib.sha256(random.encode()).hexdigest() not in kept


async def test_a_link_needs_a_membership_that_holds(office):
    await office.put("members", "old", MEMBER | ROLE["admin"] | {"valid_to": "2026-02-01"}, role="admin")
    over = await office.ask("POST", "/v1/members/old/link", expect=409)
    assert over.json()["code"] == "membership_over"
    who = {"role": "planner", "provider": "P-norr"}
    await office.ask("POST", "/v1/members/anna/link", expect=404, **who)
    await office.ask("POST", "/v1/members/per/link", expect=201, **who)


async def test_a_login_has_a_new_secret_whatever_cookie_it_came_with(office):
    async with Person(office) as anna, Person(office) as thief:
        fixed = f"188.{'f' * 43}"
        anna.take_cookie(fixed)
        await anna.enter("anna")
        assert anna.secret != fixed
        thief.take_cookie(fixed)
        await thief.get("/v1/me", expect=401)
        first = anna.secret
        await anna.enter("anna")
        assert anna.secret != first
        thief.take_cookie(first)
        await thief.get("/v1/me", expect=401)
        assert len((await anna.get("/v1/sessions")).json()["items"]) == 1


async def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(database_url, owner):
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', now())")
    async with serving(database_url, public_url="https://taggad.example") as served:
        await put_members(served, anna="admin")
        async with Person(served, origin="https://taggad.example") as anna:
            cookie = (await anna.post(await link_to(served, "anna"))).headers["set-cookie"]
        trial = {"issuer": "http://127.0.0.1:5432", "client_id": "taggad"}
        refused = await served.ask("PUT", "/v1/issuers/trial", trial, expect=422)
        assert refused.json()["errors"][0]["pointer"] == "/issuer"
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-taggad"
    assert {part.strip().lower() for part in attributes.split(";")[1:]} == {
        "httponly", "secure", "samesite=lax", "path=/"}  # fmt: skip
    async with (
        serving(database_url, public_url="http://taggad.example") as served,
        Person(served, origin="http://taggad.example") as anna,
    ):
        link = await link_to(served, "anna")
        for refused in (await anna.get(link, expect=403), await anna.post(link, expect=403)):
            assert "works over https alone" in refused.text


async def test_nobody_writes_or_breaks_anything_before_logging_in(office, owner):
    """What stands in an address or a form may be anything; a lock is taken only for who has proved something."""
    async with Person(office) as anybody:
        for code in (2**31, 10**30):
            for path in ("", "/kommun", "/kommun/callback?state=x&code=y"):
                await anybody.get(f"/login/{code}{path}", expect=303)
            await anybody.client.post(f"/login/{code}/passkey/options")
            assert (await anybody.client.post(f"/login/{code}/passkey", json={"id": "x"})).status_code == 404
        await anybody.client.post("/login/188/passkey/options")
        assert (await anybody.client.post("/login/188/passkey", json={"id": "x"})).status_code == 403
        assert await owner.fetchval("SELECT count(*) FROM spent_assertion") == 0
        await anybody.enter("anna")
        for path in ("/login/choose", "/account/passkeys/remove"):
            await anybody.post(path, token=await anybody.token(), member="\0", passkey="\0", expect=422)


async def test_a_cookie_changes_nothing_without_our_origin_and_our_token(office):
    body = {"role": "admin", "valid_from": "2026-01-01"}
    async with Person(office) as anna:
        await anna.enter("anna")
        token = await anna.token()
        for origin, given in [(None, token), ("https://evil.example", token), ("null", token), (office.url, ""),
                              (office.url, "0" * 64), (f"{office.url}.evil.example", token)]:  # fmt: skip
            anna.client.headers.pop("origin", None)
            headers = {TOKEN_HEADER: given} | ({"Origin": origin} if origin else {})
            for method, path in [("PUT", "/v1/members/evil"), ("POST", "/v1/members/anna/link")]:
                answer = await anna.client.request(method, path, json=body, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "foreign_request"), (origin, given)
            for path in ("/logout", "/login/choose"):
                form = {"token": given, "member": "anna"}
                refused = await anna.client.post(path, data=form, headers=headers)
                assert refused.status_code == 403, (path, origin, given)
            taps = await anna.client.post("/v1/taps", json={"taps": []}, headers=headers)
            assert taps.status_code == 403, "the way of taps is another one"
        link = await link_to(office, "per")
        stolen = await anna.client.post(link, headers={"Origin": "https://evil.example"})
        assert stolen.status_code == 403
        assert (await anna.get("/v1/me")).json()["member"] == "anna"


async def test_a_session_ends_when_idle_and_after_its_time(clocked):
    clock = clocked.app.state.clock
    async with Person(clocked) as anna:
        await anna.enter("anna")
        for _ in range(20):  # every 29 minutes, up to 9 hours and 40 minutes
            clock.at += dt.timedelta(minutes=29)
            await anna.get("/v1/me")
        clock.at += dt.timedelta(minutes=20)
        assert "not logged in" in (await anna.get("/account", expect=401)).text
        await clocked.close()  # whose tokens have ended too
        await anna.enter("anna")
        clock.at += dt.timedelta(minutes=30)
        await anna.get("/v1/me", expect=401)


async def test_a_session_ends_with_its_membership(office):
    async with Person(office) as per:
        await per.enter("per")
        await per.get("/v1/me")
        await office.put("members", "per", MEMBER | ROLE["planner"] | {"valid_to": "2026-02-01"}, role="admin")
        await per.get("/v1/me", expect=401)
        assert "not logged in" in (await per.get("/account", expect=401)).text


async def test_what_opened_a_membership_opens_nothing_that_it_becomes(office):
    """A planner logs in by a link as a colleague, who is made an admin later; another time the address is changed."""
    database = office.app.state.database
    for changed in (ROLE["admin"], ROLE["planner"] | {"email": "per@norr.example"}):
        await office.put("members", "per", MEMBER | ROLE["planner"], role="admin")
        async with database.write(188) as writing:
            for ref, opens in ((f"one-{len(changed)}", ["per"]), (f"both-{len(changed)}", ["anna", "per"])):
                await passkeys.make(writing, ref, "key", 0, opens, Author("188:planner:member/per"))
        async with Person(office) as thief:
            await thief.enter("per")
            link = await link_to(office, "per")
            await office.put("members", "per", MEMBER | ROLE["planner"] | {"valid_to": "2199-01-01"}, role="admin")
            await thief.get("/v1/me")  # another last day is the same right of the same person
            await office.put("members", "per", MEMBER | changed, role="admin")
            await thief.get("/v1/me", expect=401)
            await thief.post(link, expect=410)
        async with database.read(188) as reading:
            assert await members.passkeys_of(reading, "per") == {}
            assert f"both-{len(changed)}" in await members.passkeys_of(reading, "anna")
    assert (await office.ask("GET", "/v1/sessions")).json()["items"] == []


async def test_logging_out_and_being_logged_out_are_facts(office, owner):
    facts = "SELECT version, recorded_by, body->>'member' AS member, (body->>'ended_at') IS NOT NULL AS ended"
    facts += " FROM record WHERE kind = 'sessions' ORDER BY seq"
    async with Person(office) as anna, Person(office) as per:
        await anna.enter("anna")
        await per.enter("per")
        who = {"role": "planner", "provider": "P-norr"}
        [seen] = (await office.ask("GET", "/v1/sessions", **who)).json()["items"]
        assert (seen["member"], seen["method"]) == ("per", "link")
        [other] = [one for one in (await anna.get("/v1/sessions")).json()["items"] if one["member"] == "anna"]
        await office.ask("DELETE", f"/v1/sessions/{other['id']}", expect=404, **who)
        await office.ask("DELETE", f"/v1/sessions/{seen['id']}", expect=204)
        await per.get("/v1/me", expect=401)
        await office.ask("DELETE", f"/v1/sessions/{seen['id']}", expect=404)
        out = await anna.post("/logout", expect=200, token=await anna.token())
        assert "logged out" in out.text
        assert anna.secret is None
    assert [tuple(row) for row in await owner.fetch(facts)] == [
        (1, "188:login:anna", "anna", False),
        (1, "188:login:per", "per", False),
        (2, "188:admin:operator/admin", "per", True),
        (2, "188:admin:member/anna", "anna", True),
    ]


async def test_a_person_makes_tokens_for_scripts_and_takes_them_back(clocked):
    clock = clocked.app.state.clock
    await put_members(clocked, per="planner")
    async with Person(clocked) as per, Person(clocked, origin=None) as script:
        await per.enter("per")
        headers = {TOKEN_HEADER: await per.token()}

        async def made(**body):
            answer = await per.client.post("/v1/me/tokens", json={"name": "report"} | body, headers=headers)
            assert answer.status_code == 201, answer.text
            script.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            return answer.json()

        first = await made(scopes=["me", "records:read"])
        me = (await script.get("/v1/me")).json()
        assert (me["member"], me["role"], me["provider"], me["login"]) == ("per", "planner", "P-norr", None)
        await script.get("/v1/staff")
        await script.get("/v1/visits", expect=403)
        for method, path in [("POST", "/v1/me/tokens"), ("GET", "/v1/me/tokens")]:
            refused = await script.client.request(method, path, json={"name": "for ever"})
            assert (refused.status_code, refused.json()["code"]) == (403, "login_needed")
        [listed] = (await per.get("/v1/me/tokens")).json()["items"]
        assert listed == {name: first[name] for name in ("id", "name", "scopes", "expires_at")}
        gone = await per.client.delete(f"/v1/me/tokens/{first['id']}", headers=headers)
        assert gone.status_code == 204
        assert (await per.get("/v1/me/tokens")).json()["items"] == []
        clocked.app.state.revocations._read_up_to.clear()  # half a minute later
        await script.get("/v1/me", expect=401)
        assert (await per.client.delete("/v1/me/tokens/x", headers=headers)).status_code == 404
        left = []
        for _ in range(3):
            await made()
            left.append(int(re.search('"caller";r=([0-9]+)', (await script.get("/v1/me")).headers["ratelimit"])[1]))
        assert left[0] > left[1] > left[2]  # whoever has many tokens may ask no more
        await clocked.put("members", "per", MEMBER | ROLE["planner"] | {"email": "new@norr.example"}, role="admin")
        clocked.app.state.revocations._read_up_to.clear()
        await script.get("/v1/me", expect=401)
        await per.enter("per")
        headers[TOKEN_HEADER] = await per.token()
        await made(minutes=5)
        await script.get("/v1/me")
        clock.at += dt.timedelta(minutes=5)
        await script.get("/v1/me", expect=401)
        await made(minutes=60)
        await script.get("/v1/me")
        over = ROLE["planner"] | {"email": "new@norr.example", "valid_to": "2026-02-01"}
        await clocked.put("members", "per", MEMBER | over, role="admin")
        await script.get("/v1/me", expect=401)
