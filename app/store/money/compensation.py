"""The input of compensation of one provider: its contracts, orders, visits and what was declined."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from pydantic_core import from_json

from app.domain.closed_sets import ProviderForm
from app.domain.money.bundles import MOST_SHARES, classes_of, moving, singles_only
from app.domain.money.compensation_input import Bundle, CompensationInput, Declined
from app.domain.money.declined import DOORS, declined_in_advance, declined_of
from app.domain.money.document import terms_of
from app.domain.money.rating import Agreement
from app.domain.register.master import MasterData
from app.domain.register.order import LAST_DAY, ONE_DAY
from app.domain.time import Days, days_span
from app.domain.visits.split import Share
from app.domain.visits.visit import Visit
from app.store.connection import Reading
from app.store.register.notices import notices_of
from app.store.register.records import take_in
from app.store.visits.presences import of_ids
from app.store.visits.visit_row import COLUMNS, visit_of
from app.store.visits.visits import standing

LAST_VISIT_DAYS = 31
"""The days before an absence in which its last visit is looked for. No table of absences reaches further back."""

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
# Every version of recipients, staff and interventions, since each holds from its day. Of orders only the newest, and
# none that was withdrawn.
MASTER = """
SELECT kind, ref, body FROM record
WHERE municipality_id = $1 AND (kind IN ('interventions', 'staff') OR kind = 'recipients' AND ref IN (
    SELECT recipient FROM care_order WHERE municipality_id = $1 AND provider = $2))
ORDER BY seq
"""
RECIPIENTS = """
SELECT kind, ref, body FROM record
WHERE municipality_id = $1 AND kind = 'recipients' AND ref = ANY($2::text[]) ORDER BY seq
"""
ORDERS = """
SELECT o.ref, r.body FROM (
    SELECT DISTINCT ref FROM care_order WHERE municipality_id = $1 AND {whose}
) AS o CROSS JOIN LATERAL (
    SELECT body FROM record
    WHERE municipality_id = $1 AND kind = 'orders' AND ref = o.ref ORDER BY version DESC LIMIT 1
) AS r
"""
OWN = ORDERS.format(whose="provider = $2")
# Another provider's order may name this one as the one that answers its alarms.
ANSWERED = ORDERS.format(whose="recipient = ANY($2::text[])")
# One of two conditions stands here, not both with an OR: a generic plan would then not use the index of recipients.
WHOSE = {True: "$5::text[] IS NULL", False: "recipient = ANY($5::text[])"}
OF_DAYS = "municipality_id = $1 AND provider = $2 AND anchor_at >= $3 AND anchor_at < $4 AND {whose}"
VISIT = ", ".join(COLUMNS)
COMPLETE = f"SELECT {VISIT} FROM visit WHERE {OF_DAYS} AND status = 'complete' ORDER BY anchor_at, id"
BY_ID = f"SELECT {VISIT} FROM visit WHERE municipality_id = $1 AND id = ANY($2::uuid[]) ORDER BY anchor_at, id"
# `domain.money.bundles` in SQL. $6 are edges, $7 the recipients kept apart, $8 classes. Visits without a class are
# given one by one, by id.
BUNDLES = f"""
SELECT recipient, share_category, share_intervention, share_payable,
    count(*), min(local_on), max(local_on), min(anchor_at),
    {", ".join(f"sum(share_seconds[{place}])" for place in range(1, MOST_SHARES + 1))},
    array_agg(id) FILTER (WHERE class IS NULL) AS alone
