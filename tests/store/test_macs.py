"""Rows that no fact tells carry a hash that only the service makes: from before there were any they get it once."""

import datetime as dt

import pytest
from joserfc.jwk import ECKey
from service import LEDGER_KEY, day

from app.actions.check import check
from app.store.database import Database
from app.store.ledger.macs import Macs

HASHED = ("municipality", "enrolment", "phone_clock", "visit_change", "withdrawn_visit")


@pytest.fixture
async def town(service, owner):
    """A visit withdrawn and one that was and came back, a code nobody has used; no trigger holds `owner`."""
    await service.put("providers", "P-norr", {"name": "Norr", "form": "external"})
    await service.put("recipients", "B-1", {"area": "URBAN", "household": "H-1"})
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2020-01-01"}
    for ref in ("S-1", "S-2"):
        await service.put("staff", ref, staff)
    await service.tap("S-1", "H-1", "out", day(-2, "08:30"))
    await service.tap("S-1", "H-1", "in", day(-2, "08:00"))  # the OUT is no visit of its own any more
    for household in ("H-2", "H-1"):  # whoever moves away takes the visits along, and brings them back
        await service.put("recipients", "B-1", {"area": "URBAN", "household": household, "valid_from": "2020-01-01"})
    await service.ask("POST", "/v1/devices", {"staff": "S-1"}, expect=201)
    await owner.execute("SET session_replication_role = replica")
    assert await check(service.app.state.database, 188) == []
    return service


async def unhash(owner):
    """Leave the rows as an earlier version did, which made no hashes."""
    for table in HASHED:
        await owner.execute(f"UPDATE {table} SET mac = NULL")


async def unhashed(owner):
    return [table for table in HASHED if await owner.fetchval(f"SELECT count(*) FROM {table} WHERE mac IS NULL")]


async def test_rows_from_before_get_their_hashes_once_and_a_fact_says_so(town, owner, database_url):
    told = {table: await owner.fetch(f"SELECT * FROM {table}") for table in HASHED}
    await unhash(owner)
    assert await unhashed(owner) == list(HASHED)
    fresh = Database(database_url, pool_size=2, ledger_keys=[LEDGER_KEY])
    assert await check(fresh, 188) == []
    await fresh.close()
    assert await unhashed(owner) == []
    assert all(told.values())
    body = await owner.fetchval("SELECT body FROM record WHERE kind = 'ledger' AND ref = 'marked'")
    assert body == f'{{"rows": {sum(len(rows) for rows in told.values()) - 1}}}'


async def test_whoever_takes_the_hashes_away_later_gets_no_others(town, owner, database_url):
    await unhash(owner)
    fresh = Database(database_url, pool_size=2, ledger_keys=[LEDGER_KEY])
    await check(fresh, 188)
    await owner.execute("UPDATE withdrawn_visit SET replaced_by = NULL, mac = NULL")
    await owner.execute("UPDATE municipality SET name = 'Other', mac = NULL")
    lines = await check(fresh, 188)
    assert "not so: municipality is as the service wrote it (1: 188)" in lines
    assert any(line.startswith("not so: withdrawn_visit is as the service wrote it") for line in lines)
    await fresh.close()


async def test_a_code_that_was_given_to_somebody_else_enrols_nobody(town, owner):
    offer = (await town.ask("POST", "/v1/devices", {"staff": "S-1"}, expect=201)).json()
    await owner.execute("UPDATE enrolment SET staff = 'S-2'")
    body = {"code": offer["code"], "public_key": ECKey.generate_key("P-256").as_dict(private=False)}
    refused = await town.ask("POST", "/v1/devices/enrol", body, role=None, expect=403)
    assert refused.json()["code"] == "enrolment_code_invalid"
    assert await owner.fetchval("SELECT count(*) FROM record WHERE kind = 'devices'") == 0


def test_a_hash_is_of_its_table_row_and_key():
    old, new = bytes(32), bytes(range(32))
    row = (188, "D-1", dt.timedelta(seconds=-3, microseconds=7), None)
    hashed = Macs([old]).add("phone_clock", row)
    assert Macs([new, old]).is_ours("phone_clock", hashed)
    assert not Macs([new]).is_ours("phone_clock", hashed)
    assert not Macs([old]).is_ours("phone_clock", (*row, None))
    assert not Macs([old]).is_ours("phone_clock", (188, "D-1", dt.timedelta(seconds=-3), None, hashed[-1]))
    assert Macs([old]).add("pin", row)[-1] != hashed[-1]
    with pytest.raises(RuntimeError, match="without a ledger key"):
        Macs([]).add("phone_clock", row)
