"""Place and withdraw orders, one or a thousand by the same few statements, and derive their visits anew."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from app.actions.money.changed_past import PastChange, changed_past, paid, warning
from app.actions.register.put_master import unknown
from app.actions.versions import UNCONDITIONAL, Condition, Flaw, Json, PutOutcome, keep, refused, unmet
from app.actions.visits.affected_windows import for_orders
from app.actions.visits.project import derive
from app.domain.closed_sets import ALARM
from app.domain.register.master import MasterData
from app.domain.register.order import Order, changed_days
from app.domain.time import Days, local_date
from app.store.connection import Writing
from app.store.register import orders, records
from app.store.register.records import Stored, order_of

KIND = "orders"


class Placed(NamedTuple):
    """An order to be placed: its ref and its body with every field."""

    ref: str
    body: Json


async def place_orders(
    writing: Writing, placed: Sequence[Placed], *, by: str, condition: Condition = UNCONDITIONAL
) -> list[PutOutcome]:
    """Place orders in sequence, with an outcome for each. One that is refused does not stop the rest.

    A body with `applies_from` keeps the order's earlier parts before that day; else it replaces the whole order. If
    granted time or pay of days before today changes, the outcome has the warning `changes_past`.
    Refused: `version_conflict`; `unknown_ref` with a flaw for each unknown recipient, provider and intervention.
    """
    stored = await records.latest_of_many(writing, KIND, list(dict.fromkeys(one.ref for one in placed)))
    had_lines = list(stored)
    new: list[Stored] = []
    days: list[tuple[str, Days]] = []
    outcomes: list[PutOutcome] = []
    past: dict[int, PastChange] = {}
    for place, (ref, body) in enumerate(placed):
        latest = stored.get(ref)
        outcome = _outcome(writing.master, latest, body, condition)
        outcomes.append(outcome)
        if outcome.status in {"created", "replaced"}:
            old = order_of(ref, latest.body) if outcome.status == "replaced" and latest else ()
            new_parts = order_of(ref, outcome.body)
            days += _changed(old, new_parts)
            change = changed_past(writing.master, old, new_parts, local_date(writing.now)) if old else None
            if change:
                past[place] = change
            stored[ref] = Stored(ref, outcome.version, removed=False, body=outcome.body)
            new.append(stored[ref])
    before = await paid(writing, past.values())
    if new:
        await keep(writing, KIND, by, new)
        bodies = {one.ref: one.body for one in new}
        await orders.put_orders(writing, bodies, [ref for ref in had_lines if ref in bodies])
        if days:
            await derive(writing, await for_orders(writing, days))
    after = await paid(writing, past.values())
    for place, change in past.items():
        warned = warning(writing.master, change, before, after)
        outcomes[place] = replace(outcomes[place], warnings=(warned,) if warned else ())
    return outcomes


async def withdraw_order(writing: Writing, ref: str, *, by: str, condition: Condition = UNCONDITIONAL) -> PutOutcome:
    """Withdraw an order; its history stays. Refused: `unknown_ref`, `version_conflict`."""
    latest = await records.latest(writing, KIND, ref)
    if latest is None or latest.removed:
        return refused("unknown_ref") if condition.met(None) else unmet(None)
    if not condition.met(latest.version):
        return unmet(latest.version)
    await keep(writing, KIND, by, [Stored(ref, latest.version + 1, removed=True, body=latest.body)])
    await orders.withdraw(writing, ref)
    await derive(writing, await for_orders(writing, list(_changed(order_of(ref, latest.body), ()))))
    return PutOutcome("withdrawn", latest.version + 1, latest.body)


def _outcome(master: MasterData, latest: Stored | None, body: Json, condition: Condition) -> PutOutcome:
    current = latest if latest and not latest.removed else None
    if not condition.met(current.version if current else None):
        return unmet(current.version if current else None)
    flaws = tuple(_flaws(master, body))
    if flaws:
        return refused(flaws[0].code, *flaws)
    body = _with_earlier(current.body if current else None, body)
    if current and current.body == body:
        return PutOutcome("unchanged", current.version, body)
    return PutOutcome("replaced" if current else "created", latest.version + 1 if latest else 1, body)


def _with_earlier(current: Json | None, body: Json) -> Json:
    """The body to store, with the earlier parts before the day it applies from; an equal part before is continued."""
    first = body.get("applies_from")
    body = {name: value for name, value in body.items() if name != "applies_from" or value is not None}
    body["lines"] = [
        {name: value for name, value in line.items() if name != "answered_by" or value} for line in body["lines"]
    ]
    if current is None or first is None:
        return body
    last = {name: value for name, value in current.items() if name != "earlier"}
    earlier = [one for one in (*current.get("earlier", ()), last) if one.get("applies_from", "") < first]
    if earlier and earlier[-1] | {"applies_from": first} == body:
        body = earlier.pop()
    return body | {"earlier": earlier} if earlier else body


def _flaws(master: MasterData, body: Json) -> Iterator[Flaw]:
    yield from unknown(master.recipients, body["recipient"], "/recipient")
    yield from unknown(master.providers, body["provider"], "/provider")
    for place, line in enumerate(body["lines"]):
        yield from unknown(master.interventions, line["intervention"], f"/lines/{place}/intervention")
        answering = line.get("answered_by", ())
        for number, provider in enumerate(answering):
            yield from unknown(master.providers, provider, f"/lines/{place}/answered_by/{number}")
        timeline = master.interventions.get(line["intervention"])
        if answering and timeline and not any(one.category == ALARM for one in timeline.versions):
            yield Flaw(f"/lines/{place}/answered_by", "invalid_value")


def _changed(old: Sequence[Order], new: Sequence[Order]) -> Iterator[tuple[str, Days]]:
    """Each recipient with the days whose visits may change."""
    days = changed_days(old, new)
    if days is not None:
        for recipient in sorted({order.recipient for order in (*old, *new)}):
            yield recipient, days
