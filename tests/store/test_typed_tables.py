"""The typed tables are what the records say: `check` names each row that is not, `rebuild` puts it right."""

import pytest
from service import day

from app.actions.check import check
from app.actions.visits.rebuild import rebuild
from app.store.typed_tables import UnreadableRecordsError

FIRST = "2026-01-01"
LINES = [{"ref": "1", "intervention": "dusch", "standard_minutes": 20, "frequency": 7, "period": 1,
          "period_unit": "wk", "staff_count": 1, "weekdays": None, "window": None}]  # fmt: skip


@pytest.fixture
async def town(service, owner):
    """Master data of every kind that has a table, some of it put again; `owner` may change everything."""
    for ref in ("P-norr", "P-syd"):
        await service.put("providers", ref, {"name": ref, "form": "external"})
    await service.put("interventions", "dusch", {"title": "Dusch", "category": "CARE", "standard_minutes": 20})
    for household in ("H-1", "H-2"):
        await service.put("recipients", "B-1", {"area": "URBAN", "household": household})
    for first_on, provider in ((FIRST, "P-norr"), ("2026-03-01", "P-syd")):
        staff = {"provider": provider, "role": "care_assistant", "valid_from": first_on}
        await service.put("staff", "S-1", staff)
    order = {"recipient": "B-1", "provider": "P-norr", "valid_from": FIRST, "lines": LINES,
             "pauses": [{"from": "2026-02-01", "to": "2026-02-10", "reason": "hospital"}]}  # fmt: skip
    for ref in ("O-1", "O-2", "O-3"):
        await service.put("orders", ref, order)
    await service.put("orders", "O-2", order | {"applies_from": "2026-03-01", "provider": "P-syd"})
    await service.withdraw("O-3")
    contract = {"provider": "P-norr", "valid_from": FIRST, "split_policy": "proportional", "report_required": False,
                "compensation": {}}  # fmt: skip
    await service.put("contracts", "K-1", contract)
    await service.put("tags", "T-1", {"kind": "static", "uid": "04000000000001"})
    await service.mount("T-1", "H-1", day(-3))
    await service.mount("T-1", "H-2", day(-1))
    await owner.execute("SET session_replication_role = replica")
    assert await check(service.app.state.database, 188) == []
    return service


FORGED = [
    ("UPDATE care_order SET provider = 'P-syd' WHERE ref = 'O-1'", "care_order O-1 0 differs in provider"),
    ("UPDATE care_order SET in_force = '{}' WHERE ref = 'O-2' AND part = 1", "care_order O-2 1 differs in in_force"),
    ("DELETE FROM order_line WHERE order_ref = 'O-1'", "order_line O-1 0 1 is missing"),
    ("UPDATE order_line SET order_ref = 'O-3' WHERE order_ref = 'O-1'", "order_line O-3 0 1 has no record"),
    ("UPDATE contract SET valid = '[2026-01-01,2026-02-01)'", "contract K-1 differs in valid"),
    ("UPDATE tag SET uid = '04000000000009'", "tag T-1 differs in uid"),
    ("UPDATE tag_mount SET household = 'H-9', hung_by = 'P-syd' WHERE upper_inf(mounted)",
     "tag_mount differs in household, hung_by"),
    ("UPDATE provider SET form = 'in_house' WHERE ref = 'P-norr'", "provider P-norr differs in form"),
    ("UPDATE provider SET ref = 'P-x' WHERE ref = 'P-norr'", "provider P-x has no record"),
    ("UPDATE staff_version SET person = 'S-9' WHERE provider = 'P-syd'",
     "staff_version S-1 [2026-03-01,) differs in person"),
    ("UPDATE recipient_version SET valid = '(,2026-01-01)' WHERE household = 'H-1'", "recipient_version is missing"),
    ("INSERT INTO intervention_version VALUES (188, 'städ', '(,)', 'SERVICE', 30)",
     "intervention_version städ (,) has no record"),
]  # fmt: skip


@pytest.mark.parametrize(("forged", "named"), FORGED, ids=[named for _, named in FORGED])
async def test_a_row_that_is_not_what_its_record_says_is_named_and_put_right(town, owner, forged, named):
    database = town.app.state.database
    await owner.execute(forged)
    [line] = await check(database, 188)
    table, found = named.split(" ", 1)
    assert line.startswith(f"not so: {table} is what its records say (")
    assert found in line
    told = [line async for line in rebuild(database, 188)]
    assert any(line.startswith(table) and found in line for line in told)
    assert await check(database, 188) == []
    assert [line async for line in rebuild(database, 188)] == []


async def test_what_is_many_is_counted(town, owner):
    await owner.execute("INSERT INTO provider SELECT 188, 'P-' || i, 'external' FROM generate_series(1, 9) AS i")
    [line] = await check(town.app.state.database, 188)
    assert line.startswith("not so: provider is what its records say (9: P-1 has no record, P-2 has")
    told = [line async for line in rebuild(town.app.state.database, 188)]
    assert told[-1] == "provider: 4 more"


async def test_records_that_cannot_be_read_are_told_and_nothing_is_put_right_by_them(town, owner):
    database = town.app.state.database
    await owner.execute("UPDATE record SET body = '{}' WHERE kind = 'contracts'")
    await owner.execute("DELETE FROM contract")
    assert [line for line in await check(database, 188) if line.startswith("not so: the records can be read (")]
    with pytest.raises(UnreadableRecordsError):
        await anext(rebuild(database, 188))
    assert await owner.fetchval("SELECT count(*) FROM contract") == 0
