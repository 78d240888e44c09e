"""A report keeps when its phone said to send it; an item may be refused once for each reason.

Revision ID: 0017
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ONCE = "UNIQUE NULLS NOT DISTINCT (municipality_id, kind, item_id, body_hash"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE report ADD sent_at timestamptz")
    op.execute("ALTER TABLE attempt DROP CONSTRAINT attempt_once_a_body")
    op.execute(f"ALTER TABLE attempt ADD CONSTRAINT attempt_once_a_body_and_code {ONCE}, code)")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE attempt DROP CONSTRAINT attempt_once_a_body_and_code")
    op.execute(f"ALTER TABLE attempt ADD CONSTRAINT attempt_once_a_body {ONCE})")
    op.execute("ALTER TABLE report DROP sent_at")
    op.execute("RESET ROLE")
