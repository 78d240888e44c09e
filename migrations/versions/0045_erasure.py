"""Facts that are kept long enough are erased: one role may delete them, and what a proof needs of their leaves stays.

Revision ID: 0045
"""

from alembic import op

from migrations.tenant_tables import as_owner, drop, each, tenant_table

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

ROLE = "taggad_purge"
FACTS = ("tap", "report", "correction", "manual_visit", "attempt", "record")
ERASED_FACT = """
    kind text NOT NULL,
    fact uuid NOT NULL,
    public text NOT NULL,
    committed bytea NOT NULL CHECK (octet_length(committed) = 32),
    purge text NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (municipality_id, kind, fact)
"""
REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {except}RAISE EXCEPTION 'a stored fact is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
# What the role may change at all its grants say: it may delete facts, and of a leaf change the salt.
EXCEPT = f"""IF current_user = '{ROLE}' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    """
KEEP_READ = """
CREATE OR REPLACE FUNCTION keep_read() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {unless}(TG_OP = 'DELETE' OR (OLD.tag, OLD.epoch, OLD.counter, OLD.tap, OLD.phone)
        <> (NEW.tag, NEW.epoch, NEW.counter, NEW.tap, NEW.phone)) THEN
        RAISE EXCEPTION 'a counter that was told of stays so' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""
JOIN = """
DO $$ BEGIN
    IF to_regrole('taggad_purge') IS NULL THEN CREATE ROLE taggad_purge NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
GRANT = """
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'taggad_purge', 'SET') THEN GRANT taggad_purge TO current_user; END IF;
END $$
"""


def upgrade() -> None:
    each(JOIN, GRANT, f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    with as_owner():
        tenant_table("erased_fact", ERASED_FACT, {"taggad_read": "SELECT", ROLE: "SELECT, INSERT"})
        for trigger in (
            "stays BEFORE UPDATE OR DELETE ON erased_fact FOR EACH ROW",
            "stays_whole BEFORE TRUNCATE ON erased_fact FOR EACH STATEMENT",
        ):
            op.execute(f"CREATE TRIGGER {trigger} EXECUTE FUNCTION refuse_change()")
        op.execute(REFUSE_CHANGE.format(**{"except": EXCEPT}))
        op.execute(KEEP_READ.format(unless=f"current_user <> '{ROLE}' AND "))
        each(
            *(f"GRANT SELECT, DELETE ON {table} TO {ROLE}" for table in (*FACTS, "tag_read")),
            f"GRANT SELECT, UPDATE (salt) ON ledger_leaf TO {ROLE}",
        )


def downgrade() -> None:
    with as_owner():
        each(
            *(f"REVOKE ALL ON {table} FROM {ROLE}" for table in (*FACTS, "tag_read", "ledger_leaf", "erased_fact")),
            f"REVOKE UPDATE (salt) ON ledger_leaf FROM {ROLE}",
        )
        op.execute(KEEP_READ.format(unless=""))
        op.execute(REFUSE_CHANGE.format(**{"except": ""}))
        drop("erased_fact")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}")
