"""Tags and their keys, and what phones send: taps, reports, and the items that were refused.

Revision ID: 0031
"""

from alembic import op

from migrations.tenant_tables import DERIVED, KEYS, as_owner, drop, each, fact_table, tenant_table

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLES = ("tag", "tag_mount", "keyset_key", "tap", "tag_read", "attempt", "attempt_count", "phone_clock", "report")

TAG = """
    ref text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ntag424', 'static')),
    uid text NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    CONSTRAINT tag_one_ref_a_uid UNIQUE (municipality_id, uid)
"""
TAG_MOUNT = """
    tag text NOT NULL,
    household text NOT NULL,
    mounted tstzrange NOT NULL CHECK (NOT isempty(mounted)),
    hung_by text,
    CONSTRAINT tag_mount_one_household_at_a_time PRIMARY KEY (municipality_id, tag, mounted WITHOUT OVERLAPS),
    FOREIGN KEY (municipality_id, tag) REFERENCES tag (municipality_id, ref) ON DELETE CASCADE
"""
KEYSET_KEY = """
    keyset text NOT NULL,
    meta_key_sealed bytea NOT NULL,
    file_master_sealed bytea NOT NULL,
    PRIMARY KEY (municipality_id, keyset)
"""
TAP = """
    id uuid NOT NULL,
    staff text NOT NULL,
    device text,
    direction text NOT NULL CHECK (direction IN ('in', 'out', 'auto', 'control')),
    at timestamptz NOT NULL,
    tapped_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    tag text,
    household text,
    reason text,
    note text,
    evidence text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('accepted', 'disputed')),
    code text,
    flags text[] NOT NULL,
    body_hash bytea NOT NULL,
    epoch int,
    counter int,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT tap_tag_or_household CHECK ((tag IS NULL) <> (household IS NULL)),
    CONSTRAINT tap_not_after_receipt CHECK (at <= received_at),
    CONSTRAINT tap_counter_of_an_epoch CHECK ((epoch IS NULL) = (counter IS NULL))
"""
TAG_READ = """
    tag text NOT NULL,
    epoch int NOT NULL,
    counter int NOT NULL,
    tap uuid NOT NULL,
    phone text NOT NULL,
    low_at timestamptz NOT NULL,
    high_at timestamptz NOT NULL,
    reached_at timestamptz NOT NULL,
    CONSTRAINT tag_read_each_counter_once PRIMARY KEY (municipality_id, tag, epoch, counter)
"""
ATTEMPT = """
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('tap', 'report')),
    item_id uuid,
    staff text NOT NULL,
    device text,
    received_at timestamptz NOT NULL,
    code text NOT NULL,
    body_hash bytea NOT NULL,
    claim jsonb NOT NULL,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT attempt_once_a_body_and_code
        UNIQUE NULLS NOT DISTINCT (municipality_id, kind, item_id, body_hash, code)
"""
ATTEMPT_COUNT = """
    staff text NOT NULL,
    counted_on date NOT NULL,
    items int NOT NULL,
    PRIMARY KEY (municipality_id, staff)
"""
PHONE_CLOCK = """
    phone text NOT NULL,
    wall_shift interval NOT NULL,
    booted_at timestamptz,
    mac bytea,
    PRIMARY KEY (municipality_id, phone)
"""
REPORT = """
    id uuid NOT NULL,
    staff text NOT NULL,
    device text,
    tap uuid NOT NULL,
    reported_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('performed', 'declined', 'no_answer')),
    interventions jsonb NOT NULL,
    note text,
    body_hash bytea NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (municipality_id, id)
"""

# The bounds of a read move when a read that lies between others is told of late; the counters, and who told of them,
# never do.
KEEP_READ = """
CREATE FUNCTION keep_read() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.tag, OLD.epoch, OLD.counter, OLD.tap, OLD.phone)
        <> (NEW.tag, NEW.epoch, NEW.counter, NEW.tap, NEW.phone) THEN
        RAISE EXCEPTION 'a counter that was told of stays so' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("tag", TAG, DERIVED)
        tenant_table("tag_mount", TAG_MOUNT, DERIVED, refers=False)
        tenant_table("keyset_key", KEYSET_KEY, KEYS)
        fact_table("tap", TAP, refers=False)
        # A tap is looked up by its id for each that arrives. While there are no statistics an index of all taps may
        # seem as good for that, and where most are of the same few instants even better: each look-up then reads every
        # tap there is. So every index but that of the ids is of some taps only.
        each(
            "CREATE INDEX tap_staff_at ON tap (municipality_id, staff, at) WHERE code IS DISTINCT FROM 'too_many'",
            "CREATE INDEX tap_tag_at ON tap (municipality_id, tag, at) WHERE tag IS NOT NULL",
            "CREATE INDEX tap_disputed ON tap (municipality_id, at, id) WHERE verdict = 'disputed'",
            "CREATE INDEX tap_flagged ON tap (municipality_id, staff, at) WHERE cardinality(flags) > 0",
            "CREATE INDEX tap_device_flagged ON tap (municipality_id, device, at) WHERE cardinality(flags) > 0",
        )
        tenant_table("tag_read", TAG_READ, DERIVED, refers=False)
        op.execute(KEEP_READ)
        op.execute("CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON tag_read FOR EACH ROW EXECUTE FUNCTION keep_read()")
        fact_table("attempt", ATTEMPT, refers=False)
        tenant_table("attempt_count", ATTEMPT_COUNT, DERIVED, refers=False)
        tenant_table("phone_clock", PHONE_CLOCK, DERIVED, refers=False)
        fact_table("report", REPORT, refers=False)
        op.execute("CREATE INDEX report_tap ON report (municipality_id, tap)")


def downgrade() -> None:
    drop(*TABLES)
    op.execute("DROP FUNCTION keep_read()")
