"""Judging a tap when it first arrives: its instant, its evidence, its verdict.

The judgement is made once and is part of the fact from then on.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from app.domain.closed_sets import ClaimedDirection, Verdict
from app.domain.register.device import Device, DeviceUser
from app.domain.register.master import MasterData
from app.domain.register.tag import Tag
from app.domain.sun import Read
from app.domain.time import CLOCK_TOLERANCE, LONGEST_PRESENCE, UTC, ZERO, whole_second

CLOCKS_DISAGREE = dt.timedelta(seconds=60)
LARGE_SHIFT = dt.timedelta(minutes=5)
ONLINE = dt.timedelta(seconds=120)
MILLISECOND = dt.timedelta(milliseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
ADJUSTED = "clock_adjusted"
IN_FUTURE = "claim_in_future"

ManualReason = Literal[
    "tag_missing",
    "tag_unreadable",
    "phone_no_nfc",
    "phone_dead",
    "no_coverage",
    "visit_outside_home",
    "forgot_in",
    "forgot_out",
    "system_down",
    "other",
]
"""Reasons for a tap entered by hand."""
STATE_DISPUTES = {
    "suspended": "tag_suspended",
    "lost": "tag_lost",
    "retired": "tag_retired",
    "tampered": "tag_tampered",
}


TapRefusal = Literal[
    "malformed",
    "forbidden_role",
    "id_conflict",
    "keyset_unknown",
    "keyset_retired",
    "sun_invalid",
    "tag_unknown",
    "tag_epoch_stale",
    "counter_replayed",
    "counter_replayed_same_device",
    "unknown_household",
    "too_many_refused",
]
"""Codes of refused taps."""
JUDGED_ANEW = frozenset(
    {"unknown_intervention", "unknown_recipient", "unknown_household", "tag_unknown", "keyset_unknown"}
)
"""Refusals for missing master data: the same item sent again is judged anew. All other refusals are final."""
ENDED_KEYSETS = frozenset({"retired", "compromised"})
UNREGISTERED_VERSION = 1
"""The version of the key tried for an unregistered chip, so that its refusal takes as long as any other."""


class KeysClosedError(Exception):
    """The keyset exists, but its keys cannot be decrypted here. Its messages must not be refused, or they are lost."""


@dataclass(slots=True)
class Message:
    """The message of an NTAG 424 DNA: 16 encrypted bytes and a MAC of 8; once verified, with its content.

    It may be verified before the lock is held and again after: a verified message stays verified, and a message that
    failed is tried again only when master data has changed.
    """

    keyset: str
    encrypted: bytes
    mac: bytes
    _read: Read | None = None
    _seq: int = -1

    def verified(self, master: MasterData) -> Read | None:
        """UID, counter and key version of the message; None if no chip of the keyset made it.

        Raises KeysClosedError if the keyset's keys cannot be decrypted.
        """
        if self._read is None and self._seq != master.seq and self.keyset in master.keysets:
            keys = master.keys.get(self.keyset)
            if keys is None:
                raise KeysClosedError
            self._read = keys.read(self.encrypted, self.mac, lambda uid: _versions(master, self.keyset, uid))
            self._seq = master.seq
        return self._read


def _versions(master: MasterData, keyset: str, uid: str) -> tuple[int, ...]:
    tag = master.tag_by_uid(uid)
    return (tag.versions_of(keyset) if tag else ()) or (UNREGISTERED_VERSION,)


@dataclass(frozen=True, slots=True)
class Claim:
    """One tap as the phone sent it, with `message`, `uid` or `household`; `reason` goes with `household`."""

    id: UUID
    direction: ClaimedDirection
    tapped_at: dt.datetime
    uptime_ms: int | None = None
    boot_id: str | None = None
    message: Message | None = None
    uid: str | None = None
    household: str | None = None
    reason: ManualReason | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A batch's instant of receipt, and the phone's clocks when it was sent."""

    received_at: dt.datetime
    sent_at: dt.datetime
    sent_uptime_ms: int | None = None
    boot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """The error of a phone's clocks: `wall` is added to its wall clock, `booted_at` is the instant of uptime 0."""

    wall: dt.timedelta | None = None
    booted_at: dt.datetime | None = None


class Lead(NamedTuple):
    """The time by which a claim in the future is moved back. `alone`: no others were moved with it."""

    back: dt.timedelta
    alone: bool


Leads = Mapping[dt.datetime, Lead]
"""By the instant that the clocks give, for instants in the future."""


