"""A visit's `settled` is called `anomaly_states`: what it holds. Indexes follow; no row is written.

Revision ID: 0039
"""

from alembic import op

from migrations.tenant_tables import as_owner

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE visit RENAME COLUMN settled TO anomaly_states")


def downgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE visit RENAME COLUMN anomaly_states TO settled")
