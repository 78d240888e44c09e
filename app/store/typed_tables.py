"""Comparison of the typed tables of master data with the records they are made from, row for row.

They are made anew beside those that stand, by the very statements that wrote them: temporary tables of the same names
come first on the search path. So there is no second derivation that could differ from the first.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import asyncpg

from app.store import rows, schema
from app.store.connection import Changing, Writing
from app.store.register import orders, records, register
from app.store.taps import tags

Json = Mapping[str, Any]

MADE_AT_ONCE = 1000
SHOWN = 5
# Tables that others refer to come first.
TABLES = (
    *(schema.provider, schema.recipient_version, schema.staff_version, schema.intervention_version),
    *(schema.care_order, schema.order_line, schema.contract, schema.tag, schema.tag_mount),
)
ANEW = "CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING INDEXES) ON COMMIT DROP"
# A path of another value than the usual one also makes PostgreSQL look up the names of prepared statements again.
BESIDE = "SET LOCAL search_path = pg_temp, public"
# Whole tables are read, which the plans of a writer are not for.
READ_WHOLE = "SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = auto"
DIFFERING = """
SELECT {key} || ' ' || CASE
    WHEN kept IS NULL THEN 'is missing' WHEN made IS NULL THEN 'has no record' ELSE 'differs in ' || (
        SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(to_jsonb(kept)) AS k(key, was)
        JOIN jsonb_each(to_jsonb(made)) AS t(key, should_be) USING (key) WHERE was <> should_be)
    END AS line, count(*) OVER () AS of
FROM (SELECT * FROM public.{table} WHERE municipality_id = $1) AS kept
FULL JOIN (SELECT * FROM pg_temp.{table} WHERE municipality_id = $1) AS made USING ({columns})
WHERE kept.* IS DISTINCT FROM made.*
ORDER BY 1 LIMIT $2
"""
CLEAR = "DELETE FROM public.{table} WHERE municipality_id = $1"
FILL = "INSERT INTO public.{table} SELECT * FROM pg_temp.{table} WHERE municipality_id = $1"
# Others refer to a provider, so it is put right where it stands.
MEND_PROVIDERS = (
    f"{FILL.format(table='provider')} ON CONFLICT (municipality_id, ref) DO UPDATE SET form = excluded.form"
)
DROP_STRAY_PROVIDERS = """
DELETE FROM public.provider AS p WHERE municipality_id = $1
  AND NOT EXISTS (SELECT FROM pg_temp.provider AS t WHERE t.municipality_id = $1 AND t.ref = p.ref)
"""


class UnreadableRecordsError(Exception):
    """No typed tables can be made of the records: somebody has changed them. The message says why."""


class Wrong(NamedTuple):
    """A table with rows that differ from the records: their number, and what is wrong with the first of them."""

    table: str
    many: int
    rows: list[str]


async def differing(changing: Changing) -> list[Wrong]:
    """The tables that differ from the records.

    It needs a transaction of one moment, which afterwards serves for `mend` alone. Raises UnreadableRecordsError.
    """
    try:
        await _make_beside(changing)
    except (LookupError, TypeError, ValueError, asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        raise UnreadableRecordsError(f"{type(error).__name__}: {error}") from error
    wrong = []
    for table in TABLES:
        key = rows.key_of(table)
        query = DIFFERING.format(table=table.name, columns=", ".join(key), key=f"concat_ws(' ', {', '.join(key[1:])})")
        found = await changing.fetch(query, SHOWN)
        if found:
            wrong.append(Wrong(table.name, found[0]["of"], [row["line"] for row in found]))
    return wrong


async def mend(writing: Writing) -> None:
    """Replace the rows by those that `differing` has made, under the municipality's lock."""
    await writing.execute(MEND_PROVIDERS)
    others = [table.name for table in TABLES if table is not schema.provider]
    for name in reversed(others):
        await writing.execute(CLEAR.format(table=name))
    for name in others:
        await writing.execute(FILL.format(table=name))
    await writing.execute(DROP_STRAY_PROVIDERS)


async def _make_beside(changing: Changing) -> None:
    await changing.configure(READ_WHOLE)
    for table in TABLES:
        await changing.configure(ANEW.format(table=table.name))
    await changing.configure(BESIDE)
    for kind, put in MAKERS.items():
        after = ""
        while found := await records.page(changing, kind, after, MADE_AT_ONCE):
            await put(changing, {one.ref: one.body for one in found if not one.removed})
            after = found[-1].ref


async def _providers(changing: Changing, bodies: Mapping[str, Json]) -> None:
    for ref, body in bodies.items():
        await register.put_provider(changing, ref, body)


async def _contracts(changing: Changing, bodies: Mapping[str, Json]) -> None:
    for ref, body in bodies.items():
        await orders.put_contract(changing, ref, body)


async def _orders(changing: Changing, bodies: Mapping[str, Json]) -> None:
    await orders.put_orders(changing, bodies, ())


async def _tags(changing: Changing, bodies: Mapping[str, Json]) -> None:
    await tags.put(changing, bodies)
    await tags.put_mounts(changing, bodies)


def _versions(kind: str) -> Callable[[Changing, Mapping[str, Json]], Awaitable[None]]:
    async def put(changing: Changing, bodies: Mapping[str, Json]) -> None:
        await register.put_versions(changing, kind, list(bodies), first=True)

    return put


MAKERS: Mapping[str, Callable[[Changing, Mapping[str, Json]], Awaitable[None]]] = {
    "providers": _providers,
    **{kind: _versions(kind) for kind in register.TABLES},
    "orders": _orders,
    "contracts": _contracts,
    "tags": _tags,
}
"""The function for each kind that writes the newest versions into its tables."""
