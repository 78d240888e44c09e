"""The reads of tags with keys: every counter once, with the bounds in which its read was.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TENANT = "nullif(current_setting('app.municipality', true), '')::int"

# The bounds move when a read that lies between others is told of late; the counters, and who told of them, never do.
TABLE = """
CREATE TABLE tag_read (
    municipality_id int NOT NULL,
    tag text NOT NULL,
    epoch int NOT NULL,
    counter int NOT NULL,
    tap uuid NOT NULL,
    phone text NOT NULL,
    low_at timestamptz NOT NULL,
    high_at timestamptz NOT NULL,
    reached_at timestamptz NOT NULL,
    CONSTRAINT tag_read_each_counter_once PRIMARY KEY (municipality_id, tag, epoch, counter)
)
"""
FUNCTION = """
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
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in (
        TABLE,
        FUNCTION,
        "ALTER TABLE tag_read ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE tag_read FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON tag_read USING (municipality_id = {TENANT})",
        "GRANT SELECT ON tag_read TO taggad_read",
        "GRANT INSERT, UPDATE, DELETE ON tag_read TO taggad_project",
        "CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON tag_read FOR EACH ROW EXECUTE FUNCTION keep_read()",
    ):
        op.execute(statement)
    # Taps of tags with keys that came before this table are its first rows.
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TABLE tag_read")
    op.execute("DROP FUNCTION keep_read()")
