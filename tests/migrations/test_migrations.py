"""The schema: taken up and down whole, equal to what the programs think it is, and closed where it must be."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import SERVER, connect, of_database
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.domain.ledger.ledger import KINDS
from app.store import migrate as migrating
from app.store.database import APP_ROLE
from app.store.migrate import MigrationBlockedError, migrate, pending
from app.store.schema import metadata
from app.store.server.embedded import attach

ROOT = Path(__file__).parents[2]
FACTS = {*KINDS, "ledger_leaf", "period_line", "access_entry", "access_person"}
SEALED = {"ledger_tile", "ledger_head"}
TENANTS = {table.name for table in metadata.tables.values()}

TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
OBJECTS = """
SELECT 'table ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relname NOT LIKE 'alembic_version%'
UNION ALL SELECT format('storage of %s %s', relname, reloptions) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reloptions IS NOT NULL
UNION ALL SELECT 'function ' || proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
    WHERE pronamespace = 'public'::regnamespace AND lanname <> 'c'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    AND typtype IN ('e', 'd', 'c') AND typname NOT LIKE 'alembic_version%'
ORDER BY 1
"""
POLICIES = "SELECT format('policy %s %s', polrelid::regclass, polname) FROM pg_policy ORDER BY 1"
# A temporal key is compared without the words SQLAlchemy cannot say; they have a test of their own.
DEFINED = """
SELECT conrelid::regclass::text || ' ' || conname || ' '
    || replace(pg_get_constraintdef(oid), ' WITHOUT OVERLAPS', '') AS definition
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    AND conrelid::regclass::text <> 'alembic_version'
UNION ALL SELECT indexdef FROM pg_indexes
WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
UNION ALL SELECT format('%s %s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
    pg_get_expr(adbin, adrelid))
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r' AND relnamespace = 'public'::regnamespace
WHERE attnum > 0 AND relname <> 'alembic_version'
"""


@pytest.fixture
async def empty(empty_url):
    connection = await connect(empty_url)
    yield connection
    await connection.close()


async def _column(connection, query, *arguments):
    return [row[0] for row in await connection.fetch(query, *arguments)]


async def _everything(connection):
    """Objects, policies, columns, constraints and indexes, each as text; nothing of a database at base."""
    return [line for query in (OBJECTS, POLICIES, DEFINED) for line in sorted(await _column(connection, query))]


async def _on_sync(url, run):
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    finally:
        await engine.dispose()


async def test_up_down_and_up_again_leaves_what_the_first_up_made(empty_url, empty):
    assert await pending(empty_url)
    await migrate(empty_url)
    assert not await pending(empty_url)
    made = await _column(empty, OBJECTS)
    assert {f"table {table}" for table in TENANTS} < set(made)

    await migrate(empty_url, "base")
    assert await pending(empty_url)
    assert await _column(empty, OBJECTS) == []

    await migrate(empty_url)
    await migrate(empty_url)
    assert not await pending(empty_url)
    assert await _column(empty, OBJECTS) == made


async def test_every_migration_takes_back_what_it_made(empty_url, empty):
    upwards = [one.revision for one in reversed(list(ScriptDirectory(str(migrating.MIGRATIONS)).walk_revisions()))]
    made = {"base": []}
    for revision in upwards:
        await migrate(empty_url, revision)
        made[revision] = await _everything(empty)
    assert len({tuple(one) for one in made.values()}) == len(upwards) + 1
    for revision in reversed(["base", *upwards[:-1]]):
        await migrate(empty_url, revision)
        assert await _everything(empty) == made[revision]


async def test_alembic_finds_no_difference_between_schema_and_migrations(database_url):
    def differences(connection):
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await _on_sync(database_url, differences) == []


async def test_every_column_constraint_and_index_is_the_same_in_schema_and_migrations(owner, empty_url, empty):
    await empty.execute("CREATE EXTENSION btree_gist")
    await _on_sync(empty_url, metadata.create_all)
    migrated = sorted(await _column(owner, DEFINED))
    assert len(migrated) > 10 * len(TENANTS)
    assert sorted(await _column(empty, DEFINED)) == migrated


async def test_every_key_that_ends_in_a_range_is_temporal(owner):
    keys = await owner.fetch(
        "SELECT conrelid::regclass::text AS of, conperiod FROM pg_constraint JOIN pg_attribute"
        " ON attrelid = conrelid AND attnum = conkey[cardinality(conkey)] WHERE contype = 'p'"
        " AND atttypid IN ('daterange'::regtype, 'tstzrange'::regtype)"
    )
    assert {key["of"] for key in keys} == {"recipient_version", "staff_version", "intervention_version", "tag_mount"}
    assert all(key["conperiod"] for key in keys)


# The tenant first


async def test_every_table_belongs_to_a_tenant_and_is_closed_by_its_policy(owner):
    assert set(await _column(owner, TABLES)) - {"alembic_version"} == TENANTS
    rows = await owner.fetch(
        "SELECT relname, relrowsecurity, relforcerowsecurity, attnum,"
        " array(SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = pg_class.oid AND polname ="
        " 'tenant' AND polcmd = '*' AND polroles = '{0}' AND polwithcheck IS NULL) AS tenant,"
        " array(SELECT polname::text FROM pg_policy WHERE polrelid = pg_class.oid) AS policies"
        " FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'municipality_id'"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    assert {row["relname"] for row in rows} == TENANTS
    closed = "(municipality_id = (NULLIF(current_setting('app.municipality'::text, true), ''::text))::integer)"
    for row in rows:
        assert row["relrowsecurity"], row
        assert row["relforcerowsecurity"], row
        assert row["attnum"] == 1, row
        assert row["tenant"] == [closed], row
        # What is read before a tenant is chosen, by one function each; nothing else is open.
        open_to_a_function = {"municipality": ["tenants"], "enrolment": ["codes"], "record": ["devices"]}
        more = open_to_a_function.get(row["relname"], [])
        assert sorted(row["policies"]) == sorted(["tenant", *more]), row


async def test_the_tenant_leads_every_key_and_every_index(owner):
    keys = await owner.fetch(
        "SELECT conrelid::regclass::text AS of, conname, contype::text AS kind, confrelid, conkey[1] AS own,"
        " confkey[1] AS theirs FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'x', 'f')"
        " AND conrelid <> 'alembic_version'::regclass"
    )
    assert {key["of"] for key in keys if key["kind"] == "p"} == TENANTS
    # Tables that grow with every tap refer to no other: the check would cost as much as an index for each row.
    hot = {
        "tap", "tag_read", "attempt", "attempt_count", "phone_clock", "report", "presence", "visit", "visit_change",
        "withdrawn_visit", "month_sum", "anomaly_count", "ledger_leaf", "ledger_tile", "correction", "manual_visit",
        "period_line", "access_entry", "access_person",
    }  # fmt: skip
    assert {key["of"] for key in keys if key["kind"] == "f"} == TENANTS - {"municipality"} - hot
    assert [key for key in keys if key["own"] != 1 or key["theirs"] not in (None, 1)] == []
    late = await _column(
        owner,
        "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
        " WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' AND indkey[0] <> 1",
    )
    assert late == []


# The application's role


async def test_the_application_owns_nothing_and_cannot_step_around_a_policy(owner):
    role = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", APP_ROLE)
    assert not role["rolsuper"]
    assert not role["rolbypassrls"]
    assert not role["rolcreaterole"]
    assert not role["rolcreatedb"]
    assert not role["rolcanlogin"]
    memberships = await _column(
        owner,
        "SELECT rolname FROM pg_roles WHERE pg_has_role($1, oid, 'MEMBER') ORDER BY 1",
        APP_ROLE,
    )
    assert memberships == ["taggad_app", "taggad_ingest", "taggad_project", "taggad_read", "taggad_seal"]
    reachable = [f"'{name}'::regrole" for name in memberships]
    owned = await _column(
        owner,
        f"SELECT objid::regclass::text FROM pg_shdepend WHERE deptype = 'o' AND refobjid IN ({','.join(reachable)})",
    )
    assert owned == []
    owners = await _column(
        owner,
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND relname <> 'alembic_version'",
    )
    assert owners == ["taggad_owner"]


async def test_the_application_may_do_to_each_table_what_the_table_is_for(owner):
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    for table in TENANTS:
        held = {
            verb
            for verb in verbs
            if await owner.fetchval("SELECT has_table_privilege($1, $2, $3)", APP_ROLE, table, verb)
        }
        closed = FACTS | {"municipality", "correction", "manual_visit"}
        if table == "erased_fact":
            assert held == {"SELECT"}
            continue
        most = {"SELECT", "INSERT", "UPDATE"} | ({"DELETE"} if table not in SEALED else set())
        assert held == ({"SELECT", "INSERT"} if table in closed else most), table
    settable = [
        column.name
        for column in metadata.tables["municipality"].columns
        if await owner.fetchval("SELECT has_column_privilege($1, 'municipality', $2, 'UPDATE')", APP_ROLE, column.name)
    ]
    assert settable == ["as_of", "master_seq", "change_no", "lookup_mark", "leafless", "mac"]
    assert not await owner.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", APP_ROLE)
    assert not await owner.fetchval("SELECT has_table_privilege($1, 'alembic_version', 'SELECT')", APP_ROLE)


FACT = {
    "record": "INSERT INTO record (municipality_id, kind, ref, version, seq, recorded_at, recorded_by, body)"
    " VALUES (188, 'providers', 'P-norr', 1, 1, now(), 'test', '{}')",
    "tap": "INSERT INTO tap (municipality_id, id, staff, direction, at, tapped_at, received_at, household, evidence,"
    " verdict, flags, body_hash) VALUES (188, gen_random_uuid(), 'S-07', 'in', now(), now(), now(), 'H-1', 'manual',"
    " 'accepted', '{}', '')",
    "attempt": "INSERT INTO attempt (municipality_id, id, kind, staff, received_at, code, body_hash, claim)"
    " VALUES (188, gen_random_uuid(), 'tap', 'S-07', now(), 'malformed', '', '{}')",
    "report": "INSERT INTO report (municipality_id, id, staff, tap, reported_at, received_at, outcome, interventions,"
    " body_hash) VALUES (188, gen_random_uuid(), 'S-07', gen_random_uuid(), now(), now(), 'performed', '[]', '')",
    "correction": "INSERT INTO correction VALUES (188, gen_random_uuid(), 1, gen_random_uuid(), 'S-07', now(), 'B-001',"
    " 'omit', '{}', '{}', '{}', 'equipment', NULL, 'test', now(), '')",
    "manual_visit": "INSERT INTO manual_visit VALUES (188, gen_random_uuid(), gen_random_uuid(), 'S-07', 'B-001',"
    " 'B-001', now() - interval '1 hour', now(), '[]', 'system_down', NULL, 'test', now(), '')",
    "ledger_leaf": "INSERT INTO ledger_leaf (municipality_id, leaf_index, kind, fact, salt, leaf, mac)"
    " VALUES (188, 0, 'tap', gen_random_uuid(), '', sha256(''), '')",
    "period_close": "INSERT INTO period_close (municipality_id, id, provider, month, closed_at, closed_by, change_no,"
    " master_seq, accepted, line_count, total_ore, lines_hash)"
    " VALUES (188, gen_random_uuid(), 'P-norr', '2026-10-01', now(), 'test', 0, 0, '{}', 0, 0, '')",
    "access_block": "INSERT INTO access_block VALUES (188, gen_random_uuid(), now(), now(), now(), 0, '')",
    "access_entry": "INSERT INTO access_entry VALUES (188, gen_random_uuid(), now(), 'x', 'auditor', NULL, 'x', '{}',"
    " true, '', NULL, NULL, '')",
    "access_person": "INSERT INTO access_person VALUES (188, 'B-001', gen_random_uuid())",
    "period_line": "INSERT INTO period_line (municipality_id, provider, month, line_no, of_month, amount_ore, body)"
    " VALUES (188, 'P-norr', '2026-10-01', 1, '2026-10-01', 0, '{}')",
}


@pytest.mark.parametrize("role", [APP_ROLE, "taggad_owner", "postgres"])
@pytest.mark.parametrize("table", sorted(FACTS))
async def test_a_stored_fact_is_never_changed(owner, table, role):
    await owner.execute("INSERT INTO municipality VALUES (188, 'Norrtälje', now())")
    await owner.execute(FACT[table])
    await owner.execute("SET app.municipality = '188'")
    await owner.execute(f"SET ROLE {role}")
    refused = asyncpg.InsufficientPrivilegeError if role == APP_ROLE else asyncpg.IntegrityConstraintViolationError
    for change in (
        f"UPDATE {table} SET municipality_id = municipality_id",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(refused):
            await owner.execute(change)
    assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 1


# Migrating beside others


MIGRATE = "import asyncio, sys; from app.store.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"


async def _until_waiting(connection, number):
    """Return when so many sessions of the connection's database wait for a lock; itself must be in no transaction."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(3000):
        if await connection.fetchval(waiting) >= number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def test_two_migrators_at_once_do_the_work_once(empty_url, empty):
    first = await connect(empty_url)
    async with first.transaction():
        await first.execute("SELECT pg_advisory_xact_lock(7459)")
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_url, cwd=ROOT)
        ours = asyncio.create_task(migrate(empty_url))
        await _until_waiting(empty, 2)
    await first.close()
    await ours
    assert await other.wait() == 0
    assert not await pending(empty_url)
    assert len(await _column(empty, "SELECT version_num FROM alembic_version")) == 1


