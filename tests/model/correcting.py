"""The reference model's corrections: what people said, in the order they said it, laid over what the taps say."""

from dataclasses import dataclass, field, replace
from uuid import uuid5

from presences import LONGEST, Presence

APART = {"system_down": "system_down", "visit_outside_home": "off_site"}
"""Where figures of evidence count what could not have been tapped, by its reason."""


@dataclass
class Amended:
    """What was said of one visit alone, by the recipient whose it was by the facts."""

    recipient: str | None = None
    told: tuple | None = None  # (intervention, minutes) of what was really done
    omitted: bool = False
    settled: dict = field(default_factory=dict)  # anomaly: (state, the cause it had)


def by_hand(facts, manual):
    """The presence of a visit that was told without any tap."""
    person = facts.persons[manual.staff]
    own_id = uuid5(manual.id, "presence")
    return Presence(
        own_id, person, person, manual.staff, manual.household, None, None, manual.start, manual.end,
        by_hand={"in", "out"}, apart=dict.fromkeys(("in", "out"), APART.get(manual.reason)),
    )  # fmt: skip


def chain_of(facts, presence):
    """Every correction of a presence, whichever of its taps it names, in the order recorded."""
    return [one for one in facts.corrections if one.tap in presence.names]


def holds(chain, one):
    """Whether nobody has taken it back: an undo names one of a repair, and may itself have been taken back."""
    later = chain[chain.index(one) + 1 :]
    undone = [other for other in later if other.kind == "undo" and _together(one) == _named(chain, other)]
    return not any(holds(chain, other) for other in undone)


def _together(one):
    return one.together or one.id


def _named(chain, undo):
    return next((_together(one) for one in chain if one.id == undo.value), None)


def holding(chain):
    """What of a chain nobody has taken back."""
    return [one for one in chain if holds(chain, one)]


def left_out(facts):
    """The taps that a person rejected before any visit had come of them: none comes of them later."""
    return {one.tap for one in facts.corrections if one.recipient is None and not one.value}


def correct(facts, paired):
    """A person's presences as people have corrected them.

    A tap that came after a boundary was corrected moves it no more: the half visit that it would make stands beside it.
    """
    said = {presence.id: chain_of(facts, presence) for presence in paired}
    chains = {id_: holding(chain) for id_, chain in said.items()}
    beside = {}
    for presence in paired:
        # What somebody ever corrected is nobody's later fact.
        keeper = None if said[presence.id] else _keeper(presence, paired, chains)
        if keeper is not None:
            beside[presence.id] = keeper.id
    found = []
    for presence in paired:
        if presence.id not in beside:
            later = [tap for one in paired if beside.get(one.id) == presence.id for tap in one.taps]
            found.append(_laid_over(facts, presence, chains[presence.id], later))
    return found


def _latest(chain, kind):
    return next((one for one in reversed(chain) if one.kind == kind), None)


def _keeper(half, paired, chains):
    """The corrected presence that a half one is a later fact of."""
    here = [one for one in paired if one.household == half.household and one is not half]
    if half.start is None:
        before = [one for one in here if one.start is not None and one.start <= half.end]
        if not before:
            return None
        last = max(before, key=lambda one: (one.start, one.id))
        end, start = _latest(chains[last.id], "set_end"), _latest(chains[last.id], "set_start")
        began_at = start.value if start else last.start
        if end and half.tap_out.id not in end.seen and began_at <= half.end <= began_at + LONGEST:
            return last
    elif half.replaced_at is not None and half.end is None:
        # Of two who opened in that second the first stands for both.
        following = next((one for one in here if one.start == half.replaced_at), None)
        start = following and _latest(chains[following.id], "set_start")
        if start and half.tap_in.id not in start.seen:
            return following
    return None


def _laid_over(facts, paired, chain, later):
    if not chain:
        return paired
    found = replace(paired, beside=[*paired.beside, *later], by_hand=set(paired.by_hand), later_facts=bool(later))
    found.apart = dict(paired.apart)
    for way, kind, tap in (("in", "set_start", paired.tap_in), ("out", "set_end", paired.tap_out)):
        said = _latest(chain, kind)
        if said:
            setattr(found, "start" if way == "in" else "end", said.value)
            found.by_hand.add(way)
            found.apart.pop(way, None)
            found.later_facts |= tap is not None and tap.id not in said.seen
    if found.complete and not found.start <= found.end <= found.start + LONGEST:
        # What was said was possible when it was said: the end that was told stands, else the start.
        way = "in" if _latest(chain, "set_end") else "out"
        setattr(found, "start" if way == "in" else "end", None)
        found.by_hand.discard(way)
    nothing_followed = paired.tap_out is None and paired.replaced_at is None
    waiting = found.start is not None and found.end is None and nothing_followed
    found.is_open = waiting and found.start + LONGEST >= facts.now
    staff = _latest(chain, "set_staff")
    if staff:
        found.staff, found.person = staff.value, facts.persons[staff.value]
    _decide(found, chain)
    return found


def _decide(found, chain):
    """What was decided of the whole presence, one thing after the other."""
    found.confirmed_taps, found.attested = set(), set()
    taken_away = rejected = False
    for one in chain:
        if one.kind == "settle_dispute" and one.value:
            found.confirmed_taps |= one.seen
        elif one.kind == "restore":
            taken_away = rejected = False
        elif one.kind == "settle_dispute":
            rejected = True
        elif one.kind == "undo" or (one.kind == "omit" and one.alone):
            taken_away = one.alone
        elif one.kind == "attest":
            found.attested.add(one.value)
            late = {tap.id for tap in found.taps if tap.dispute == "received_too_late"}
            found.confirmed_taps |= late & one.seen
    found.omitted = taken_away or rejected


def amended(chain):
    """What was said of single visits, by recipient, first said first."""
    found = {}
    for one in holding(chain):
        if one.recipient is None:
            continue
        change = found.setdefault(one.recipient, Amended())
        if one.kind == "set_interventions":
            change.told = one.value
        elif one.kind == "set_recipient":
            change.recipient = None if one.value == one.recipient else one.value
        elif one.kind in {"omit", "restore"}:
            change.omitted = one.kind == "omit"
        elif one.kind in {"acknowledge", "resolve"}:
            state = {"acknowledge": "acknowledged", "resolve": "resolved"}[one.kind]
            change.settled[one.value] = (state, one.cause)
    return found
