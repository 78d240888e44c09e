"""Presences and visits, what people say of them (corrections, visits by hand), and their anomalies counted.

Revision ID: 0032
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, each, fact_table, tenant_table

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLES = ("correction", "manual_visit", "presence", "visit", "visit_change", "withdrawn_visit", "anomaly_count")

CORRECTION = """
    id uuid NOT NULL,
    seq bigint NOT NULL,
    tap uuid NOT NULL,
    staff text NOT NULL,
    at timestamptz NOT NULL,
    recipient text,
    kind text NOT NULL CHECK (kind IN ('set_start', 'set_end', 'set_interventions', 'set_staff', 'set_recipient',
        'omit', 'restore', 'acknowledge', 'resolve', 'settle_dispute', 'attest', 'undo')),
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
    CONSTRAINT correction_of_a_visit CHECK (recipient IS NOT NULL OR kind = 'settle_dispute'),
    CONSTRAINT correction_other_has_a_note CHECK (reason <> 'other' OR note IS NOT NULL)
"""
MANUAL_VISIT = """
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
"""
PRESENCE = """
    id uuid NOT NULL,
    person text NOT NULL,
    staff text NOT NULL,
    household text NOT NULL,
    anchor_at timestamptz NOT NULL,
    reach_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    closed_at timestamptz,
    state text NOT NULL CHECK (state IN ('open', 'incomplete', 'complete', 'omitted')),
    in_tap uuid,
    out_tap uuid,
    evidence_in text,
    evidence_out text,
    dispute_in text,
    dispute_out text,
    flags_in text[] NOT NULL,
    flags_out text[] NOT NULL,
    side_taps jsonb,
    next_in_at timestamptz,
    spans timestamptz[],
    overlap boolean NOT NULL,
    paired_by text,
    paired_at timestamptz,
    paired jsonb,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT presence_ends_after_start CHECK (ended_at >= started_at),
    CONSTRAINT presence_has_a_boundary CHECK (started_at IS NOT NULL OR ended_at IS NOT NULL)
"""
VISIT = """
    presence uuid NOT NULL,
    recipient text NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL CHECK (version > 0),
    group_id uuid NOT NULL,
    provider text,
    staff text NOT NULL,
    person text NOT NULL,
    role text,
    household text NOT NULL,
    in_tap uuid,
    out_tap uuid,
    sort_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    provisional boolean NOT NULL,
    local_on date NOT NULL,
    status text NOT NULL
        CHECK (status IN ('open', 'incomplete', 'complete', 'declined', 'no_answer', 'omitted', 'disputed')),
    payable boolean NOT NULL,
    evidence_in text,
    evidence_out text,
    presence_seconds int NOT NULL CHECK (presence_seconds >= 0),
    seconds int NOT NULL CHECK (seconds BETWEEN 0 AND presence_seconds),
    spans timestamptz[],
    share_category text[] NOT NULL,
    share_intervention text[] NOT NULL,
    share_line text[] NOT NULL,
    share_seconds int[] NOT NULL,
    share_payable boolean[] NOT NULL,
    share_reason text[] NOT NULL,
    anomalies text[] NOT NULL,
    suggestions jsonb,
    settled jsonb,
    corrections uuid[],
    declined jsonb,
    noted uuid,
    -- A correction of whose visit it is moves the row to another key, perhaps one given up in the same statement.
    PRIMARY KEY (municipality_id, presence, recipient) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT visit_public_id UNIQUE (municipality_id, id),
    CONSTRAINT visit_seconds_only_when_complete CHECK (status = 'complete' OR presence_seconds = 0),
    -- A visit without a level of evidence would be counted with the strongest.
    CONSTRAINT visit_complete_has_evidence
        CHECK (status <> 'complete' OR (evidence_in IS NOT NULL AND evidence_out IS NOT NULL))
"""
VISIT_CHANGE = """
    no bigint NOT NULL,
    visit uuid NOT NULL,
    gone boolean NOT NULL DEFAULT false,
    mac bytea,
    PRIMARY KEY (municipality_id, no)
"""
WITHDRAWN_VISIT = """
    id uuid NOT NULL,
    version int NOT NULL,
    provider text,
    staff text NOT NULL,
    replaced_by uuid,
    mac bytea,
    PRIMARY KEY (municipality_id, id)
"""
ANOMALY_COUNT = """
    provider text NOT NULL,
    code text NOT NULL,
    state text NOT NULL,
    month date NOT NULL,
    found int NOT NULL,
    PRIMARY KEY (municipality_id, provider, code, state, month)
"""
# An OUT changes no indexed column of its presence and visits: with room on the page it touches no index.
ROOMY = "WITH (fillfactor = 85)"


def upgrade() -> None:
    with as_owner():
        fact_table("correction", CORRECTION, refers=False)
        each(
            "CREATE INDEX correction_tap ON correction (municipality_id, tap)",
            "CREATE INDEX correction_staff_at ON correction (municipality_id, staff, at)",
        )
        fact_table("manual_visit", MANUAL_VISIT, refers=False)
        op.execute("CREATE INDEX manual_visit_staff_at ON manual_visit (municipality_id, staff, started_at)")
        tenant_table("presence", PRESENCE, DERIVED, refers=False, storage=ROOMY)
        each(
            "CREATE INDEX presence_person ON presence (municipality_id, person, anchor_at)",
            "CREATE INDEX presence_household ON presence (municipality_id, household, anchor_at)",
            "CREATE INDEX presence_paired ON presence (municipality_id, paired_by, paired_at)"
            " WHERE paired_by IS NOT NULL",
        )
        tenant_table("visit", VISIT, DERIVED, refers=False, storage=ROOMY)
        each(
            "CREATE INDEX visit_sort ON visit (municipality_id, sort_at, id)",
            "CREATE INDEX visit_recipient ON visit (municipality_id, recipient, sort_at)",
            "CREATE INDEX visit_staff ON visit (municipality_id, staff, sort_at)",
            # Few visits are in it, and a visit without anomalies comes and changes without touching it.
            "CREATE INDEX visit_anomalies ON visit (municipality_id, sort_at, id)"
            " INCLUDE (provider, anomalies, settled) WHERE cardinality(anomalies) > 0",
        )
        tenant_table("visit_change", VISIT_CHANGE, DERIVED, refers=False)
        tenant_table("withdrawn_visit", WITHDRAWN_VISIT, DERIVED, refers=False)
        tenant_table("anomaly_count", ANOMALY_COUNT, DERIVED, refers=False)


def downgrade() -> None:
    drop(*TABLES)
