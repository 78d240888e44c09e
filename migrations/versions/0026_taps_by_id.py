"""Every index of taps but that of their ids is of some taps only.

A tap is looked up by its id for each that arrives. While there are no statistics an index of all taps may seem as good
for that, and where most are of the same few instants even better: each look-up then reads every tap there is.

Revision ID: 0026
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("WHERE tag IS NOT NULL")


def downgrade() -> None:
    _index("")


def _index(of: str) -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("DROP INDEX tap_tag_at")
    op.execute(f"CREATE INDEX tap_tag_at ON tap (municipality_id, tag, at) {of}")
    op.execute("RESET ROLE")