class Judgement(NamedTuple):
    """The verdict on one claim. The tag is stored by ref, not by its household: its mount may be registered later.

    `epoch` and `counter` are of the tag's message, if it sent one: the index of its keys, and its number of reads.
    """

    verdict: Verdict
    code: str | None
    at: dt.datetime
    evidence: str | None
    tag: str | None = None
    flags: tuple[str, ...] = ()
    epoch: int | None = None
    counter: int | None = None


def wall_shift(received_at: dt.datetime, sent_at: dt.datetime) -> dt.timedelta:
    """The correction of a phone's wall clock that showed `sent_at` at `received_at`; zero within 30 seconds."""
    raw = received_at - sent_at
    return raw if abs(raw) > CLOCK_TOLERANCE else ZERO


def shift_of(envelope: Envelope, kept: Shift | None) -> Shift:
    """The shift of a batch: the stored one of this phone while it fits, so that IN and OUT sent apart do not drift."""
    wall = wall_shift(envelope.received_at, envelope.sent_at)
    if kept and kept.wall is not None:
        raw = envelope.received_at - envelope.sent_at
        wall = kept.wall if abs(raw - kept.wall) <= CLOCK_TOLERANCE else wall
    booted_at = None
    if envelope.sent_uptime_ms is not None and envelope.boot_id is not None:
        booted_at = moved(envelope.received_at, -envelope.sent_uptime_ms, MILLISECOND)
        if booted_at and kept and kept.booted_at and abs(booted_at - kept.booted_at) <= CLOCK_TOLERANCE:
            booted_at = kept.booted_at
    return Shift(wall, booted_at)


def _by_clocks(claim: Claim, envelope: Envelope, shift: Shift) -> tuple[dt.datetime, bool]:
    """The instant of the tap by the phone's corrected clocks, and True if the correction is large enough to flag."""
    wall = shift.wall or ZERO
    same_boot = claim.boot_id is not None and claim.boot_id == envelope.boot_id
    at: dt.datetime | None = None
    if same_boot and claim.uptime_ms is not None and shift.booted_at is not None:
        at = moved(shift.booted_at, claim.uptime_ms, MILLISECOND)
    if at is not None:
        return at, abs(at - claim.tapped_at) > CLOCKS_DISAGREE
    # A shift larger than the calendar itself means that one of the two times is nonsense: the claim stays.
    return moved(claim.tapped_at, 1, wall) or claim.tapped_at, abs(wall) > LARGE_SHIFT


def leads_of(claims: Iterable[Claim], envelope: Envelope, shift: Shift) -> Leads:
    """The leads of a batch's claims in the future, which are moved back together to keep the time between them.

    The latest is moved to the receipt of the batch. Claims more than 16 hours apart are moved separately: one absurd
    claim must not move an honest one that is a second ahead into another year.
    """
    times = sorted({_by_clocks(claim, envelope, shift)[0] for claim in claims})
    groups: list[list[dt.datetime]] = []
    for at in (at for at in times if at > envelope.received_at):
        if groups and at - groups[-1][-1] <= LONGEST_PRESENCE:
            groups[-1].append(at)
        else:
            groups.append([at])
    return {at: Lead(group[-1] - envelope.received_at, len(group) == 1) for group in groups for at in group}


def time_of(
    claim: Claim, envelope: Envelope, shift: Shift, leads: Leads = MappingProxyType({})
) -> tuple[dt.datetime, tuple[str, ...]]:
    """The instant of the tap, in whole UTC seconds, and the flags of its clocks.

    Never after its receipt, nor before 1970, where the clock of a phone that has lost its time begins. `leads` are
    those of its batch; without them it is judged alone.
    """
    at, adjusted = _by_clocks(claim, envelope, shift)
    flags = [ADJUSTED] if adjusted else []
    if at > envelope.received_at:
        back = leads[at].back if at in leads else at - envelope.received_at
        if back > CLOCK_TOLERANCE:
            flags.append(IN_FUTURE)
        at -= back
    return whole_second(max(EPOCH, at)), tuple(flags)


def moved(instant: dt.datetime, times: int, step: dt.timedelta) -> dt.datetime | None:
    """The instant plus `times` steps; None outside the calendar, because a phone may send any value."""
    try:
        return instant + times * step
    except OverflowError:
        return None


