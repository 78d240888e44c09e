"""A disputed tap may be settled before it has a visit; a disputed end of a visit says so where its evidence stands.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Policies bind the owner too, so it goes tenant by tenant.
DISPUTED = """
DO $$
DECLARE code int;
BEGIN
    FOR code IN SELECT municipality_id FROM municipality LOOP
        PERFORM set_config('app.municipality', code::text, true);
        UPDATE visit AS v SET evidence_in = {in_}, evidence_out = {out} FROM presence AS p
        WHERE v.municipality_id = code AND p.municipality_id = code AND p.id = v.presence
            AND (p.dispute_in IS NOT NULL OR p.dispute_out IS NOT NULL);
    END LOOP;
    PERFORM set_config('app.municipality', '', true);
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute("ALTER TABLE correction ALTER recipient DROP NOT NULL")
    op.execute(
        "ALTER TABLE correction ADD CONSTRAINT correction_of_a_visit"
        " CHECK (recipient IS NOT NULL OR kind = 'settle_dispute')"
    )
    marked = "CASE WHEN p.dispute_{0} IS NULL THEN p.evidence_{0} ELSE 'disputed' END"
    op.execute(DISPUTED.format(in_=marked.format("in"), out=marked.format("out")))
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("SET LOCAL ROLE taggad_owner")
    op.execute(DISPUTED.format(in_="p.evidence_in", out="p.evidence_out"))
    op.execute("ALTER TABLE correction DROP CONSTRAINT correction_of_a_visit")
    # Where a tap was settled without a visit this fails: such a fact cannot be said in the older words.
    op.execute("ALTER TABLE correction ALTER recipient SET NOT NULL")
    op.execute("RESET ROLE")
