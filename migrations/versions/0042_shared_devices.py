"""Devices that several persons share: codes for a provider's device, the PINs of staff, their work shifts.

Codes live a quarter of an hour, so their table is made anew, and those that are out are given again.

Revision ID: 0042
"""

from alembic import op

from migrations.tenant_tables import DERIVED, as_owner, drop, tenant_table

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

ENROLMENT = """
    code_digest bytea NOT NULL,
    staff text{never_null},
    {more}
    expires_at timestamptz NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, code_digest)
"""
PIN = """
    staff text NOT NULL,
    pin_hash text NOT NULL,
    tries int NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, staff)
"""
WORK_SHIFT = """
    id uuid NOT NULL,
    device text NOT NULL,
    staff text NOT NULL,
    began_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    mac bytea,
    PRIMARY KEY (municipality_id, id)
"""


def upgrade() -> None:
    with as_owner():
        _make_codes_anew("", "provider text,")
        tenant_table("pin", PIN, DERIVED)
        tenant_table("work_shift", WORK_SHIFT, DERIVED)
        op.execute("CREATE INDEX work_shift_ended ON work_shift (municipality_id, ends_at)")


def downgrade() -> None:
    with as_owner():
        drop("pin", "work_shift")
        _make_codes_anew(" NOT NULL", "")


def _make_codes_anew(never_null: str, more: str) -> None:
    drop("enrolment")
    tenant_table("enrolment", ENROLMENT.format(never_null=never_null, more=more), DERIVED)
    op.execute("CREATE POLICY codes ON enrolment FOR SELECT TO taggad_owner USING (true)")
