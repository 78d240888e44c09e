"""The access log: every answer that shows a person leaves an entry, in the read's own transaction, or is not given."""

import pytest
from service import day
from test_who_may import EXPECTED, MONTHLY, close_months, identity, request_of, town  # noqa: F401 - a fixture

from app.actions.access.close_block import close_block
from app.actions.check import check

# Addresses whose answers name a recipient or a door, and are not logged.
UNLOGGED = {
    "/v1/tags": "a tag says at which door it hangs, and not who lives there",
    "/v1/tags/{ref}": "as above",
    "/v1/tag-moves": "as above",
    "/v1/access-log": "it says who looked; asked about one recipient, it is logged",
    "/v1/my-access": "what was seen before, which is logged",
}
SHOWING = {
    *("/v1/recipients", "/v1/recipients/{ref}", "/v1/orders", "/v1/orders/{ref}"),
    *("/v1/declines", "/v1/declines/{ref}", "/v1/consents", "/v1/consents/{ref}"),
    *("/v1/visits", "/v1/visits/{visit_id}", "/v1/changes", "/v1/anomalies", "/v1/disputes", "/v1/presence"),
    *("/v1/executed-time", "/v1/compensation", "/v1/reports/half-year", "/v1/measures/indices"),
    *("/v1/measures/declined", "/v1/compensation/specification.xlsx", "/v1/compensation/specification.pdf"),
    *("/v1/ledger/receipt", "/v1/delegations/missing", "/v1/reports/fee-basis"),
}
"""Some that must be among those found: that the search finds anything."""
MONTH = f"{day(-1):%Y-%m}"
FILES = (".xlsx", ".pdf")


@pytest.fixture
async def lived(town):  # noqa: F811 - the fixture
    """The town with a whole visit yesterday, of two interventions, of which one needs a delegation."""
    await town.put("interventions", "insulin", {"title": "Insulin", "category": "DELEGATED_HSL", "standard_minutes": 9})
    done = ["dusch", "insulin"]
    await town.visit_by("S-own", "B-own", day(-1, "05:00"), day(-1, "05:30"), interventions=done)
    refused = await town.tap("S-own", "B-own", "in", day(-1, "06:00"))
    await town.tap("S-own", "B-own", "out", day(-1, "06:10"))
    await town.report("S-own", refused["id"], outcome="declined")
    await close_months(town)
    return town


async def ask(town, path, role):  # noqa: F811
    """The status of a question about one's own, and the text of the answer."""
    url, _, query = request_of(town, "GET", path, "own")
    query = {name: MONTH if name == "month" and path not in MONTHLY else value for name, value in query.items()}
    query |= {"from": MONTH} if path == "/v1/reports/half-year" else {}
    query |= {"recipient": "B-own"} if role == "case_officer" and path == "/v1/visits" else {}
    answer = await town.ask("GET", url, role=role, params=query, expect=tuple(range(200, 600)), **identity(role))
    return answer.status_code, f"B-own {path}" if path.endswith(FILES) else answer.text


async def entries(owner):
    return await owner.fetch("SELECT * FROM access_entry WHERE municipality_id = 188 ORDER BY id")


async def test_no_route_shows_a_recipient_without_an_entry_nor_if_none_can_be_written(lived, owner):
    showing, logged = set(), []
    for (method, path), who in EXPECTED.items():
        for role in who if method == "GET" and type(who) is dict else ():
            before = len(await entries(owner))
            status, text = await ask(lived, path, role)
            new = (await entries(owner))[before:]
            if path in UNLOGGED or "B-own" not in text:
                assert new == [] or path.startswith("/v1/measures"), (path, role)
                continue
            assert status == 200, (path, role, text)
            assert len(new) == 1, (path, role, text[:2000])
            [entry] = new
            assert "B-own" in entry["recipients"] or entry["bulk"], (path, role)
            told = entry["subject"].split(":")[1], entry["role"], entry["provider"], entry["route"]
            assert told == (role, role, identity(role).get("provider"), f"GET {path}")
            assert "B-other" not in entry["recipients"] or role not in {"planner", "staff"}
            showing.add(path)
            logged.append((path, role))
    assert showing >= SHOWING, SHOWING - showing
    await owner.execute("REVOKE INSERT ON access_entry FROM taggad_ingest")
    lived.app.state.kept.__init__()
    for path, role in logged:
        status, text = await ask(lived, path, role)
        assert status == 500, (path, role)
        assert "B-own" not in text or path.endswith(FILES)


async def log_of(town, role="auditor", path="/v1/access-log", **asked):  # noqa: F811
    return await town.pages(path, role=role, who=identity(role), **asked)


