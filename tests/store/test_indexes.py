"""Every index of the tables that grow with every tap is listed with what it is for."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "app/store/README.md"
GROWING = ["tap", "report", "correction", "manual_visit", "presence", "visit"]
# Unique constraints that say what cannot be, and rows that are rare.
BOUNDS = {"correction_in_order", "manual_visit_pkey", "manual_visit_presence"}


async def test_indexes_are_those_that_are_explained(owner):
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", README.read_text(), re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    rows = await owner.fetch("SELECT indexname FROM pg_indexes WHERE tablename = ANY($1)", GROWING)
    assert {row["indexname"] for row in rows} - BOUNDS == listed


async def test_no_index_holds_what_an_out_changes(owner):
    """An update that changes no indexed column touches no index."""
    changed = {"reach_at", "ended_at", "closed_at", "state", "out_tap", "status", "version", "seconds", "payable"}
    columns = await owner.fetch(
        "SELECT DISTINCT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid"
        " WHERE i.indrelid IN ('presence'::regclass, 'visit'::regclass)"
    )
    assert {"anchor_at", "person"} <= {row["attname"] for row in columns}
    assert changed.isdisjoint(row["attname"] for row in columns)
