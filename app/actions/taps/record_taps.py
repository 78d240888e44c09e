"""Receive taps: recognise repeats, judge, store, and derive their visits. Answers each item by itself."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from app.actions.taps.mount_tag import confirm_mounts
from app.actions.taps.submission import Submission, Unreadable, asked_of, claims_of
from app.actions.visits.project import Affected, Projected, project
from app.domain.body_hash import digest, hash_beside
from app.domain.register.master import MasterData
from app.domain.taps.judging import (
    Claim,
    Judgement,
    Leads,
    Shift,
    judge,
    judge_device,
    leads_of,
    shift_of,
    standing_refusal,
    time_of,
)
from app.domain.taps.report import NOT_OWN
from app.domain.taps.sender import TOO_MANY_REFUSED, instants_of, is_taken
from app.domain.visits.crowd import TOO_MANY, Crowds, crowds_of
from app.domain.visits.doors import Doors, Whereabouts
from app.domain.visits.visit import Visit
from app.store.connection import Writing
from app.store.taps import submissions as store
from app.store.taps.attempts import Attempt
from app.store.taps.submissions import ERASED
from app.store.visits.foreseen import Foreseen, Unforeseen


class TapAnswer(NamedTuple):
    """The answer to one item; `at` and `evidence` are None for a refused one."""

    id: UUID | None
    verdict: str
    code: str | None
    duplicate: bool
    at: dt.datetime | None
    evidence: str | None
    visits: Sequence[Visit] = ()
    doors: Doors | None = None


def _hash_of(staff: str, claim: Claim, kept: Collection[bytes]) -> bytes:
    """The hash by which a repeated delivery is recognised: the parsed tap and its sender, without the envelope."""
    message = claim.message
    signed = (message.keyset, message.encrypted, message.mac) if message else None
    body = {
        "staff": staff,
        "direction": claim.direction,
        "tapped_at": claim.tapped_at,
        "uptime_ms": claim.uptime_ms,
        "boot_id": claim.boot_id,
        "message": signed,
        "uid": claim.uid,
        "household": claim.household,
        "reason": claim.reason,
        "note": claim.note,
    }

    def first() -> bytes:
        parts = (staff, claim.direction, claim.tapped_at.timestamp(), claim.uptime_ms, claim.boot_id, signed, claim.uid)
        return digest(repr((parts, claim.household, claim.reason, claim.note)).encode())

    return hash_beside(kept, body, first)


class _Clocked(NamedTuple):
    """A submission with the error of its phone's clocks."""

    submission: Submission
    shift: Shift
    leads: Leads

    def times(self, items: Iterable[Claim | Unreadable]) -> Iterator[tuple[Claim, dt.datetime]]:
        """The readable items, each with its instant."""
        for claim in claims_of(items):
            yield claim, time_of(claim, self.submission.envelope, self.shift, self.leads)[0]


