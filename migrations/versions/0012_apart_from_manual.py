"""The month's sums tell visits away from home and of days without the system apart from other visits told by hand.

Nothing is counted so until `taggad rebuild` has derived the visits anew: only the facts know the reasons.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = [
    f"{level}{kind}" for level in ("off_site", "system_down") for kind in ("", "_category", "_intervention", "_line")
]


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE month_sum " + ", ".join(f"ADD {name} int NOT NULL DEFAULT 0" for name in COLUMNS))
    # Whoever writes a row says them all.
    op.execute("ALTER TABLE month_sum " + ", ".join(f"ALTER {name} DROP DEFAULT" for name in COLUMNS))
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE month_sum " + ", ".join(f"DROP {name}" for name in COLUMNS))
    op.execute("RESET ROLE")
