"""Derive every visit anew from the facts, month by month, and report the differences."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from app.actions.visits.project import Affected, Projected, project
from app.domain.register.order import months
from app.domain.time import Window, days_span, local_date, month_days
from app.domain.visits.presence import Presence
from app.domain.visits.visit import Visit
from app.store import invariants, typed_tables
from app.store.connection import Writing
from app.store.database import Database
from app.store.register import records
from app.store.visits import presences, projection, visits

PERSONS_AT_ONCE = 50

Derived = Presence | Visit


@asynccontextmanager
async def _step(database: Database, municipality_id: int, *, dry: bool) -> AsyncIterator[Writing]:
    async with database.write(municipality_id) as writing:
        if dry:
            await writing.configure("SAVEPOINT as_it_was")
        yield writing
        if dry:
            await writing.configure("ROLLBACK TO as_it_was")


async def rebuild(
    database: Database, municipality_id: int, month: str | None = None, *, dry: bool = False
) -> AsyncIterator[str]:
    """A line for each difference between the stored visits and those derived from the facts, after mending it.

    With `dry` nothing changes. Each step is a transaction of its own under the municipality's lock, so phones are
    served in between. Raises ValueError for an invalid month, UnreadableRecordsError.
    """
    for line in await _retype(database, municipality_id, dry=dry):
        yield line
    async with database.read(municipality_id) as reading:
        history = await presences.history(reading)
    of_month = month_days(month) if month is not None else None
    lived = (local_date(history[0]), local_date(history[1])) if history else None
    for days in months(of_month or lived) if lived else ():
        first_at, end_at = days_span(*days)
        window = first_at, end_at - dt.timedelta(seconds=1)
        async with database.read(municipality_id) as reading:
            persons = await presences.persons_within(reading, *window)
        for start in range(0, len(persons), PERSONS_AT_ONCE):
            chosen: Sequence[Window] = [(person, *window) for person in persons[start : start + PERSONS_AT_ONCE]]
            async with _step(database, municipality_id, dry=dry) as writing:
                outcome = await project(writing, Affected(persons=list(chosen)))
            for line in _differences(outcome):
                yield line
    async with _step(database, municipality_id, dry=dry) as writing:
        orphans = [(stored, None) for stored in await visits.orphans(writing)]
        gone = [stored.visit for stored, _ in orphans]
        await projection.write(writing, gone=orphans, before=gone)
        # Without a month also those of months without any fact.
        wrong = await invariants.mend_kept(writing, *(of_month or (None, None)))
        wrong += await invariants.mend_beside(writing)
        if wrong and not dry:
            await _tell(writing, len(wrong))
    # Yielded after the commit: the reader of these lines may stop at any of them.
    for visit in gone:
        yield _difference("visit", visit, None)
    for line in wrong:
        yield line


async def _tell(writing: Writing, rows: int) -> None:
    """Record that rows were mended. Nothing else tells whoever keeps an answer that it holds no longer."""
    await records.tell(writing, "mended", {"rows": rows})


async def _retype(database: Database, municipality_id: int, *, dry: bool) -> list[str]:
    """A line for each of the first rows of master data that differed from the records, after mending them."""
    async with database.scratch(municipality_id) as changing:
        differing = await typed_tables.differing(changing)
    if differing and not dry:
        async with database.write(municipality_id, with_master=False) as writing:
            await typed_tables.differing(writing)
            await typed_tables.mend(writing)
            await _tell(writing, sum(many for _, many, _ in differing))
    lines = []
    for table, many, rows in differing:
        lines += [f"{table} {row}" for row in rows]
        lines += [f"{table}: {many - len(rows)} more"] if many > len(rows) else []
    return lines


def _differences(outcome: Projected) -> Iterator[str]:
    for presence_before, presence_after in outcome.moved:
        yield _difference("presence", presence_before, presence_after)
    for before, after in outcome.differences:
        yield _difference("visit", before, after)


def _difference(what: str, before: Derived | None, after: Derived | None) -> str:
    if before is None and after is not None:
        return f"{what} {after.id} was missing"
    if before is not None and after is None:
        return f"{what} {before.id} stood without its facts"
    if before is None or after is None:
        raise ValueError("a difference has a side")
    names = [name for name in after._fields if getattr(before, name) != getattr(after, name)]
    return f"{what} {after.id} differed in {', '.join(names)}"
