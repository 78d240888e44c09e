"""A file that was kept long enough is purged by two persons: nothing of it is left but what proofs and pay need."""

import asyncio
import datetime as dt
import json

import pytest
from chip import Chip
from service import LEDGER_KEY, SetClock, serving, tap_item
from typer.testing import CliRunner
from world import KEYSET, line, on, order

from app.actions.check import check
from app.actions.visits.rebuild import rebuild
from app.cli.main import application
from app.cli.verify_ledger import verify_ledger
from app.store.ledger.signed_notes import Signer

THEN = dt.datetime(2018, 3, 12, 12, tzinfo=dt.UTC)
LATER = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
MARCH = "2018-03"
UIDS = {f"H-{name}": f"0400000000000{number}" for number, name in enumerate(("1", "5", "par", "hsl", "6"), 1)}
HOMES = {"B-1": "H-1", "B-5": "H-5", "B-a": "H-par", "B-b": "H-par", "B-h": "H-hsl", "B-6": "H-6"}
BORN = {"B-1": "1930-01-07", "B-5": "1931-02-15", "B-6": "1932-03-09"}
CARE = {"ref": "care", "basis": "executed", "categories": ["CARE"], "rates": [{"ore": 36_000}]}
SECRET = "Nyckeln ligger under krukan"


@pytest.fixture
async def old(database_url, owner):
    """The service years after what was told to it: six recipients, with visits in one month that is closed."""
    await owner.execute("INSERT INTO municipality (municipality_id, name, as_of) VALUES (188, 'Norrtälje', $1)", THEN)
    clock = SetClock(THEN)
    async with serving(database_url, clock=clock, late_tap_days=36500) as service:
        sending = service.taps
        service.taps = lambda *given, sent_at=None, **more: sending(*given, sent_at=sent_at or clock.at, **more)
        await _settle(service)
        await _visits(service)
        clock.at = dt.datetime(2018, 4, 10, tzinfo=dt.UTC)
        await service.close()
        await service.ask("POST", f"/v1/periods/P-norr/{MARCH}/close", {"accept_open": True}, role="controller")
        clock.at = LATER
        await service.close()
        yield service
        assert await check(service.app.state.database, 188) == []
        assert [line async for line in rebuild(service.app.state.database, 188)] == []


async def _settle(service):
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    for ref, category in {"dusch": "CARE", "insulin": "DELEGATED_HSL"}.items():
        await service.put("interventions", ref, {"title": ref, "category": category, "standard_minutes": 20})
    contract = {"provider": "P-norr", "valid_from": "2018-01-01", "compensation": {"rules": [CARE]}}
    await service.put("contracts", "K-1", contract)
    for ref, household in HOMES.items():
        told = {"name": f"Kund {ref}", "area": "URBAN", "household": household, "birth_date": BORN.get(ref)}
        await service.put("recipients", ref, told)
        what = "insulin" if ref == "B-h" else "dusch"
        last = None if ref == "B-b" else "2018-12-31"
        await service.put("orders", f"O-{ref}", order(ref, line("1", what), valid_from="2018-01-01", valid_to=last))
    for ref in ("S-1", "S-2"):
        given = [{"intervention": "insulin", "valid_from": "2018-01-01"}]
        body = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2018-01-01", "delegations": given}
        await service.put("staff", ref, body)
    await service.put("keysets", "k1", KEYSET, role="admin")
    for household, uid in UIDS.items():
        keyed = {"kind": "ntag424", "keyset": "k1"} if household == "H-1" else {"kind": "static"}
        await service.put("tags", f"T-{household}", keyed | {"uid": uid})
        await service.mount(f"T-{household}", household, on("2018-01-01", "08:00"))