@dataclass(slots=True)
class _Batch:
    """The rows that one call stores, gathered while its items are judged in turn."""

    writing: Writing
    known: store.Known
    late_after: dt.timedelta
    digest_uid: Callable[[str], str]
    taps: list[tuple[Any, ...]]
    attempts: list[Attempt]
    clocks: dict[str, Shift]
    affected: Affected
    confirmed: dict[str, tuple[dt.datetime, str]]
    crowds: Crowds

    def with_clocks(self, submission: Submission) -> _Clocked | None:
        """The submission with its clocks; None if it is not taken from its sender."""
        kept = self.known.clocks.get(submission.phone)
        shift = shift_of(submission.envelope, kept)
        claims = claims_of(submission.whole or submission.items)
        clocked = _Clocked(submission, shift, leads_of(claims, submission.envelope, shift))
        if submission.by_staff and not self._is_taken(clocked):
            return None
        if shift != kept:
            self.known.clocks[submission.phone] = self.clocks[submission.phone] = shift
        return clocked

    def _is_taken(self, clocked: _Clocked) -> bool:
        """True when the whole batch is taken, however it is divided into parts."""
        submission, taps = clocked.submission, self.known.taps
        staff, items = submission.staff, submission.whole or submission.items
        times = (when for claim, at in clocked.times(items) for when in instants_of(claim.direction, at))
        repeats = (one.id in taps and taps[one.id].staff in {staff, None} for one in claims_of(items))
        return is_taken(self.writing.master, staff, submission.envelope.received_at, times, repeats)

    async def count(self, clocked: Sequence[_Clocked], answering: Unforeseen) -> None:
        """Count the stored taps of the crowds of the new ones."""
        master = self.writing.master
        crowds = {
            crowd
            for one in clocked
            for item, at in one.times(one.submission.items)
            if item.id not in self.known.taps
            for crowd in crowds_of(item, one.submission.staff, at, master)
        }
        self.crowds = Crowds(await answering.counted(self.writing, crowds))

    def answers(self, clocked: _Clocked) -> list[TapAnswer]:
        submission, shift, leads = clocked
        return [self.answer(submission, item, shift, leads) for item in submission.items]

    def answer(self, submission: Submission, item: Claim | Unreadable, shift: Shift, leads: Leads) -> TapAnswer:
        if isinstance(item, Unreadable):
            return self._refused(submission, item.id, item.code, item.body_hash, item.raw)
        hashed = _hash_of(submission.staff, item, self.known.hashes.get(item.id, ()))
        stored = self.known.taps.get(item.id)
        if stored is not None and stored.body_hash in {hashed, ERASED} and stored.at is not None:
            # The visits of a repeated tap are derived anew for the answer, which changes nothing.
            if stored.code != TOO_MANY and stored.body_hash != ERASED:
                self._affect(submission.staff, item, stored.at)
            return TapAnswer(item.id, stored.verdict, stored.code, True, stored.at, stored.evidence)
        standing = standing_refusal(self.known.attempts.get((item.id, hashed), ()))
        if standing is not None:
            return TapAnswer(item.id, "refused", standing, True, None, None)
        if stored is not None:
            return self._refused(submission, item.id, "id_conflict", hashed, self._claim(item))
        master = self.writing.master
        judged = judge(item, submission.envelope, shift, master, self.late_after, leads)
        if submission.device is not None:
            judged = judge_device(judged, master.devices.get(submission.device), submission.user(master, judged.at))
        judged = self.known.reads.judge(judged, item.id, submission.reader, submission.envelope.received_at)
        if judged.verdict == "refused":
            claim = self._claim(item) | {"tag": judged.tag, "epoch": judged.epoch, "counter": judged.counter}
            return self._refused(submission, item.id, judged.code or "refused", hashed, claim)
        judged = self.crowds.judge(judged, crowds_of(item, submission.staff, judged.at, master))
        return self._accept(submission, item, judged, hashed)

    def _accept(self, submission: Submission, claim: Claim, judged: Judgement, hashed: bytes) -> TapAnswer:
        received_at = submission.envelope.received_at
        self.taps.append(store.tap_row(claim, judged, submission.staff, submission.device, received_at, hashed))
        self.known.taps[claim.id] = store.KnownTap(
            hashed, judged.verdict, judged.code, judged.at, judged.evidence, submission.staff
        )
        if judged.code != TOO_MANY:
            self._affect(submission.staff, claim, judged.at)
        self._confirm(submission.staff, judged)
        self._set_aside(submission, claim.id)
        return TapAnswer(claim.id, judged.verdict, judged.code, False, judged.at, judged.evidence)

    def _refused(self, submission: Submission, id_: UUID | None, code: str, hashed: bytes, claim: Any) -> TapAnswer:
        """Refuse an item. A refusal is data: the attempt is stored, up to a limit per sender and day."""
        codes = self.known.attempts.setdefault((id_, hashed), set())
        duplicate = code in codes
        if not duplicate:
            if not self.known.refused.add(submission.staff, submission.envelope.received_at):
                return TapAnswer(id_, "refused", TOO_MANY_REFUSED, False, None, None)
            codes.add(code)
            staff, device, received_at = submission.staff, submission.device, submission.envelope.received_at
            self.attempts.append(Attempt("tap", id_, staff, device, received_at, code, hashed, claim))
        return TapAnswer(id_, "refused", code, duplicate, None, None)

    def _claim(self, claim: Claim) -> dict[str, Any]:
        """The claim as stored with an attempt. The UID is stored as a keyed hash only."""
        return {
            "direction": claim.direction,
            "tapped_at": claim.tapped_at,
            "keyset": claim.message.keyset if claim.message else None,
            "uid_digest": self.digest_uid(claim.uid) if claim.uid else None,
            "household": claim.household,
            "reason": claim.reason,
        }

    def _set_aside(self, submission: Submission, tap: UUID) -> None:
        """Refuse the reports of other persons that waited for this tap, which shows whose presence it is."""
        person_of = self.writing.master.person_of
        for report in self.known.waiting.get(tap, ()):
            if person_of(report.staff) != person_of(submission.staff):
                claim = {"id": report.id, "tap": tap}
                received_at, hashed = submission.envelope.received_at, report.body_hash
                self.attempts.append(
                    Attempt("report", report.id, report.staff, report.device, received_at, NOT_OWN, hashed, claim)
                )

    def _confirm(self, staff: str, judged: Judgement) -> None:
        """Note a mounted tag as confirmed: its first message shows that it hangs at its household."""
        if judged.verdict != "accepted" or judged.tag is None or judged.counter is None:
            return
        if self.writing.master.tags[judged.tag].state_at(judged.at) == "mounted":
            self.confirmed.setdefault(judged.tag, (judged.at, staff))

    def _affect(self, staff: str, claim: Claim, at: dt.datetime) -> None:
        if claim.direction == "control":
            return  # nobody is present by one
        self.affected.persons.append((self.writing.master.person_of(staff), at, at))


