"""Close a provider's month: its lines are frozen, and later changes become adjustments."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from uuid import uuid4

from app.actions.money import settle_month
from app.actions.money.settle_month import Draft
from app.domain.money.month_lines import SettledLine, lines_hash
from app.domain.time import UTC, Days, local_date, month_days
from app.store.connection import Reading, Writing
from app.store.database import Database
from app.store.money import changed_since, closed_months, compensation
from app.store.money.closed_months import Close
from app.store.money.compensation import Account


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A request to close a month. `accept`: the anomalies that may stay open, all, none, or these `visit:code`."""

    provider: str
    days: Days
    by: str
    accept: bool | Collection[str]
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """The close, or the `code` of its refusal with the `visit:code` of each anomaly that blocks it."""

    close: Close | None
    created: bool = False
    code: str = ""
    blocking: list[str] = field(default_factory=list)


async def close_period(
    database: Database,
    municipality_id: int,
    provider: str,
    month: str,
    *,
    by: str,
    accept: bool | Collection[str],
    now: dt.datetime,
) -> Closed:
    """Close a month (`YYYY-MM`) of a provider, once; a second time returns the first close.

    Its lines are computed from a snapshot, without the municipality's lock. Under the lock only the lines affected
    since are computed anew: a fact is in the close, or comes after it. Refused: `unknown_ref`; `month_not_over`;
    `anomalies_open`, unless all of them, or each by its name, are accepted.
    """
    asked = CloseRequest(provider, month_days(month), by, accept, now)
    async with database.closing, database.snapshot(municipality_id) as reading:
        known = await compensation.providers(reading, provider)
        if not known:
            return Closed(None, code="unknown_ref")
        refused, _ = await _refused(reading, asked)
        if refused:
            return refused
        before = await compensation.account_of(reading, provider, known[0][1])
        draft = await settle_month.drafted(before, asked.days[0], closing=True)
        # The draft's transaction stays open: only it still sees a visit that has moved since.
        async with database.write(municipality_id) as writing:
            refused, accepted = await _refused(writing, asked)
            if refused:
                return refused
            lines = await _lines(writing, before, draft)
            close = _close(writing, asked, accepted, lines)
            await closed_months.append(writing, close, lines)
    return Closed(close, created=True)


async def _refused(reading: Reading, asked: CloseRequest) -> tuple[Closed | None, list[str]]:
    """The refusal, or the close that exists already; None if the month can be closed, with its open anomalies."""
    closes = await closed_months.closes(reading, asked.provider, asked.days[0])
    if closes:
        return Closed(closes[0]), []
    if asked.days[1] >= local_date(asked.now):
        return Closed(None, code="month_not_over"), []
    still_open = await closed_months.open_anomalies(reading, asked.provider, asked.days)
    accept = asked.accept
    blocking = [] if accept is True else [one for one in still_open if accept is False or one not in accept]
    return (Closed(None, code="anomalies_open", blocking=blocking) if blocking else None), still_open


async def _lines(writing: Writing, before: Account, draft: Draft) -> list[SettledLine]:
    """The draft's lines as they are now, under the lock."""
    form = (await compensation.providers(writing, before.provider))[0][1]
    account = replace(before, reading=writing, form=form, master=writing.master)
    closed = await closed_months.closes(writing, before.provider)
    if closed != draft.closed:  # another month was closed meanwhile: it is to be settled too
        draft = await settle_month.drafted(account, draft.month, closing=True)
    else:
        last_on = month_days(f"{max(draft.lines):%Y-%m}")[1]
        await settle_month.brought_up(
            draft, account, await changed_since.affected(before, account, draft.position, last_on)
        )
    return await settle_month.settled(draft, account)


def _close(writing: Writing, asked: CloseRequest, accepted: list[str], lines: list[SettledLine]) -> Close:
    return Close(
        uuid4(),
        asked.provider,
        asked.days[0],
        asked.now.astimezone(UTC),
        asked.by,
        writing.change_no,
        writing.master.seq,
        tuple(accepted),
        len(lines),
        sum(line.amount_ore for line in lines),
        lines_hash(lines),
        writing.leaves.position,
    )
