"""The recipients whose compensation must be computed anew, because something changed since a moment."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.store.connection import Reading
from app.store.money.compensation import Account

NOW = """
SELECT change_no, master_seq, coalesce(
    (SELECT leaf_index + 1 FROM ledger_leaf WHERE municipality_id = $1 ORDER BY leaf_index DESC LIMIT 1), 0)
FROM municipality WHERE municipality_id = $1
"""
CHANGED = "SELECT DISTINCT visit FROM visit_change WHERE municipality_id = $1 AND no > $2"
VISITED = """
SELECT DISTINCT recipient FROM visit
WHERE municipality_id = $1 AND provider = $2 AND local_on <= $3 AND id = ANY($4::uuid[])
"""
RECORDS = """
SELECT new.kind, new.ref, new.body, old.body AS before
FROM record AS new LEFT JOIN record AS old ON old.municipality_id = $1
  AND old.kind = new.kind AND old.ref = new.ref AND old.version = new.version - 1
WHERE new.municipality_id = $1 AND new.seq > $2 AND new.body <> '{}'
  AND new.kind IN ('providers', 'contracts', 'interventions', 'recipients', 'orders', 'declines')
"""
REPORTS = """
SELECT r.tap, r.staff FROM ledger_leaf AS l JOIN report AS r ON r.municipality_id = $1 AND r.id = l.fact
WHERE l.municipality_id = $1 AND l.leaf_index >= $2 AND l.kind = 'report'
"""
REPORTED = """
SELECT DISTINCT recipient FROM visit
WHERE municipality_id = $1 AND provider = $2 AND local_on <= $3 AND staff = ANY($5::text[])
  AND (in_tap = ANY($4::uuid[]) OR out_tap = ANY($4))
"""

AffectedRecipients = frozenset[str] | None
"""Refs of recipients; None stands for all of them."""


class Standpoint(NamedTuple):
    """A moment in a municipality's history: the last change of a visit, the last record, the number of leaves."""

    change_no: int
    master_seq: int
    leaves: int


async def position_of(reading: Reading) -> Standpoint:
    """The standpoint of the transaction."""
    return Standpoint(*await reading.one(NOW))


async def affected(before: Account, now: Account, since: Standpoint, last_on: dt.date) -> AffectedRecipients:
    """The recipients whose compensation of days up to `last_on` may differ between two moments.

    `before` is an account as of `since`: in it a visit still stands where it was before it moved or was withdrawn.
    """
    changed: set[str] = set()
    for row in await now.reading.fetch(RECORDS, since.master_seq):
        bodies = [from_json(body) for body in (row["body"], row["before"]) if body]
        recipients = _of_record(now.provider, row["kind"], row["ref"], bodies)
        if recipients is None:
            return None
        changed |= recipients
    visits = [row["visit"] for row in await now.reading.fetch(CHANGED, since.change_no)]
    if visits:
        for account in (before, now):
            changed |= await _asked(account, VISITED, last_on, visits)
    reports = await now.reading.fetch(REPORTS, since.leaves)
    if reports:
        persons = {now.master.person_of(row["staff"]) for row in reports}
        staff = sorted({ref for person in persons for ref in now.master.refs_of(person)})
        changed |= await _asked(now, REPORTED, last_on, [row["tap"] for row in reports], staff)
    return frozenset(changed)


async def _asked(account: Account, query: str, last_on: dt.date, *more: Any) -> set[str]:
    rows = await account.reading.fetch(query, account.provider, last_on, *more)
    return {row["recipient"] for row in rows}


def _of_record(provider: str, kind: str, ref: str, bodies: Sequence[Mapping[str, Any]]) -> AffectedRecipients:
    """The recipients that a new version of a record affects. `bodies` are its body and, if any, the one before it."""
    if kind == "recipients":
        return frozenset({ref})
    if kind in {"orders", "declines"}:
        parts = [part for body in bodies for part in (*body.get("earlier", ()), body)]
        return frozenset(part["recipient"] for part in parts if provider in _whose(part))
    if kind == "contracts":
        return None if any(body["provider"] == provider for body in bodies) else frozenset()
    return None if kind == "interventions" or ref == provider else frozenset()


def _whose(part: Mapping[str, Any]) -> set[str]:
    """The provider of an order or a notice, and the providers that answer alarms of the order."""
    return {part["provider"]}.union(*(line.get("answered_by", ()) for line in part.get("lines", ())))
