"""How many refused items are kept of a staff ref's day is counted, so that it can be bounded.

Revision ID: 0028
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# What was kept before is not counted: the bound is of one day.
MADE = """
CREATE TABLE attempt_count (
    municipality_id int NOT NULL,
    staff text NOT NULL,
    counted_on date NOT NULL,
    items int NOT NULL,
    PRIMARY KEY (municipality_id, staff)
);
ALTER TABLE attempt_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt_count FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attempt_count
    USING (municipality_id = nullif(current_setting('app.municipality', true), '')::int);
GRANT SELECT ON attempt_count TO taggad_read;
GRANT INSERT, UPDATE, DELETE ON attempt_count TO taggad_project
"""


def upgrade() -> None:
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in MADE.split(";\n"):
        op.execute(statement)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TABLE attempt_count")
