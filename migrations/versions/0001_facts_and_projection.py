"""Facts, master data and the projection of visits, tenant by tenant.

Revision ID: 0001
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Whoever may not make roles finds them made, and may not give them either.
JOIN = "DO $$ BEGIN IF NOT pg_has_role({name}, '{role}', 'MEMBER') THEN GRANT {role} TO {member}; END IF; END $$"
ROLES = ("taggad_owner", "taggad_read", "taggad_ingest", "taggad_project", "taggad_app")

# What people and machines have said: inserted, never changed.
FACTS = ("record", "tap", "attempt", "report")
# Typed views of the newest master data, and what the projection derives: replaced as facts arrive.
PROJECTION = (
    "recipient_version",
    "recipient_identity",
    "staff_version",
    "intervention_version",
    "provider",
    "care_order",
    "order_line",
    "contract",
    "tag",
    "tag_mount",
    "phone_clock",
    "presence",
    "visit",
    "visit_change",
    "withdrawn_visit",
    "month_sum",
)

# Tables that grow with every tap do not refer to their municipality: the check would cost as much as an index for each
# row, and row-level security admits no row but the tenant's, which a writer has read under its lock.
TABLES = """
CREATE TABLE municipality (
    municipality_id int PRIMARY KEY CHECK (municipality_id > 0),
    name text NOT NULL,
    as_of timestamptz NOT NULL,
    master_seq bigint NOT NULL DEFAULT 0,
    change_no bigint NOT NULL DEFAULT 0
);

CREATE TABLE record (
    municipality_id int NOT NULL REFERENCES municipality,
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
);

CREATE TABLE provider (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    form text NOT NULL CHECK (form IN ('in_house', 'external', 'external_vat')),
    PRIMARY KEY (municipality_id, ref)
);

CREATE TABLE recipient_version (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    household text NOT NULL,
    area text NOT NULL CHECK (area IN ('URBAN', 'RURAL', 'ARCHIPELAGO')),
    birth_date date,
    died_on date,
    protected boolean NOT NULL,
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS)
);
CREATE INDEX recipient_version_household ON recipient_version (municipality_id, household);

CREATE TABLE recipient_identity (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    number_sealed bytea NOT NULL,
    number_digest bytea NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    CONSTRAINT recipient_identity_one_ref_a_number UNIQUE (municipality_id, number_digest)
);

CREATE TABLE staff_version (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    person text NOT NULL,
    provider text NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref)
);
CREATE INDEX staff_version_person ON staff_version (municipality_id, person);

CREATE TABLE intervention_version (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    category text NOT NULL
        CHECK (category IN ('SERVICE', 'CARE', 'DELEGATED_HSL', 'ALARM', 'LICENSED_HSL', 'MEAL')),
    standard_minutes int NOT NULL CHECK (standard_minutes >= 0),
    PRIMARY KEY (municipality_id, ref, valid WITHOUT OVERLAPS)
);

CREATE TABLE care_order (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    in_force datemultirange NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref),
    CONSTRAINT care_order_in_force_within_valid CHECK (in_force <@ datemultirange(valid))
);
CREATE INDEX care_order_recipient ON care_order (municipality_id, recipient);

CREATE TABLE order_line (
    municipality_id int NOT NULL,
    order_ref text NOT NULL,
    ref text NOT NULL,
    line_no int NOT NULL,
    intervention text NOT NULL,
    standard_minutes int CHECK (standard_minutes >= 0),
    frequency int NOT NULL CHECK (frequency >= 0),
    period int NOT NULL CHECK (period > 0),
    period_unit text NOT NULL CHECK (period_unit IN ('d', 'wk', 'mo')),
    staff_count int NOT NULL CHECK (staff_count > 0),
    PRIMARY KEY (municipality_id, order_ref, ref),
    FOREIGN KEY (municipality_id, order_ref) REFERENCES care_order (municipality_id, ref) ON DELETE CASCADE
);

CREATE TABLE contract (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    provider text NOT NULL,
    valid daterange NOT NULL CHECK (NOT isempty(valid)),
    PRIMARY KEY (municipality_id, ref),
    FOREIGN KEY (municipality_id, provider) REFERENCES provider (municipality_id, ref),
    CONSTRAINT contract_one_at_a_time
        EXCLUDE USING gist (municipality_id WITH =, provider WITH =, valid WITH &&)
);

CREATE TABLE tag (
    municipality_id int NOT NULL REFERENCES municipality,
    ref text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ntag424', 'static')),
    uid text NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    CONSTRAINT tag_one_ref_a_uid UNIQUE (municipality_id, uid)
);

CREATE TABLE tag_mount (
    municipality_id int NOT NULL,
    tag text NOT NULL,
    household text NOT NULL,
    mounted tstzrange NOT NULL CHECK (NOT isempty(mounted)),
    CONSTRAINT tag_mount_one_household_at_a_time PRIMARY KEY (municipality_id, tag, mounted WITHOUT OVERLAPS),
    FOREIGN KEY (municipality_id, tag) REFERENCES tag (municipality_id, ref) ON DELETE CASCADE
);

CREATE TABLE tap (
    municipality_id int NOT NULL,
    id uuid NOT NULL,
    staff text NOT NULL,
    device text,
    direction text NOT NULL CHECK (direction IN ('in', 'out', 'auto')),
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
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT tap_tag_or_household CHECK ((tag IS NULL) <> (household IS NULL)),
    CONSTRAINT tap_not_after_receipt CHECK (at <= received_at)
);
CREATE INDEX tap_staff_at ON tap (municipality_id, staff, at);
CREATE INDEX tap_tag_at ON tap (municipality_id, tag, at);

