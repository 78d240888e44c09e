"""The inbox of anomalies: an index of the visits that have any.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Few visits are in it, and a visit without anomalies comes and changes without touching it.
    op.execute("CREATE INDEX visit_anomalies ON visit (municipality_id, sort_at, id) WHERE cardinality(anomalies) > 0")


def downgrade() -> None:
    op.execute("DROP INDEX visit_anomalies")
