"""A ledger: a leaf for every fact, and one Merkle tree of them for each municipality.

Revision ID: 0035
"""

from migrations.tenant_tables import SEALED, as_owner, drop, fact_table, tenant_table

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TABLES = ("ledger_leaf", "ledger_tile", "ledger_head")

LEDGER_LEAF = """
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    kind text NOT NULL,
    fact uuid NOT NULL,
    salt bytea NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    mac bytea NOT NULL,
    PRIMARY KEY (municipality_id, leaf_index),
    CONSTRAINT ledger_leaf_one_a_fact UNIQUE (municipality_id, fact, kind)
"""
LEDGER_TILE = """
    level int NOT NULL,
    no bigint NOT NULL,
    hashes bytea STORAGE EXTERNAL NOT NULL
        CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (municipality_id, level, no)
"""
LEDGER_HEAD = """
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    PRIMARY KEY (municipality_id)
"""


def upgrade() -> None:
    with as_owner():
        fact_table("ledger_leaf", LEDGER_LEAF, refers=False)
        tenant_table("ledger_tile", LEDGER_TILE, SEALED, refers=False)
        tenant_table("ledger_head", LEDGER_HEAD, SEALED)


def downgrade() -> None:
    drop(*TABLES)
