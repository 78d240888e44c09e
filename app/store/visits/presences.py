"""Reading taps and presences by windows of time, in sets.

Every query takes arrays of windows and looks each one up by index; none depends on how long the history is. The
order asked for inside a look-up is what makes the right index the cheapest before there are any statistics.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from app.domain.register.master import MasterData
from app.domain.time import LONGEST_PRESENCE, Span, Window
from app.domain.visits.evidence import by_hand, on_the_wire
from app.domain.visits.presence import Presence, Tap
from app.domain.visits.wrong_clocks import Said
from app.store.connection import Reading
from app.store.fragments import arrays, interval, windows
from app.store.taps.submissions import NOT_SET_ASIDE
from app.store.visits.presence_row import READ, presence_of

TAP_READ = (
    "id", "staff", "direction", "at", "tag", "household", "evidence", "verdict", "code", "flags", "counter", "reason",
)  # fmt: skip
"""The columns that `tap_of` reads, in their order."""
LONGEST = interval(LONGEST_PRESENCE)
# An hour more than a presence can last, so that a search by the start finds it whenever it ended.
AROUND = interval(LONGEST_PRESENCE + dt.timedelta(hours=1))


def taps_from(first: int) -> str:
    """The query of taps within windows of staff refs, three array parameters from `$first` on."""
    return f"""
SELECT t.* FROM {windows(first, "staff")}
CROSS JOIN LATERAL (
    SELECT {", ".join(TAP_READ)} FROM tap
    WHERE municipality_id = $1 AND staff = wanted.staff AND at >= wanted.first_at AND at <= wanted.last_at
      AND {NOT_SET_ASIDE}
    ORDER BY at
) AS t
"""


def flagged_from(first: int) -> str:
    """The query of flagged taps that can bound a presence in such windows."""
    # The number of flags is the entry to the index of flagged taps, of which there are few.
    return f"""
SELECT t.* FROM {windows(first, "staff")}
CROSS JOIN LATERAL (
    SELECT {", ".join(TAP_READ)} FROM tap
    WHERE municipality_id = $1 AND staff = wanted.staff AND at >= wanted.first_at - {LONGEST}
      AND at <= wanted.last_at AND cardinality(flags) > 0
    ORDER BY at
) AS t
"""


TAPS = taps_from(2)
# The phones' times of taps, compared with all taps of the person's staff refs but control taps: nobody is present by
# one.
CLOCKS = f"""
SELECT t.id, t.at, t.tapped_at, bool_or(EXISTS (
    SELECT FROM tap AS other
    WHERE other.municipality_id = $1 AND other.staff = wanted.staff AND other.direction <> 'control'
      AND other.{NOT_SET_ASIDE}
      AND other.at >= t.at - {LONGEST} AND other.at <= t.at + {LONGEST}
      AND (other.at < t.at AND other.tapped_at > t.tapped_at OR other.at > t.at AND other.tapped_at < t.tapped_at)
)) AS astray
FROM unnest($2::uuid[], $3::text[]) AS wanted(tap, staff)
JOIN tap AS t ON t.municipality_id = $1 AND t.id = wanted.tap
GROUP BY t.id, t.at, t.tapped_at
"""
SELECTED = ", ".join(f"p.{name}" for name in READ)
# Three layers, each found by index: presences open when the window began; those that overlap them, for an inner visit
# may long be closed when the outer one gets its OUT; and those that overlap these, which their seconds depend on.
# A presence lasts 16 hours at most, which bounds how far back each layer is looked for.


def of_persons_from(wanted: str, columns: str = SELECTED) -> str:
    """The query of presences of persons within windows, a FROM item `wanted(person, first_at, last_at)`."""
    return f"""
SELECT {columns} FROM {wanted}
CROSS JOIN LATERAL (
    SELECT coalesce(min(o.anchor_at), wanted.first_at) AS at FROM presence AS o
    WHERE o.municipality_id = $1 AND o.person = wanted.person
      AND o.anchor_at >= wanted.first_at - {AROUND} AND o.anchor_at <= wanted.first_at
      AND o.reach_at >= wanted.first_at
) AS opened CROSS JOIN LATERAL (
    SELECT coalesce(min(o.anchor_at), opened.at) AS at FROM presence AS o
    WHERE o.municipality_id = $1 AND o.person = wanted.person
      AND o.anchor_at >= opened.at - {AROUND} AND o.anchor_at <= opened.at AND o.reach_at >= opened.at
) AS overlapped CROSS JOIN LATERAL (
    SELECT * FROM presence AS p
    WHERE p.municipality_id = $1 AND p.person = wanted.person
      AND p.anchor_at >= overlapped.at - {AROUND} AND p.anchor_at <= wanted.last_at
      AND p.reach_at >= overlapped.at
    ORDER BY p.anchor_at
) AS p
"""


OF_PERSONS = of_persons_from(windows(2, "person"))
# Presences that corrections have changed, by the person and time of their taps.
PAIRED_OF_PERSONS = f"""
SELECT {SELECTED} FROM {windows(2, "person")}
CROSS JOIN LATERAL (
    SELECT * FROM presence AS p
    WHERE p.municipality_id = $1 AND p.paired_by = wanted.person
      AND p.paired_at >= wanted.first_at - {AROUND} AND p.paired_at <= wanted.last_at
) AS p
"""
# The persons that corrections have given presences to, by the taps of these: their bounds and side taps.
GIVEN = f"""
SELECT t.id, p.person FROM unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS t(id, person, at)
JOIN presence AS p ON p.municipality_id = $1 AND p.paired_by = t.person
  AND p.paired_at BETWEEN t.at - {AROUND} AND t.at + {AROUND}