async def _visits(service):
    chip = Chip(UIDS["H-1"])
    service.first = tap_item(chip.read(), "in", on("2018-03-05", "08:00"), note=SECRET)
    [answer] = await service.taps("S-1", [service.first])
    service.answered = answer
    await service.tap("S-1", chip.read(), "out", on("2018-03-05", "08:30"))
    await service.tap("S-1", chip.read(), "out", on("2018-03-05", "08:30:20"))  # a bounce
    await service.report("S-1", service.first["id"], ["dusch"], note=SECRET, reported_at=on("2018-03-05", "08:31"))
    [visit] = await service.visits(recipient="B-1")
    await service.correct(visit, "set_end", "other", note=SECRET, ended_at=on("2018-03-05", "08:20"))
    by_hand = {"recipient": "B-1", "staff": "S-2", "started_at": on("2018-03-06", "09:00"), "interventions": ["dusch"]}
    by_hand |= {"ended_at": on("2018-03-06", "09:30"), "reason": "other", "note": SECRET}
    await service.ask("POST", "/v1/visits", by_hand | {"id": "0196b0c1-7d10-7000-8000-00000000000a"})
    await service.taps("S-1", [service.first | {"note": "another"}])  # refused: the id is known
    control = {"sent_at": THEN, "taps": [tap_item(chip.read(), "control", on("2018-03-06", "10:00"))]}
    await service.ask("POST", "/v1/taps", control, role="inspector", expect=200)
    for hour, household in enumerate(("H-5", "H-par", "H-hsl"), 10):
        await service.visit_by("S-2", UIDS[household], on("2018-03-07", f"{hour}:00"), on("2018-03-07", f"{hour}:30"))
    # One alarm of two doors at once: without the inner visit the outer one would be longer.
    await service.tap("S-1", UIDS["H-hsl"], "in", on("2018-03-08", "08:00"))
    await service.visit_by("S-1", UIDS["H-6"], on("2018-03-08", "08:10"), on("2018-03-08", "08:20"))
    await service.tap("S-1", UIDS["H-hsl"], "out", on("2018-03-08", "08:40"))


async def approve(service, ref, by="arkiv", expect=200):
    token = service.app.state.tokens.mint(188, "admin", client=by)
    headers = {"Authorization": f"Bearer {token}"}
    return await service.ask("POST", f"/v1/purges/{ref}/approve", headers=headers, expect=expect)


async def pay(service, month):
    params = {"month": month, "provider": "P-norr"}
    return (await service.ask("GET", "/v1/compensation", role="system", params=params)).json()["lines"]


