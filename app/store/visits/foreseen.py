"""All that a batch of taps will ask for, read in one statement: what is known of its items and what stands around them.

A statement is a round trip, for which a lone tap waits. Where the taps lie follows from what is stored of their phones,
so the windows are foreseen, a little too wide. What is not covered by that is read by a statement of its own, as
everything is where nothing was foreseen; the result is the same.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from app.domain.register.master import MasterData
from app.domain.time import Window, merged_windows
from app.domain.visits.crowd import TOO_MANY, Crowd
from app.domain.visits.presence import Presence
from app.store.connection import Row, Writing
from app.store.fragments import arrays, equal, windows
from app.store.municipality_state import STATE
from app.store.taps import submissions
from app.store.taps.submissions import Asked, Known
from app.store.visits import crowds, pairing_input, presences, visits
from app.store.visits.corrections import near_from
from app.store.visits.pairing_input import CORRECTION_COLUMNS, PairingInput
from app.store.visits.presence_row import READ, presence_of
from app.store.visits.presences import (
    TAP_READ,
    at_households_from,
    flagged_from,
    of_persons_from,
    of_staff,
    taps_from,
)
from app.store.visits.visits import NOT_SET_ASIDE, Standing, standing_of

KINDS = ("visit", "report", "correction")
KNOWN_COLUMNS = "k.what, k.id, k.body_hash, k.verdict, k.code, k.at, k.evidence, k.staff, k.wall_shift, k.booted_at"
PRESENCE = ", ".join(f"p.{name}" for name in READ)
# The rows come as records of several kinds, each kind under its name. See `pairing_input` for what a record may hold.
# The households asked for are those of the new taps, and those of the presences they meet.
FORESEEN = f"""
WITH mine AS MATERIALIZED ({of_persons_from(windows(18, "person"), "wanted.first_at, wanted.last_at, p.*")}
), asked AS (
    SELECT household, lower(span) AS first_at, upper(span) AS last_at FROM (
        SELECT household, unnest(range_agg(tstzrange(first_at, last_at, '[]'))) AS span FROM (
            SELECT * FROM {windows(24, "household")}
            UNION ALL
            SELECT household, anchor_at - $27::interval, reach_at + $28::interval FROM mine
            WHERE reach_at >= first_at AND anchor_at <= last_at
        ) AS one GROUP BY household
    ) AS joined
), there AS MATERIALIZED (SELECT DISTINCT ON (p.id) p.* FROM {at_households_from("asked AS wanted")}
), near AS (
    SELECT id, in_tap, out_tap, side_taps FROM mine UNION SELECT id, in_tap, out_tap, side_taps FROM there
), taps AS (
    SELECT unnest($2::uuid[]) AS id UNION SELECT id FROM near UNION SELECT in_tap FROM near
    UNION SELECT out_tap FROM near UNION SELECT (jsonb_array_elements(side_taps) ->> 0)::uuid FROM near
)
SELECT 'state' AS kind, ROW(s.*) AS record, NULL::uuid[] AS seen, NULL::tag_read AS read, NULL::visit AS visit,
    NULL::report AS report, NULL::correction AS correction
FROM ({STATE}) AS s
UNION ALL SELECT 'known', ROW({KNOWN_COLUMNS}), NULL, k.read, NULL, NULL, NULL FROM ({submissions.KNOWN}) AS k
UNION ALL SELECT 'crowd', ROW(c.*), NULL, NULL, NULL, NULL, NULL FROM ({crowds.counts(9)}) AS c
UNION ALL SELECT 'tap', ROW(t.*), NULL, NULL, NULL, NULL, NULL FROM ({taps_from(15)}) AS t
UNION ALL SELECT 'flagged', ROW(f.*), NULL, NULL, NULL, NULL, NULL FROM ({flagged_from(15)}) AS f
UNION ALL SELECT 'mine', ROW({PRESENCE}), NULL, NULL, NULL, NULL, NULL FROM mine AS p
UNION ALL SELECT 'there', ROW({PRESENCE}), NULL, NULL, NULL, NULL, NULL FROM there AS p
UNION ALL SELECT 'said', ROW({", ".join(CORRECTION_COLUMNS)}), c.seen, NULL, NULL, NULL, NULL
    FROM ({near_from(windows(21, "staff"))}) AS c
