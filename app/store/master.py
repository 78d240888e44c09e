"""What holds for every kind of master data: pages of the newest versions, and what a change of them can reach.

Facts are found here by what they refer to, so that a change derives only what it can change.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
from pydantic_core import from_json

from app.store.presences import NOT_SET_ASIDE, Window
from app.store.records import Stored

PAGE = """
SELECT ref, version, body FROM (
    SELECT DISTINCT ON (ref) ref, version, removed, body FROM record
    WHERE municipality_id = $1 AND kind = $2 AND ref > $3 ORDER BY ref, version DESC
) AS newest
WHERE NOT removed {filters} ORDER BY ref LIMIT $4
"""
FILTERS = {
    "ref": "AND ref = ${place}",
    "provider": "AND body->>'provider' = ${place}",
    "recipient": "AND body->>'recipient' = ${place}",
    "served_by": "AND EXISTS (SELECT FROM care_order AS o WHERE o.municipality_id = $1"
    " AND o.recipient = newest.ref AND o.provider = ${place})",
    "employed_by": "AND (SELECT s.body->>'provider' FROM record AS s WHERE s.municipality_id = $1 AND s.kind = 'staff'"
    " AND s.ref = newest.body->>'staff' ORDER BY s.version DESC LIMIT 1) = ${place}",
    # Where it hangs or is told to hang; one that never hung anywhere is its maker's.
    "hung_at": """AND CASE WHEN EXISTS (SELECT FROM tag_mount WHERE municipality_id = $1 AND tag = newest.ref)
    THEN EXISTS (
        SELECT FROM tag_mount AS m
        JOIN recipient_version AS v ON v.municipality_id = $1 AND v.household = m.household
        JOIN care_order AS o ON o.municipality_id = $1 AND o.recipient = v.ref AND o.valid && v.valid
        WHERE m.municipality_id = $1 AND m.tag = newest.ref AND o.provider = ${place}
            AND (upper_inf(m.mounted) OR upper(m.mounted) > now()))
    ELSE body->>'registered_by' = ${place} END""",
}
"""What a list is narrowed to, and what holds a planner to its own provider."""
REACHED = """
SELECT w.name, w.first_at, w.last_at
FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) AS w(name, first_at, last_at)
WHERE EXISTS (
    SELECT FROM presence AS p
    WHERE p.municipality_id = $1 AND p.household = w.name AND p.anchor_at BETWEEN w.first_at AND w.last_at)
