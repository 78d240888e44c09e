"""Appending taps, reports and refused attempts, idempotently, in sets."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from app.domain.taps.judging import Claim, Judgement, Shift
from app.domain.taps.read_counter import CountedRead, Reads
from app.domain.taps.report import Report
from app.domain.taps.sender import Kept, RefusedItems
from app.domain.visits.crowd import TOO_MANY
from app.store import rows, schema
from app.store.connection import BESIDE_FROM, Deferred, Reading, Writing
from app.store.fragments import equal
from app.store.ledger import ledger
from app.store.taps import attempts, tag_reads
from app.store.taps.attempts import Attempt

BY_ID = equal("id", "wanted.id")
# How many refused items are kept of the staff refs in a parameter.
COUNTS = """unnest(${at}::text[]) AS wanted(staff) JOIN LATERAL (
    SELECT * FROM attempt_count WHERE municipality_id = $1 AND attempt_count.staff = wanted.staff OFFSET 0) AS c ON true
"""
# All that is known of taps: those stored under their ids, refused attempts, the phones' clocks, the reports that
# wait for them, the reads beside those of tags with keys, and how much is kept of what was refused of their senders.
KNOWN = f"""
SELECT 'tap' AS what, t.id, t.body_hash, t.verdict, t.code, t.at, t.evidence, t.staff,
    NULL::interval AS wall_shift, NULL::timestamptz AS booted_at, NULL::tag_read AS read
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT * FROM tap WHERE municipality_id = $1 AND {BY_ID}) AS t ON true
UNION ALL
SELECT 'erased', e.fact, NULL, e.said->>'verdict', e.said->>'code', (e.said->>'at')::timestamptz, e.said->>'evidence',
    NULL, NULL, NULL, NULL
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT fact, public::json AS said FROM erased_fact
    WHERE municipality_id = $1 AND kind = 'tap' AND fact = wanted.id OFFSET 0) AS e ON true
UNION ALL
SELECT 'attempt', a.item_id, a.body_hash, 'refused', a.code, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT * FROM attempt WHERE municipality_id = $1 AND kind = 'tap' AND item_id = wanted.id OFFSET 0) AS a ON true
UNION ALL
SELECT 'attempt', NULL, a.body_hash, 'refused', a.code, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($4::bytea[]) AS nameless(hash) JOIN LATERAL (
    SELECT * FROM attempt
    WHERE municipality_id = $1 AND kind = 'tap' AND item_id IS NULL AND body_hash = nameless.hash OFFSET 0) AS a ON true
UNION ALL
SELECT 'clock', NULL, NULL, NULL, NULL, NULL, NULL, c.phone, c.wall_shift, c.booted_at, NULL
FROM unnest($3::text[]) AS wanted(phone) JOIN LATERAL (
    SELECT * FROM phone_clock WHERE municipality_id = $1 AND phone_clock.phone = wanted.phone OFFSET 0) AS c ON true
UNION ALL
SELECT 'waiting', r.id, r.body_hash, r.device, r.tap::text, NULL, NULL, r.staff, NULL, NULL, NULL
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT * FROM report WHERE municipality_id = $1 AND report.tap = wanted.id OFFSET 0) AS r ON true
UNION ALL
SELECT 'read', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, near.read FROM ({tag_reads.near(5)}) AS near
UNION ALL
SELECT 'kept', NULL, NULL, NULL, c.items::text, c.counted_on::timestamptz, NULL, c.staff, NULL, NULL, NULL
FROM {COUNTS.format(at=8)}
"""
TAP = rows.names(schema.tap)[1:]


def _appending(first: int) -> str:
    """The parts of a WITH clause that store taps, clocks, leaves, reads and counts, in parameters from `$first` on."""
    return f"""taps AS (
    INSERT INTO tap {rows.given(schema.tap, first)}
), clocks AS (
    INSERT INTO phone_clock {rows.given(schema.phone_clock, first + 1)} {rows.replacing(schema.phone_clock)}
), leaves AS ({ledger.insert(first + 2)}), reads AS ({tag_reads.insert(first + 3)}), counts AS (
    INSERT INTO attempt_count {rows.given(schema.attempt_count, first + 4)} {rows.replacing(schema.attempt_count)})
"""


APPEND = f"WITH {_appending(2)} {attempts.insert(7)}"
APPEND_NARROWING = f"WITH {_appending(2)}, narrowed AS ({tag_reads.narrow(8)}) {attempts.insert(7)}"
APPEND_BESIDE = f"{_appending(BESIDE_FROM)}, attempts AS ({attempts.insert(BESIDE_FROM + 5)})"
# All that is known of reports: those stored under their ids, refused attempts, the owners of the taps they name, and
# the number of kept refused items of their sender.
KNOWN_REPORTS = f"""
SELECT 'report' AS what, r.id, r.body_hash, NULL AS code, NULL AS staff, NULL::timestamptz AS at
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT * FROM report WHERE municipality_id = $1 AND {BY_ID}) AS r ON true
UNION ALL
SELECT 'erased', e.fact, NULL, NULL, NULL, NULL FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT fact FROM erased_fact
    WHERE municipality_id = $1 AND kind = 'report' AND fact = wanted.id OFFSET 0) AS e ON true
