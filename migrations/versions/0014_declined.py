"""A visit tells which single interventions were turned down in it, and by whom.

Nothing is told of it until `taggad rebuild` has derived the visits anew: only the reports know.

Revision ID: 0014
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit ADD declined jsonb")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE visit DROP declined")
    op.execute("RESET ROLE")
