"""What compensation is computed from, loaded for one provider: its contracts, orders, visits and what was declined."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import from_json

from app.domain.declined import DOORS, Notice, declined_in_advance, declined_of
from app.domain.document import terms_of
from app.domain.facts import Facts
from app.domain.master import MasterData
from app.domain.order import LAST_DAY, ONE_DAY
from app.domain.rating import Agreement
from app.domain.time import Days, days_span, local_date
from app.domain.visit import Visit
from app.store.records import take_in
from app.store.visits import COLUMNS, standing, visit_of

LAST_VISIT_DAYS = 31
"""How long before an absence its last visit is looked for; longer ago, no absence table reaches."""

PROVIDERS = """
SELECT p.ref, p.form, coalesce((
    SELECT body->>'name' FROM record AS r WHERE r.municipality_id = $1 AND r.kind = 'providers' AND r.ref = p.ref
    ORDER BY version DESC LIMIT 1), p.ref) AS name
FROM provider AS p WHERE p.municipality_id = $1 AND ($2::text IS NULL OR p.ref = $2) ORDER BY p.ref
"""
CONTRACTS = """
SELECT c.ref, lower(c.valid) AS first_on, upper(c.valid) AS end_on, r.body->'compensation' AS document
FROM contract AS c CROSS JOIN LATERAL (
    SELECT body FROM record
    WHERE municipality_id = $1 AND kind = 'contracts' AND ref = c.ref ORDER BY version DESC LIMIT 1
) AS r
WHERE c.municipality_id = $1 AND c.provider = $2 AND c.valid && daterange($3, $4, '[]')
"""
# Every version of who and what, since each holds from its day; of orders the newest, and none that was withdrawn.
MASTER = """
SELECT kind, ref, body FROM record
WHERE municipality_id = $1 AND (kind IN ('interventions', 'staff') OR kind = 'recipients' AND ref IN (
    SELECT recipient FROM care_order WHERE municipality_id = $1 AND provider = $2
    UNION SELECT unnest($3::text[])))
ORDER BY seq
"""
ORDERS = """
SELECT o.ref, r.body FROM care_order AS o CROSS JOIN LATERAL (
    SELECT body FROM record
    WHERE municipality_id = $1 AND kind = 'orders' AND ref = o.ref ORDER BY version DESC LIMIT 1
) AS r
WHERE o.municipality_id = $1 AND o.provider = $2
"""
NOTICES = """
SELECT body FROM (
    SELECT DISTINCT ON (ref) body FROM record
    WHERE municipality_id = $1 AND kind = 'declines' ORDER BY ref, version DESC
) AS newest WHERE $2::text IS NULL OR body->>'provider' = $2
"""
VISITS = f"""
SELECT {", ".join(COLUMNS)} FROM visit
WHERE municipality_id = $1 AND provider = $2 AND sort_at >= $3 AND sort_at < $4
  AND status IN ('complete', 'declined', 'no_answer') AND ($5::text[] IS NULL OR recipient = ANY($5))
ORDER BY sort_at, id
"""


async def providers(sql: Any, municipality_id: int, provider: str | None = None) -> list[tuple[str, str, str]]:
    """Every provider, or one: ref, form, name."""
    return [tuple(row) for row in await sql.fetch(PROVIDERS, municipality_id, provider)]


async def agreements_of(sql: Any, municipality_id: int, provider: str, days: Days) -> list[Agreement]:
    """The provider's contracts that hold on any of the days."""
    return [
        Agreement(
            row["ref"],
            (row["first_on"], row["end_on"] - ONE_DAY if row["end_on"] else LAST_DAY),
            terms_of(from_json(row["document"])),
        )
        for row in await sql.fetch(CONTRACTS, municipality_id, provider, *days)
    ]


async def facts_of(
    sql: Any, municipality_id: int, provider: str, form: str, days: Days, agreements: Sequence[Agreement]
) -> Facts:
    """What these agreements look at to pay the provider for these days within one month."""
    first_on = min([days[0], *(bonus.first_on for one in agreements for bonus in one.terms.bonuses
                               if bonus.paid_in == f"{days[0]:%Y-%m}")])  # fmt: skip
    found = await _visits(sql, municipality_id, provider, (first_on - ONE_DAY, days[1]))
    recipients = sorted({visit.recipient for visit in found})
    master = MasterData()
    for row in await sql.fetch(MASTER, municipality_id, provider, recipients):
        take_in(master, row["kind"], row["ref"], False, from_json(row["body"]))
    for row in await sql.fetch(ORDERS, municipality_id, provider):
        take_in(master, "orders", row["ref"], False, from_json(row["body"]))
    facts = Facts(provider, form, master, list(master.orders.values()), found)
    rules = [rule for one in agreements for rule in one.terms.rules]
    if any(rule.absence for rule in rules):
        before = await _before_absences(sql, municipality_id, facts, (first_on - ONE_DAY, days[1]))
        facts = replace(facts, visits=[*before, *found])
    if any(rule.declined for rule in rules):
        singles = any("single" in pay.how for rule in rules for pay in rule.declined)
        asked = [visit for visit in found if visit.local_date >= days[0] and (singles or visit.status in DOORS)]
        taps = [tap for visit in asked for tap in (visit.in_tap, visit.out_tap) if tap]
        _, reports, _ = await standing(sql, municipality_id, [], taps)
        notices = await notices_of(sql, municipality_id, provider, days)
        declined = [*declined_of(asked, reports, master), *declined_in_advance(notices, master)]
        facts = replace(facts, declined=declined)
    return facts


async def notices_of(sql: Any, municipality_id: int, provider: str | None, days: Days) -> list[Notice]:
    """What was declined in advance for these days, of one provider or of all."""
    bodies = [from_json(row["body"]) for row in await sql.fetch(NOTICES, municipality_id, provider)]
    notices = [
        Notice(
            body["recipient"],
            body["provider"],
            body["intervention"],
            dt.datetime.fromisoformat(body["at"]),
            dt.datetime.fromisoformat(body["notified_at"]),
        )
        for body in bodies
        if not body["withdrawn"]
    ]
    return [notice for notice in notices if days[0] <= local_date(notice.at) <= days[1]]


async def _visits(
    sql: Any, municipality_id: int, provider: str, days: Days, recipients: Sequence[str] | None = None
) -> list[Visit]:
    rows = await sql.fetch(VISITS, municipality_id, provider, *days_span(*days), recipients)
    return [visit_of(tuple(row)).visit for row in rows]


async def _before_absences(sql: Any, municipality_id: int, facts: Facts, loaded: Days) -> list[Visit]:
    """Visits from before the loaded days, of those whose absence began, or had its last visit, before them."""
    begun: dict[str, dt.date] = {}
    for order in facts.orders:
        died_on = facts.master.died_on(order.recipient)
        starts = [pause.first_on for pause in order.pauses if (pause.last_on or LAST_DAY) >= loaded[0]]
        for start in [*starts, *([died_on] if died_on else [])]:
            if start <= loaded[1]:
                begun[order.recipient] = min(start, begun.get(order.recipient, start))
    if not begun:
        return []
    first_on = min(begun.values()) - ONE_DAY * LAST_VISIT_DAYS
    if first_on >= loaded[0]:
        return []
    return await _visits(sql, municipality_id, facts.provider, (first_on, loaded[0] - ONE_DAY), sorted(begun))