FROM (
    SELECT *, CASE WHEN width_bucket(anchor_at, $6::timestamptz[]) = width_bucket(ended_at - interval '1 second', $6)
        AND presence_seconds > 0 AND cardinality(share_seconds) <= {MOST_SHARES} AND recipient <> ALL($7::text[])
        THEN ($8::int[])[width_bucket(anchor_at, $6)] END AS class
    FROM visit WHERE {OF_DAYS} AND status = 'complete'
) AS v GROUP BY recipient, class, share_category, share_intervention, share_payable
"""
# A month's pages are read once, in their order, and added up in memory: in an index's order, or sorted for grouping, it
# takes three times as long. One process does it, because the others are for those who wait for an answer.
ADDING_UP = """
SAVEPOINT adding_up; SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL enable_sort = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off
"""
ADDED_UP = "ROLLBACK TO SAVEPOINT adding_up"
TURNED_DOWN_AT_DOOR = ", ".join(f"'{status}'" for status in DOORS)
TURNED_DOWN = f"""
SELECT {VISIT} FROM visit WHERE {OF_DAYS} AND (status IN ({TURNED_DOWN_AT_DOOR}) OR declined IS NOT NULL)
ORDER BY anchor_at, id
"""


async def providers(reading: Reading, provider: str | None = None) -> list[tuple[str, ProviderForm, str]]:
    """Ref, form and name of every provider, or of one."""
    return [tuple(row) for row in await reading.fetch(PROVIDERS, provider)]


async def agreements_of(reading: Reading, provider: str, days: Days) -> list[Agreement]:
    """The provider's contracts in force on any of the days."""
    return [
        Agreement(
            row["ref"],
            (row["first_on"], row["end_on"] - ONE_DAY if row["end_on"] else LAST_DAY),
            terms_of(from_json(row["document"])),
        )
        for row in await reading.fetch(CONTRACTS, provider, *days)
    ]


@dataclass(frozen=True, slots=True)
class Account:
    """One provider in one transaction, with the master data that its compensation uses.

    `recipients` limits it to some, None means all; `form` is the provider's.
    """

    reading: Reading
    provider: str
    form: ProviderForm
    master: MasterData
    recipients: Sequence[str] | None = None

    async def fetch(self, query: str, days: Days, *more: Any) -> list[Any]:
        """The rows of a query that takes the arguments of `OF_DAYS`."""
        asked = query.format(whose=WHOSE[self.recipients is None])
        span = days_span(*days)
        return list(await self.reading.fetch(asked, self.provider, *span, self.recipients, *more))


async def account_of(reading: Reading, provider: str, form: ProviderForm) -> Account:
    """The account of a provider, with the catalogue, staff, its orders and their recipients as master data."""
    master = MasterData()
    for row in await reading.fetch(MASTER, provider):
        take_in(master, row["kind"], row["ref"], False, from_json(row["body"]))
    for row in await reading.fetch(OWN, provider):
        take_in(master, "orders", row["ref"], False, from_json(row["body"]))
    return Account(reading, provider, form, master)


async def facts_of(account: Account, days: Days, agreements: Sequence[Agreement]) -> CompensationInput:
    """The input of the compensation of these days, which lie within one month, under these agreements."""
    master = account.master
    first_on = min([days[0], *(bonus.first_on for one in agreements for bonus in one.terms.bonuses
                               if bonus.paid_in == f"{days[0]:%Y-%m}")])  # fmt: skip
    loaded = first_on - ONE_DAY, days[1]
    rules = [rule for one in agreements for rule in one.terms.rules]
    ordered = master.orders.values() if account.recipients is None else map(master.orders_of, account.recipients)
    orders = [order for order in chain.from_iterable(ordered) if order.provider == account.provider]
    facts = CompensationInput(account.provider, account.form, master, orders, ())
    begun = _begun(facts, loaded) if any(rule.absence for rule in rules) else {}
    visits, bundles = await _performed(account, agreements, days, loaded, begun)
    if begun:
        visits = [*await _before_absences(account, begun, loaded), *visits]
    declined: Sequence[Declined] = ()
    if any(rule.declined for rule in rules):
        declined = await _declined(account, days)
    return replace(facts, visits=visits, bundles=bundles, declined=declined)