async def test_a_kept_answer_and_one_that_still_holds_are_logged_too(lived):
    params = {"month": MONTH}
    first = await lived.ask("GET", "/v1/executed-time", role="system", params=params)
    await lived.ask("GET", "/v1/executed-time", role="system", params=params)
    held = {"If-None-Match": first.headers["etag"]}
    await lived.ask("GET", "/v1/executed-time", role="system", params=params, headers=held, expect=304)
    sums = {"month": MONTH, "by": "provider"}  # in which nobody is named
    await lived.ask("GET", "/v1/executed-time", role="system", params=sums)
    found = await log_of(lived)
    assert [(one["bulk"], one["recipients"], one["filter"]) for one in found] == [(True, [], params)] * 3


async def test_an_auditor_finds_who_looked_at_somebody_and_the_lists_that_covered_it(lived):
    for asked in ({"recipient": "B-own"}, {"recipient": "B-other"}, {"limit": 2}):
        await lived.ask("GET", "/v1/visits", role="controller", params=asked)
    for provider in ("P-own", "P-other"):
        await lived.ask("GET", "/v1/executed-time", role="system", params={"month": MONTH, "provider": provider})
    await lived.ask("GET", "/v1/executed-time", role="planner", provider="P-own", params={"month": "2025-01"})
    officer = {"role": "case_officer", "params": {"recipient": "B-own"}}
    await lived.ask("GET", "/v1/visits", **officer)
    told = [(one["role"], one["bulk"], one["purpose"]) for one in await log_of(lived, recipient="B-own")]
    # The newest first; not what was asked about other providers or days, nor about somebody else.
    assert told[:2] == [("case_officer", False, "consent M-own"), ("system", True, None)]
    assert {one[0] for one in told[2:]} == {"controller"}
    assert [one["role"] for one in await log_of(lived, subject="188:case_officer:operator/case_officer")] == [
        "case_officer"
    ]
    assert await log_of(lived, to="2026-01-01") == []
    everything = await log_of(lived)
    assert [one["id"] for one in await log_of(lived, limit=1)] == [one["id"] for one in everything]
    [own] = await log_of(lived, "case_officer", "/v1/my-access")
    assert own["filter"] == {"recipient": "B-own"}
    [asked] = [one for one in everything if one["role"] == "auditor"]
    assert (asked["route"], asked["recipients"]) == ("GET /v1/access-log", ["B-own"]), "who looks is looked at"
    await lived.ask("GET", "/v1/access-log", role="auditor", params={"recipient": "B-none"}, expect=404)


async def test_a_sample_is_drawn_by_its_seed_alone_and_kept(town, owner):  # noqa: F811
    for _ in range(8):
        await town.ask("GET", "/v1/recipients", role="controller")
    body = {"from": day(-1).date(), "to": day(0).date(), "size": 3, "seed": "höst"}

    async def drawn(**changed):
        answer = await town.ask("POST", "/v1/access-log/samples", body | changed, role="auditor", expect=201)
        told = answer.json()
        return told["version"], told["of"], [one["id"] for one in told["items"]]

    first = await drawn()
    assert first == await drawn()
    assert (first[:2], len(set(first[2]))) == ((1, 8), 3)
    assert (await drawn(seed="vår"))[2] != first[2]
    assert sorted((await drawn(size=500))[2]) == sorted({one["id"] for one in await log_of(town)})
    kept = await owner.fetchval("SELECT body FROM record WHERE kind = 'access_samples' ORDER BY seq LIMIT 1")
    assert all(id_ in kept for id_ in first[2])
    for wrong in ({"to": "2026-01-01"}, {"size": 0}, {"seed": ""}):
        await town.ask("POST", "/v1/access-log/samples", body | wrong, role="auditor", expect=422)


async def test_a_block_seals_its_entries(town, owner):  # noqa: F811
    database = town.app.state.database
    for _ in range(3):
        await town.ask("GET", "/v1/recipients", role="controller")
    assert await close_block(database, 188) == 3
    assert await close_block(database, 188) == 0
    await town.ask("GET", "/v1/recipients", role="controller")
    await town.seal()
    blocks = [one["block"] for one in await log_of(town)]
    assert blocks[0] is None
    assert len({*blocks[1:]}) == 1
    proof = await town.ask("GET", "/v1/ledger/proof", role="auditor", params={"fact": blocks[1]}, expect=200)
    assert proof.json()["path"]
    assert await check(database, 188) == []
    await owner.execute("SET session_replication_role = replica")
    gone = await owner.fetchrow("DELETE FROM access_entry WHERE block IS NOT NULL AND id = (SELECT min(id::text)::uuid"
                                " FROM access_entry) RETURNING id")  # fmt: skip
    await owner.execute("DELETE FROM access_person WHERE entry = $1", gone["id"])
    assert [line for line in await check(database, 188) if "that its blocks sealed" in line]
