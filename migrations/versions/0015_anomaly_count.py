"""The inbox counts are kept, not counted.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TENANT = "nullif(current_setting('app.municipality', true), '')::int"

TABLE = """
CREATE TABLE anomaly_count (
    municipality_id int NOT NULL,
    provider text NOT NULL,
    code text NOT NULL,
    state text NOT NULL,
    month date NOT NULL,
    found int NOT NULL,
    PRIMARY KEY (municipality_id, provider, code, state, month)
)
"""
# Policies bind the owner too, so it goes tenant by tenant.
COUNTED = """
DO $$
DECLARE tenant int;
BEGIN
    FOR tenant IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', tenant::text, true);
        INSERT INTO anomaly_count
        SELECT tenant, coalesce(v.provider, ''), told.code, coalesce(v.settled ->> told.code, 'open'),
            date_trunc('month', v.local_on)::date, count(*)
        FROM visit AS v CROSS JOIN LATERAL unnest(v.anomalies) AS told(code)
        WHERE v.municipality_id = tenant AND cardinality(v.anomalies) > 0
        GROUP BY 2, 3, 4, 5;
    END LOOP;
    PERFORM set_config('app.municipality', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in (
        TABLE,
        "ALTER TABLE anomaly_count ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE anomaly_count FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON anomaly_count USING (municipality_id = {TENANT})",
        "GRANT SELECT ON anomaly_count TO taggad_read",
        "GRANT INSERT, UPDATE, DELETE ON anomaly_count TO taggad_project",
        COUNTED,
    ):
        op.execute(statement)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TABLE anomaly_count")
