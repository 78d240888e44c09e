"""Corrections and manual visits as facts; what they change in presences and visits.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FACTS = ("correction", "manual_visit")

TABLES = """
CREATE TABLE correction (
    municipality_id int NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    tap uuid NOT NULL,
    staff text NOT NULL,
    at timestamptz NOT NULL,
    recipient text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('set_start', 'set_end', 'set_interventions', 'set_staff', 'set_recipient',
        'omit', 'restore', 'acknowledge', 'resolve', 'settle_dispute', 'attest')),
    body jsonb NOT NULL,
    seen uuid[] NOT NULL,
    before jsonb NOT NULL,
    reason text NOT NULL,
    note text,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    body_hash bytea NOT NULL,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT correction_in_order UNIQUE (municipality_id, seq),
    CONSTRAINT correction_other_has_a_note CHECK (reason <> 'other' OR note IS NOT NULL)
);
CREATE INDEX correction_tap ON correction (municipality_id, tap);
CREATE INDEX correction_staff_at ON correction (municipality_id, staff, at);

CREATE TABLE manual_visit (
    municipality_id int NOT NULL,
    id uuid NOT NULL,
    presence uuid NOT NULL,
    staff text NOT NULL,
    recipient text NOT NULL,
    household text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    interventions jsonb NOT NULL,
    reason text NOT NULL,
    note text,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    body_hash bytea NOT NULL,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT manual_visit_presence UNIQUE (municipality_id, presence),
    CONSTRAINT manual_visit_ends_after_start CHECK (ended_at > started_at),
    CONSTRAINT manual_visit_other_has_a_note CHECK (reason <> 'other' OR note IS NOT NULL)
);
CREATE INDEX manual_visit_staff_at ON manual_visit (municipality_id, staff, started_at);

ALTER TABLE presence ADD paired_by text, ADD paired_at timestamptz, ADD paired jsonb;
ALTER TABLE presence DROP CONSTRAINT presence_state_check;
ALTER TABLE presence ADD CONSTRAINT presence_state_check
    CHECK (state IN ('open', 'incomplete', 'complete', 'omitted'));
CREATE INDEX presence_paired ON presence (municipality_id, paired_by, paired_at) WHERE paired_by IS NOT NULL;

-- A correction of whose visit it is moves the row to another key, perhaps one that is given up in the same statement.
ALTER TABLE visit DROP CONSTRAINT visit_pkey;
ALTER TABLE visit ADD CONSTRAINT visit_pkey
    PRIMARY KEY (municipality_id, presence, recipient) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE visit ADD settled jsonb, ADD corrections uuid[];
"""


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for table in FACTS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(municipality_id = nullif(current_setting('app.municipality', true), '')::int)"
        )
        op.execute(f"GRANT SELECT ON {table} TO taggad_read")
        op.execute(f"GRANT INSERT ON {table} TO taggad_ingest")
        op.execute(
            f"CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit DROP COLUMN settled, DROP COLUMN corrections")
    op.execute("ALTER TABLE visit DROP CONSTRAINT visit_pkey")
    op.execute("ALTER TABLE visit ADD CONSTRAINT visit_pkey PRIMARY KEY (municipality_id, presence, recipient)")
    op.execute("ALTER TABLE presence DROP COLUMN paired_by, DROP COLUMN paired_at, DROP COLUMN paired")
    op.execute("ALTER TABLE presence DROP CONSTRAINT presence_state_check")
    op.execute(
        "ALTER TABLE presence ADD CONSTRAINT presence_state_check CHECK (state IN ('open', 'incomplete', 'complete'))"
    )
    for table in FACTS:
        op.execute(f"DROP TABLE {table}")
    op.execute("RESET ROLE")
