"""Attestation: a second person confirms the ends of long visits entered by hand, and taps that came too late.

A contract says how long a visit with an end entered by hand may be before it is held; where nothing is agreed, an hour.
The ends and the staff are attested: while they stay the same, the attestation stands, and a later change of them asks
for a new one.

Whoever registers a staff ref can enter visits for it by hand. So such a visit, of that day or earlier, is flagged.
"""

import datetime as dt
from collections.abc import Sequence

from app.domain.register.contract import Contract
from app.domain.register.staff import Staff
from app.domain.visits.correction import Correction, latest
from app.domain.visits.evidence import BY_HAND
from app.domain.visits.presence import Presence

UNAGREED = dt.timedelta(minutes=60)
"""Longest visit that one person alone can enter by hand, unless the contract of the day says otherwise."""


def attestable(presence: Presence) -> str:
    """The attested content of a presence as text: both ends and the staff ref."""
    return f"{presence.started_at} {presence.ended_at} {presence.staff}"


def held(presence: Presence, contract: Contract | None, chain: Sequence[Correction]) -> bool:
    """True while a presence with both ends, one of them entered by hand, waits for a second person to attest it.

    `contract` is the provider's of the day; `chain` are the corrections applied to the presence, none of them undone.
    """
    if not BY_HAND & {presence.evidence_in, presence.evidence_out}:
        return False
    if presence.started_at is None or presence.ended_at is None:
        return False
    agreed = contract.manual_attest_minutes if contract else None
    if presence.ended_at - presence.started_at <= (UNAGREED if agreed is None else dt.timedelta(minutes=agreed)):
        return False
    content = attestable(presence)
    return not any(one.kind == "attest" and one.cause == content for one in chain)


def of_new_staff(presence: Presence, staff: Staff, on: dt.date) -> bool:
    """True when an end was entered by hand and `on` is no later than the day its provider registered the staff ref."""
    by_hand = BY_HAND & {presence.evidence_in, presence.evidence_out}
    return bool(by_hand) and staff.registered_on is not None and on <= staff.registered_on


def entered_by(presence: Presence, chain: Sequence[Correction]) -> tuple[list[Correction], bool]:
    """The corrections that give the ends and the staff of a presence, and whether its registration by hand gives some.

    None of `chain` is undone.
    """
    given = [correction for kind in ("set_start", "set_end", "set_staff") if (correction := latest(chain, kind))]
    corrected = {one.kind for one in given}
    return given, presence.by_hand and not {"set_start", "set_end"} <= corrected
