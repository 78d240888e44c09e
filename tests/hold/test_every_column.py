"""Whoever changes one cell of any table, with all rights in the database, is found: `check` or `rebuild` names it.

Every column of every table is asked about that the database has; listed are only those that may change freely, each
with its reason. So what a migration adds is asked about from then on.
"""

import re
import uuid

import asyncpg
import pytest
from postgres import connect, of_database
from service import SECRETS, serving
from whole_town import tell_all

from app.actions.check import check
from app.actions.visits.rebuild import rebuild
from app.settings import Settings
from app.store import typed_tables
from app.store.access.field_encryption import FieldEncryption
from app.store.database import Database
from app.store.schema import metadata

SPENT = "an assertion is good for minutes and once; whoever takes the row away is not found by any mark in it either"
COUNTED = "it says how much more is kept of what is refused that day: nothing is derived from it"
FREE = {
    ("alembic_version", "version_num"): "with another one nothing is served: the schema is not this version's",
    ("municipality", "epoch"): "with another one every cursor is refused, and whoever reads begins anew",
    ("attempt_count", "municipality_id"): COUNTED,
    ("attempt_count", "staff"): COUNTED,
    ("attempt_count", "counted_on"): COUNTED,
    ("attempt_count", "items"): COUNTED,
    ("spent_assertion", "municipality_id"): SPENT,
    ("spent_assertion", "device"): SPENT,
    ("spent_assertion", "jti_digest"): SPENT,
    ("spent_assertion", "expires_at"): SPENT,
}

DERIVED = [*(table.name for table in typed_tables.TABLES), "presence", "visit", "month_sum", "anomaly_count"]

STAYS_NAMED = {("visit", "id"): "an id that nothing derives is withdrawn, and no change ever told of it"}
"""What a rebuild leaves for a person to look at, beside rows that were moved to another municipality."""

SILENT = {"anomaly_count": "found = 0", "month_sum": "visits = 0 AND executed_seconds = 0"}
"""Rows that are left from what has moved on: they say nothing, whatever they would say it of."""

COLUMNS = """
SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1"
# The words that a column's own constraint allows.
ALLOWED = """
SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c JOIN pg_attribute AS a
    ON attrelid = conrelid AND attnum = conkey[1]
