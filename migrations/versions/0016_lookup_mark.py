"""A municipality remembers by which key its numbers and clients are found, so that another key is noticed.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE municipality ADD COLUMN lookup_mark bytea")
    op.execute("GRANT UPDATE (lookup_mark) ON municipality TO taggad_project")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("ALTER TABLE municipality DROP COLUMN lookup_mark")
