"""Orders are placed and withdrawn, one or a thousand by the same few statements, and their visits told anew."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.actions.put_master import (
    UNCONDITIONAL,
    Condition,
    Flaw,
    Json,
    Outcome,
    derive,
    keep,
    refused,
    unknown,
    unmet,
)
from app.actions.retell import for_orders
from app.domain.master import MasterData
from app.domain.order import Order, changed_days
from app.domain.time import Days
from app.store import orders, records
from app.store.database import Writing
from app.store.records import Stored, order_of

KIND = "orders"


class Placed(NamedTuple):
    """An order to be placed: its ref and its body, every field there."""

    ref: str
    body: Json


async def place_orders(
    writing: Writing, placed: Sequence[Placed], *, by: str, condition: Condition = UNCONDITIONAL
) -> list[Outcome]:
    """Place orders, in their order; an outcome for each. One that is refused does not stop the rest.

    Refused: `version_conflict`; `unknown_ref` with a flaw for each recipient, provider and intervention not there.
    """
    stored = await records.latest_of_many(
        writing.sql, writing.municipality_id, KIND, list(dict.fromkeys(one.ref for one in placed))
    )
    had_lines = list(stored)
    new: list[Stored] = []
    days: list[tuple[str, Days]] = []
    outcomes: list[Outcome] = []
    for ref, body in placed:
        latest = stored.get(ref)
        outcome = _outcome(writing.master, latest, body, condition)
        outcomes.append(outcome)
        if outcome.status in {"created", "replaced"}:
            old = order_of(ref, latest.body) if outcome.status == "replaced" and latest else None
            days += _changed(old, order_of(ref, body))
            stored[ref] = Stored(ref, outcome.version, removed=False, body=body)
            new.append(stored[ref])
    if new:
        await keep(writing, KIND, by, new)
        bodies = {one.ref: one.body for one in new}
        await orders.put_orders(
            writing.sql, writing.municipality_id, bodies, [ref for ref in had_lines if ref in bodies]
        )
        if days:
            await derive(writing, await for_orders(writing, days))
    return outcomes


async def withdraw_order(writing: Writing, ref: str, *, by: str, condition: Condition = UNCONDITIONAL) -> Outcome:
    """Take an order back, with its history kept. Refused: `unknown_ref`, `version_conflict`."""
    latest = await records.latest(writing.sql, writing.municipality_id, KIND, ref)
    if latest is None or latest.removed:
        return refused("unknown_ref") if condition.met(None) else unmet(None)
    if not condition.met(latest.version):
        return unmet(latest.version)
    await keep(writing, KIND, by, [Stored(ref, latest.version + 1, removed=True, body=latest.body)])
    await orders.withdraw(writing.sql, writing.municipality_id, ref)
    await derive(writing, await for_orders(writing, list(_changed(order_of(ref, latest.body), None))))
    return Outcome("withdrawn", latest.version + 1, latest.body)


def _outcome(master: MasterData, latest: Stored | None, body: Json, condition: Condition) -> Outcome:
    current = latest if latest and not latest.removed else None
    if not condition.met(current.version if current else None):
        return unmet(current.version if current else None)
    flaws = tuple(_flaws(master, body))
    if flaws:
        return refused("unknown_ref", *flaws)
    if current and current.body == body:
        return Outcome("unchanged", current.version, body)
    return Outcome("replaced" if current else "created", latest.version + 1 if latest else 1, body)


def _flaws(master: MasterData, body: Json) -> Iterator[Flaw]:
    yield from unknown(master.recipients, body["recipient"], "/recipient")
    yield from unknown(master.providers, body["provider"], "/provider")
    for place, line in enumerate(body["lines"]):
        yield from unknown(master.interventions, line["intervention"], f"/lines/{place}/intervention")


def _changed(old: Order | None, new: Order | None) -> Iterator[tuple[str, Days]]:
    """Each recipient with the days whose visits may change."""
    days = changed_days(old, new)
    if days is not None:
        for recipient in sorted({order.recipient for order in (old, new) if order}):
            yield recipient, days
