"""The typed tables of orders with their lines, and of contracts, for queries by day and for constraints."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from app.store.connection import Changing
from app.store.register.records import order_parts

CLEAR = "DELETE FROM care_order WHERE municipality_id = $1 AND ref = ANY($2::text[])"
PUT_ORDERS = """
WITH new AS (
    SELECT ref, part, recipient, provider, daterange(first_on, last_on, '[]') AS valid, lines, pauses
    FROM json_to_recordset($2::json) AS r(ref text, part int, recipient text, provider text, first_on date,
        last_on date, lines json, pauses json)
), placed AS (
    INSERT INTO care_order (municipality_id, ref, part, recipient, provider, valid, in_force)
    SELECT $1, ref, part, recipient, provider, valid, datemultirange(valid) - coalesce((
        SELECT range_agg(daterange((pause->>'from')::date, (pause->>'to')::date, '[]'))
        FROM json_array_elements(pauses) AS pause
    ), '{}')
    FROM new
)
INSERT INTO order_line
    (municipality_id, order_ref, part, ref, line_no, intervention, standard_minutes, frequency, period, period_unit,
     staff_count)
SELECT $1, new.ref, new.part, line->>'ref', line_no, line->>'intervention', (line->>'standard_minutes')::int,
    (line->>'frequency')::int, (line->>'period')::int, line->>'period_unit', (line->>'staff_count')::int
FROM new CROSS JOIN json_array_elements(lines) WITH ORDINALITY AS numbered(line, line_no)
"""
WITHDRAW = "DELETE FROM care_order WHERE municipality_id = $1 AND ref = $2"
PUT_CONTRACT = """
INSERT INTO contract (municipality_id, ref, provider, valid)
VALUES ($1, $2, $3, daterange($4::text::date, $5::text::date, '[]'))
ON CONFLICT (municipality_id, ref) DO UPDATE SET provider = excluded.provider, valid = excluded.valid
"""

DEATHS = """
SELECT ref, died_on FROM recipient_version WHERE municipality_id = $1 AND upper_inf(valid) AND died_on IS NOT NULL
"""
"""SQL of the deaths of recipients, by their newest version; a death ends every order the day after."""

Json = Mapping[str, Any]


async def put_orders(changing: Changing, bodies: Mapping[str, Json], replaced: Sequence[str]) -> None:
    """Write the newest orders by ref. `replaced` are the refs that may be in the table already.

    Each part with at least one day is a row, numbered from 1. The one part of an order without earlier ones is 0.
    """
    if replaced:
        await changing.execute(CLEAR, replaced)
    rows = [
        {**part, "ref": ref, "part": number if body.get("earlier") else 0, "first_on": first, "last_on": last}
        for ref, body in bodies.items()
        for number, (first, last, part) in enumerate(order_parts(body), 1)
        if last is None or first <= last
    ]
    await changing.execute(PUT_ORDERS, to_json(rows).decode())


async def withdraw(changing: Changing, ref: str) -> None:
    """Delete an order with its lines."""
    await changing.execute(WITHDRAW, ref)


async def put_contract(changing: Changing, ref: str, body: Json) -> None:
    """Write the newest body of a contract. Constraint `contract_one_at_a_time`: those of a provider never overlap."""
    await changing.execute(PUT_CONTRACT, ref, body["provider"], body["valid_from"], body["valid_to"])
