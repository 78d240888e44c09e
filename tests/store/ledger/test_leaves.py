"""Every fact gets its leaf in its own transaction, numbered without a gap, recomputed from the stored row alone."""

import datetime as dt
import json
import uuid
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service import LEDGER_KEY, day, tap_item

from app.actions.access.close_block import close_block
from app.domain.ledger import ledger
from app.domain.ledger.ledger import KINDS
from app.store.database import Database
from app.store.ledger.ledger import of_row
from app.store.schema import metadata

ODD = {  # what a claim may hold that PostgreSQL gives back in another way of writing
    "numbers": [1, 1.0, -0.0, 1e300, 1e-7, 0.1, 123456789012345678901234567890, 1.5e16, -2.50, 1e22],
    "b": {"z": None, "å": 'ä\t"\\/', "a": [True, False, {}, []]},
    "a": "\u2028\U0001f600\u007f",
}  # fmt: skip

TEXT = st.text('aå"\\/\n\0\u2028\U0001f600')
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
COLUMN = JSON | st.uuids() | st.binary() | st.dates() | st.datetimes(timezones=st.just(dt.UTC))


async def leaves(owner):
    return await owner.fetch("SELECT * FROM ledger_leaf WHERE municipality_id = 188 ORDER BY leaf_index")


async def facts(owner):
    """Every stored fact: its kind, and its row."""
    return [(kind, row) for kind in KINDS for row in await owner.fetch(f"SELECT * FROM {kind}")]


async def every_leaf_is_its_facts(owner):
    """Checks it, and gives how many there are."""
    stored = {(kind, ledger.fact_id(kind, row)): of_row(kind, row) for kind, row in await facts(owner)}
    found = await leaves(owner)
    assert [leaf["leaf_index"] for leaf in found] == list(range(len(found)))
    assert sorted((leaf["kind"], leaf["fact"]) for leaf in found) == sorted(stored)
    for leaf in found:
        fields = stored[leaf["kind"], leaf["fact"]]
        assert ledger.leaf_for(leaf["kind"], 188, fields, leaf["salt"]) == leaf["leaf"], fields
        told = (188, leaf["leaf_index"], leaf["kind"], leaf["fact"], leaf["leaf"])
        assert ledger.mac_of(LEDGER_KEY, *told) == leaf["mac"]
    return len(found)


async def test_every_kind_of_fact_gets_its_leaf(service, owner):
    await service.put("interventions", "dusch", {"title": "Dusch ä", "category": "CARE", "standard_minutes": 20})
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    await service.put("recipients", "B-1", {"area": "URBAN"})
    staff = {"provider": "P-norr", "role": "care_assistant", "valid_from": "2026-01-01", "delegations": []}
    await service.put("staff", "S-1", staff)
    written = dt.datetime.fromisoformat("2026-01-05T10:00:00.123456+05:30")
    tap = await service.tap("S-1", "B-1", "in", day(-1, "08:00"), note='å/"\\ \n', verdict="accepted")
    await service.tap("S-1", "B-1", "in", written, verdict="disputed")
    await service.report("S-1", tap["id"], [{"intervention": "dusch", "minutes": 7}], note="x")
    await service.report("S-1", tap["id"], ["no such"], verdict="refused")
    await service.taps("S-1", [tap_item("04000000000001", "in", day(-1, "09:00")), ODD, None, 7, ODD, {"id": "no"}])
    body = {"reports": [ODD, {"id": str(uuid.uuid4())} | ODD]}
    await service.ask("POST", "/v1/reports", body, role="staff", staff="S-1")
    [visit] = await service.visits(to=day(-1).date(), from_=day(-1).date())
    await service.correct(visit, "set_end", "other", note="å", ended_at=day(-1, "08:30"))
    await service.ask("POST", "/v1/periods/P-norr/2026-01/close", {"accept_open": True}, role="controller")
    manual = {"id": uuid.uuid4(), "recipient": "B-1", "staff": "S-1", "started_at": day(-2, "08:00"),
              "ended_at": day(-2, "08:30"), "interventions": ["dusch"], "reason": "other", "note": "å"}  # fmt: skip
    await service.ask("POST", "/v1/visits", manual)
    await service.ask("GET", "/v1/recipients", role="controller")
    await close_block(service.app.state.database, 188)
    assert await every_leaf_is_its_facts(owner) == len(await facts(owner)) >= 17
    assert {leaf["kind"] for leaf in await leaves(owner)} == KINDS.keys()


