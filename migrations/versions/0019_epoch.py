"""A database knows its own life, so that a cursor of before a restore is told from one of after it.

Revision ID: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE municipality ADD COLUMN epoch uuid NOT NULL DEFAULT gen_random_uuid()")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("ALTER TABLE municipality DROP COLUMN epoch")
