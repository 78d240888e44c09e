"""The input of the basis of fees: all recipients' orders of a month and the notices of cancellation."""

from collections.abc import Sequence

from pydantic_core import from_json

from app.domain.register.master import MasterData
from app.domain.register.notices import Notice
from app.domain.time import Days
from app.store.connection import Reading
from app.store.register.notices import notices_of
from app.store.register.records import take_in

# In the order in which they were put, for of two versions from one day the later holds.
ORDERED = """
WITH ordered AS (
    SELECT DISTINCT ref, recipient FROM care_order
    WHERE municipality_id = $1 AND valid && daterange($2, $3, '[]') AND ($4::text IS NULL OR recipient = $4)
)
SELECT r.kind, r.ref, r.body, r.seq FROM record AS r
WHERE r.municipality_id = $1 AND (
    r.kind = 'interventions' OR r.kind = 'recipients' AND r.ref IN (SELECT recipient FROM ordered))
UNION ALL
SELECT 'orders', o.ref, newest.body, newest.seq FROM (SELECT DISTINCT ref FROM ordered) AS o CROSS JOIN LATERAL (
    SELECT body, seq FROM record
    WHERE municipality_id = $1 AND kind = 'orders' AND ref = o.ref ORDER BY version DESC LIMIT 1
) AS newest
ORDER BY seq
"""


async def ordered(reading: Reading, days: Days, recipient: str | None) -> tuple[MasterData, Sequence[Notice]]:
    """Orders valid on any of the days, with recipients and catalogue, and the notices of those days."""
    master = MasterData()
    for row in await reading.fetch(ORDERED, *days, recipient):
        take_in(master, row["kind"], row["ref"], False, from_json(row["body"]))
    return master, await notices_of(reading, None, days)
