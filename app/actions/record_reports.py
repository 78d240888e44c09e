"""Receive reports: what the carer did in a visit. One may come before the tap it names, and waits for it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from app.actions.project import Touched, project
from app.actions.record_taps import Unreadable, nameless
from app.domain.master import MasterData
from app.domain.report import Report
from app.store import taps as store
from app.store.database import Writing


@dataclass(frozen=True, slots=True)
class ToldReport:
    """A report with the note that goes with it."""

    report: Report
    note: str | None


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """The answer to one report."""

    id: UUID | None
    verdict: str
    code: str | None
    duplicate: bool


def _hash(told: ToldReport) -> bytes:
    report = told.report
    body = (report.staff, report.tap, report.reported_at.timestamp(), report.outcome, report.interventions, told.note)
    return blake2b(repr(body).encode(), digest_size=16).digest()


def _fault(report: Report, master: MasterData) -> str | None:
    if any(told.intervention not in master.interventions for told in report.interventions):
        return "unknown_intervention"
    if any(told.recipient and told.recipient not in master.recipients for told in report.interventions):
        return "unknown_recipient"
    return None


async def record_reports(
    writing: Writing,
    staff: str,
    device: str | None,
    received_at: dt.datetime,
    items: Sequence[ToldReport | Unreadable],
) -> list[ReportAnswer]:
    """Store reports and tell their visits anew. Answers in the order of the items."""
    ids = [id_ for item in items if (id_ := _id(item)) is not None]
    stored, refused = await store.known_reports(writing.sql, writing.municipality_id, ids, nameless(items))
    reports: list[dict[str, Any]] = []
    attempts: list[dict[str, Any]] = []
    answers: list[ReportAnswer] = []
    for item in items:
        hashed = item.body_hash if isinstance(item, Unreadable) else _hash(item)
        id_ = _id(item)
        if (id_, hashed) in refused:
            answers.append(ReportAnswer(id_, "refused", refused[id_, hashed], True))
            continue
        code: str | None = "malformed"
        if not isinstance(item, Unreadable):
            if stored.get(item.report.id) == hashed:
                answers.append(ReportAnswer(id_, "accepted", None, True))
                continue
            code = "id_conflict" if item.report.id in stored else _fault(item.report, writing.master)
        trace = {"staff": staff, "device": device, "received_at": received_at, "body_hash": hashed.hex()}
        if code is None and not isinstance(item, Unreadable):
            reports.append(_row(item) | trace)
            stored[item.report.id] = hashed
            answers.append(ReportAnswer(id_, "accepted", None, False))
            continue
        raw = item.raw if isinstance(item, Unreadable) else _row(item)
        attempts.append({"kind": "report", "item_id": id_, "code": code, "claim": raw} | trace)
        refused[id_, hashed] = code or "malformed"
        answers.append(ReportAnswer(id_, "refused", code, False))
    await store.append_reports(writing.sql, writing.municipality_id, writing.leaves, reports, attempts)
    touched = Touched()
    for owner, at in await store.named(writing.sql, writing.municipality_id, [report["tap"] for report in reports]):
        touched.persons.append((writing.master.person_of(owner), at, at))
    await project(writing, touched)
    return answers


def _id(item: ToldReport | Unreadable) -> UUID | None:
    return item.id if isinstance(item, Unreadable) else item.report.id


def _row(told: ToldReport) -> dict[str, Any]:
    report = told.report
    return {
        "id": report.id,
        "tap": report.tap,
        "reported_at": report.reported_at,
        "outcome": report.outcome,
        "interventions": [[one.intervention, one.recipient, one.minutes, one.outcome] for one in report.interventions],
        "note": told.note,
    }
