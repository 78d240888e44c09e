"""A ledger: a leaf for every fact, and one Merkle tree of them for each municipality.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE ledger_leaf (
    municipality_id int NOT NULL,
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    kind text NOT NULL,
    fact uuid NOT NULL,
    salt bytea NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    mac bytea NOT NULL,
    PRIMARY KEY (municipality_id, leaf_index),
    CONSTRAINT ledger_leaf_one_a_fact UNIQUE (municipality_id, fact, kind)
);

CREATE TABLE ledger_tile (
    municipality_id int NOT NULL,
    level int NOT NULL,
    no bigint NOT NULL,
    hashes bytea STORAGE EXTERNAL NOT NULL
        CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (municipality_id, level, no)
);

CREATE TABLE ledger_head (
    municipality_id int NOT NULL REFERENCES municipality,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    PRIMARY KEY (municipality_id)
)
"""


def upgrade() -> None:
    # Roles belong to the whole server: another database of ours may have made it, even at this moment.
    op.execute(
        "DO $$ BEGIN IF to_regrole('taggad_seal') IS NULL THEN CREATE ROLE taggad_seal NOLOGIN; END IF; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute(
        "DO $$ BEGIN IF NOT pg_has_role('taggad_app', 'taggad_seal', 'MEMBER') "
        "THEN GRANT taggad_seal TO taggad_app; END IF; END $$"
    )
    op.execute("GRANT USAGE ON SCHEMA public TO taggad_seal")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in ("ledger_leaf", "ledger_tile", "ledger_head"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(municipality_id = nullif(current_setting('app.municipality', true), '')::int)"
        )
        op.execute(f"GRANT SELECT ON {table} TO taggad_read")
    # A leaf is stored with its fact, and stays like it.
    op.execute("GRANT INSERT ON ledger_leaf TO taggad_ingest")
    for trigger in (
        "stays BEFORE UPDATE OR DELETE ON ledger_leaf FOR EACH ROW",
        "stays_whole BEFORE TRUNCATE ON ledger_leaf FOR EACH STATEMENT",
    ):
        op.execute(f"CREATE TRIGGER {trigger} EXECUTE FUNCTION refuse_change()")
    op.execute("GRANT INSERT, UPDATE ON ledger_tile, ledger_head TO taggad_seal")
    op.execute("RESET ROLE")


def downgrade() -> None:
    for table in ("ledger_head", "ledger_tile", "ledger_leaf"):
        op.execute(f"DROP TABLE {table}")