async def _performed(
    account: Account, agreements: Sequence[Agreement], days: Days, loaded: Days, begun: Mapping[str, dt.date]
) -> tuple[list[Visit], list[Bundle]]:
    """The complete visits: added up in bundles where no rule distinguishes them, else one by one.

    Those of few recipients are all read one by one.
    """
    master = account.master
    if account.recipients is not None or any(singles_only(one.terms) for one in agreements):
        visits = _visits(await account.fetch(COMPLETE, loaded))
        await _meet(account, {visit.recipient for visit in visits})
        return visits, []
    classes = classes_of(agreements, days, loaded[0])
    apart = sorted(begun.keys() | moving(master, list(master.recipients), loaded))
    await account.reading.configure(ADDING_UP)
    bundles = await account.fetch(BUNDLES, loaded, classes.edges, apart, classes.numbers)
    await account.reading.configure(ADDED_UP)
    alone = [id_ for row in bundles for id_ in row["alone"] or ()]
    singles = _visits(await account.reading.fetch(BY_ID, alone)) if alone else []
    bundles = [row for row in bundles if not row["alone"]]
    strangers = await _meet(account, {row["recipient"] for row in bundles} | {visit.recipient for visit in singles})
    moved = moving(master, strangers, loaded)
    if moved:
        bundles = [row for row in bundles if row["recipient"] not in moved]
        singles = [visit for visit in singles if visit.recipient not in moved]
        singles += _visits(await replace(account, recipients=sorted(moved)).fetch(COMPLETE, loaded))
    return singles, [_bundle(number, row) for number, row in enumerate(bundles)]


async def _meet(account: Account, recipients: Iterable[str]) -> list[str]:
    """Load the recipients that the master data lacks: visited without an order of this provider."""
    strangers = sorted(set(recipients) - account.master.recipients.keys())
    if strangers:
        for row in await account.reading.fetch(RECIPIENTS, strangers):
            take_in(account.master, row["kind"], row["ref"], False, from_json(row["body"]))
    return strangers


def _bundle(number: int, row: Any) -> Bundle:
    recipient, categories, interventions, payable, visits, first_on, last_on, at, *seconds, _ = row
    shares = (
        Share(category, intervention, None, taken, is_payable, "")
        for category, intervention, is_payable, taken in zip(categories, interventions, payable, seconds, strict=False)
    )
    return Bundle(number, recipient, visits, first_on, last_on, at, tuple(shares))


async def _declined(account: Account, days: Days) -> list[Declined]:
    reading, master = account.reading, account.master
    asked = _visits(await account.fetch(TURNED_DOWN, days))
    presences = await of_ids(reading, [one.presence for one in asked if one.status in DOORS])
    taps = [tap for presence in presences.values() for tap in presence.taps]
    _, reports, _ = await standing(reading, [], taps)
    recipients = {visit.recipient for visit in asked}
    await _meet(account, recipients)
    for row in await reading.fetch(ANSWERED, sorted(recipients)):
        if row["ref"] not in master.orders:
            take_in(master, "orders", row["ref"], False, from_json(row["body"]))
    notices = await notices_of(reading, account.provider, days)
    declined = [*declined_of(asked, presences, reports, master), *declined_in_advance(notices, master)]
    return [one for one in declined if account.recipients is None or one.recipient in account.recipients]


def _visits(rows: Iterable[Any]) -> list[Visit]:
    return [visit_of(tuple(row)).visit for row in rows]


def _begun(facts: CompensationInput, loaded: Days) -> dict[str, dt.date]:
    """The first day of each absence that reaches into the loaded days, by recipient."""
    begun: dict[str, dt.date] = {}
    for order in facts.orders:
        died_on = facts.master.died_on(order.recipient)
        starts = [pause.first_on for pause in order.pauses if (pause.last_on or LAST_DAY) >= loaded[0]]
        for start in [*starts, *([died_on] if died_on else [])]:
            if start <= loaded[1]:
                begun[order.recipient] = min(start, begun.get(order.recipient, start))
    return begun


async def _before_absences(account: Account, begun: Mapping[str, dt.date], loaded: Days) -> list[Visit]:
    """Visits before the loaded days, of recipients whose absence began, or had its last visit, before them."""
    first_on = min(begun.values()) - ONE_DAY * LAST_VISIT_DAYS
    if first_on >= loaded[0]:
        return []
    of_absent = replace(account, recipients=sorted(begun))
    return _visits(await of_absent.fetch(COMPLETE, (first_on, loaded[0] - ONE_DAY)))
