"""Changes of past days by an order that is put again: granted time and pay, for a warning to its author."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from app.actions.money import settle_month
from app.domain.register.granted import granted_seconds, lines_of
from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY, Order, first_change, months, providers_of
from app.domain.time import Days
from app.store.connection import Writing
from app.store.money import compensation
from app.store.money.compensation import Account

Pay = Mapping[tuple[str, str], int]
"""Öre by provider and recipient."""


@dataclass(frozen=True, slots=True)
class PastChange:
    """An order before and after it was put again, and the days before today from the first that it changes.

    `whose` is each provider with the recipients of whom its pay may change: one presence is divided between all of a
    household, and others may answer an alarm.
    """

    before: Sequence[Order]
    after: Sequence[Order]
    days: Days
    whose: AbstractSet[tuple[str, str]]


def changed_past(
    master: MasterData, before: Sequence[Order], after: Sequence[Order], today: dt.date
) -> PastChange | None:
    """The change of days before today; None if those stay the same."""
    first = first_change(before, after)
    if first is None or first >= today:
        return None
    whose = {
        (provider, recipient)
        for order in (*before, *after)
        for provider in providers_of(order)
        for recipient in master.household_of(order.recipient)
    }
    return PastChange(before, after, (first, today - ONE_DAY), whose)


async def paid(writing: Writing, changes: Collection[PastChange]) -> Pay:
    """The present pay for the days of all changes together, of the providers and recipients concerned.

    It begins with the first day's month, because limits and the rounding of a line apply to a whole month.
    """
    pay: defaultdict[tuple[str, str], int] = defaultdict(int)
    recipients: defaultdict[str, set[str]] = defaultdict(set)
    for change in changes:
        for provider, recipient in change.whose:
            recipients[provider].add(recipient)
    for provider, own in sorted(recipients.items()):
        first_on = min(change.days[0] for change in changes).replace(day=1)
        days = first_on, max(change.days[1] for change in changes)
        [(_, form, _)] = await compensation.providers(writing, provider)
        account = Account(writing, provider, form, writing.master, sorted(own))
        agreements = await compensation.agreements_of(writing, provider, days)
        first_on = max(first_on, min((one.days[0] for one in agreements), default=days[1] + ONE_DAY))
        for part in months((first_on, days[1])):
            for line in await settle_month.of_days(account, part):
                pay[provider, line.recipient] += line.amount_ore
    return pay


def warning(master: MasterData, change: PastChange, before: Pay, after: Pay) -> dict[str, Any] | None:
    """The warning about the change, with seconds and öre; None if neither grants nor pay change."""
    ore = sum(after.get(one, 0) - before.get(one, 0) for one in change.whose)
    seconds = _granted(master, change.after, change.days) - _granted(master, change.before, change.days)
    if not ore and not seconds and not _grants_otherwise(change):
        return None
    return {"code": "changes_past", "from": change.days[0].isoformat(), "seconds": seconds, "ore": ore}


def _granted(master: MasterData, orders: Sequence[Order], days: Days) -> int:
    return sum(sum(granted_seconds(master, line, days).values()) for line in lines_of(orders))


def _grants_otherwise(change: PastChange) -> bool:
    """True when the grant of a past day changes, even if the sum does not; weekdays and windows are no grant."""
    return first_change(*map(_as_granted, (change.before, change.after))) is not None


def _as_granted(orders: Iterable[Order]) -> list[Order]:
    return [
        replace(
            order,
            lines=tuple(replace(line, weekdays=(), window=None, answered_by=()) for line in order.lines),
            pauses=tuple(replace(pause, reason="", notified_at=None) for pause in order.pauses),
        )
        for order in orders
    ]
