"""Leave half of each page of presences free, so that the OUTs of a group find room beside their INs.

A group writes many OUTs of one page in one transaction, and what it replaces is free only afterwards. An update that
finds room on the page touches no index. Pages that are full already stay as they are.
"""

from alembic import op

from migrations.tenant_tables import as_owner

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE presence SET (fillfactor = 50)")


def downgrade() -> None:
    with as_owner():
        op.execute("ALTER TABLE presence SET (fillfactor = 85)")
