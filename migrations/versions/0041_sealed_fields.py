"""Names and contacts are encrypted as personal numbers are, in one table that replaces `recipient_identity`.

No value is encrypted anew: a number stays bound to the place where it was encrypted first.

Revision ID: 0041
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, tenant_table

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

SEALED_FIELD = """
    kind text NOT NULL,
    ref text NOT NULL,
    field text NOT NULL,
    sealed bytea NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (municipality_id, kind, ref, field)
"""
ONE_REF_A_NUMBER = """
CREATE UNIQUE INDEX recipient_one_ref_a_number ON sealed_field (municipality_id, digest)
WHERE kind = 'recipients' AND field = 'personal_number'
"""
RECIPIENT_IDENTITY = """
    ref text NOT NULL,
    number_sealed bytea NOT NULL,
    number_digest bytea NOT NULL,
    PRIMARY KEY (municipality_id, ref),
    CONSTRAINT recipient_identity_one_ref_a_number UNIQUE (municipality_id, number_digest)
"""
# Row-level security holds the owner too, so it goes from tenant to tenant.
OF_EACH_TENANT = """
DO $$ DECLARE code int; BEGIN
    FOR code IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', code::text, true);
        {statement};
    END LOOP;
    PERFORM set_config('app.municipality', '', true);
END $$
"""
TAKE_OVER = """
INSERT INTO sealed_field (municipality_id, kind, ref, field, sealed, digest)
SELECT municipality_id, 'recipients', ref, 'personal_number', number_sealed, number_digest FROM recipient_identity
"""
GIVE_BACK = """
INSERT INTO recipient_identity (municipality_id, ref, number_sealed, number_digest)
SELECT municipality_id, ref, sealed, digest FROM sealed_field WHERE kind = 'recipients' AND field = 'personal_number'
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("sealed_field", SEALED_FIELD, DERIVED)
        op.execute(ONE_REF_A_NUMBER)
        op.execute(OF_EACH_TENANT.format(statement=TAKE_OVER))
        drop("recipient_identity")


def downgrade() -> None:
    with as_owner():
        tenant_table("recipient_identity", RECIPIENT_IDENTITY, DERIVED)
        op.execute(OF_EACH_TENANT.format(statement=GIVE_BACK))
        drop("sealed_field")
