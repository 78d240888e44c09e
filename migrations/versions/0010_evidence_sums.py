"""The month's sums tell visits by the evidence of their weakest end.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LEVELS = ("static", "sun_late")
KINDS = {"": "nr", "_category": "of_category", "_intervention": "of_intervention", "_line": "of_line"}
COLUMNS = {f"{level}{kind}": (level, first) for level in LEVELS for kind, first in KINDS.items()}

# As the programs of this version count them. Policies bind the owner too, so it goes tenant by tenant.
COUNTED = f"""
DO $$
DECLARE code int;
BEGIN
    FOR code IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', code::text, true);
        UPDATE month_sum AS m SET {", ".join(f"{name} = told.{name}" for name in COLUMNS)} FROM (
            SELECT date_trunc('month', v.local_on)::date AS month, v.recipient, coalesce(v.provider, '') AS provider,
                s.category, s.intervention, s.order_line,
                {
    ", ".join(
        f"count(*) FILTER (WHERE s.{first} = 1 AND v.level = '{level}') AS {name}"
        for name, (level, first) in COLUMNS.items()
    )
}
            FROM (
                SELECT *, CASE WHEN 'manual' IN (evidence_in, evidence_out) THEN 'manual'
                    WHEN 'static' IN (evidence_in, evidence_out) THEN 'static'
                    WHEN 'sun_late' IN (evidence_in, evidence_out) THEN 'sun_late' END AS level
                FROM visit WHERE municipality_id = code
            ) AS v CROSS JOIN LATERAL (
                SELECT coalesce(category, '') AS category, coalesce(intervention, '') AS intervention,
                    coalesce(order_line, '') AS order_line, nr,
                    row_number() OVER (PARTITION BY category ORDER BY nr) AS of_category,
                    row_number() OVER (PARTITION BY intervention ORDER BY nr) AS of_intervention,
                    row_number() OVER (PARTITION BY order_line ORDER BY nr) AS of_line
                FROM unnest(v.share_category, v.share_intervention, v.share_line)
                    WITH ORDINALITY AS share(category, intervention, order_line, nr)
            ) AS s
            GROUP BY 1, 2, 3, 4, 5, 6
        ) AS told
        WHERE m.municipality_id = code AND (m.month, m.recipient, m.provider, m.category, m.intervention, m.order_line)
            = (told.month, told.recipient, told.provider, told.category, told.intervention, told.order_line);
    END LOOP;
    PERFORM set_config('app.municipality', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE month_sum " + ", ".join(f"ADD {name} int NOT NULL DEFAULT 0" for name in COLUMNS))
    op.execute(COUNTED)
    # Whoever writes a row says them all.
    op.execute("ALTER TABLE month_sum " + ", ".join(f"ALTER {name} DROP DEFAULT" for name in COLUMNS))
    # What has no level would be counted with the strongest.
    op.execute(
        "ALTER TABLE visit ADD CONSTRAINT visit_complete_has_evidence"
        " CHECK (status <> 'complete' OR (evidence_in IS NOT NULL AND evidence_out IS NOT NULL))"
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("ALTER TABLE visit DROP CONSTRAINT visit_complete_has_evidence")
    op.execute("ALTER TABLE month_sum " + ", ".join(f"DROP {name}" for name in COLUMNS))