UNION ALL
SELECT 'attempt', a.item_id, a.body_hash, a.code, NULL, NULL
FROM unnest($2::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT * FROM attempt WHERE municipality_id = $1 AND kind = 'report' AND item_id = wanted.id OFFSET 0) AS a ON true
UNION ALL
SELECT 'attempt', NULL, a.body_hash, a.code, NULL, NULL
FROM unnest($3::bytea[]) AS nameless(hash) JOIN LATERAL (
    SELECT * FROM attempt
    WHERE municipality_id = $1 AND kind = 'report' AND item_id IS NULL AND body_hash = nameless.hash OFFSET 0
) AS a ON true
UNION ALL
SELECT 'tap', t.id, NULL, NULL, t.staff, t.at FROM unnest($4::uuid[]) AS wanted(id) JOIN LATERAL (
    SELECT id, staff, at FROM tap WHERE municipality_id = $1 AND {BY_ID}) AS t ON true
UNION ALL
SELECT 'kept', NULL, NULL, c.items::text, c.staff, c.counted_on::timestamptz FROM {COUNTS.format(at=5)}
"""
APPEND_REPORTS = f"""
WITH reports AS (
    INSERT INTO report (municipality_id, id, staff, device, tap, reported_at, received_at, outcome, interventions, note,
        body_hash, sent_at)
    SELECT $1, id, staff, device, tap, reported_at, received_at, outcome, interventions, note, decode(body_hash, 'hex'),
        sent_at
    FROM json_to_recordset($3::json) AS r(id uuid, staff text, device text, tap uuid, reported_at timestamptz,
        received_at timestamptz, outcome text, interventions jsonb, note text, body_hash text, sent_at timestamptz)
), leaves AS ({ledger.insert(4)}), counts AS (
    INSERT INTO attempt_count {rows.given(schema.attempt_count, 5)} {rows.replacing(schema.attempt_count)})
{attempts.insert(2)}"""

Refused = tuple[UUID | None, bytes]
"""The key of an attempt: the id of the item, None without one, and the hash of its body."""


ERASED = b""
"""The body hash of a tap of which only the answer is left: whatever comes with its id is a repeat."""


class KnownTap(NamedTuple):
    """A stored tap, with the answer it got. `staff` is None for an erased one."""

    body_hash: bytes
    verdict: str
    code: str | None
    at: dt.datetime | None
    evidence: str | None
    staff: str | None


class WaitingReport(NamedTuple):
    """A report that came before the tap it names, with its staff ref and device."""

    id: UUID
    body_hash: bytes
    staff: str
    device: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is stored of a set of tap ids and phones; of attempts, the codes of their refusals.

    `hashes` are the body hashes kept under each id, of taps and of attempts.
    """

    taps: dict[UUID, KnownTap]
    attempts: dict[Refused, set[str]]
    clocks: dict[str, Shift]
    waiting: dict[UUID, list[WaitingReport]]
    reads: Reads
    refused: RefusedItems
    hashes: defaultdict[UUID | None, set[bytes]] = field(default_factory=lambda: defaultdict(set))


class Asked(NamedTuple):
    """The questions about taps: ids, phones, hashes of items without an id, reads of tags, and senders.

    `counted` are tags, epochs and counters: the answer holds these reads and the ones next to them.
    """

    ids: Sequence[UUID]
    phones: Sequence[str]
    nameless: Sequence[bytes]
    counted: Sequence[tuple[str, int, int]]
    senders: Sequence[str]

    def parameters(self) -> tuple[Sequence[Any], ...]:
        """The parameters of `KNOWN`."""
        reads = zip(*self.counted, strict=True) if self.counted else ((), (), ())
        return (self.ids, self.phones, self.nameless, *reads, self.senders)


async def known(reading: Reading, asked: Asked) -> Known:
    """All that is stored of what is asked."""
    return known_of(await reading.fetch(KNOWN, *asked.parameters()))


def known_of(rows: Iterable[Iterable[Any]]) -> Known:
    """The content of rows of `KNOWN`."""
    stored = Known({}, {}, {}, {}, Reads(), RefusedItems())
    for what, id_, body_hash, verdict, code, at, evidence, staff, wall, booted_at, read in rows:
        if what == "read":
            _, tag, epoch, *rest = read
            stored.reads.know((tag, epoch), [CountedRead(*rest)])
        elif what == "clock":
            stored.clocks[staff] = Shift(wall, booted_at)
        elif what == "kept":
            stored.refused.know(staff, Kept(at.date(), int(code)))
        elif what == "waiting":
            stored.waiting.setdefault(UUID(code), []).append(WaitingReport(id_, body_hash, staff, verdict))
        elif what == "erased":
            stored.taps[id_] = KnownTap(ERASED, verdict, code, at, evidence, None)
        elif what == "tap":
            stored.taps[id_] = KnownTap(body_hash, verdict, code, at, evidence, staff)
            stored.hashes[id_].add(body_hash)
        else:
            stored.hashes[id_].add(body_hash)
            stored.attempts.setdefault((id_, body_hash), set()).add(code)
    return stored


