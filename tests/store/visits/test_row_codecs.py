"""The rows of visits and presences: the columns are the schema's, and what is written is read back as it was."""

import datetime as dt
from uuid import UUID

from app.domain.visits.presence import Presence, SideTap
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit
from app.store import rows, schema
from app.store.visits import presence_row, visit_row
from app.store.visits.visit_row import StoredVisit

START = dt.datetime(2026, 3, 2, 7, 0, tzinfo=dt.UTC)


def minutes(count):
    return START + dt.timedelta(minutes=count)


PAIRED = Presence(
    UUID(int=1), "p1", "S-1", "H-1", minutes(0), minutes(40), minutes(41), "complete", UUID(int=2), UUID(int=3),
    "static", "manual", None, None, ("clock_adjusted",), ("claim_in_future",),
    (SideTap(UUID(int=4), minutes(1), "H-9"),), minutes(50), ((minutes(0), minutes(10)), (minutes(20), minutes(40))),
    overlap=True,
)  # fmt: skip
VISIT = Visit(
    UUID(int=5), UUID(int=1), "B-1", UUID(int=6), "P-1", "S-1", "p1", "care_assistant", "H-1", UUID(int=2),
    UUID(int=3), minutes(0), minutes(40), True, dt.date(2026, 3, 2), "complete", False, "static", "manual", 1800, 1200,
    ((minutes(0), minutes(10)), (minutes(20), minutes(30))),
    (
        Share("CARE", "dusch", "R-1", 700, True, "ordered"),
        Share("SERVICE", "städ", None, 500, False, "not_ordered"),
    ),
    ("not_ordered", "overlap"), {"missing_out": {"ended_at": minutes(40), "corrections": [{"started_at": minutes(3)}]}},
    {"overlap": "acknowledged"}, (UUID(int=7),), (("insulin", "recipient"),), UUID(int=8),
)  # fmt: skip


def test_the_columns_are_those_of_the_schema_in_their_order():
    assert list(visit_row.COLUMNS) == rows.names(schema.visit)
    assert list(presence_row.COLUMNS) == rows.names(schema.presence)


def test_a_visit_is_read_as_it_was_written():
    row = visit_row.visit_row(1, StoredVisit(VISIT, 3))
    assert len(row) == len(visit_row.COLUMNS)
    assert visit_row.visit_of(row) == StoredVisit(VISIT, 3)
    named = dict(zip(visit_row.COLUMNS, row, strict=True))
    assert (named["version"], named["anchor_at"], named["local_on"]) == (3, minutes(0), dt.date(2026, 3, 2))


def test_a_presence_is_read_as_it_was_written():
    moved = PAIRED._replace(started_at=minutes(5), spans=((minutes(5), minutes(40)),), person="p2", paired=(PAIRED,))
    for presence in (PAIRED, moved):
        row = presence_row.presence_row(1, presence)
        named = dict(zip(presence_row.COLUMNS, row, strict=True))
        assert presence_row.presence_of([named[name] for name in presence_row.READ]) == presence
    assert (named["anchor_at"], named["reach_at"]) == (minutes(5), minutes(41))
    assert (named["paired_by"], named["paired_at"]) == ("p1", minutes(0))