async def test_what_is_repeated_gets_no_second_leaf(service, owner):
    await service.put("providers", "P-norr", {"name": "P", "form": "external"})
    await service.put("staff", "S-1", {"provider": "P-norr", "role": "care_assistant", "delegations": []})
    items = [ODD, None, tap_item("04000000000001", "in", day(-1, "09:00")), tap_item("H-0", "in", day(-1, "09:00"))]
    answers = [await service.taps("S-1", items) for _ in range(2)]
    assert [one["duplicate"] for one in answers[0]] == [False] * 4
    assert [one["duplicate"] for one in answers[1]] == [True] * 4
    assert [[one["verdict"], one["code"]] for one in answers[0]] == [
        [one["verdict"], one["code"]] for one in answers[1]
    ]
    body = {"reports": [ODD, None]}
    for _ in range(2):
        await service.ask("POST", "/v1/reports", body, role="staff", staff="S-1")
    assert await every_leaf_is_its_facts(owner) == 8


async def test_a_write_that_is_rolled_back_leaves_no_gap(database, owner):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    fields = {"id": uuid.uuid4(), "received_at": day(0)}

    async def fail():
        async with database.write(188) as writing:
            writing.leaves.add("tap", fields)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.write(188) as writing:
        writing.leaves.add("tap", fields)
        writing.leaves.add("report", fields)
    async with database.write(188) as writing:
        writing.leaves.add("attempt", fields)
    assert [leaf["leaf_index"] for leaf in await leaves(owner)] == [0, 1, 2]


async def test_nothing_is_stored_without_a_key(database_url, owner):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    keyless = Database(database_url, pool_size=1)
    try:
        with pytest.raises(RuntimeError, match="without a ledger key"):
            async with keyless.write(188) as writing:
                writing.leaves.add("tap", {"id": uuid.uuid4()})
    finally:
        await keyless.close()


async def test_a_leaf_tells_or_commits_to_every_column_of_its_fact():
    for kind, told in KINDS.items():
        columns = {column.name: column for column in metadata.tables[kind].columns}
        assert sorted(told.columns) == sorted(columns.keys() - {"municipality_id"}), kind
        assert not columns[told.id].nullable
        assert not columns[told.at].nullable
        assert told.json == {name for name, column in columns.items() if str(column.type) == "JSONB"}


async def test_every_table_of_facts_has_leaves(owner):
    rows = await owner.fetch("SELECT tgrelid::regclass::text AS of FROM pg_trigger WHERE tgname = 'stays'")
    # A read stands in its tap's leaf, and by their hash the lines of a close in the close's, entries in their block's.
    # Of an erased fact it is the leaf that stays.
    inside = {"tag_read", "period_line", "access_entry", "access_person", "erased_fact"}
    assert {row["of"] for row in rows} == {*KINDS, "ledger_leaf"} | inside


def test_a_leaf_is_written_as_documented():
    """The bytes by hand, as a stranger would make them from the documentation."""
    at = dt.datetime(2026, 10, 24, 10, 31, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    fact, salt = uuid.UUID(int=7), bytes(range(16))
    fields = {"id": fact, "direction": "in", "at": at, "flags": ["a", "b"], "staff": "S-å", "body_hash": b"\1\2"}
    public = (
        '{"at":"2026-10-24T08:31:02.000000Z","direction":"in","fact":"tap","flags":["a","b"],'
        '"id":"00000000-0000-0000-0000-000000000007","municipality":188}'
    )
    personal = '{"body_hash":"0102","staff":"S-å"}'
    entry = b"\1" + public.encode() + sha256(salt + personal.encode()).digest()
    assert ledger.leaf_for("tap", 188, fields, salt) == sha256(b"\0" + entry).digest()
    assert json.loads(public) == ledger.public_of("tap", 188, fields)


@given(fields=st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "body", "before", "note"), COLUMN)))
def test_the_service_and_a_verifier_write_a_fact_alike(fields):
    salt, public = bytes(16), ledger.public_of("correction", 188, fields)
    committed = ledger.commitment(salt, ledger.personal_of("correction", fields))
    assert ledger.leaf_for("correction", 188, fields, salt) == ledger.leaf_of(public, committed)


def test_what_no_fact_holds_is_refused():
    with pytest.raises(TypeError, match="no fact has a set"):
        ledger.public_of("tap", 188, {"flags": {"a"}})
