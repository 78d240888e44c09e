"""Enrolment codes of devices, and the assertions that have been used.

Revision ID: 0036
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, open_function, tenant_table

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLES = ("enrolment", "spent_assertion")

ENROLMENT = """
    code_digest bytea NOT NULL,
    staff text NOT NULL,
    expires_at timestamptz NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, code_digest)
"""
SPENT_ASSERTION = """
    device text NOT NULL,
    jti_digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (municipality_id, device, jti_digest)
"""

# Who has a code, or signs as a device, does not say whose tenant it is: two functions tell that and nothing else. Few
# tenants lead many keys, so PostgreSQL skips through the primary keys.
OF_CODE = "SELECT municipality_id FROM enrolment WHERE code_digest = digest AND expires_at > now()"
OF_DEVICE = "SELECT municipality_id FROM record WHERE kind = 'devices' AND ref = device AND version = 1"


def upgrade() -> None:
    with as_owner():
        tenant_table("enrolment", ENROLMENT, DERIVED)
        tenant_table("spent_assertion", SPENT_ASSERTION, DERIVED)
        op.execute("CREATE POLICY codes ON enrolment FOR SELECT TO taggad_owner USING (true)")
        op.execute(
            "CREATE POLICY devices ON record FOR SELECT TO taggad_owner USING (kind = 'devices' AND version = 1)"
        )
        open_function("municipality_of_code(digest bytea)", OF_CODE, "int")
        open_function("municipality_of_device(device text)", OF_DEVICE, "int")


def downgrade() -> None:
    op.execute("DROP POLICY devices ON record")
    op.execute("DROP FUNCTION municipality_of_device(text)")
    op.execute("DROP FUNCTION municipality_of_code(bytea)")
    drop(*TABLES)