CREATE TABLE attempt (
    municipality_id int NOT NULL,
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
    CONSTRAINT attempt_once_a_body UNIQUE NULLS NOT DISTINCT (municipality_id, kind, item_id, body_hash)
);

CREATE TABLE phone_clock (
    municipality_id int NOT NULL,
    phone text NOT NULL,
    wall_shift interval NOT NULL,
    booted_at timestamptz,
    PRIMARY KEY (municipality_id, phone)
);

CREATE TABLE report (
    municipality_id int NOT NULL,
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
    PRIMARY KEY (municipality_id, id)
);
CREATE INDEX report_tap ON report (municipality_id, tap);

-- An OUT changes no indexed column of its presence and visits: with room on the page it touches no index.
CREATE TABLE presence (
    municipality_id int NOT NULL,
    id uuid NOT NULL,
    person text NOT NULL,
    staff text NOT NULL,
    household text NOT NULL,
    anchor_at timestamptz NOT NULL,
    reach_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    closed_at timestamptz,
    state text NOT NULL CHECK (state IN ('open', 'incomplete', 'complete')),
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
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT presence_ends_after_start CHECK (ended_at >= started_at),
    CONSTRAINT presence_has_a_boundary CHECK (started_at IS NOT NULL OR ended_at IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX presence_person ON presence (municipality_id, person, anchor_at);
CREATE INDEX presence_household ON presence (municipality_id, household, anchor_at);

CREATE TABLE visit (
    municipality_id int NOT NULL,
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
    PRIMARY KEY (municipality_id, presence, recipient),
    CONSTRAINT visit_public_id UNIQUE (municipality_id, id),
    CONSTRAINT visit_seconds_only_when_complete CHECK (status = 'complete' OR presence_seconds = 0)
) WITH (fillfactor = 85);
CREATE INDEX visit_sort ON visit (municipality_id, sort_at, id);
CREATE INDEX visit_recipient ON visit (municipality_id, recipient, sort_at);
CREATE INDEX visit_staff ON visit (municipality_id, staff, sort_at);

CREATE TABLE visit_change (
    municipality_id int NOT NULL,
    no bigint NOT NULL,
    visit uuid NOT NULL,
    PRIMARY KEY (municipality_id, no)
);

CREATE TABLE withdrawn_visit (
    municipality_id int NOT NULL,
    id uuid NOT NULL,
    version int NOT NULL,
    provider text,
    staff text NOT NULL,
    replaced_by uuid,
    PRIMARY KEY (municipality_id, id)
);

CREATE TABLE month_sum (
    municipality_id int NOT NULL,
    month date NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    category text NOT NULL,
    intervention text NOT NULL,
    order_line text NOT NULL,
    executed_seconds bigint NOT NULL,
    payable_seconds bigint NOT NULL,
    visits int NOT NULL,
    visits_category int NOT NULL,
    visits_intervention int NOT NULL,
    visits_line int NOT NULL,
    manual int NOT NULL,
    manual_category int NOT NULL,
    manual_intervention int NOT NULL,
    manual_line int NOT NULL,
    PRIMARY KEY (municipality_id, month, recipient, provider, category, intervention, order_line)
);
"""

FUNCTIONS = """
CREATE FUNCTION municipalities() RETURNS SETOF int
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS 'SELECT municipality_id FROM municipality ORDER BY 1';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a stored fact is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def _each(tables: tuple[str, ...], *statements: str) -> None:
    for table in tables:
        for statement in statements:
            op.execute(statement.format(table=table))


def upgrade() -> None:
    for role in ROLES:
        # Roles belong to the whole server: another database of ours may have made them, even at this moment.
        op.execute(
            f"DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    for role in ("taggad_read", "taggad_ingest", "taggad_project"):
        op.execute(JOIN.format(role=role, name="'taggad_app'", member="taggad_app"))
    for role in ("taggad_owner", "taggad_app"):
        op.execute(JOIN.format(role=role, name="current_user", member="current_user"))
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("GRANT USAGE ON SCHEMA public TO taggad_read, taggad_ingest, taggad_project")
    op.execute("SET LOCAL ROLE taggad_owner")
    # The driver prepares every statement, and prepares one at a time.
    for statement in (*TABLES.split(";\n"), *FUNCTIONS.split(";\n\n")):
        if statement.strip():
            op.execute(statement)
    _each(
        ("municipality", *FACTS, *PROJECTION),
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        "CREATE POLICY tenant ON {table} USING "
        "(municipality_id = nullif(current_setting('app.municipality', true), '')::int)",
        "GRANT SELECT ON {table} TO taggad_read",
    )
    _each(
        FACTS,
        "GRANT INSERT ON {table} TO taggad_ingest",
        "CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE TRIGGER stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )
    _each(PROJECTION, "GRANT INSERT, UPDATE, DELETE ON {table} TO taggad_project")
    op.execute("GRANT INSERT ON municipality TO taggad_ingest")
    op.execute("GRANT UPDATE (as_of, master_seq, change_no) ON municipality TO taggad_project")
    # The tenants themselves are listed before any tenant is chosen, by this one function and nothing else.
    op.execute("RESET ROLE")
    op.execute("CREATE POLICY tenants ON municipality FOR SELECT TO taggad_owner USING (true)")
    op.execute("REVOKE ALL ON FUNCTION municipalities() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION municipalities() TO taggad_app")


def downgrade() -> None:
    for table in reversed(("municipality", *FACTS, *PROJECTION)):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION municipalities()")
    op.execute("DROP FUNCTION refuse_change()")