UNION ALL
SELECT v.household, w.first_at, w.last_at
FROM unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) AS w(name, first_at, last_at)
CROSS JOIN LATERAL (
    SELECT DISTINCT household FROM visit
    WHERE municipality_id = $1 AND recipient = w.name AND sort_at BETWEEN w.first_at AND w.last_at
) AS v
"""
EVERYWHERE = """
SELECT household, min(anchor_at), max(anchor_at) FROM presence
WHERE municipality_id = $1 AND anchor_at BETWEEN $2 AND $3 GROUP BY household
"""
OF_PROVIDER = """
SELECT household, min(sort_at), max(sort_at) FROM visit
WHERE municipality_id = $1 AND provider = $2 AND sort_at BETWEEN $3 AND $4 GROUP BY household
"""
OF_STAFF = f"""
SELECT least(t.first_at, m.first_at), greatest(t.last_at, m.last_at) FROM (
    SELECT min(at) AS first_at, max(at) AS last_at FROM tap
    WHERE municipality_id = $1 AND staff = $2 AND at BETWEEN $3 AND $4 AND {NOT_SET_ASIDE}
) AS t, (
    SELECT min(started_at) AS first_at, max(started_at) AS last_at FROM manual_visit
    WHERE municipality_id = $1 AND staff = $2 AND started_at BETWEEN $3 AND $4
) AS m
"""
# Visits that were corrected to the staff ref stand on the taps of another.
CORRECTED_TO = """
SELECT p.paired_by, min(p.paired_at), max(p.paired_at)
FROM visit AS v JOIN presence AS p ON p.municipality_id = $1 AND p.id = v.presence AND p.paired_by IS NOT NULL
WHERE v.municipality_id = $1 AND v.staff = $2 AND v.sort_at BETWEEN $3 AND $4
GROUP BY p.paired_by
"""

REFUSALS = {
    "contract_one_at_a_time": "contract_overlaps",
    "recipient_identity_one_ref_a_number": "personal_number_taken",
    "tag_one_ref_a_uid": "uid_taken",
}
"""What the database refuses by a constraint, and the code that says so."""


class RefusedError(Exception):
    """A constraint stands against the change, and the transaction has failed. `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@contextmanager
def refusals() -> Iterator[None]:
    """Raises RefusedError where one of the constraints in REFUSALS fails."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        code = REFUSALS.get(getattr(error, "constraint_name", None) or "")
        if code is None:
            raise
        # The database's own message holds the key.
        raise RefusedError(code) from None


async def page(
    sql: Any, municipality_id: int, kind: str, after: str, limit: int, filters: Mapping[str, str]
) -> list[Stored]:
    """The newest versions of a kind after a ref, in the database's order; `filters` are named in FILTERS."""
    chosen = " ".join(FILTERS[name].format(place=place) for place, name in enumerate(filters, 5))
    rows = await sql.fetch(PAGE.format(filters=chosen), municipality_id, kind, after, limit, *filters.values())
    return [Stored(row["ref"], row["version"], removed=False, body=from_json(row["body"])) for row in rows]


async def is_within(sql: Any, municipality_id: int, kind: str, ref: str, reach: str, provider: str) -> bool:
    """Whether a record is within a provider's reach; `reach` is named in FILTERS."""
    return bool(await page(sql, municipality_id, kind, "", 1, {"ref": ref, reach: provider}))


async def households_reached(
    sql: Any, municipality_id: int, households: Sequence[Window], recipients: Sequence[Window]
) -> list[Window]:
    """Those of the households where anybody was, and where else the recipients had visits, each with its window."""
    arguments = (*_arrays(households), *_arrays(recipients))
    return [tuple(row) for row in await sql.fetch(REACHED, municipality_id, *arguments)]


async def households_between(
    sql: Any, municipality_id: int, first_at: dt.datetime, last_at: dt.datetime
) -> list[Window]:
    """Every household where anybody was."""
    return [tuple(row) for row in await sql.fetch(EVERYWHERE, municipality_id, first_at, last_at)]


async def households_of_provider(
    sql: Any, municipality_id: int, provider: str, first_at: dt.datetime, last_at: dt.datetime
) -> list[Window]:
    """Every household that the provider visited."""
    return [tuple(row) for row in await sql.fetch(OF_PROVIDER, municipality_id, provider, first_at, last_at)]


async def taps_of_staff(
    sql: Any, municipality_id: int, staff: str, first_at: dt.datetime, last_at: dt.datetime
) -> tuple[dt.datetime, dt.datetime] | None:
    """The first and the last tap, or manual visit, of a staff ref between two instants."""
    row = await sql.fetchrow(OF_STAFF, municipality_id, staff, first_at, last_at)
    return None if row[0] is None else (row[0], row[1])


async def persons_corrected_to(
    sql: Any, municipality_id: int, staff: str, first_at: dt.datetime, last_at: dt.datetime
) -> list[Window]:
    """The persons whose taps were corrected to be a staff ref's between two instants, each with its window."""
    return [tuple(row) for row in await sql.fetch(CORRECTED_TO, municipality_id, staff, first_at, last_at)]


def _arrays(windows: Sequence[Window]) -> tuple[list[str], list[dt.datetime], list[dt.datetime]]:
    return [one[0] for one in windows], [one[1] for one in windows], [one[2] for one in windows]
