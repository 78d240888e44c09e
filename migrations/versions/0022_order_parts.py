"""An order that is put again from a day on keeps its earlier part: a row for each, with its own lines.

Revision ID: 0022
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Policies bind the owner too, so it goes tenant by tenant.
LAST_ALONE = """
DO $$
DECLARE tenant int;
BEGIN
    FOR tenant IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', tenant::text, true);
        DELETE FROM care_order AS o USING care_order AS later
        WHERE o.municipality_id = tenant AND later.municipality_id = tenant
            AND later.ref = o.ref AND later.part > o.part;
    END LOOP;
    PERFORM set_config('app.municipality', '', true);
END $$
"""


OF_PART = """
ALTER TABLE order_line
    ADD FOREIGN KEY (municipality_id, order_ref, part) REFERENCES care_order ON DELETE CASCADE
"""


def upgrade() -> None:
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in (
        "ALTER TABLE order_line DROP CONSTRAINT order_line_municipality_id_order_ref_fkey",
        "ALTER TABLE care_order DROP CONSTRAINT care_order_pkey, ADD part int NOT NULL DEFAULT 0",
        "ALTER TABLE care_order ALTER part DROP DEFAULT, ADD PRIMARY KEY (municipality_id, ref, part)",
        "ALTER TABLE order_line DROP CONSTRAINT order_line_pkey, ADD part int NOT NULL DEFAULT 0",
        "ALTER TABLE order_line ALTER part DROP DEFAULT, ADD PRIMARY KEY (municipality_id, order_ref, part, ref)",
        OF_PART,
    ):
        op.execute(statement)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in (
        LAST_ALONE,
        "ALTER TABLE order_line DROP CONSTRAINT order_line_municipality_id_order_ref_part_fkey",
        "ALTER TABLE care_order DROP part, ADD PRIMARY KEY (municipality_id, ref)",
        "ALTER TABLE order_line DROP part, ADD PRIMARY KEY (municipality_id, order_ref, ref)",
        "ALTER TABLE order_line ADD FOREIGN KEY (municipality_id, order_ref) REFERENCES care_order ON DELETE CASCADE",
    ):
        op.execute(statement)
    op.execute("RESET ROLE")