async def everything(owner):
    tables = [row[0] for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return {table: [row[0] for row in await owner.fetch(f"SELECT t::text FROM {table} AS t")] for table in tables}


def verified(service, state):
    head, findings = verify_ledger(service.url, service.token("auditor"), Signer(LEDGER_KEY, 188).public, state)
    assert findings == []
    return head.size


async def test_a_purge_erases_what_two_persons_decided_and_leaves_proofs_and_pay(old, owner, tmp_path):
    await old.seal()
    before = await asyncio.to_thread(verified, old, tmp_path / "state")
    paid = await pay(old, MARCH)
    assert {one["recipient"] for one in paid} >= {"B-1", "B-5", "B-6"}

    plan = (await old.ask("GET", "/v1/purge-plan", role="auditor")).json()
    rule = {"class": "social_service_files", "last_on": "2019-01-01", "due_on": "2024-01-01", "erase_by": "2025-12-31"}
    assert [row for row in plan["recipients"] if row["recipient"] == "B-1"] == [{"recipient": "B-1", **rule}]
    assert {row["recipient"]: row.get("reason") for row in plan["kept"]} == {"B-5": "not_archived", "B-a": "shared"}

    asked = (await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)).json()
    assert [row["recipient"] for row in asked["recipients"]] == ["B-1", "B-6"]
    for path in ("/v1/purges/G-1", "/v1/purges"):
        await old.ask("GET", path, role="controller")
    looks = await owner.fetch("SELECT route FROM access_entry WHERE 'B-1' = ANY(recipients) AND route LIKE '%purge%'")
    routes = ["GET /v1/purge-plan", "POST /v1/purges", "GET /v1/purges/{ref}", "GET /v1/purges"]
    assert sorted(row["route"] for row in looks) == sorted(routes)
    assert (await old.ask("POST", "/v1/purges/G-1/approve", expect=403)).json()["code"] == "approver_is_requester"
    assert (await old.ask("GET", "/v1/recipients/B-1")).json()["name"] == "Kund B-1"
    done = (await approve(old, "G-1")).json()
    assert (done["state"], [row["recipient"] for row in done["recipients"]]) == ("done", ["B-1"])
    assert {row["recipient"]: row["reason"] for row in done["kept"]}["B-6"] == "entangled"
    assert (await approve(old, "G-1")).json()["version"] == done["version"]

    left = await everything(owner)
    for text in (SECRET, BORN["B-1"], "Kund B-1", SECRET.encode().hex()):
        assert [table for table, rows in left.items() if any(text in row for row in rows)] == [], text
    assert (
        done["erased"]
        == await owner.fetchval("SELECT count(*) FROM erased_fact")
        == (await owner.fetchval("SELECT count(*) FROM ledger_leaf WHERE salt = ''"))
    )
    assert await owner.fetchval("SELECT count(*) FROM tap WHERE tag = 'T-H-1'") == 0
    kinds = await owner.fetch("SELECT DISTINCT kind FROM erased_fact ORDER BY 1")
    assert [row[0] for row in kinds] == ["attempt", "correction", "manual_visit", "record", "report", "tap"]
    assert await old.visits(recipient="B-5") != []
    unknown = await old.ask("GET", "/v1/visits?recipient=B-1", role="controller", expect=404)
    assert unknown.json()["code"] == "unknown_ref"

    # A phone that was forgotten in a drawer sends its tap once more.
    taps = await owner.fetchval("SELECT count(*) FROM tap")
    [again] = await old.taps("S-1", [old.first])
    assert again == old.answered | {"duplicate": True, "visits": []}
    assert await owner.fetchval("SELECT count(*) FROM tap") == taps
    # Nobody comes back under the same ref.
    await old.ask("GET", "/v1/recipients/B-1", expect=404)
    refused = await old.ask("PUT", "/v1/recipients/B-1", {"area": "URBAN"}, role="system", expect=409)
    assert refused.json()["code"] == "purged"

    assert await pay(old, MARCH) == paid
    assert await pay(old, "2018-04") == []
    await old.seal()
    assert await asyncio.to_thread(verified, old, tmp_path / "state") > before
    await old.ask("GET", f"/v1/ledger/proof?fact={old.first['id']}", role="auditor", expect=200)


async def test_whoever_is_in_the_archives_sample_is_exported_first(old, owner):
    whole = (await old.ask("POST", "/v1/recipients/B-5/archive", expect=200)).json()
    assert whole["personal"] == {"name": "Kund B-5"}
    assert {row["kind"] for row in whole["records"]} == {"recipients", "orders"}
    assert [fact["fact"] for fact in whole["facts"]] == ["tap", "tap"]
    stored = json.loads(await owner.fetchval("SELECT body FROM record WHERE kind = 'archives'"))
    assert stored == {"sha256": whole["sha256"], "facts": 2}
    asked = (await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)).json()
    assert "B-5" in [row["recipient"] for row in asked["recipients"]]
    await approve(old, "G-1")
    await old.ask("GET", "/v1/recipients/B-5", expect=404)


async def test_what_was_noted_since_a_request_keeps_the_file(old):
    await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)
    body = {"area": "RURAL", "household": "H-1", "birth_date": BORN["B-1"]}
    await old.ask("PUT", "/v1/recipients/B-1", body, role="system", expect=200)
    done = (await approve(old, "G-1")).json()
    assert (done["state"], done["recipients"], done["erased"]) == ("done", [], 0)
    assert {row["recipient"]: row["reason"] for row in done["kept"]}["B-1"] == "not_due"
    assert (await old.ask("GET", "/v1/recipients/B-1")).json()["name"] == "Kund B-1"


