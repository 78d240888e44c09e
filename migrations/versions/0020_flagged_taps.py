"""Flagged taps are found by whose they are and by their phone: the visits beside them tell of wrong clocks.

What wrong clocks did to the visits that are there is told when `taggad rebuild` has derived them anew.

Revision ID: 0020
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("CREATE INDEX tap_flagged ON tap (municipality_id, staff, at) WHERE cardinality(flags) > 0")
    op.execute("CREATE INDEX tap_device_flagged ON tap (municipality_id, device, at) WHERE cardinality(flags) > 0")
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("DROP INDEX tap_flagged, tap_device_flagged")
    op.execute("RESET ROLE")
