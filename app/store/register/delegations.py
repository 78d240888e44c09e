"""Employments as they were put, for what they say of delegations; and the visits in which leave was missing."""

from collections import defaultdict
from collections.abc import Iterable

from pydantic_core import from_json

from app.domain.author import who
from app.domain.register.delegation import Put
from app.store.connection import Reading
from app.store.register.records import staff_of

# Who is whose now; what such a one was given by an earlier employer under the same ref belongs to it.
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
    """Staff refs after one, of a provider or of all."""
    return [row[0] for row in await reading.fetch(REFS, after, provider, staff, limit)]


async def puts(reading: Reading, staff: Iterable[str]) -> dict[str, list[Put]]:
    """Everything that was put of staff refs, each in its order."""
    found: defaultdict[str, list[Put]] = defaultdict(list)
    for ref, body, at, by in await reading.fetch(PUTS, list(staff)):
        found[ref].append(Put(staff_of(ref, from_json(body)), at, who(by)))
    return found