async def test_databases_of_one_server_are_migrated_side_by_side(run_dir):
    """Roles belong to a server: here somebody else is making, then granting them while we do. A server of its own."""
    with attach(run_dir / "another server", settings=SERVER) as url:
        first, second = of_database(url, "taggad"), of_database(url, "postgres")
        somebody, watcher, other_watcher = await connect(first), await connect(first), await connect(second)
        async with somebody.transaction():
            for role in ("owner", "read", "ingest", "project", "app"):
                await somebody.execute(f"CREATE ROLE taggad_{role} NOLOGIN")
            ours = asyncio.create_task(migrate(first))
            await _until_waiting(watcher, 1)
        await ours
        await somebody.execute("REVOKE taggad_read, taggad_ingest, taggad_project FROM taggad_app")
        async with somebody.transaction():
            await somebody.execute("GRANT taggad_read, taggad_ingest, taggad_project TO taggad_app")
            ours = asyncio.create_task(migrate(second))
            await _until_waiting(other_watcher, 1)
        await ours
        assert [await pending(one) for one in (first, second)] == [False, False]
        for connection in (somebody, watcher, other_watcher):
            await connection.close()


async def test_a_migration_that_meets_a_lock_says_so_and_leaves_everything(database_url, owner):
    before = await _column(owner, OBJECTS)
    async with owner.transaction():
        await owner.execute("LOCK TABLE visit IN ACCESS SHARE MODE")
        with pytest.raises(MigrationBlockedError, match=r"longer than 0\.2 s for a lock.*nothing was changed"):
            await migrate(database_url, "base", lock_seconds=0.2)
    assert await _column(owner, OBJECTS) == before
    assert not await pending(database_url)


async def test_a_second_migrator_gives_up_on_a_first_that_never_ends(database_url, owner):
    async with owner.transaction():
        await owner.execute("SELECT pg_advisory_xact_lock(7459)")
        with pytest.raises(MigrationBlockedError, match=r"took longer than 0\.3 s"):
            await migrate(database_url, statement_seconds=0.3)


BROKEN = """
from alembic import op

revision = "{revision}"
down_revision = {below}


def upgrade():
    op.execute("{statement}")
"""


async def test_a_migration_that_fails_leaves_nothing_and_is_not_swallowed(empty_url, empty, tmp_path, monkeypatch):
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text((migrating.MIGRATIONS / "env.py").read_text())
    for revision, below, statement in (
        ("one", None, "CREATE TABLE first_step ()"),
        ("two", "'one'", "SELECT 1/0"),
    ):
        script = BROKEN.format(revision=revision, below=below, statement=statement)
        (tmp_path / "versions" / f"{revision}.py").write_text(script)
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    with pytest.raises(Exception, match="division by zero"):
        await migrate(empty_url)
    assert await _column(empty, TABLES) == []
    await migrate(empty_url, "one")
    assert set(await _column(empty, TABLES)) == {"alembic_version", "first_step"}
    assert await pending(empty_url)
