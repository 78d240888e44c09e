"""Closed months: the close, a fact, and its frozen lines.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE period_close (
    municipality_id int NOT NULL REFERENCES municipality,
    id uuid NOT NULL,
    provider text NOT NULL,
    month date NOT NULL CONSTRAINT period_close_whole_month CHECK (extract(day FROM month) = 1),
    closed_at timestamptz NOT NULL,
    closed_by text NOT NULL,
    change_no bigint NOT NULL,
    master_seq bigint NOT NULL,
    accepted text[] NOT NULL,
    line_count int NOT NULL,
    total_ore bigint NOT NULL,
    lines_hash bytea NOT NULL,
    PRIMARY KEY (municipality_id, provider, month),
    CONSTRAINT period_close_one_a_fact UNIQUE (municipality_id, id)
);

CREATE TABLE period_line (
    municipality_id int NOT NULL,
    provider text NOT NULL,
    month date NOT NULL,
    line_no int NOT NULL,
    of_month date NOT NULL,
    amount_ore bigint NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (municipality_id, provider, month, line_no)
);
CREATE INDEX period_line_settles ON period_line (municipality_id, provider, of_month)
"""
TABLE_NAMES = ("period_close", "period_line")


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in TABLE_NAMES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(municipality_id = nullif(current_setting('app.municipality', true), '')::int)"
        )
        op.execute(f"GRANT SELECT ON {table} TO taggad_read")
        op.execute(f"GRANT INSERT ON {table} TO taggad_ingest")
        for trigger in (
            f"stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
            f"stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
        ):
            op.execute(f"CREATE TRIGGER {trigger} EXECUTE FUNCTION refuse_change()")
    op.execute("RESET ROLE")


def downgrade() -> None:
    for table in reversed(TABLE_NAMES):
        op.execute(f"DROP TABLE {table}")
