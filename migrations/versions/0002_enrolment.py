"""Enrolment codes of devices, and the assertions that have been used.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORKING = ("enrolment", "spent_assertion")

TABLES = """
CREATE TABLE enrolment (
    municipality_id int NOT NULL REFERENCES municipality,
    code_digest bytea NOT NULL,
    staff text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (municipality_id, code_digest)
);

CREATE TABLE spent_assertion (
    municipality_id int NOT NULL REFERENCES municipality,
    device text NOT NULL,
    jti_digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (municipality_id, device, jti_digest)
);
"""

# Who has a code, or signs as a device, does not say whose tenant it is: these two tell that and nothing else. Few
# tenants lead many keys, so PostgreSQL skips through the primary keys.
FUNCTIONS = """
CREATE FUNCTION municipality_of_code(digest bytea) RETURNS int
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS 'SELECT municipality_id FROM enrolment WHERE code_digest = digest AND expires_at > now()';

CREATE FUNCTION municipality_of_device(device text) RETURNS int
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS 'SELECT municipality_id FROM record WHERE kind = ''devices'' AND ref = device AND version = 1';
"""


def upgrade() -> None:
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute("SET LOCAL ROLE taggad_owner")
    for statement in (*TABLES.split(";\n"), *FUNCTIONS.split(";\n\n")):
        if statement.strip():
            op.execute(statement)
    for table in WORKING:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING "
            "(municipality_id = nullif(current_setting('app.municipality', true), '')::int)"
        )
        op.execute(f"GRANT SELECT ON {table} TO taggad_read")
        op.execute(f"GRANT INSERT, UPDATE, DELETE ON {table} TO taggad_project")
    op.execute("CREATE POLICY codes ON enrolment FOR SELECT TO taggad_owner USING (true)")
    op.execute("CREATE POLICY devices ON record FOR SELECT TO taggad_owner USING (kind = 'devices' AND version = 1)")
    for function in ("municipality_of_code(bytea)", "municipality_of_device(text)"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO taggad_app")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP POLICY devices ON record")
    op.execute("DROP FUNCTION municipality_of_device(text)")
    op.execute("DROP FUNCTION municipality_of_code(bytea)")
    for table in reversed(WORKING):
        op.execute(f"DROP TABLE {table}")