def judge(
    claim: Claim,
    envelope: Envelope,
    shift: Shift,
    master: MasterData,
    late_after: dt.timedelta,
    leads: Leads = MappingProxyType({}),
) -> Judgement:
    """The verdict on a well-formed claim not seen before. `domain.taps.read_counter` adds the tag's other reads.

    Refused: an unknown tag or household, and a message that no chip made. Disputed: a tag's state, a tag without a
    household, and a tap received more than `late_after` after its instant. Everything else is accepted. A claim in the
    future has the code `claim_in_future` only if it was clipped alone, not if several were moved back together.
    """
    at, flags = time_of(claim, envelope, shift, leads)
    lead = leads.get(_by_clocks(claim, envelope, shift)[0]) if leads else None
    shown = [flag for flag in flags if flag != IN_FUTURE or lead is None or lead.alone]
    judged = Judgement("accepted", shown[0] if shown else None, at, "manual", None, flags)
    if claim.message is not None:
        online = envelope.received_at - at <= ONLINE
        judged = _with_message(judged._replace(evidence="sun_online" if online else "sun_late"), claim.message, master)
    elif claim.uid is not None:
        judged = _at_tag(judged._replace(evidence="static"), master.tag_by_uid(claim.uid))
    elif claim.household is None or not master.has_household(claim.household):
        judged = _refused(judged, "unknown_household")
    if judged.tag is not None and judged.verdict == "accepted":
        judged = _where_it_hangs(judged, master.tags[judged.tag], claim.direction)
    if judged.verdict == "accepted" and envelope.received_at - at > late_after:
        return judged._replace(verdict="disputed", code="received_too_late")
    return judged


def counted(message: Message, master: MasterData) -> tuple[str, int, int] | None:
    """Tag, epoch and counter of a message; None if it is refused for its content."""
    judged = _with_message(Judgement("accepted", None, EPOCH, None), message, master)
    if judged.tag is None or judged.epoch is None or judged.counter is None:
        return None
    return judged.tag, judged.epoch, judged.counter


def _with_message(judged: Judgement, message: Message, master: MasterData) -> Judgement:
    """The judgement with the message's tag, epoch and counter, or refused."""
    state = master.keysets.get(message.keyset)
    if state is None or state in ENDED_KEYSETS:
        return _refused(judged, "keyset_retired" if state else "keyset_unknown")
    read = message.verified(master)
    if read is None:
        return _refused(judged, "sun_invalid")
    judged = _at_tag(judged._replace(counter=read.counter), master.tag_by_uid(read.uid))
    if judged.tag is None:
        return judged
    epochs = master.tags[judged.tag].epochs
    if epochs[-1:] != ((message.keyset, read.key_version),):
        return _refused(judged, "tag_epoch_stale")
    return judged._replace(epoch=len(epochs) - 1)


def _at_tag(judged: Judgement, tag: Tag | None) -> Judgement:
    return _refused(judged, "tag_unknown") if tag is None else judged._replace(tag=tag.ref)


def _where_it_hangs(judged: Judgement, tag: Tag, direction: ClaimedDirection) -> Judgement:
    code = STATE_DISPUTES.get(tag.state_at(judged.at) or "")
    if code is None and tag.household_at(judged.at) is None and direction != "control":
        code = "tag_unassigned"
    return judged if code is None else judged._replace(verdict="disputed", code=code)


def _refused(judged: Judgement, code: TapRefusal) -> Judgement:
    return judged._replace(verdict="refused", code=code, evidence=None, flags=())


def judge_device(judged: Judgement, device: Device | None, user: DeviceUser) -> Judgement:
    """The judgement on a tap that came with a device's token; None for a device unknown in this municipality.

    Disputed with `device_not_bound` if the device was not the user's at the instant of the tap, or was revoked by then.
    This code comes before the tag's, because mounting the tag would remove that one. A tap made before its device was
    revoked stands, flagged `device_revoked`.
    """
    if judged.verdict == "refused":
        return judged
    revoked_at = device.revoked_at if device else None
    if device is None or not device.is_used_by(user, judged.at) or (revoked_at and revoked_at <= judged.at):
        return judged._replace(verdict="disputed", code="device_not_bound")
    if revoked_at is None:
        return judged
    return judged._replace(code=judged.code or "device_revoked", flags=(*judged.flags, "device_revoked"))


def standing_refusal(codes: Iterable[str]) -> str | None:
    """The final code of those with which an item was refused, independent of master data; None without one."""
    return next((code for code in codes if code not in JUDGED_ANEW), None)
