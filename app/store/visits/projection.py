"""Writing of derived rows: presences, visits, withdrawn visits, the figures of months, the list of changes.

One statement writes a set of differences. It runs under the municipality's lock, so a change number is given once and
no reader of changes ever skips one.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import UUID

from app.domain.visits.evidence import EVIDENCE_LEVELS
from app.domain.visits.presence import Presence
from app.domain.visits.visit import Visit
from app.store import rows, schema
from app.store.connection import Writing
from app.store.visits.presence_row import presence_row
from app.store.visits.visit_row import StoredVisit, visit_row

SUM_KEY = schema.month_sum.primary_key.columns.keys()
COUNT_KEY = schema.anomaly_count.primary_key.columns.keys()
SUMS = [name for name in rows.names(schema.month_sum) if name not in SUM_KEY]
# A visit is counted under its weakest end, and under none of these it is `sun_online`. Each level comes with the offset
# of its counts from those of all visits.
WEAKER = [(level, SUMS.index(level) - SUMS.index("visits")) for level in reversed(EVIDENCE_LEVELS[1:])]
# A visit that returns after it was withdrawn continues the numbers of its versions.
VISIT_COLUMNS = ", ".join(
    "new_visit.version + coalesce(back.version, 0)" if name == "version" else f"new_visit.{name}"
    for name in rows.names(schema.visit)
)
WRITE = f"""
WITH new_visit AS ({rows.given(schema.visit, 5)}
), gone AS ({rows.given(schema.withdrawn_visit, 6)}
), removed_presence AS (
    DELETE FROM presence WHERE municipality_id = $1 AND id = ANY($3::uuid[])
), removed_visit AS (
    DELETE FROM visit AS v USING gone WHERE v.municipality_id = $1 AND v.id = gone.id
), withdrawn AS (
    INSERT INTO withdrawn_visit SELECT * FROM gone
), back AS (
    DELETE FROM withdrawn_visit AS w USING new_visit
    WHERE w.municipality_id = $1 AND w.id = new_visit.id AND new_visit.version = 1 RETURNING w.id, w.version
), presences AS (
    INSERT INTO presence {rows.given(schema.presence, 4)} {rows.replacing(schema.presence)}
), visits AS (
    INSERT INTO visit SELECT {VISIT_COLUMNS} FROM new_visit LEFT JOIN back ON back.id = new_visit.id
    {rows.replacing(schema.visit, ("municipality_id", "id"))}
), summed AS (
    INSERT INTO month_sum AS m {rows.given(schema.month_sum, 7)}
    ON CONFLICT ({", ".join(SUM_KEY)}) DO UPDATE SET
        {", ".join(f"{name} = m.{name} + excluded.{name}" for name in SUMS)}
), counted AS (
    INSERT INTO anomaly_count AS a {rows.given(schema.anomaly_count, 9)}
    ON CONFLICT ({", ".join(COUNT_KEY)}) DO UPDATE SET found = a.found + excluded.found
), moved AS (
    UPDATE municipality SET change_no = $2 + cardinality($8::visit_change[])
    WHERE municipality_id = $1 AND cardinality($8::visit_change[]) > 0
){{beside}}
INSERT INTO visit_change {rows.given(schema.visit_change, 8)}
"""
# A visit may take the place of one that is withdrawn with a later set.
PLACES_AT_END = "SET CONSTRAINTS visit_pkey DEFERRED"


@cache
def _write(beside: str) -> str:
    """The statement, with the parts of another write in its WITH clause."""
    return WRITE.format(beside=f", {beside}" if beside else "")


async def write(
    writing: Writing,
    *,
    presences: Iterable[Presence] = (),
    removed: Collection[UUID] = (),
    visits: Sequence[StoredVisit] = (),
    gone: Sequence[tuple[StoredVisit, UUID | None]] = (),
    before: Sequence[Visit] = (),
) -> None:
    """Write new and changed presences and visits, delete those that are no more.

    `gone` carries each withdrawn visit's successor; `before` are the changed and gone visits as they were, for sums.
    """
    after = [stored.visit for stored in visits]
    new_presences = [presence_row(writing.municipality_id, presence) for presence in presences]
    ids = [(visit.id, False) for visit in after] + [(stored.visit.id, True) for stored, _ in gone]
    change_no = writing.change_no
    writing.change_no += len(ids)
    changes = [
        writing.macs.add("visit_change", (writing.municipality_id, no, *change))
        for no, change in enumerate(ids, change_no + 1)
    ]
    if new_presences or removed or changes:
        deferred = writing.take_deferred()
        await writing.execute(
            _write(deferred.beside if deferred else ""),
            change_no,
            list(removed),
            new_presences,
            [visit_row(writing.municipality_id, stored) for stored in visits],
            [writing.macs.add("withdrawn_visit", _gone(writing.municipality_id, *one)) for one in gone],
            [(writing.municipality_id, *sums) for sums in month_sums(after, before)],
            changes,
            [(writing.municipality_id, *count) for count in anomaly_counts(after, before)],
            *(deferred.arguments if deferred else ()),
        )


class Beside:
    """A set of differences on its way to the database, which works on it while the next set is derived here."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._under_way: asyncio.Task[None] | None = None

    async def write(
        self, presences: Sequence[Presence], visits: Sequence[StoredVisit], before: Sequence[Visit]
    ) -> None:
        """Send a set on its way, as `write` does, once the last one is stored."""
        if self._under_way is None:
            await self._writing.configure(PLACES_AT_END)
        await self.stored()
        self._under_way = asyncio.create_task(write(self._writing, presences=presences, visits=visits, before=before))
        await self.send()

    async def send(self) -> None:
        """Let the driver send more of the set that is on its way, if one is: it does so only while nobody computes."""
        if self._under_way is not None and not self._under_way.done():
            await asyncio.sleep(0)

    async def stored(self) -> None:
        """Return when the last set is stored. Until then no other statement can be run."""
        if self._under_way is not None:
            await self._under_way

    async def give_up(self) -> None:
        """Cancel what is on its way: the transaction can be rolled back then."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)


@asynccontextmanager
async def beside(writing: Writing) -> AsyncIterator[Beside]:
    """Sets of differences, all of them stored at the end."""
    sets = Beside(writing)
    try:
        yield sets
        await sets.stored()
    except BaseException:
        await sets.give_up()
        raise


def month_sums(after: Iterable[Visit], before: Iterable[Visit] = ()) -> list[tuple[Any, ...]]:
    """The differences of the months' sums between the visits `before` and `after`, for each key that changes.

    They are rows of `month_sum` without the municipality.
    """
    sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for visits, sign in ((after, 1), (before, -1)):
        for visit in visits:
            if visit.shares:
                _add(sums, visit, sign)
    return [(*key, *sums[key]) for key in sorted(sums) if any(sums[key])]


def anomaly_counts(after: Iterable[Visit], before: Iterable[Visit] = ()) -> list[tuple[Any, ...]]:
    """The differences of the counts of anomalies between the visits `before` and `after`, for each key that changes.

    They are rows of `anomaly_count` without the municipality.
    """
    counts: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for visits, sign in ((after, 1), (before, -1)):
        for visit in visits:
            for code in visit.anomalies:
                month = visit.local_date.replace(day=1)
                counts[visit.provider or "", code, visit.anomaly_states.get(code, "open"), month] += sign
    return [(*key, counts[key]) for key in sorted(counts) if counts[key]]


def _add(sums: defaultdict[tuple[Any, ...], list[int]], visit: Visit, sign: int) -> None:
    month = visit.local_date.replace(day=1)
    ends = visit.evidence_in, visit.evidence_out
    behind = next((behind for level, behind in WEAKER if level in ends), None)
    seen: set[tuple[int, str]] = set()
    for share in visit.shares:
        category, intervention, line = share.category or "", share.intervention or "", share.order_line or ""
        row = sums[month, visit.recipient, visit.provider or "", category, intervention, line]
        row[0] += sign * share.seconds
        row[1] += sign * share.seconds * share.payable
        # A visit is counted on its first share of each kind, so that sums over any grouping count it once.
        for kind in ((2, ""), (3, category), (4, intervention), (5, line)):
            if kind not in seen:
                seen.add(kind)
                row[kind[0]] += sign
                if behind is not None:
                    row[kind[0] + behind] += sign


def _gone(municipality_id: int, stored: StoredVisit, successor: UUID | None) -> tuple[Any, ...]:
    return municipality_id, stored.visit.id, stored.version, stored.visit.provider, stored.visit.staff, successor
