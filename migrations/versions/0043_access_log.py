"""The access log: an entry for each look at persons, the persons in it, and blocks of entries with a leaf each.

Revision ID: 0043
"""

from migrations.tenant_tables import FACT, as_owner, drop, each, fact_table, tenant_table

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TABLES = ("access_entry", "access_person", "access_block")

ACCESS_ENTRY = """
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    provider text,
    route text NOT NULL,
    recipients text[] NOT NULL,
    bulk boolean NOT NULL,
    filter text NOT NULL,
    purpose text,
    block uuid,
    mac bytea NOT NULL,
    PRIMARY KEY (municipality_id, id)
"""
ACCESS_PERSON = """
    recipient text NOT NULL,
    entry uuid NOT NULL,
    PRIMARY KEY (municipality_id, recipient, entry)
"""
ACCESS_BLOCK = """
    id uuid NOT NULL,
    closed_at timestamptz NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    entries int NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (municipality_id, id)
"""
WRITTEN_ONCE = "id, at, subject, role, provider, route, recipients, bulk, filter, purpose, mac"


def upgrade() -> None:
    with as_owner():
        # Written by every read, and beside the writers' lock.
        tenant_table("access_entry", ACCESS_ENTRY, {**FACT, "taggad_seal": "UPDATE (block)"}, refers=False)
        fact_table("access_person", ACCESS_PERSON, refers=False)
        fact_table("access_block", ACCESS_BLOCK)
        each(
            "CREATE INDEX access_entry_subject ON access_entry (municipality_id, subject, id)",
            "CREATE INDEX access_entry_waiting ON access_entry (municipality_id, id) WHERE block IS NULL",
            "CREATE INDEX access_entry_bulk ON access_entry (municipality_id, id) WHERE bulk",
            f"CREATE TRIGGER stays BEFORE DELETE OR UPDATE OF municipality_id, {WRITTEN_ONCE} ON access_entry"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()",
            "CREATE TRIGGER stays_in_block BEFORE UPDATE OF block ON access_entry"
            " FOR EACH ROW WHEN (OLD.block IS NOT NULL) EXECUTE FUNCTION refuse_change()",
            "CREATE TRIGGER stays_whole BEFORE TRUNCATE ON access_entry"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        )


def downgrade() -> None:
    drop(*TABLES)
