"""Orders with their lines, and contracts, in their typed tables: what is in force when, for queries and constraints."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

CLEAR_LINES = "DELETE FROM order_line WHERE municipality_id = $1 AND order_ref = ANY($2::text[])"
PUT_ORDERS = """
WITH new AS (
    SELECT ref, recipient, provider, daterange(valid_from, valid_to, '[]') AS valid, lines, pauses
    FROM json_to_recordset($2::json)
        AS r(ref text, recipient text, provider text, valid_from date, valid_to date, lines json, pauses json)
), placed AS (
    INSERT INTO care_order (municipality_id, ref, recipient, provider, valid, in_force)
    SELECT $1, ref, recipient, provider, valid, datemultirange(valid) - coalesce((
        SELECT range_agg(daterange((pause->>'from')::date, (pause->>'to')::date, '[]'))
        FROM json_array_elements(pauses) AS pause
    ), '{}')
    FROM new
    ON CONFLICT (municipality_id, ref) DO UPDATE SET
        recipient = excluded.recipient, provider = excluded.provider, valid = excluded.valid,
        in_force = excluded.in_force
)
INSERT INTO order_line
    (municipality_id, order_ref, ref, line_no, intervention, standard_minutes, frequency, period, period_unit,
     staff_count)
SELECT $1, new.ref, line->>'ref', line_no, line->>'intervention', (line->>'standard_minutes')::int,
    (line->>'frequency')::int, (line->>'period')::int, line->>'period_unit', (line->>'staff_count')::int
FROM new CROSS JOIN json_array_elements(lines) WITH ORDINALITY AS told(line, line_no)
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
"""Who has died when, as the newest version says; a death ends every order the day after."""

Json = Mapping[str, Any]


async def put_orders(sql: Any, municipality_id: int, bodies: Mapping[str, Json], replaced: Sequence[str]) -> None:
    """Write orders by ref as they now are; `replaced` are the refs that may have lines already."""
    if replaced:
        await sql.execute(CLEAR_LINES, municipality_id, replaced)
    rows = [{**body, "ref": ref} for ref, body in bodies.items()]
    await sql.execute(PUT_ORDERS, municipality_id, to_json(rows).decode())


async def withdraw(sql: Any, municipality_id: int, ref: str) -> None:
    """Take an order away with its lines."""
    await sql.execute(WITHDRAW, municipality_id, ref)


async def put_contract(sql: Any, municipality_id: int, ref: str, body: Json) -> None:
    """Write a contract as it now is. Two of one provider never overlap: constraint `contract_one_at_a_time`."""
    await sql.execute(PUT_CONTRACT, municipality_id, ref, body["provider"], body["valid_from"], body["valid_to"])
