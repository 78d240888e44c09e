"""What one person told by hand and a second one attests: ends of long visits, and taps that came too late.

A contract says how long a visit with an end told by hand may be before it is held; where nothing is agreed it is an
hour. What was attested is the ends and who was there: as long as they stay the same it stays attested, and a later
change of them asks for a new one.

Whoever has made a staff ref can tell visits of it by hand. So such a visit, of that day or one before, says so.
"""

import datetime as dt
from collections.abc import Sequence

from app.domain.register.master import Contract, Staff
from app.domain.visits.correction import Correction, latest
from app.domain.visits.evidence import BY_HAND
from app.domain.visits.presence import Presence

UNAGREED = dt.timedelta(minutes=60)
"""The longest that one person alone can tell where no contract of the day says another."""


def attestable(presence: Presence) -> str:
    """What is attested of a presence."""
    return f"{presence.started_at} {presence.ended_at} {presence.staff}"


def held(presence: Presence, contract: Contract | None, chain: Sequence[Correction]) -> bool:
    """Whether a presence with both ends, one of them told by hand, waits for a second person to attest it.

    `contract` is the provider's of the day; `chain` are the corrections laid over the presence, none of them undone.
    """
    if not BY_HAND & {presence.evidence_in, presence.evidence_out}:
        return False
    if presence.started_at is None or presence.ended_at is None:
        return False
    agreed = contract.manual_attest_minutes if contract else None
    if presence.ended_at - presence.started_at <= (UNAGREED if agreed is None else dt.timedelta(minutes=agreed)):
        return False
    said = attestable(presence)
    return not any(one.kind == "attest" and one.cause == said for one in chain)


def of_new_staff(presence: Presence, staff: Staff, on: dt.date) -> bool:
    """Whether an end was told by hand of the day on which the provider itself made the staff ref, or of one before."""
    by_hand = BY_HAND & {presence.evidence_in, presence.evidence_out}
    return bool(by_hand) and staff.registered_on is not None and on <= staff.registered_on


def tellers(presence: Presence, chain: Sequence[Correction]) -> tuple[list[Correction], bool]:
    """The corrections that told what stands of a presence, and whether the one who registered it by hand did too.

    None of `chain` is undone.
    """
    told = [found for kind in ("set_start", "set_end", "set_staff") if (found := latest(chain, kind))]
    corrected = {one.kind for one in told}
    return told, presence.by_hand and not {"set_start", "set_end"} <= corrected
