"""The inbox counts its anomalies in the index alone.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEX = "CREATE INDEX visit_anomalies ON visit (municipality_id, sort_at, id){more} WHERE cardinality(anomalies) > 0"


def upgrade() -> None:
    op.execute("DROP INDEX visit_anomalies")
    op.execute(INDEX.format(more=" INCLUDE (provider, anomalies, settled)"))


def downgrade() -> None:
    op.execute("DROP INDEX visit_anomalies")
    op.execute(INDEX.format(more=""))
