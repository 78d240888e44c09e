"""Reading visits: each role within its reach, every filter, page by page."""

import datetime as dt
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from service import day
from world import H1, H2, H3, PAR, ago, line, order

from app.actions.add_municipality import add_municipality


@pytest.fixture
async def busy(home):
    """Two providers' visits over three days, some of them wrong."""
    await home.put("orders", "O-3", order("B-3", line("1", "tillsyn", 30), provider="P-syd"))
    await home.visit_by("S-1", H1, day(-3, "08:00"), day(-3, "08:30"))
    await home.visit_by("S-2", H2, day(-2, "08:00"), day(-2, "08:30"))
    await home.visit_by("S-south", H3, day(-2, "09:00"), day(-2, "09:30"))
    await home.visit_by("S-3", PAR, day(-2, "10:00"), day(-2, "10:30"))
    await home.tap("S-1", H1, "in", day(-2, "18:00"))
    await home.visit_by("S-1", H2, day(-1, "08:00"), day(-1, "08:10"), outcome="declined")
    return home


NO_WORDS = {"note": None}
"""What a planner and staff read beside what everybody reads of a visit: that its carer wrote nothing."""


def told(visits):
    """Who was where, of visits in their order; a couple's two in the order of their refs."""
    return sorted((one["local_date"], one["started_at"], one["recipient"], one["staff"]) for one in visits)


async def refusal(home, path, status, code, **who):
    answer = await home.ask("GET", path, expect=status, **who)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    return answer


async def test_staff_see_their_own_visits_of_the_last_48_hours(home):
    recent = ago(hours=5)
    await home.visit_by("S-1", H1, ago(hours=53), ago(hours=52))
    await home.visit_by("S-1", H2, recent, recent + dt.timedelta(minutes=30))
    await home.visit_by("S-2", H3, recent, recent + dt.timedelta(minutes=30))
    old, own, other = sorted(await home.visits(), key=lambda visit: (visit["started_at"], visit["staff"]))
    assert await home.visits(role="staff", who={"staff": "S-1"}) == [own | NO_WORDS]
    assert await home.visits(role="staff", who={"staff": "S-3"}) == []
    for hidden in (old, other):
        await refusal(home, f"/v1/visits/{hidden['id']}", 404, "not_found", role="staff", staff="S-1")
    assert await home.visit(own["id"], role="staff", staff="S-1") == own | NO_WORDS
    await refusal(home, "/v1/visits?staff=S-2", 404, "unknown_ref", role="staff", staff="S-1")
    await refusal(home, "/v1/changes", 403, "forbidden_role", role="staff", staff="S-1")


async def test_planners_see_their_providers_visits_alone(busy):
    everything = await busy.visits()
    for provider, count in (("P-norr", 6), ("P-syd", 1)):
        own = [visit for visit in everything if visit["provider"] == provider]
        assert len(own) == count
        who = {"provider": provider}
        assert await busy.visits(role="planner", who=who) == [visit | NO_WORDS for visit in own]
        changes = (await busy.ask("GET", "/v1/changes", role="planner", expect=200, **who)).json()["items"]
        assert {item["visit"]["id"] for item in changes} == {visit["id"] for visit in own}
    [foreign] = [visit for visit in everything if visit["provider"] == "P-syd"]
    norr = {"role": "planner", "provider": "P-norr"}
    await refusal(busy, f"/v1/visits/{foreign['id']}", 404, "not_found", **norr)
    for asked in ("provider=P-syd", "staff=S-south", "recipient=B-3"):
        await refusal(busy, f"/v1/visits?{asked}", 404, "unknown_ref", **norr)


async def test_every_filter_keeps_what_it_names(busy):
    everything = await busy.visits()
    assert len(everything) == 7
    for name, field in (("recipient",) * 2, ("provider",) * 2, ("staff",) * 2, ("status",) * 2):
        for value in {visit[field] for visit in everything}:
            wanted = [visit for visit in everything if visit[field] == value]
            assert await busy.visits(**{name: value}) == wanted
    [forgotten] = await busy.visits(anomaly="missing_out")
    assert (forgotten["recipient"], forgotten["status"]) == ("B-1", "incomplete")
    days = await busy.visits(from_=day(-2).date(), to=day(-2).date())
    assert days == [visit for visit in everything if visit["local_date"] == str(day(-2).date())]
    assert await busy.visits(staff="S-1", status="complete", to=day(-2).date()) == everything[:1]
    assert await busy.visits(recipient="B-3", status="declined") == []


