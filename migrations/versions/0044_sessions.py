"""Login links, and the sessions of people who have logged in.

Revision ID: 0044
"""

from migrations.tenant_tables import DERIVED, as_owner, drop, tenant_table

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLES = ("login_link", "session")

LOGIN_LINK = """
    digest bytea NOT NULL,
    member text NOT NULL,
    expires_at timestamptz NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, digest)
"""
SESSION = """
    id uuid NOT NULL,
    digest bytea NOT NULL,
    member text,
    choices text[] NOT NULL,
    method text NOT NULL CONSTRAINT session_method_check CHECK (method IN ('issuer', 'link', 'passkey')),
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, id),
    CONSTRAINT session_one_a_secret UNIQUE (municipality_id, digest)
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("login_link", LOGIN_LINK, DERIVED)
        tenant_table("session", SESSION, DERIVED)


def downgrade() -> None:
    drop(*TABLES)