WHERE conrelid = $1::text::regclass AND contype = 'c' AND cardinality(conkey) = 1 AND attname = $2
"""
# Of several columns, which one changed cell would break: a superuser drops them first.
OF_SEVERAL = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND cardinality(conkey) > 1
"""
INTEGER = ["coalesce({c}, 0) + 1", "coalesce({c}, 0) + 1000"]
OTHER = {
    "text": ["coalesce({c}, '') || 'x'"],
    "uuid": ["gen_random_uuid()"],
    "boolean": ["NOT {c}"],
    "integer": INTEGER,
    "bigint": INTEGER,
    "timestamp with time zone": ["coalesce({c}, now()) + interval '1 hour'", "{c} - interval '1 hour'"],
    "date": ["coalesce({c}, '2026-01-01') + 1", "({c} + interval '1 month')::date"],
    "interval": ["{c} + interval '1 hour'"],
    "bytea": ["set_byte({c}, length({c}) - 1, get_byte({c}, length({c}) - 1) # 1)"],
    "jsonb": ["{c} || CASE jsonb_typeof({c}) WHEN 'object' THEN '{{\"x\":{{}}}}' ELSE jsonb_build_array({c} -> 0) END"],
    "daterange": [
        "daterange(lower({c}), coalesce(upper({c}), '2100-01-01') + 1)",
        "daterange(lower({c}), upper({c}) - 1)",
    ],
    "tstzrange": ["tstzrange(lower({c}), coalesce(upper({c}), '2100-01-01') + interval '1 day')"],
    "datemultirange": ["{c} - '{{[2026-02-01,2026-02-02)}}'"],
    "text[]": ["array_append({c}, 'x')"],
    "uuid[]": ["array_append({c}, gen_random_uuid())"],
    "integer[]": ["array_append({c}[2:], {c}[1] + 1)"],
    "boolean[]": ["array_append({c}[2:], NOT {c}[1])"],
    "timestamp with time zone[]": [
        "array_append({c}[:cardinality({c}) - 1], {c}[cardinality({c})] + interval '1 hour')"
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
async def whole(server_url, admin, template):
    """The way to a municipality with something in every table, whose service has ended, and a superuser's."""
    name = f"whole_{uuid.uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    url = of_database(server_url, name)
    async with serving(url, late_tap_days=36500) as service:
        await tell_all(service)
    settings = Settings.model_validate(SECRETS)
    encryption = FieldEncryption(settings.field_keys, settings.lookup_key)
    database = Database(url, pool_size=4, ledger_keys=settings.ledger_key, encryption=encryption)
    owner = await connect(url)
    await owner.execute("SET session_replication_role = replica")
    for row in await owner.fetch(OF_SEVERAL):
        await owner.execute(row[0])
    yield database, owner
    await owner.close()
    await database.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def found(database):
    """What the verbs say of every municipality, as a process says it that has just begun."""
    for code in await database.municipalities():
        database._masters.clear()
        lines = await check(database, code) or [line async for line in rebuild(database, code, dry=True)]
        if lines:
            return lines
    return []


async def change(owner, table, column, type_):
    """Give one cell another value that is valid for it; gives the row's place and the cell as text."""
    # One that has a value, where any has.
    some = f"{SILENT.get(table, 'ctid IS NULL')}, coalesce({column}::text, '') IN ('', '{{}}')"
    first = "ctid" if table == "alembic_version" else "municipality_id"
    row = await owner.fetchrow(
        f"SELECT ctid, {column}::text AS was FROM {table} ORDER BY {some}, {first}, ctid LIMIT 1"
    )
    words = re.findall(r"'(\w+)'", " ".join(one[0] for one in await owner.fetch(ALLOWED, table, column)))
    other = [f"'{word}'" for word in words if word != row["was"]] if type_ == "text" else []
    for candidate in other or OTHER[type_]:
        try:
            place = await owner.fetchval(
                f"UPDATE {table} SET {column} = {candidate.format(c=column)} WHERE ctid = $1"
                f" AND ({candidate.format(c=column)}) IS DISTINCT FROM {column} RETURNING ctid",
                row["ctid"],
            )
        except asyncpg.IntegrityConstraintViolationError:
            continue
        if place is not None:
            return place, row["was"]
    raise AssertionError(f"{table}.{column}: no other value is valid")


async def test_every_table_has_something_in_it(whole):
    database, owner = whole
    tables = [row[0] for row in await owner.fetch(TABLES)]
    assert set(tables) == {*metadata.tables, "alembic_version"}
    assert [table for table in tables if not await owner.fetchval(f"SELECT count(*) FROM {table}")] == []
    assert await found(database) == []


@pytest.mark.parametrize("table", [*sorted(metadata.tables), "alembic_version"])
async def test_a_changed_cell_is_named(whole, table):
    database, owner = whole
    missed = []
    for column, type_ in await owner.fetch(COLUMNS, table):
        if (table, column) in FREE:
            continue
        place, was = await change(owner, table, column, type_)
        try:
            missed += [] if await found(database) else [column]
        finally:
            restore = f"UPDATE {table} SET {column} = $1::text::{type_} WHERE ctid = $2"
            assert await owner.execute(restore, was, place) == "UPDATE 1"
    assert missed == [], f"nobody says that these of {table} were changed"
    assert await found(database) == []


@pytest.mark.parametrize("table", DERIVED)
async def test_a_changed_cell_of_what_is_derived_is_put_right(whole, table):
    database, owner = whole
    left = {}
    for column, type_ in (await owner.fetch(COLUMNS, table))[1:]:
        if (table, column) in STAYS_NAMED:
            continue
        await change(owner, table, column, type_)
        for code in await database.municipalities():
            database._masters.clear()
            async for _ in rebuild(database, code):
                pass
        left |= {column: lines} if (lines := await found(database)) else {}
    assert left == {}


async def test_what_may_change_freely_is_there_and_says_why(whole):
    _, owner = whole
    for (table, column), reason in FREE.items():
        assert column in [row["name"] for row in await owner.fetch(COLUMNS, table)]
        assert len(reason) > 20
