"""A visit names the report whose note stands with it.

Notes that are there are found when `taggad rebuild` has derived the visits anew: only it knows which report counts.

Revision ID: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit ADD noted uuid")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit DROP noted")
    op.execute("RESET ROLE")