WHERE t.id IN (p.in_tap, p.out_tap)
  OR EXISTS (SELECT FROM jsonb_array_elements(p.side_taps) AS side WHERE side ->> 0 = t.id::text)
"""
OF_IDS = f"SELECT {SELECTED} FROM presence AS p WHERE p.municipality_id = $1 AND p.id = ANY($2::uuid[])"


def at_households_from(wanted: str) -> str:
    """The FROM items of presences `p` at households within windows, `wanted(household, first_at, last_at)`."""
    return f"""{wanted}
CROSS JOIN LATERAL (
    SELECT * FROM presence AS p
    WHERE p.municipality_id = $1 AND p.household = wanted.household
      AND p.anchor_at >= wanted.first_at - {AROUND} AND p.anchor_at <= wanted.last_at
      AND p.reach_at >= wanted.first_at
    ORDER BY p.anchor_at
) AS p
"""


# The known ones are looked up in a hash: `<> ALL` would compare each row with each of them.
AT_HOUSEHOLDS = f"""
SELECT {SELECTED} FROM {at_households_from(windows(2, "household"))} WHERE p.id NOT IN (SELECT unnest($5::uuid[]))
"""
# Found through the visits, which have an index of their starts; an index of open ones would change with every OUT.
EXPIRED = """
SELECT coalesce(p.paired_by, v.person) AS person, min(v.started_at) AS first_at, max(v.started_at) AS last_at
FROM visit AS v JOIN presence AS p ON p.municipality_id = $1 AND p.id = v.presence
WHERE v.municipality_id = $1 AND v.anchor_at >= $2 AND v.anchor_at < $3
    AND v.started_at IS NOT NULL AND v.out_tap IS NULL
GROUP BY 1
"""
HISTORY = """
SELECT least((SELECT min(at) FROM tap WHERE municipality_id = $1),
             (SELECT min(started_at) FROM manual_visit WHERE municipality_id = $1),
             (SELECT min(anchor_at) FROM presence WHERE municipality_id = $1)) AS first_at,
    greatest((SELECT max(at) FROM tap WHERE municipality_id = $1),
             (SELECT max(started_at) FROM manual_visit WHERE municipality_id = $1),
             (SELECT max(anchor_at) FROM presence WHERE municipality_id = $1)) AS last_at
"""
PERSONS_WITHIN = f"""
SELECT DISTINCT coalesce(v.person, bearer.staff) FROM (
    SELECT staff FROM tap WHERE municipality_id = $1 AND at >= $2 AND at <= $3 AND {NOT_SET_ASIDE}
    UNION SELECT staff FROM manual_visit WHERE municipality_id = $1 AND started_at >= $2 AND started_at <= $3
) AS bearer LEFT JOIN LATERAL (
    SELECT person FROM staff_version WHERE municipality_id = $1 AND ref = bearer.staff ORDER BY valid DESC LIMIT 1
) AS v ON true
UNION
SELECT DISTINCT person FROM presence WHERE municipality_id = $1 AND anchor_at >= $2 AND anchor_at <= $3
"""

LOGGED_IN = """
SELECT p.staff, v.provider, p.started_at AS since,
    CASE WHEN p.dispute_in IS NULL THEN p.evidence_in ELSE 'disputed' END AS evidence
