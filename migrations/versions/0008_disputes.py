"""Disputed taps are found by an index of their own: a verdict never changes.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("CREATE INDEX tap_disputed ON tap (municipality_id, at, id) WHERE verdict = 'disputed'")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP INDEX tap_disputed")