async def test_an_order_that_was_once_somebody_elses_keeps_the_file(old):
    clock = old.app.state.clock
    clock.at = dt.datetime(2018, 5, 1, tzinfo=dt.UTC)
    await old.close()
    for ref in ("B-b", "B-1"):
        await old.put("orders", "O-1", order(ref, line("1", "dusch"), valid_from="2018-01-01", valid_to="2018-12-31"))
    clock.at = LATER
    await old.close()
    await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)
    done = (await approve(old, "G-1")).json()
    assert {row["recipient"]: row["reason"] for row in done["kept"]}["B-1"] == "entangled"


async def test_what_is_not_as_it_was_sealed_is_not_erased_before_somebody_has_looked(old, owner):
    await owner.execute("ALTER TABLE tap DISABLE TRIGGER stays")
    changed, tap = "UPDATE tap SET note = $2 WHERE id = $1", old.first["id"]
    was = await owner.fetchval("SELECT note FROM tap WHERE id = $1", tap)
    await owner.execute(changed, tap, "another")
    await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)
    done = (await approve(old, "G-1")).json()
    assert {row["recipient"]: row["reason"] for row in done["kept"]}["B-1"] == "not_as_sealed"
    assert (await old.ask("GET", "/v1/recipients/B-1")).json()["name"] == "Kund B-1"
    await owner.execute(changed, tap, was)


async def test_the_command_line_says_what_would_go_and_why(old, database_url):
    def told(*options, code):
        given = {"TAGGAD_DATABASE_URL": database_url.replace("+asyncpg", "")}
        result = CliRunner().invoke(application, ["purge", *options], env=given)
        assert result.exit_code == code, result.output
        return result.output

    lines = (await asyncio.to_thread(told, "--dry-run", code=0)).splitlines()
    rule = "social_service_files: last noted 2019-01-01, due 2024-01-01, to be erased by 2025-12-31"
    assert f"188: B-1 goes, {rule}" in lines
    assert any(line.startswith("188: B-5 stays (not_archived), social_service_files") for line in lines)
    await asyncio.to_thread(told, code=1)


async def test_a_class_is_kept_longer_and_never_shorter(old):
    short = await old.ask("PUT", "/v1/retention/social_service_files", {"years": 4, "reason": "x"}, expect=422)
    assert short.json()["code"] == "out_of_range"
    await old.ask("PUT", "/v1/retention/everything", {"years": 9, "reason": "x"}, expect=404)
    kept = await old.ask("PUT", "/v1/retention/social_service_files", {"years": 7, "reason": "Plan 2024"}, expect=200)
    listed = (await old.ask("GET", "/v1/retention", role="auditor")).json()["items"]
    assert kept.json() in listed
    assert {one["ref"]: one["years"] for one in listed} == {
        "social_service_files": 7, "patient_records": 10, "accounting": 7, "access_log": 5
    }  # fmt: skip
    assert (await old.ask("GET", "/v1/purge-plan")).json() == {"recipients": [], "kept": []}
    assert (await old.ask("POST", "/v1/purges", {"ref": "G-1"}, expect=201)).json()["recipients"] == []


async def test_nobody_but_the_role_of_purges_deletes_a_fact(old, owner):
    for role in ("taggad_app", "taggad_owner"):
        await owner.execute(f"SET ROLE {role}; SELECT set_config('app.municipality', '188', false)")
        for statement in ("DELETE FROM tap", "UPDATE ledger_leaf SET salt = ''", "DELETE FROM record"):
            with pytest.raises(Exception, match=r"permission denied|never changed"):
                await owner.execute(statement)
        await owner.execute("RESET ROLE")
