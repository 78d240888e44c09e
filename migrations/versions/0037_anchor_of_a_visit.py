"""A visit's `sort_at` is called `anchor_at`, as that of a presence is. Indexes follow; no row is written.

Revision ID: 0037
"""

from alembic import op

from migrations.tenant_tables import as_owner

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE visit RENAME COLUMN sort_at TO anchor_at")


def downgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE visit RENAME COLUMN anchor_at TO sort_at")