FROM presence AS p LEFT JOIN LATERAL (
    SELECT provider FROM visit WHERE municipality_id = $1 AND presence = p.id LIMIT 1
) AS v ON true
WHERE p.municipality_id = $1 AND p.household = $2 AND p.anchor_at > $3 AND p.anchor_at <= $4 AND p.state = 'open'
ORDER BY p.started_at, p.staff
"""
LIVED_IN = "SELECT EXISTS (SELECT FROM recipient_version WHERE municipality_id = $1 AND household = $2)"


def of_staff(master: MasterData, windows: Sequence[Window]) -> list[Window]:
    """Windows of persons as windows of their staff refs."""
    return [(staff, first, last) for person, first, last in windows for staff in master.refs_of(person)]


async def taps_of(reading: Reading, master: MasterData, windows: Sequence[Window]) -> dict[str, list[Tap]]:
    """The taps of persons within their windows, by person, where a household is known.

    Control taps are left out: nobody is present by one.
    """
    taps: dict[str, list[Tap]] = {person: [] for person, _, _ in windows}
    for row in await reading.fetch(TAPS, *arrays(of_staff(master, windows))):
        tap = tap_of(row, master)
        if tap is not None:
            taps[master.person_of(tap.staff)].append(tap)
    return taps


def tap_of(row: Any, master: MasterData) -> Tap | None:
    """The tap of a row of `TAPS`; None for a control tap and for one without a household."""
    id_, staff, direction, at, tag, household, evidence, verdict, code, flags, counter, reason = row
    if direction == "control":
        return None
    if household is None:
        household = master.tags[tag].household_at(at)
        if household is None:
            return None
    # A tag that has since got a household is no longer unassigned: the visit heals.
    dispute = code if verdict == "disputed" and code != "tag_unassigned" else None
    level = by_hand(reason) if evidence == "manual" else evidence
    return Tap(id_, staff, household, direction, at, counter, level, dispute, tuple(flags))


async def clocks_of(reading: Reading, master: MasterData, presences: Sequence[Presence]) -> dict[UUID, Said]:
    """The phones' times of the ends of presences, by tap."""
    asked = [
        (tap, staff)
        for presence in presences
        for tap in (presence.in_tap, presence.out_tap)
        if tap
        for staff in master.refs_of(presence.as_paired.person)
    ]
    if not asked:
        return {}
    rows = await reading.fetch(CLOCKS, *map(list, zip(*asked, strict=True)))
    return {tap: Said(at, tapped_at, astray) for tap, at, tapped_at, astray in rows}


async def of_persons(reading: Reading, windows: Sequence[Window]) -> dict[str, list[Presence]]:
    """The presences of persons that reach into their windows, by person."""
    presences: dict[str, list[Presence]] = {person: [] for person, _, _ in windows}
    for row in await reading.fetch(OF_PERSONS, *arrays(windows)):
        presence = presence_of(row)
        presences[presence.person].append(presence)
    return presences


async def paired_of_persons(reading: Reading, windows: Sequence[Window]) -> dict[str, list[Presence]]:
    """The corrected presences whose taps are these persons' within their windows, by person."""
    presences: dict[str, list[Presence]] = {person: [] for person, _, _ in windows}
    for row in await reading.fetch(PAIRED_OF_PERSONS, *arrays(windows)):
        presence = presence_of(row)
        presences[presence.as_paired.person].append(presence)
    return presences


async def of_ids(reading: Reading, ids: Sequence[UUID]) -> dict[UUID, Presence]:
    """The presences with these ids."""
    return {row["id"]: presence_of(row) for row in await reading.fetch(OF_IDS, ids)}


async def given_to_others(reading: Reading, taps: Sequence[tuple[UUID, str, dt.datetime]]) -> set[tuple[UUID, str]]:
    """Pairs (tap, person): the taps whose presence a correction gave to that person.

    `taps` are (id, person who tapped, instant).
    """
    return {tuple(row) for row in await reading.fetch(GIVEN, *map(list, zip(*taps, strict=True)))}


async def at_households(reading: Reading, windows: Sequence[Window], known: Collection[UUID]) -> list[Presence]:
    """The presences at households that reach into their windows, without the known ones; one may come twice."""
    return [presence_of(row) for row in await reading.fetch(AT_HOUSEHOLDS, *arrays(windows), list(known))]


async def logged_in(reading: Reading, household: str, now: dt.datetime) -> list[dict[str, Any]] | None:
    """The open presences at the household as JSON objects; None for a household where nobody ever lived."""
    if not await reading.fetchval(LIVED_IN, household):
        return None
    rows = await reading.fetch(LOGGED_IN, household, now - LONGEST_PRESENCE, now)
    return [dict(row) | {"evidence": on_the_wire(row["evidence"])} for row in rows]


async def expired(reading: Reading, first_at: dt.datetime, before_at: dt.datetime) -> list[Window]:
    """Persons with visits without OUT that began from `first_at` to before `before_at`, each with their window."""
    rows = await reading.fetch(EXPIRED, first_at, before_at)
    return [(row["person"], row["first_at"], row["last_at"]) for row in rows]


async def history(reading: Reading) -> Span | None:
    """First and last instant of all taps, manual visits and presences; None before the first."""
    row = await reading.one(HISTORY)
    return (row["first_at"], row["last_at"]) if row["first_at"] else None


async def persons_within(reading: Reading, first_at: dt.datetime, last_at: dt.datetime) -> list[str]:
    """Every person with a tap, manual visit or presence between two instants, both included."""
    return sorted(row[0] for row in await reading.fetch(PERSONS_WITHIN, first_at, last_at))
