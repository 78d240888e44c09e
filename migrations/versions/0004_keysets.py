"""The keys of tags, wrapped, and what a tap of a tag with keys says: the epoch of its keys and its read counter.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE keyset_key (
    municipality_id int NOT NULL REFERENCES municipality,
    keyset text NOT NULL,
    meta_key_sealed bytea NOT NULL,
    file_master_sealed bytea NOT NULL,
    PRIMARY KEY (municipality_id, keyset)
)
"""

TENANT = "nullif(current_setting('app.municipality', true), '')::int"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute(TABLE)
    for statement in (
        "ALTER TABLE keyset_key ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE keyset_key FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON keyset_key USING (municipality_id = {TENANT})",
        # Who only reads has no use for keys, sealed or not.
        "GRANT SELECT, INSERT, UPDATE, DELETE ON keyset_key TO taggad_project",
        "ALTER TABLE tap ADD epoch int, ADD counter int",
        "ALTER TABLE tap ADD CONSTRAINT tap_counter_of_an_epoch CHECK ((epoch IS NULL) = (counter IS NULL))",
        "ALTER TABLE tap DROP CONSTRAINT tap_direction_check",
        "ALTER TABLE tap ADD CONSTRAINT tap_direction_check CHECK (direction IN ('in', 'out', 'auto', 'control'))",
    ):
        op.execute(statement)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("ALTER TABLE tap DROP CONSTRAINT tap_direction_check")
    # Control taps are facts and stay: an earlier version only writes no new ones.
    op.execute(
        "ALTER TABLE tap ADD CONSTRAINT tap_direction_check CHECK (direction IN ('in', 'out', 'auto')) NOT VALID"
    )
    op.execute("ALTER TABLE tap DROP CONSTRAINT tap_counter_of_an_epoch")
    op.execute("ALTER TABLE tap DROP epoch, DROP counter")
    op.execute("DROP TABLE keyset_key")
