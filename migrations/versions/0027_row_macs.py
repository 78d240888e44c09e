"""Rows that no fact tells carry a keyed hash, and the list of changes says which of them took a visit away.

The key is the service's, so the first write gives the rows that are there theirs. Where each of a visit's withdrawals
fell is not known; how many there were is, by its version and its changes.

Revision ID: 0027
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLES = ("municipality", "enrolment", "phone_clock", "visit_change", "withdrawn_visit")
WITHDRAWN_BEFORE = """
WITH told AS (
    SELECT visit, count(*) AS changes FROM visit_change WHERE municipality_id = tenant GROUP BY visit
), known AS (
    SELECT id, version, 1 AS last FROM withdrawn_visit WHERE municipality_id = tenant
    UNION ALL SELECT id, version, 0 FROM visit WHERE municipality_id = tenant
), more AS (
    SELECT visit, changes - version AS times, last FROM told JOIN known ON id = visit WHERE changes > version
), numbered AS (
    SELECT no, times, last, row_number() OVER (PARTITION BY visit ORDER BY no DESC) AS back
    FROM visit_change JOIN more USING (visit) WHERE municipality_id = tenant
)
UPDATE visit_change AS c SET gone = true FROM numbered AS n
WHERE c.municipality_id = tenant AND c.no = n.no AND n.back % 2 = n.last AND (n.back + 1) / 2 <= n.times
"""


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit_change ADD COLUMN gone boolean NOT NULL DEFAULT false")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN mac bytea")
    op.execute("GRANT UPDATE (mac) ON municipality TO taggad_project")
    # Policies bind the owner too, so it goes tenant by tenant.
    op.execute(f"""
        DO $$
        DECLARE tenant int;
        BEGIN
            FOR tenant IN SELECT * FROM municipalities() LOOP
                PERFORM set_config('app.municipality', tenant::text, true);
                {WITHDRAWN_BEFORE};
            END LOOP;
            PERFORM set_config('app.municipality', '', true);
        END $$
    """)
    op.execute("RESET ROLE")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN mac")
    op.execute("ALTER TABLE visit_change DROP COLUMN gone")
