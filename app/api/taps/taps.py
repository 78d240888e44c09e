"""Phones send taps: `POST /v1/taps`. Every item gets its own verdict; a phone drops it from its queue on our word."""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError, to_json

from app.actions.taps.foresee import foresee
from app.actions.taps.record_taps import TapAnswer, record_taps
from app.actions.taps.submission import DAYS_AT_ONCE, Submission, Unreadable, parts_of
from app.api.http.access import Caller, allow, database, digest_of
from app.api.http.clock import received
from app.api.http.health import count_tap
from app.api.http.json_bodies import Unread, read_items
from app.api.http.problems import Problem
from app.api.http.shapes import AnyRef, Instant, OneOf, Wire, answer_of, body_of
from app.api.taps.group_commit import MOST_WEIGHT, GroupCommit
from app.api.taps.tags import Uid
from app.domain.closed_sets import ClaimedDirection, Evidence, Status, Verdict
from app.domain.taps.judging import Claim, Envelope, KeysClosedError, ManualReason, Message, TapRefusal
from app.domain.visits.visit import ANOMALIES
from app.settings import Settings
from app.store.database import Database

router = APIRouter(tags=["taps"])

Uptime = Annotated[int, Field(ge=0, lt=2**53)]
BootId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
PATH = "/v1/taps"
SENDERS = allow("staff", "inspector", scope="taps", late=True)
SHAPES = ({"keyset", "e", "c"}, {"uid"}, {"household", "reason"}, {"household", "reason", "note"})


class TapTag(Wire):
    """The content of the tag: a message (`keyset`, `e`, `c`), a plain `uid`, or a `household` with a `reason`."""

    keyset: Annotated[str, StringConstraints(max_length=64)] | None = None
    e: Annotated[str, StringConstraints(pattern="^[0-9A-Fa-f]{32}$")] | None = None
    c: Annotated[str, StringConstraints(pattern="^[0-9A-Fa-f]{16}$")] | None = None
    uid: Uid | None = None
    household: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    reason: ManualReason | None = None
    note: Annotated[str, StringConstraints(max_length=500)] | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> "TapTag":
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if given not in SHAPES:
            raise PydanticCustomError("invalid_value", "not one of the shapes of a tag")
        return self


class TapIn(Wire):
    """One tap. The phone chooses `id` once and uses it again when it sends the tap again."""

    id: UUID
    direction: ClaimedDirection
    tapped_at: Instant
    uptime_ms: Uptime | None = None
    boot_id: BootId | None = None
    tag: TapTag


class TapsIn(Wire):
    """A queue of taps from one phone, with the phone's clocks at the time of sending."""

    sent_at: Instant
    sent_uptime_ms: Uptime | None = None
    boot_id: BootId | None = None
    taps: Annotated[list[TapIn], Field(min_length=1, max_length=1000)]


class TapVisit(Wire):
    """A visit of the tap as it is now. Visits that the person makes for another provider are left out."""

    id: UUID
    recipient: AnyRef
    status: Status


class TapDoors(Wire):
    """The household whose tag was read, and the households where the same person is logged in for the same provider.

    A tap out at the wrong door ends nothing. That door is not in the list.
    """

    tapped: AnyRef
    logged_in: list[AnyRef]


class TapResult(Wire):
    """The result for one tap."""

    id: UUID | None
    verdict: Verdict
    code: Annotated[str, OneOf((*get_args(TapRefusal), *ANOMALIES))] | None
    duplicate: bool
    at: Instant | None
    evidence: Evidence | None
    visits: list[TapVisit]
    doors: TapDoors | None = Field(
        description="The households concerned. Null unless the person is already logged in at another household."
    )


class TapsOut(Wire):
    """The time of receipt and one result for each tap."""

    received_at: Instant
    results: list[TapResult]


EXAMPLE = {
    "sent_at": "2026-10-24T08:31:07Z",
    "sent_uptime_ms": 812345,
    "boot_id": "b7",
    "taps": [
        {
            "id": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
            "direction": "in",
            "tapped_at": "2026-10-24T08:31:02Z",
            "uptime_ms": 807345,
            "boot_id": "b7",
            "tag": {"uid": "04A1B2C3D4E5F6"},
        }
    ],
}
EXAMPLE_OUT = {
    "received_at": "2026-10-24T08:31:07.412000Z",
    "results": [
        {
            "id": "019a0f5c-2b1e-7c44-9d7f-3f1f0a6f2b10",
            "verdict": "accepted",
            "code": None,
            "duplicate": False,
            "at": "2026-10-24T08:31:02Z",
            "evidence": "static",
            "visits": [{"id": "5b1f7a52-6a0e-5d5e-8f0e-0b3a54b0a6a1", "recipient": "B-001", "status": "open"}],
            "doors": None,
        }
    ],
}


def tap_queue(to: Database, settings: Settings) -> GroupCommit[Submission, Sequence[TapAnswer] | None]:
    """The queue that commits the taps of each municipality in groups."""
    late_after = dt.timedelta(days=settings.late_tap_days)
    key = settings.lookup_key

    def digest_uid(uid: str) -> str:
        return blake2b(uid.encode(), key=key, digest_size=16).hexdigest()

    async def write(municipality_id: int, submissions: Sequence[Submission]) -> Sequence[Sequence[TapAnswer] | None]:
        master = to.remembered(municipality_id)
        ahead = foresee(submissions, master) if master is not None else None
        async with to.write(municipality_id, ahead=ahead) as writing:
            return await record_taps(writing, submissions, late_after, digest_uid, ahead)

    return GroupCommit(write, _weight)


