"""Corrections: people's decisions about a visit after the taps, applied to the presences that the taps give.

Raw presences come from `pairing` and know nothing of corrections. `correct` applies the chain of each presence to it,
in the order recorded, before spans are cut; `amendments` gives the changes of a chain in the single visits. Both are
total: whatever taps arrive later, a corrected boundary stays, and a tap that contradicts it is flagged
`fact_after_correction`.

Corrections that belong together are one repair. An `undo` names a correction and takes its whole repair back: none of
it is applied any more, though it stays in the chain. An undo can itself be undone.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

from app.domain.closed_sets import CorrectionKind, PresenceState
from app.domain.taps.report import ReportedIntervention
from app.domain.time import LONGEST_PRESENCE, ZERO
from app.domain.visits.evidence import by_hand
from app.domain.visits.pairing import presence_order
from app.domain.visits.presence import Presence, SideTap

Reason = Literal[
    "forgot_out",
    "forgot_in",
    "wrong_tag",
    "wrong_staff",
    "wrong_recipient",
    "client_request",
    "emergency",
    "equipment",
    "system_down",
    "shared_visit",
    "other",
]
LATE_FACT = "fact_after_correction"
TOO_LATE = "received_too_late"


class Correction(NamedTuple):
    """One link of a presence's chain. `tap` is any tap of the presence, `recipient` whose visit was corrected.

    `recipient` is None where a disputed tap was settled before it had any visit: `seen` is then that tap alone.

    `seq` is the order recorded. `seen` are the taps of the presence and beside it that were known then: a tap that is
    not among them came later. `at` is the new boundary, `ref` the new staff or recipient, or the anomaly meant, with
    the `cause` it had. `whole`: with this, no visit of the presence is left. `undoes` is the correction that an undo
    takes back, `repair` the first of those that were made together, if there are several.
    """

    id: UUID
    seq: int
    tap: UUID
    recipient: str | None
    kind: CorrectionKind
    seen: frozenset[UUID] = frozenset()
    at: dt.datetime | None = None
    ref: str | None = None
    interventions: tuple[ReportedIntervention, ...] = ()
    accept: bool = True
    whole: bool = False
    cause: str = ""
    reason: str = ""
    undoes: UUID | None = None
    repair: UUID | None = None


class Amendment(NamedTuple):
    """Changes to a single visit by its chain of corrections. None and empty: as the facts say."""

    recipient: str | None = None
    interventions: tuple[ReportedIntervention, ...] | None = None
    omitted: bool = False
    anomaly_states: tuple[tuple[str, str, str], ...] = ()
    """Anomaly, the state given to it, and the cause it had."""
    corrections: tuple[UUID, ...] = ()


NOTHING = Amendment()
EVERY_RECIPIENT = ""
Chains = Mapping[UUID, Sequence[Correction]]
"""Corrections by the tap they name, each in the order recorded."""


def chain_of(presence: Presence, chains: Chains) -> list[Correction]:
    """Every correction that names a tap of the presence, in the order recorded."""
    if not chains:
        return []
    corrections = [one for tap in presence.taps for one in chains.get(tap, ())]
    return sorted(corrections, key=lambda one: one.seq)


def repair_with(chain: Sequence[Correction], id_: UUID | None) -> list[Correction]:
    """A correction of the chain and all that were made with it, as one repair; none where it is not of the chain."""
    first = next((one.repair or one.id for one in chain if one.id == id_), None)
    return [one for one in chain if (one.repair or one.id) == first]


def standing(chain: Sequence[Correction]) -> list[Correction]:
    """The corrections of a chain that are not undone, in the order recorded."""
    if not chain:
        return []
    gone: set[UUID] = set()
    for one in reversed(chain):
        if one.kind == "undo" and one.id not in gone:
            gone.update(undone.id for undone in repair_with(chain, one.undoes))
    return [one for one in chain if one.id not in gone]


def consistent(started_at: dt.datetime, ended_at: dt.datetime) -> bool:
    """True when the end is not before the start, and at most 16 hours after it."""
    return ZERO <= ended_at - started_at <= LONGEST_PRESENCE


def correct(
    presences: Sequence[Presence], chains: Chains, person_of: Callable[[str], str], now: dt.datetime
) -> list[Presence]:
    """One person's paired presences with their corrections applied; the raw presences stay in `paired`.

    `now` is the instant they were paired for. A tap that came after a corrected boundary and was paired into a presence
    of its own because of it (an OUT after a corrected end, an IN before a corrected start) stands beside the corrected
    one. Sorted by anchor.
    """
    if not chains:
        return list(presences)
    # A presence that was ever corrected is not absorbed by another one, even if all its corrections are undone.
    chained = {presence.id: standing(chain) for presence in presences if (chain := chain_of(presence, chains))}
    absorbed = _absorbed(presences, chained)
    taken = {stray.id for strays in absorbed.values() for stray in strays}
    corrected: list[Presence] = []
    for presence in presences:
        if presence.id in taken:
            continue
        result = presence
        if presence.id in chained:
            result = _applied(presence, chained[presence.id], absorbed.get(presence.id, ()), presences, now)
            staff = latest(chained[presence.id], "set_staff")
            if staff and staff.ref:
                result = result._replace(
                    staff=staff.ref, person=person_of(staff.ref), paired=result.paired or (presence,)
                )
        corrected.append(result)
    return sorted(corrected, key=presence_order)


def latest(chain: Sequence[Correction], kind: str) -> Correction | None:
    """The last correction of the kind, which is the one in effect."""
    return next((one for one in reversed(chain) if one.kind == kind), None)


def _absorbed(
    presences: Sequence[Presence], chained: Mapping[UUID, Sequence[Correction]]
) -> dict[UUID, list[Presence]]:
    """By corrected presence, the presences that later taps opened only because pairing knows no corrections."""
    absorbed: dict[UUID, list[Presence]] = {}
    tapped = [presence for presence in presences if not presence.by_hand]
    for stray in tapped:
        keeper = None if stray.id in chained else _keeper(stray, tapped, chained)
        if keeper is not None:
            absorbed.setdefault(keeper, []).append(stray)
    return absorbed


def _keeper(
    stray: Presence, presences: Sequence[Presence], chained: Mapping[UUID, Sequence[Correction]]
) -> UUID | None:
    here = [one for one in presences if one.household == stray.household and one.id != stray.id]
    if stray.started_at is None and stray.ended_at is not None:
        end = stray.ended_at
        before = [one for one in here if one.started_at is not None and one.started_at <= end]
        last = max(before, key=presence_order, default=None)
        if last is None or last.started_at is None or last.id not in chained:
            return None
        set_end = latest(chained[last.id], "set_end")
        start = latest(chained[last.id], "set_start")
        began_at = (start and start.at) or last.started_at
        if set_end and stray.out_tap not in set_end.seen and consistent(began_at, end):
            return last.id
    elif stray.ended_at is None and stray.closed_at is not None:
        closer = next((one for one in here if one.started_at == stray.closed_at), None)
        if closer is None or closer.id not in chained:
            return None
        set_start = latest(chained[closer.id], "set_start")
        if set_start and stray.in_tap not in set_start.seen:
            return closer.id
    return None


def _applied(
    raw: Presence,
    chain: Sequence[Correction],
    strays: Sequence[Presence],
    others: Iterable[Presence],
    now: dt.datetime,
) -> Presence:
    start, end = latest(chain, "set_start"), latest(chain, "set_end")
    started_at, ended_at = (start.at if start else raw.started_at), (end.at if end else raw.ended_at)
    if started_at and ended_at and not consistent(started_at, ended_at):
        # Only a later fact can contradict what was checked when it was recorded: the corrected side stands.
        started_at, ended_at = (None, ended_at) if end else (started_at, None)
    sides = tuple(SideTap(tap, one.anchor_at, one.household) for one in strays for tap in one.taps)
    confirmed = frozenset(tap for one in chain if one.kind == "settle_dispute" and one.accept for tap in one.seen)
    attest = latest(chain, "attest")
    attested = attest.seen if attest else frozenset()
    changed = raw._replace(
        state="omitted" if _omitted(chain) else _state(raw, started_at, ended_at, now),
        started_at=started_at,
        ended_at=ended_at,
        closed_at=ended_at or _after(raw.closed_at, started_at),
        next_in_at=_next_in(raw, started_at, others) if start else raw.next_in_at,
        evidence_in=by_hand(start.reason) if start and started_at else raw.evidence_in,
        evidence_out=by_hand(end.reason) if end and ended_at else raw.evidence_out,
        dispute_in=_disputed(raw.in_tap, raw.dispute_in, confirmed, attested),
        dispute_out=_disputed(raw.out_tap, raw.dispute_out, confirmed, attested),
        flags_in=_flagged(raw.flags_in, late=start is not None and _late(raw.in_tap, start)),
        flags_out=_flagged(raw.flags_out, late=bool(sides) or (end is not None and _late(raw.out_tap, end))),
        side_taps=(*raw.side_taps, *sides),
    )
    return changed if changed == raw else changed._replace(paired=(raw, *strays))


def _state(
    raw: Presence, started_at: dt.datetime | None, ended_at: dt.datetime | None, now: dt.datetime
) -> PresenceState:
    if started_at and ended_at:
        return "complete"
    waiting = started_at is not None and raw.closed_at is None
    return "open" if waiting and started_at and now - started_at <= LONGEST_PRESENCE else "incomplete"


def _after(at: dt.datetime | None, started_at: dt.datetime | None) -> dt.datetime | None:
    return at if at and started_at and consistent(started_at, at) else None


def _next_in(raw: Presence, started_at: dt.datetime | None, others: Iterable[Presence]) -> dt.datetime | None:
    """The person's first tap in after this one's that is not before the corrected start."""
    taps_in = [
        one.started_at
        for one in others
        if one.started_at and not one.by_hand and presence_order(one) > presence_order(raw)
    ]
    return min((at for at in taps_in if _after(at, started_at)), default=None)


def _disputed(tap: UUID | None, code: str | None, confirmed: frozenset[UUID], attested: frozenset[UUID]) -> str | None:
    """The dispute of a tap, unless a person has accepted it; one that only came too late may also be attested."""
    return None if tap in confirmed or (code == TOO_LATE and tap in attested) else code


def _late(tap: UUID | None, correction: Correction) -> bool:
    return tap is not None and tap not in correction.seen


def _flagged(flags: tuple[str, ...], *, late: bool) -> tuple[str, ...]:
    return (*flags, LATE_FACT) if late else flags


def _omitted(chain: Sequence[Correction]) -> bool:
    """True when no visit of the presence is left: it was omitted as a whole, or its dispute was decided against it.

    An undo carries in `whole` whether any is left, because it may bring back one of several that were omitted.
    """
    omitted = rejected = False
    for one in chain:
        if one.kind == "restore":
            omitted = rejected = False
        elif one.kind == "undo" or (one.kind == "omit" and one.whole):
            omitted = one.whole
        elif one.kind == "settle_dispute" and not one.accept:
            rejected = True
    return omitted or rejected


def amendments(chain: Sequence[Correction]) -> dict[str, Amendment]:
    """The changes of a presence's chain, in the order recorded, to its visits, by recipient as the facts name it.

    Under EVERY_RECIPIENT stand the decisions made before there was any visit; every visit shows them. A correction that
    was undone changes nothing, and is shown as well.
    """
    if not chain:
        return {}
    changed = {one.recipient or EVERY_RECIPIENT: NOTHING for one in chain}
    for one in standing(chain):
        whose = one.recipient or EVERY_RECIPIENT
        changed[whose] = _amended(changed[whose], one)
    return {
        whose: change._replace(corrections=tuple(one.id for one in chain if one.recipient in {whose, None}))
        for whose, change in changed.items()
    }


def _amended(before: Amendment, one: Correction) -> Amendment:
    if one.kind == "set_interventions":
        return before._replace(interventions=one.interventions)
    if one.kind == "set_recipient":
        return before._replace(recipient=None if one.ref == one.recipient else one.ref)
    if one.kind in {"omit", "restore"}:
        return before._replace(omitted=one.kind == "omit")
    if one.kind in {"acknowledge", "resolve"} and one.ref:
        state = "acknowledged" if one.kind == "acknowledge" else "resolved"
        others = tuple(entry for entry in before.anomaly_states if entry[0] != one.ref)
        return before._replace(anomaly_states=(*others, (one.ref, state, one.cause)))
    return before


def manual_presence(manual: UUID) -> UUID:
    """The id of the presence of a visit entered by hand: never that of a tap, whatever id its author chose."""
    return uuid5(manual, "presence")
