"""Parts common to all kinds of master data: pages of the newest versions, and refusals by constraints."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncpg
from pydantic_core import from_json

from app.store.connection import Reading
from app.store.register.records import Stored

PAGE = """
SELECT ref, version, body FROM (
    SELECT DISTINCT ON (ref) ref, version, removed, body FROM record
    WHERE municipality_id = $1 AND kind = $2 AND ref > $3 ORDER BY ref, version DESC
) AS newest
WHERE NOT removed {filters} ORDER BY ref LIMIT $4
"""
FILTERS = {
    "ref": "AND ref = ${place}",
    "among": "AND ref = ANY(${place}::text[])",
    "unprotected": "AND body->>'protected' = ${place}",
    "provider": "AND body->>'provider' = ${place}",
    "recipient": "AND body->>'recipient' = ${place}",
    "served_by": "AND EXISTS (SELECT FROM care_order AS o WHERE o.municipality_id = $1"
    " AND o.recipient = newest.ref AND o.provider = ${place})",
    # The provider of a shared device, else the employer of its staff.
    "used_at": "AND coalesce(body->>'provider', (SELECT s.body->>'provider' FROM record AS s"
    " WHERE s.municipality_id = $1 AND s.kind = 'staff'"
    " AND s.ref = newest.body->>'staff' ORDER BY s.version DESC LIMIT 1)) = ${place}",
    # The providers that serve where it hangs or will hang; of a tag that never hung, the provider that made it.
    "hung_at": """AND CASE WHEN EXISTS (SELECT FROM tag_mount WHERE municipality_id = $1 AND tag = newest.ref)
    THEN EXISTS (
        SELECT FROM tag_mount AS m
        JOIN recipient_version AS v ON v.municipality_id = $1 AND v.household = m.household
        JOIN care_order AS o ON o.municipality_id = $1 AND o.recipient = v.ref AND o.valid && v.valid
        WHERE m.municipality_id = $1 AND m.tag = newest.ref AND o.provider = ${place}
            AND (upper_inf(m.mounted) OR upper(m.mounted) > ${now}))
    ELSE body->>'registered_by' = ${place} END""",
}
"""Conditions that narrow a list, also those that hold a planner to its own provider."""

REFUSALS = {
    "contract_one_at_a_time": "contract_overlaps",
    "recipient_one_ref_a_number": "personal_number_taken",
    "tag_one_ref_a_uid": "uid_taken",
}
"""The constraints of the database, each with the code of its refusal."""


class RefusedError(Exception):
    """A constraint refuses the change, and the transaction has failed. `code` is its code in REFUSALS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@contextmanager
def refusals() -> Iterator[None]:
    """Raises RefusedError when one of the constraints in REFUSALS fails."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        code = REFUSALS.get(getattr(error, "constraint_name", None) or "")
        if code is None:
            raise
        # The database's own message holds the key.
        raise RefusedError(code) from None


async def page(reading: Reading, kind: str, after: str, limit: int, filters: Mapping[str, Any]) -> list[Stored]:
    """At most `limit` newest versions of a kind after ref `after`, in the database's order. FILTERS has the filters."""
    values = [*filters.values(), *([reading.now] if "hung_at" in filters else [])]
    chosen = " ".join(FILTERS[name].format(place=place, now=4 + len(values)) for place, name in enumerate(filters, 5))
    rows = await reading.fetch(PAGE.format(filters=chosen), kind, after, limit, *values)
    return [Stored(row["ref"], row["version"], removed=False, body=from_json(row["body"])) for row in rows]


async def is_visible(reading: Reading, kind: str, ref: str, visible_by: str, provider: str) -> bool:
    """True if a provider may see a record; `visible_by` is a key of FILTERS."""
    return bool(await page(reading, kind, "", 1, {"ref": ref, visible_by: provider}))
