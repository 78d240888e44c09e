"""The input of `domain.measures.expected`: orders, visits and notices around some days, in sets."""

from collections import defaultdict
from collections.abc import Iterator

from pydantic_core import from_json

from app.domain.measures.expected import Attended, Expected, expected, reach
from app.domain.register.order import Order, until_death
from app.domain.time import Days
from app.store.connection import Reading
from app.store.measures.measures import FOR_ALL_OR_ONE, around
from app.store.register.notices import notices_of
from app.store.register.orders import DEATHS
from app.store.register.records import order_of

ORDERS = f"""
WITH deaths AS MATERIALIZED ({DEATHS}), asked AS (
    SELECT DISTINCT ref, recipient FROM care_order
    WHERE municipality_id = $1 AND valid && daterange($2, $3, '[]')
        AND ($4::text IS NULL OR provider = $4) AND ($5::text IS NULL OR recipient = $5)
)
SELECT o.ref, newest.body, d.died_on FROM asked AS o
LEFT JOIN deaths AS d ON d.ref = o.recipient
CROSS JOIN LATERAL (
    SELECT body FROM record
    WHERE municipality_id = $1 AND kind = 'orders' AND ref = o.ref ORDER BY version DESC LIMIT 1
) AS newest ORDER BY o.recipient, o.ref
"""
# Beyond the days that are asked for, a visit matters by what was done in it, or was not.
VISITS = """
SELECT recipient, id, provider, status, anchor_at, ended_at, share_line, declined FROM visit
WHERE municipality_id = $1 AND recipient = ANY($2::text[]) AND anchor_at >= $3 AND anchor_at < $4
    AND (anchor_at >= $6 AND anchor_at < $7 OR share_line = '{}' OR declined IS NOT NULL
        -- Each is looked up in a hash; an overlap of arrays would compare it with every line.
        OR EXISTS (SELECT FROM unnest(share_line) AS one WHERE one = ANY($5::text[])))
"""


async def expected_of(
    reading: Reading, days: Days, *, provider: str | None = None, recipient: str | None = None
) -> Iterator[Expected]:
    """Every occurrence that has a day in common with the span, recipient by recipient, with what came of it."""
    await reading.configure(FOR_ALL_OR_ONE)
    orders: defaultdict[str, list[Order]] = defaultdict(list)
    for ref, body, died_on in await reading.fetch(ORDERS, *days, provider, recipient):
        for part in order_of(ref, from_json(body)):
            alive = until_death(part, died_on)
            if alive is not None and provider in {None, alive.provider}:
                orders[alive.recipient].append(alive)
    wide = reach([one for theirs in orders.values() for one in theirs], days)
    lasting = [f"{order.ref}/{line.ref}" for theirs in orders.values() for order in theirs for line in order.lines
        if line.period_unit != "d" or line.period > 1]  # fmt: skip
    visits: defaultdict[str, list[Attended]] = defaultdict(list)
    asked = (list(orders), *around(wide), lasting, *around(days))
    for row in await reading.fetch(VISITS, *asked):
        ref, id_, by, status, anchor_at, ended_at, lines, declined = row
        refused = [tuple(one) for one in from_json(declined)] if declined else ()
        visits[ref].append(Attended(id_, by, status, anchor_at, ended_at, lines, refused))
    notices = defaultdict(list)
    for notice in await notices_of(reading, provider, wide):
        notices[notice.recipient].append(notice)
    return (
        one for ref, theirs in orders.items() for one in expected(theirs, visits[ref], notices[ref], days, reading.now)
    )