@pytest.mark.parametrize("asked", ["recipient=B-999", "provider=P-999", "staff=S-999"])
async def test_a_ref_that_does_not_exist_is_not_an_empty_list(home, asked):
    await refusal(home, f"/v1/visits?{asked}", 404, "unknown_ref", role="controller")
    if not asked.startswith("staff"):
        await refusal(home, f"/v1/executed-time?month=2026-10&{asked}", 404, "unknown_ref", role="controller")


@pytest.mark.parametrize("asked", ["limit=0", "limit=501", "anomaly=boredom", "status=lost", "from=yesterday"])
async def test_what_is_no_filter_is_refused(home, asked):
    code = "unknown_parameter" if asked == "x=1" else "invalid_parameter"
    await refusal(home, f"/v1/visits?{asked}", 422, code, role="controller")


async def test_pages_follow_one_another_without_a_gap_while_visits_come_in(busy):
    everything = await busy.visits()
    for limit in (1, 2, 3, 6, 7):
        assert await busy.visits(limit=limit) == everything
    first = (await busy.ask("GET", "/v1/visits", role="controller", params={"limit": 3})).json()
    await busy.visit_by("S-2", H1, day(-4, "08:00"), day(-4, "08:30"))  # before the cursor: no page shifts
    rest = (await busy.ask("GET", f"/v1/visits?limit=500&cursor={first['next']}", role="controller")).json()
    assert first["items"] + rest["items"] == everything
    assert rest["next"] is None


async def test_the_link_header_leads_through_the_list_and_keeps_its_filters(busy):
    path, seen = "/v1/visits?limit=2&provider=P-norr", []
    while path:
        answer = await busy.ask("GET", path, role="controller", expect=200)
        page = answer.json()
        seen += page["items"]
        link = answer.headers.get("link")
        assert (link is None) == (page["next"] is None)
        path = None
        if link:
            path, _, relation = link.partition(">")
            path = path.removeprefix("<")
            assert relation == '; rel="next"'
            assert parse_qs(urlsplit(path).query) == {"limit": ["2"], "provider": ["P-norr"], "cursor": [page["next"]]}
    assert seen == await busy.visits(provider="P-norr")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "MjAyNi0xMC0yNA", "é"])
async def test_a_cursor_that_nobody_gave_is_refused(home, cursor):
    await refusal(home, f"/v1/visits?cursor={cursor}", 422, "invalid_cursor", role="controller")


async def test_one_visit_carries_its_version_and_a_stranger_is_not_found(busy):
    visit = (await busy.visits())[0]
    answer = await busy.ask("GET", f"/v1/visits/{visit['id']}", role="controller", expect=200)
    assert (answer.json(), answer.headers["etag"]) == (visit, f'"{visit["version"]}"')
    for unknown in (uuid.uuid4(), "nobody"):
        await refusal(busy, f"/v1/visits/{unknown}", 404, "not_found", role="controller")


async def test_the_shares_add_up_in_visits_and_in_executed_time(busy):
    visits = await busy.visits(from_=day(-3).date(), to=day(-1).date())
    assert all(sum(share["seconds"] for share in visit["shares"]) == visit["seconds"] for visit in visits)
    rows = await busy.executed("recipient", from_=day(-3).date(), to=day(-1).date())
    executed = {row["recipient"]: row["executed_seconds"] for row in rows if row["executed_seconds"]}
    expected = {}
    for visit in visits:
        expected[visit["recipient"]] = expected.get(visit["recipient"], 0) + visit["seconds"]
    assert executed == {ref: seconds for ref, seconds in expected.items() if seconds}


async def test_another_municipality_sees_nothing_of_it(busy):
    await add_municipality(busy.app.state.database, 114, "Upplands Väsby")
    [visit, *_] = await busy.visits()
    foreign = await busy.ask("GET", f"/v1/visits/{visit['id']}", role="controller", municipality=114, expect=404)
    assert foreign.json()["code"] == "not_found"
    assert await busy.visits(who={"municipality": 114}) == []
