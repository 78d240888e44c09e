"""Receive reports of what the carer did in a visit. A report may come before the tap it names, and waits for it."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.actions.taps.submission import Unreadable, nameless
from app.actions.visits.project import Affected, project
from app.domain.body_hash import digest, hash_beside
from app.domain.register.master import MasterData
from app.domain.taps.judging import standing_refusal
from app.domain.taps.report import NOT_OWN, Report, ReportRefusal
from app.domain.taps.sender import TOO_MANY_REFUSED, is_taken
from app.store.connection import Writing
from app.store.taps import submissions as store
from app.store.taps.attempts import Attempt
from app.store.taps.submissions import KnownReports, NewReport
from app.store.visits import presences


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """The answer to one report."""

    id: UUID | None
    verdict: str
    code: str | None
    duplicate: bool


def _hash_of(report: Report, kept: Collection[bytes]) -> bytes:
    """The hash by which a repeated delivery is recognised: the report without the clock it was sent by."""
    body = {
        "staff": report.staff,
        "tap": report.tap,
        "reported_at": report.reported_at,
        "outcome": report.outcome,
        "interventions": report.listed,
        "note": report.note,
    }

    def first() -> bytes:
        # With the names of the class and its fields at that time.
        listed = ", ".join(
            f"ReportedIntervention(intervention={one.intervention!r}, recipient={one.recipient!r}, "
            f"minutes={one.minutes!r}, outcome={one.outcome!r})"
            for one in report.interventions
        )
        listed += "," if len(report.interventions) == 1 else ""
        at = report.reported_at.timestamp()
        text = f"({report.staff!r}, {report.tap!r}, {at!r}, {report.outcome!r}, ({listed}), {report.note!r})"
        return digest(text.encode())

    return hash_beside(kept, body, first)


def _fault(
    report: Report | Unreadable, known: KnownReports, others: Sequence[Report], master: MasterData
) -> ReportRefusal | None:
    if isinstance(report, Unreadable):
        return "malformed"
    if report.id in known.stored:
        return "id_conflict"
    if report in others:
        return NOT_OWN
    if any(one.intervention not in master.interventions for one in report.interventions):
        return "unknown_intervention"
    if any(one.recipient and one.recipient not in master.recipients for one in report.interventions):
        return "unknown_recipient"
    return None


async def record_reports(
    writing: Writing,
    staff: str,
    device: str | None,
    received_at: dt.datetime,
    items: Sequence[Report | Unreadable],
) -> list[ReportAnswer] | None:
    """Store reports and derive their visits anew. Answers in the order of the items.

    None for a batch that is not taken from its staff ref: nothing of it is stored.
    """
    readable = [item for item in items if isinstance(item, Report)]
    ids = [item.id for item in items if item.id is not None]
    taps = [report.tap for report in readable]
    known = await store.known_reports(writing, staff, ids, nameless(items), taps)
    repeats = (
        report.id in known.erased or known.stored.get(report.id) == _hash_of(report, known.hashes.get(report.id, ()))
        for report in readable
    )
    if not is_taken(writing.master, staff, received_at, _times(readable, known), repeats):
        return None
    others = await _of_others(writing, known, readable)
    reports: list[NewReport] = []
    attempts: list[Attempt] = []
    answers: list[ReportAnswer] = []
    for item in items:
        hashed = item.body_hash if isinstance(item, Unreadable) else _hash_of(item, known.hashes.get(item.id, ()))
        codes = known.refused.setdefault((item.id, hashed), set())
        code = standing_refusal(codes)
        if code is not None:
            answers.append(ReportAnswer(item.id, "refused", code, True))
            continue
        if item.id in known.erased or known.stored.get(item.id) == hashed:
            answers.append(ReportAnswer(item.id, "accepted", None, True))
            continue
        code = _fault(item, known, others, writing.master)
        if code is None and isinstance(item, Report):
            reports.append(NewReport(item, device, hashed))
            known.stored[item.id] = hashed
            answers.append(ReportAnswer(item.id, "accepted", None, False))
        elif code in codes:
            answers.append(ReportAnswer(item.id, "refused", code, True))
        elif code is not None and known.kept.add(staff, received_at):
            codes.add(code)
            claim = store.content_of(item) if isinstance(item, Report) else item.raw
            attempts.append(Attempt("report", item.id, staff, device, received_at, code, hashed, claim))
            answers.append(ReportAnswer(item.id, "refused", code, False))
        else:
            answers.append(ReportAnswer(item.id, "refused", TOO_MANY_REFUSED, False))
    await store.append_reports(writing, reports, attempts, known.kept)
    await project(writing, _affected(reports, known, writing.master))
    return answers


def _affected(reports: Sequence[NewReport], known: KnownReports, master: MasterData) -> Affected:
    affected = Affected()
    for owner, at in (known.owners[new.report.tap] for new in reports if new.report.tap in known.owners):
        affected.persons.append((master.person_of(owner), at, at))
    return affected


def _times(reports: Sequence[Report], known: KnownReports) -> Iterator[dt.datetime]:
    """The instants of the reports, whose taps may not have come yet, and of the taps they name."""
    for report in reports:
        yield report.made_at
        if report.tap in known.owners:
            yield known.owners[report.tap][1]


async def _of_others(writing: Writing, known: KnownReports, reports: Sequence[Report]) -> list[Report]:
    """The reports on presences of another person, by the tap and by corrections of the staff since."""
    person_of = writing.master.person_of
    foreign = [
        report
        for report in reports
        if report.tap in known.owners and person_of(report.staff) != person_of(known.owners[report.tap][0])
    ]
    if not foreign:
        return []
    taps = {report.tap: known.owners[report.tap] for report in foreign}
    windows = [(tap, person_of(owner), at) for tap, (owner, at) in taps.items()]
    given = await presences.given_to_others(writing, windows)
    return [report for report in foreign if (report.tap, person_of(report.staff)) not in given]
