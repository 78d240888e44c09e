"""Secrets that identity providers know the service by.

Revision ID: 0040
"""

from migrations.tenant_tables import KEYS, as_owner, drop, tenant_table

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

ENCRYPTED = """
    issuer text NOT NULL,
    secret_sealed bytea NOT NULL,
    PRIMARY KEY (municipality_id, issuer)
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("issuer_secret", ENCRYPTED, KEYS)


def downgrade() -> None:
    drop("issuer_secret")
