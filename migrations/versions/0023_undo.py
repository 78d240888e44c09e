"""A correction may take others back.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KINDS = (
    *("set_start", "set_end", "set_interventions", "set_staff", "set_recipient", "omit", "restore"),
    *("acknowledge", "resolve", "settle_dispute", "attest"),
)


def upgrade() -> None:
    _allow(*KINDS, "undo")


def downgrade() -> None:
    # Where something was undone this fails: such a fact cannot be said in the older words.
    _allow(*KINDS)


def _allow(*kinds: str) -> None:
    named = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute(
        "ALTER TABLE correction DROP CONSTRAINT correction_kind_check,"
        f" ADD CONSTRAINT correction_kind_check CHECK (kind IN ({named}))"
    )
    op.execute("RESET ROLE")