async def record_taps(
    writing: Writing,
    submissions: Sequence[Submission],
    late_after: dt.timedelta,
    digest_uid: Callable[[str], str],
    foreseen: Foreseen | None = None,
) -> list[list[TapAnswer] | None]:
    """Judge, store and project any number of batches of one municipality; answers in the order of batches and items.

    None for a batch that is not taken from its sender: nothing of it is stored. Runs a fixed number of statements
    whatever the sizes. Nothing is stored until the caller's transaction commits. `foreseen` is what the transaction has
    read ahead for these batches.
    """
    answering = foreseen if foreseen and foreseen.holds_for(writing.master) else Unforeseen()
    asked = asked_of(submissions, writing.master)
    known = await answering.known(writing, asked)
    batch = _Batch(writing, known, late_after, digest_uid, [], [], {}, Affected(), {}, Crowds({}))
    clocked = [batch.with_clocks(submission) for submission in submissions]
    await batch.count([one for one in clocked if one], answering)
    answers = [one and batch.answers(one) for one in clocked]
    await store.append(writing, batch.taps, batch.attempts, batch.clocks, known.reads, known.refused)
    if batch.confirmed:
        await confirm_mounts(writing, batch.confirmed)
    answering.add(batch.taps)
    projected = await project(writing, batch.affected, answering)
    whereabouts = Whereabouts(projected.presences, writing.master.provider_of)
    return [
        [_as_it_stands(answer, submission.staff, projected, whereabouts) for answer in answered]
        if answered and _may_know(writing.master, submission)
        else answered
        for submission, answered in zip(submissions, answers, strict=True)
    ]


def _may_know(master: MasterData, submission: Submission) -> bool:
    """True when the sender may know who lives there: employed today, and on its own, trusted phone.

    Other senders' taps are taken all the same, because somebody's wage depends on them.
    """
    device = master.devices.get(submission.device) if submission.device else None
    now = submission.envelope.received_at
    trusted = submission.device is None or (
        device is not None and device.trusted_with(submission.user(master, now), now)
    )
    return trusted and master.is_employed(submission.staff, now)


def _as_it_stands(answer: TapAnswer, staff: str, projected: Projected, whereabouts: Whereabouts) -> TapAnswer:
    """The answer with the tap's visits as they are now, and the doors."""
    if answer.id is None or answer.at is None:
        return answer
    visits = whereabouts.within(projected.by_tap.get(answer.id, ()), staff, answer.at)
    return answer._replace(visits=visits, doors=whereabouts.doors(answer.id, staff, answer.at))
