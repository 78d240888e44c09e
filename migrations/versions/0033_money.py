"""Contracts, and closed months: the close, a fact, and its frozen lines.

Revision ID: 0033
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, fact_table, tenant_table

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

TABLES = ("contract", "period_close", "period_line")

CONTRACT = """
    ref text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    PRIMARY KEY (municipality_id, ref),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref),
    CONSTRAINT contract_one_at_a_time
        EXCLUDE USING gist (municipality_id WITH =, provider WITH =, valid WITH &&)
"""
PERIOD_CLOSE = """
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
"""
PERIOD_LINE = """
    provider text NOT NULL,
    month date NOT NULL,
    line_no int NOT NULL,
    of_month date NOT NULL,
    amount_ore bigint NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (municipality_id, provider, month, line_no)
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("contract", CONTRACT, DERIVED)
        fact_table("period_close", PERIOD_CLOSE)
        fact_table("period_line", PERIOD_LINE, refers=False)
        op.execute("CREATE INDEX period_line_settles ON period_line (municipality_id, provider, of_month)")


def downgrade() -> None:
    drop(*TABLES)