def _weight(part: Submission) -> int:
    """The cost of writing a part, in taps. Each further day costs more, because the taps stored for it are read."""
    return len(part.items) + (part.days - 1) * (MOST_WEIGHT // DAYS_AT_ONCE)


@router.post(
    PATH,
    dependencies=[Depends(SENDERS)],
    operation_id="send_taps",
    summary="Send taps",
    openapi_extra=body_of(TapsIn, example=EXAMPLE),
    responses=answer_of(TapsOut, example=EXAMPLE_OUT),
)
async def send_taps(request: Request) -> Response:
    """Send 1 to 1000 taps of one phone. They may come late and in any order.

    The answer is 200 with one result for each tap, if the body as a whole can be read. A tap that is sent again with
    the same id gets the same answer again, marked `duplicate`. A tap that was refused because master data was missing
    (`tag_unknown`, `keyset_unknown`, `unknown_household`) is judged again. If the phone's clock is ahead, all times of
    the batch are moved back together, so that the latest equals the time of receipt.

    A queue that spans more than four days is stored four days at a time, the earliest first. The answer comes when all
    of it is stored. It shows the visits as they were when their part was stored. If storing fails on the way, there is
    no answer. Send the whole queue again; what was stored is then a duplicate.

    Refused taps are kept, up to 1000 for each sender and day. Further ones are refused as `too_many_refused`. The
    answer is 403 `not_employed` if the sender was never employed, or if no tap lies on a day of the sender's
    employment. An `out` or `auto` within 16 hours of the employment's last day is taken: it may end that day's visit.

    The answer shows no visits and no doors if the sender is not employed today, or if the phone is revoked or belongs
    to somebody else, or if the sender's work shift with it has ended.

    An inspector sends control taps (`direction` is `control`). A control tap starts no visit. A message that was read
    from the tag before it is worth nothing afterwards.
    """
    caller = await SENDERS.tapping(request)
    batch = await read_items(request, TapsIn, "taps", TapIn)
    sent = batch.envelope
    envelope = Envelope(received(request), sent.sent_at, sent.sent_uptime_ms, sent.boot_id)
    items = [
        unreadable(request, item) if isinstance(item, Unread) else _item(request, item, caller) for item in batch.items
    ]
    master = database(request).remembered(caller.municipality_id)
    if master is not None:
        # Before the lock is waited for: it is nobody else's time.
        for claim in items:
            if isinstance(claim, Claim) and claim.message is not None:
                with suppress(KeysClosedError):
                    claim.message.verified(master)
    sender, by_staff = caller.staff or caller.subject, caller.role == "staff"
    submission = Submission(sender, caller.device, envelope, items, by_staff, work_shift=caller.work_shift)
    by_place: dict[int, TapAnswer] = {}
    for places, part in parts_of(submission):
        written = await request.app.state.taps.submit(caller.municipality_id, part, request.is_disconnected)
        if written is None:
            raise Problem("not_employed")
        by_place.update(zip(places, written, strict=True))
    answers = [by_place[place] for place in range(len(items))]
    for answer in answers:
        count_tap(answer.verdict, answer.code)
    body = to_json({"received_at": envelope.received_at, "results": [_result(answer) for answer in answers]})
    return Response(body, media_type="application/json")


def _item(request: Request, item: TapIn, caller: Caller) -> Claim | Unreadable:
    """A tap, or what is refused of one: inspectors make control taps at tags, and nobody else and nothing else."""
    control = item.direction == "control"
    if control == (caller.role == "inspector") and not (control and item.tag.household is not None):
        return _claim(item)
    raw = {"direction": item.direction, "tapped_at": item.tapped_at}
    code: TapRefusal = "malformed" if caller.role == "inspector" and control else "forbidden_role"
    return Unreadable(item.id, raw, _known_by(request, item.model_dump_json()), code)


def _claim(item: TapIn) -> Claim:
    tag = item.tag
    message = (
        Message(tag.keyset, bytes.fromhex(tag.e), bytes.fromhex(tag.c)) if tag.keyset and tag.e and tag.c else None
    )
    return Claim(
        id=item.id,
        direction=item.direction,
        tapped_at=item.tapped_at,
        uptime_ms=item.uptime_ms,
        boot_id=item.boot_id,
        message=message,
        uid=tag.uid,
        household=tag.household,
        reason=tag.reason,
        note=tag.note,
    )


def unreadable(request: Request, item: Unread) -> Unreadable:
    """An item that is kept as an attempt, under its id where that could be read."""
    try:
        id_ = UUID(item.id) if item.id else None
    except ValueError:
        id_ = None
    return Unreadable(id_, item.raw, _known_by(request, to_json(item.raw).decode()))


def _known_by(request: Request, text: str) -> bytes:
    """The keyed hash by which a repeat of a refused item is recognised: nobody without the key can guess its text."""
    return digest_of(request, "attempt", text)[:16]


def _result(answer: TapAnswer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "verdict": answer.verdict,
        "code": answer.code,
        "duplicate": answer.duplicate,
        "at": answer.at,
        "evidence": answer.evidence,
        "visits": [{"id": visit.id, "recipient": visit.recipient, "status": visit.status} for visit in answer.visits],
        "doors": answer.doors._asdict() if answer.doors else None,
    }
