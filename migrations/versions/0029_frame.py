"""Roles, and the municipalities: the tenants.

Every room has a migration of its own, from the frame to access. The numbers before 0029 were given to earlier ones, and
are never given again: a database that stands at one of them must not be taken for one that stands here.

Revision ID: 0029
"""

from alembic import op

from migrations.tenant_tables import FACT, as_owner, close, open_function

revision = "0029"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("taggad_owner", "taggad_read", "taggad_ingest", "taggad_project", "taggad_seal", "taggad_app")
OF_APP = ("taggad_read", "taggad_ingest", "taggad_project", "taggad_seal")

# Whoever may not make roles finds them made, and may not give them either. Whoever has made a role is a member of it
# that may not take it on.
JOIN = "DO $$ BEGIN IF NOT pg_has_role({name}, '{role}', 'SET') THEN GRANT {role} TO {member}; END IF; END $$"

MUNICIPALITY = """
CREATE TABLE municipality (
    municipality_id int PRIMARY KEY CHECK (municipality_id > 0),
    name text NOT NULL,
    as_of timestamptz NOT NULL,
    master_seq bigint NOT NULL DEFAULT 0,
    change_no bigint NOT NULL DEFAULT 0,
    lookup_mark bytea,
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    leafless boolean NOT NULL DEFAULT false,
    mac bytea
)
"""
REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a stored fact is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
SETTABLE = "as_of, master_seq, change_no, lookup_mark, leafless, mac"


def upgrade() -> None:
    for role in ROLES:
        # Roles belong to the whole server: another database of ours may have made them, even at this moment.
        op.execute(
            f"DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    for role in OF_APP:
        op.execute(JOIN.format(role=role, name="'taggad_app'", member="taggad_app"))
    for role in ("taggad_owner", "taggad_app"):
        op.execute(JOIN.format(role=role, name="current_user", member="current_user"))
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO taggad_owner")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {', '.join(OF_APP)}")
    with as_owner():
        op.execute(MUNICIPALITY)
        op.execute(REFUSE_CHANGE)
        close("municipality", FACT)
        op.execute(f"GRANT UPDATE ({SETTABLE}) ON municipality TO taggad_project")
        # The tenants themselves are listed before any tenant is chosen, by this one function and nothing else.
        op.execute("CREATE POLICY tenants ON municipality FOR SELECT TO taggad_owner USING (true)")
        open_function("municipalities()", "SELECT municipality_id FROM municipality ORDER BY 1", "SETOF int")


def downgrade() -> None:
    op.execute("DROP FUNCTION municipalities()")
    op.execute("DROP TABLE municipality")
    op.execute("DROP FUNCTION refuse_change()")
