"""Settle a provider's month: its lines by the facts of today, and the adjustments of earlier closed months."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.domain.closed_sets import ProviderForm
from app.domain.money.compensation_input import CompensationInput
from app.domain.money.limits import of_provider
from app.domain.money.month_lines import SettledLine, adjustments, settled_line
from app.domain.money.rating import Agreement, rate
from app.domain.time import Days, month_days
from app.store.connection import Reading
from app.store.money import changed_since, closed_months, compensation
from app.store.money.changed_since import AffectedRecipients, Standpoint
from app.store.money.closed_months import Close
from app.store.money.compensation import Account

OfRecipients = dict[str, list[SettledLine]]
"""Lines of a month by recipient."""


async def rated(
    reading: Reading, provider: str, form: ProviderForm, days: Days, agreements: Sequence[Agreement] | None = None
) -> list[SettledLine]:
    """The lines of days within one month, by the provider's contracts or by other agreements."""
    if agreements is None:
        agreements = await compensation.agreements_of(reading, provider, days)
    if not agreements:
        return []
    account = await compensation.account_of(reading, provider, form)
    return await _lines(account, days, agreements)


async def owed(
    reading: Reading, provider: str, form: ProviderForm, days: Days
) -> tuple[list[SettledLine], list[SettledLine]]:
    """The lines paid for days within one month, and its waiting adjustments; their sum is what the facts give today.

    For a whole closed month the settled lines are paid; for other days all lines by the contracts, and nothing waits.
    """
    lines, month = await rated(reading, provider, form, days), f"{days[0]:%Y-%m}"
    if days != month_days(month) or not await closed_months.closes(reading, provider, days[0]):
        return lines, []
    paid = await closed_months.settled(reading, provider, days[0])
    waiting = [] if days[0] in await closed_months.final(reading, provider) else adjustments(paid, lines, month)
    return paid, waiting


async def _lines(account: Account, days: Days, agreements: Sequence[Agreement]) -> list[SettledLine]:
    """The account's lines, computed in a thread: a large month takes a second, and taps must not wait."""
    facts = await compensation.facts_of(account, days, agreements)
    return await asyncio.to_thread(_settled_lines, facts, agreements, days)


def _settled_lines(facts: CompensationInput, agreements: Sequence[Agreement], days: Days) -> list[SettledLine]:
    return [settled_line(line, facts.provider, f"{days[0]:%Y-%m}") for line in rate(facts, agreements, days)]


@dataclass(slots=True)
class Draft:
    """A month's lines by a snapshot of the facts, and those of the closed months that are settled with it.

    `closed` are the provider's closes in the snapshot.
    """

    month: dt.date
    position: Standpoint
    closed: list[Close]
    lines: dict[dt.date, OfRecipients]


async def drafted(account: Account, month: dt.date, *, closing: bool) -> Draft:
    """Compute an open month, with the closed ones before it if it comes after them all.

    Without `closing` only the first month after the closed ones has them, so that no two open months show the same
    adjustments.
    """
    position = await changed_since.position_of(account.reading)
    closed = await closed_months.closes(account.reading, account.provider)
    draft = Draft(month, position, closed, {})
    final = await closed_months.final(account.reading, account.provider)
    for each in _settled_with(month, [close.month for close in closed], closing=closing):
        if each in final:
            continue
        draft.lines[each] = _by_recipient(await _month(account, each))
    return draft


def _settled_with(month: dt.date, closed: Sequence[dt.date], *, closing: bool) -> list[dt.date]:
    if not closed or month < max(closed) or (month > _following(max(closed)) and not closing):
        return [month]
    return [month, *closed]


async def brought_up(draft: Draft, account: Account, affected: AffectedRecipients) -> None:
    """Compute anew the recipients affected since the draft, None for all, from `account`, which sees the changes."""
    if affected is not None and not affected:
        return
    for each in draft.lines:
        agreements = await _agreements(account, month_days(f"{each:%Y-%m}"))
        if affected is None or any(of_provider(one.terms) for one in agreements):
            draft.lines[each] = _by_recipient(await _month(account, each))
        else:
            kept = {ref: own for ref, own in draft.lines[each].items() if ref not in affected}
            anew = await _month(replace(account, recipients=sorted(affected)), each)
            draft.lines[each] = kept | _by_recipient(anew)


async def settled(draft: Draft, account: Account) -> list[SettledLine]:
    """The draft's month with its adjustments: the lines of each closed month less those settled for it."""
    lines = _of_all(draft.lines[draft.month])
    for earlier in sorted(draft.lines.keys() - {draft.month}):
        before = await closed_months.settled(account.reading, account.provider, earlier)
        lines += adjustments(before, _of_all(draft.lines[earlier]), f"{draft.month:%Y-%m}")
    return lines


async def with_adjustments(reading: Reading, provider: str, form: ProviderForm, month: dt.date) -> list[SettledLine]:
    """The lines of an open month as they would be frozen now."""
    account = await compensation.account_of(reading, provider, form)
    return await settled(await drafted(account, month, closing=False), account)


async def of_days(account: Account, days: Days) -> list[SettledLine]:
    """The lines of days within one month, of the account's recipients; of all if a limit considers all together."""
    agreements = await _agreements(account, days)
    if any(of_provider(one.terms) for one in agreements):
        account = replace(account, recipients=None)
    return await _lines(account, days, agreements) if agreements else []


async def _month(account: Account, month: dt.date) -> list[SettledLine]:
    days = month_days(f"{month:%Y-%m}")
    agreements = await _agreements(account, days)
    return await _lines(account, days, agreements) if agreements else []


async def _agreements(account: Account, days: Days) -> list[Agreement]:
    return await compensation.agreements_of(account.reading, account.provider, days)


def _by_recipient(lines: Iterable[SettledLine]) -> OfRecipients:
    by_recipient: defaultdict[str, list[SettledLine]] = defaultdict(list)
    for line in lines:
        by_recipient[line.recipient].append(line)
    return by_recipient


def _of_all(lines: OfRecipients) -> list[SettledLine]:
    return [line for _, own in sorted(lines.items()) for line in own]


def _following(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)
