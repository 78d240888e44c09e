"""A month's sums, which most measures read.

Revision ID: 0034
"""

from migrations.tenant_tables import DERIVED, as_owner, drop, tenant_table

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLES = ("month_sum",)

MONTH_SUM = """
    month date NOT NULL,
    recipient text NOT NULL,
    provider text NOT NULL,
    category text NOT NULL,
    intervention text NOT NULL,
    order_line text NOT NULL,
    executed_seconds bigint NOT NULL,
    payable_seconds bigint NOT NULL,
    visits int NOT NULL,
    visits_category int NOT NULL,
    visits_intervention int NOT NULL,
    visits_line int NOT NULL,
    manual int NOT NULL,
    manual_category int NOT NULL,
    manual_intervention int NOT NULL,
    manual_line int NOT NULL,
    static int NOT NULL,
    static_category int NOT NULL,
    static_intervention int NOT NULL,
    static_line int NOT NULL,
    sun_late int NOT NULL,
    sun_late_category int NOT NULL,
    sun_late_intervention int NOT NULL,
    sun_late_line int NOT NULL,
    off_site int NOT NULL,
    off_site_category int NOT NULL,
    off_site_intervention int NOT NULL,
    off_site_line int NOT NULL,
    system_down int NOT NULL,
    system_down_category int NOT NULL,
    system_down_intervention int NOT NULL,
    system_down_line int NOT NULL,
    PRIMARY KEY (municipality_id, month, recipient, provider, category, intervention, order_line)
"""


def upgrade() -> None:
    with as_owner():
        tenant_table("month_sum", MONTH_SUM, DERIVED, refers=False)


def downgrade() -> None:
    drop(*TABLES)
