"""Master data: its versions, which are facts, and the typed views of the newest.

Revision ID: 0030
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, fact_table, tenant_table

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLES = (
    "record",
    "provider",
    "recipient_version",
    "recipient_identity",
    "staff_version",
    "intervention_version",
    "care_order",
    "order_line",
)

RECORD = """
    kind text NOT NULL,
    ref text NOT NULL,
    version int NOT NULL CHECK (version > 0),
    seq bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    body jsonb NOT NULL,
    PRIMARY KEY (municipality_id, kind, ref, version),
    UNIQUE (municipality_id, seq)
"""
PROVIDER = """
    ref text NOT NULL,
    form text NOT NULL CHECK (form IN ('in_house', 'external', 'external_vat')),
    PRIMARY KEY (municipality_id, ref)
"""
RECIPIENT_VERSION = """
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    household text NOT NULL,
    area text NOT NULL CHECK (area IN ('URBAN', 'RURAL', 'ARCHIPELAGO')),
    birth_date date,
    died_on date,
    protected boolean NOT NULL,
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS)
"""
RECIPIENT_IDENTITY = """
    ref text NOT NULL,
    number_sealed bytea NOT NULL,
    number_digest bytea NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    CONSTRAINT recipient_identity_one_ref_a_number UNIQUE (municipality_id, number_digest)
"""
STAFF_VERSION = """
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    person text NOT NULL,
    provider text NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref)
"""
INTERVENTION_VERSION = """
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    category text NOT NULL
        CHECK (category IN ('SERVICE', 'CARE', 'DELEGATED_HSL', 'ALARM', 'LICENSED_HSL', 'MEAL')),
    standard_minutes int NOT NULL CHECK (standard_minutes >= 0),
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS)
"""
CARE_ORDER = """
    ref text NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    in_force datemultirange NOT NULL,
    part int NOT NULL,
    PRIMARY KEY (municipality_id, ref, part),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref),
    CONSTRAINT care_order_in_force_within_valid CHECK (in_force <@ datemultirange(valid))
"""
ORDER_LINE = """
    order_ref text NOT NULL,
    ref text NOT NULL,
    line_no int NOT NULL,
    intervention text NOT NULL,
    standard_minutes int CHECK (standard_minutes >= 0),
    frequency int NOT NULL CHECK (frequency >= 0),
    period int NOT NULL CHECK (period > 0),
    period_unit text NOT NULL CHECK (period_unit IN ('d', 'wk', 'mo')),
    staff_count int NOT NULL CHECK (staff_count > 0),
    part int NOT NULL,
    PRIMARY KEY (municipality_id, order_ref, part, ref),
    FOREIGN KEY (municipality_id, order_ref, part) REFERENCES care_order (municipality_id, ref, part) ON DELETE CASCADE
"""


def upgrade() -> None:
    with as_owner():
        fact_table("record", RECORD)
        tenant_table("provider", PROVIDER, DERIVED)
        tenant_table("recipient_version", RECIPIENT_VERSION, DERIVED)
        op.execute("CREATE INDEX recipient_version_household ON recipient_version (municipality_id, household)")
        tenant_table("recipient_identity", RECIPIENT_IDENTITY, DERIVED)
        tenant_table("staff_version", STAFF_VERSION, DERIVED)
        op.execute("CREATE INDEX staff_version_person ON staff_version (municipality_id, person)")
        tenant_table("intervention_version", INTERVENTION_VERSION, DERIVED)
        tenant_table("care_order", CARE_ORDER, DERIVED)
        op.execute("CREATE INDEX care_order_recipient ON care_order (municipality_id, recipient)")
        tenant_table("order_line", ORDER_LINE, DERIVED, refers=False)


def downgrade() -> None:
    drop(*TABLES)