UNION ALL SELECT 'visit', NULL, NULL, NULL, v, NULL, NULL FROM visit AS v
    WHERE v.municipality_id = $1 AND v.presence = ANY (ARRAY(SELECT id FROM near))
UNION ALL SELECT 'report', NULL, NULL, NULL, NULL, r.report, NULL FROM taps CROSS JOIN LATERAL (
    SELECT r AS report FROM report AS r
    WHERE r.municipality_id = $1 AND {NOT_SET_ASIDE} AND {equal("r.tap", "taps.id")}) AS r
UNION ALL SELECT 'correction', NULL, NULL, NULL, NULL, NULL, c.correction FROM taps CROSS JOIN LATERAL (
    SELECT c AS correction FROM correction AS c WHERE c.municipality_id = $1 AND {equal("c.tap", "taps.id")}) AS c
"""


@dataclass(frozen=True, slots=True)
class Foresight:
    """The questions: windows of persons, wider ones for corrections near, and windows of households.

    `beside` is how far around a presence others at its household are asked for, before and after.
    """

    asked: Asked
    crowds: Collection[Crowd]
    persons: Sequence[Window]
    wide: Sequence[Window]
    households: Sequence[Window]
    beside: tuple[dt.timedelta, dt.timedelta]


class Unforeseen:
    """The questions to the store while taps become visits, each asked by a statement of its own."""

    async def known(self, writing: Writing, asked: Asked) -> Known:
        """All that is stored of taps."""
        return await submissions.known(writing, asked)

    async def counted(self, writing: Writing, wanted: Collection[Crowd]) -> dict[Crowd, int]:
        """The number of stored taps in crowds."""
        return await crowds.counted(writing, writing.master, wanted)

    def add(self, taps: Iterable[Sequence[Any]]) -> None:
        """Add taps that are to be stored, as `submissions.tap_row` makes them. Any statement stores them first."""

    async def around(self, writing: Writing, windows: Sequence[Window], wide: Sequence[Window]) -> PairingInput:
        """The input of pairing, with the added taps."""
        return await pairing_input.around(writing, writing.master, windows, wide)

    async def at_households(
        self, writing: Writing, windows: Sequence[Window], known: Collection[UUID]
    ) -> list[Presence]:
        """The presences at households that reach into their windows, without the known ones; one may come twice."""
        return await presences.at_households(writing, windows, known)

    async def standing(self, writing: Writing, wanted: Sequence[UUID], taps: Sequence[UUID]) -> Standing:
        """The stored visits of presences, and the reports and corrections of taps. Ask `at_households` before."""
        return await visits.standing(writing, wanted, taps)


class Foreseen(Unforeseen):
    """The same questions, answered from what was read ahead where that covers all that is asked."""

    statement = FORESEEN

    def __init__(self, foresight: Foresight, master: MasterData) -> None:
        """`master` is the master data as remembered."""
        self._foresight = foresight
        self._seq = master.seq
        self._rows: defaultdict[str, list[Any]] = defaultdict(list)
        self._new_taps: list[Sequence[Any]] = []
        self._near: dict[UUID, Presence] = {}
        self.parameters = (
            *foresight.asked.parameters(),
            *crowds.asked_for(master, foresight.crowds),
            *arrays(of_staff(master, foresight.persons)),
            *arrays(foresight.persons),
            *arrays(of_staff(master, foresight.wide)),
            *arrays(foresight.households),
            *foresight.beside,
        )

    def take(self, rows: Sequence[Row]) -> Sequence[Any] | None:
        """Keep the rows; returns the row of the municipality's state, None if there is none."""
        for row in rows:
            self._rows[row["kind"]].append(row)
        return next(iter(self._records("state")), None)

    def holds_for(self, master: MasterData) -> bool:
        """True when nothing was put since: staff refs of other persons, or other tags' doors, were not asked for."""
        return master.seq == self._seq

    def _records(self, kind: str) -> list[Any]:
        return [row["record"] for row in self._rows[kind]]

    async def known(self, writing: Writing, asked: Asked) -> Known:
        if asked != self._foresight.asked:
            return await super().known(writing, asked)
        return submissions.known_of((*row["record"], row["read"]) for row in self._rows["known"])

    async def counted(self, writing: Writing, wanted: Collection[Crowd]) -> dict[Crowd, int]:
        foreseen = self._foresight.crowds
        if not {*foreseen} >= {*wanted}:
            return await super().counted(writing, wanted)
        return crowds.counted_of(writing.master, foreseen, self._records("crowd"))

    def add(self, taps: Iterable[Sequence[Any]]) -> None:
        rows = [dict(zip(submissions.TAP, tap, strict=True)) for tap in taps]
        self._new_taps += [[row[name] for name in TAP_READ] for row in rows if row["code"] != TOO_MANY]

    async def around(self, writing: Writing, windows: Sequence[Window], wide: Sequence[Window]) -> PairingInput:
        if not _covers(self._foresight.persons, windows) or not _covers(self._foresight.wide, wide):
            return await super().around(writing, windows, wide)
        return pairing_input.pairing_input_of(
            writing.master,
            [person for person, _, _ in windows],
            taps=[*self._records("tap"), *self._new_taps],
            presences=self._mine,
            corrections=[(row["record"], row["seen"]) for row in self._rows["said"]],
            flagged=[*self._records("flagged"), *self._new_taps],
        )

    @cached_property
    def _mine(self) -> list[Presence]:
        return [presence_of(record) for record in self._records("mine")]

    async def at_households(
        self, writing: Writing, windows: Sequence[Window], known: Collection[UUID]
    ) -> list[Presence]:
        before, after = self._foresight.beside
        of_person = _by_name(self._foresight.persons)
        met = [
            (one.household, one.anchor_at - before, one.reach_at + after)
            for one in self._mine
            if _reaches(one, of_person[one.person])
        ]
        if not _covers([*self._foresight.households, *met], windows):
            return await super().at_households(writing, windows, known)
        there = {one.id: one for one in map(presence_of, self._records("there"))}
        self._near = {one.id: one for one in self._mine} | there
        at_household = _by_name(windows)
        return [one for id_, one in there.items() if id_ not in known and _reaches(one, at_household[one.household])]

    async def standing(self, writing: Writing, wanted: Sequence[UUID], taps: Sequence[UUID]) -> Standing:
        # A presence that begins with an added tap cannot be stored.
        standing = {*self._near, *(tap[0] for tap in self._new_taps)}
        named = {*self._foresight.asked.ids, *(tap for one in self._near.values() for tap in one.taps)}
        if not standing >= {*wanted} or not named >= {*taps}:
            return await super().standing(writing, wanted, taps)
        rows = [(row["visit"], row["report"], row["correction"]) for kind in KINDS for row in self._rows[kind]]
        found = standing_of(rows)
        own = {*wanted}
        return found._replace(visits=[one for one in found.visits if one.visit.presence in own])


def _covers(foreseen: Iterable[Window], wanted: Iterable[Window]) -> bool:
    """True when each wanted window lies within one that was foreseen."""
    of_name = _by_name(merged_windows(foreseen))
    return all(any(low <= first and last <= high for _, low, high in of_name[name]) for name, first, last in wanted)


def _by_name(windows: Iterable[Window]) -> Mapping[str, list[Window]]:
    found: defaultdict[str, list[Window]] = defaultdict(list)
    for window in windows:
        found[window[0]].append(window)
    return found


def _reaches(presence: Presence, windows: Iterable[Window]) -> bool:
    return any(presence.anchor_at <= last and presence.reach_at >= first for _, first, last in windows)
