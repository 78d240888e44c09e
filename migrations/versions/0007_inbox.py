"""The inbox of anomalies: an index of the visits that have any.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Few visits are in it, and a visit without anomalies comes and changes without touching it.
    op.execute("CREATE INDEX visit_anomalies ON visit (municipality_id, sort_at, id) WHERE cardinality(anomalies) > 0")


def downgrade() -> None:
    op.execute("DROP INDEX visit_anomalies")
