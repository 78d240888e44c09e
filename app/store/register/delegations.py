"""The stored versions of employments, with the delegations they grant."""

from collections import defaultdict
from collections.abc import Iterable

from pydantic_core import from_json

from app.domain.author import who
from app.domain.register.delegation import Put
from app.store.connection import Reading
from app.store.register.records import staff_of

# The present provider's staff. What an earlier employer granted under the same ref belongs to them.
REFS = """
SELECT ref FROM (
    SELECT DISTINCT ON (ref) ref, body FROM record
    WHERE municipality_id = $1 AND kind = 'staff' AND ref > $2 AND ($4::text IS NULL OR ref = $4)
    ORDER BY ref, version DESC
) AS newest
WHERE $3::text IS NULL OR body->>'provider' = $3 ORDER BY ref LIMIT $5
"""
PUTS = """
SELECT ref, body, recorded_at, recorded_by FROM record
WHERE municipality_id = $1 AND kind = 'staff' AND ref = ANY($2::text[]) ORDER BY ref, version
"""


async def refs(reading: Reading, provider: str | None, staff: str | None, after: str, limit: int) -> list[str]:
    """At most `limit` staff refs after `after`, of one provider, one ref or all."""
    return [row[0] for row in await reading.fetch(REFS, after, provider, staff, limit)]


async def puts(reading: Reading, staff: Iterable[str]) -> dict[str, list[Put]]:
    """All versions that were put of each staff ref, in order."""
    puts_of: defaultdict[str, list[Put]] = defaultdict(list)
    for ref, body, at, by in await reading.fetch(PUTS, list(staff)):
        puts_of[ref].append(Put(staff_of(ref, from_json(body)), at, who(by)))
    return puts_of