def tap_row(
    claim: Claim, judged: Judgement, staff: str, device: str | None, received_at: dt.datetime, body_hash: bytes
) -> tuple[Any, ...]:
    """The row of a judged tap, without the municipality."""
    return (
        claim.id,
        staff,
        device,
        claim.direction,
        judged.at,
        claim.tapped_at,
        received_at,
        judged.tag,
        None if judged.tag else claim.household,
        claim.reason,
        claim.note,
        judged.evidence,
        judged.verdict,
        judged.code,
        judged.flags,
        body_hash,
        judged.epoch,
        judged.counter,
    )


async def append(
    writing: Writing,
    taps: Sequence[tuple[Any, ...]],
    refusals: Sequence[Attempt],
    clocks: dict[str, Shift],
    reads: Reads,
    refused: RefusedItems,
) -> None:
    """Store judged taps, refused attempts, their leaves, clocks and reads, in one statement or beside the next."""
    if taps or refusals or clocks:
        for tap in taps:
            writing.leaves.add("tap", dict(zip(TAP, tap, strict=True)))
        shifts = [
            writing.macs.add(
                "phone_clock", (writing.municipality_id, phone, shift.wall or dt.timedelta(), shift.booted_at)
            )
            for phone, shift in clocks.items()
        ]
        document = attempts.document(writing.leaves, refusals)
        arguments = (
            [(writing.municipality_id, *tap) for tap in taps],
            shifts,
            writing.leaves.take(),
            [tag_reads.row_of(writing.municipality_id, *added) for added in reads.added],
            _counted(writing.municipality_id, refused),
            document,
        )
        if reads.narrowings:
            await writing.execute(APPEND_NARROWING, *arguments, *tag_reads.columns_of(reads.narrowings))
        else:
            writing.defer(Deferred(APPEND, APPEND_BESIDE, arguments))


class KnownReports(NamedTuple):
    """All that is stored of reports: body hashes by id, codes of refusals, staff and time of the taps they name.

    Also the number of kept refused items of their sender, and the ids of those that were erased. `hashes` are the body
    hashes kept under each id.
    """

    stored: dict[UUID | None, bytes]
    erased: set[UUID]
    refused: dict[Refused, set[str]]
    owners: dict[UUID, tuple[str, dt.datetime]]
    kept: RefusedItems
    hashes: defaultdict[UUID | None, set[bytes]]


async def known_reports(
    reading: Reading, sender: str, ids: Sequence[UUID], nameless: Sequence[bytes], taps: Sequence[UUID]
) -> KnownReports:
    """All that is stored under these ids, of items without an id (by their hashes), and of the taps they name."""
    on_record = KnownReports({}, set(), {}, {}, RefusedItems(), defaultdict(set))
    asked = (ids, nameless, taps, [sender])
    for what, id_, body_hash, code, staff, at in await reading.fetch(KNOWN_REPORTS, *asked):
        if what == "report":
            on_record.stored[id_] = body_hash
            on_record.hashes[id_].add(body_hash)
        elif what == "erased":
            on_record.erased.add(id_)
        elif what == "tap":
            on_record.owners[id_] = (staff, at)
        elif what == "kept":
            on_record.kept.know(staff, Kept(at.date(), int(code)))
        else:
            on_record.refused.setdefault((id_, body_hash), set()).add(code)
            on_record.hashes[id_].add(body_hash)
    return on_record


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report to store, with the device that sent it and the hash of its body."""

    report: Report
    device: str | None
    body_hash: bytes


def content_of(report: Report) -> dict[str, Any]:
    """The content of a report as it is stored, also when it is refused."""
    return {
        "id": report.id,
        "tap": report.tap,
        "reported_at": report.reported_at,
        "outcome": report.outcome,
        "interventions": report.listed,
        "note": report.note,
        "sent_at": report.sent_at,
    }


async def append_reports(
    writing: Writing, reports: Sequence[NewReport], refusals: Sequence[Attempt], refused: RefusedItems
) -> None:
    """Store reports, refused attempts at them and their leaves, in one statement."""
    if reports or refusals:
        stored = []
        for new in reports:
            sender = {"staff": new.report.staff, "device": new.device, "received_at": new.report.received_at}
            fields = content_of(new.report) | sender
            writing.leaves.add("report", fields | {"body_hash": new.body_hash})
            stored.append(fields | {"body_hash": new.body_hash.hex()})
        document = attempts.document(writing.leaves, refusals)
        counts = _counted(writing.municipality_id, refused)
        await writing.execute(APPEND_REPORTS, document, to_json(stored).decode(), writing.leaves.take(), counts)


def _counted(municipality_id: int, refused: RefusedItems) -> list[tuple[Any, ...]]:
    return [(municipality_id, staff, *kept) for staff, kept in refused.added.items()]


NOT_SET_ASIDE = f"code IS DISTINCT FROM '{TOO_MANY}'"
