"""A municipality with facts from before there was a ledger says so, so that no other fact ever gets a leaf later.

Revision ID: 0025
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

FACTS = ("tap", "report", "correction", "manual_visit", "attempt", "record", "period_close")


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE municipality ADD COLUMN leafless boolean NOT NULL DEFAULT false")
    op.execute("GRANT UPDATE (leafless) ON municipality TO taggad_project")
    some = " OR ".join(f"EXISTS (SELECT FROM {table} WHERE municipality_id = tenant)" for table in FACTS)
    # Policies bind the owner too, so it goes tenant by tenant.
    op.execute(f"""
        DO $$
        DECLARE tenant int;
        BEGIN
            FOR tenant IN SELECT * FROM municipalities() LOOP
                PERFORM set_config('app.municipality', tenant::text, true);
                UPDATE municipality SET leafless = true WHERE municipality_id = tenant AND ({some})
                    AND NOT EXISTS (SELECT FROM ledger_leaf WHERE municipality_id = tenant);
            END LOOP;
            PERFORM set_config('app.municipality', '', true);
        END $$
    """)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("ALTER TABLE municipality DROP COLUMN leafless")
