"""The reference model's judgement of a tap: when it was, whether it stands."""

import datetime as dt

from facts import Tap, at_instant

TOLERANCE = dt.timedelta(seconds=30)
DISAGREE = dt.timedelta(seconds=60)
LARGE = dt.timedelta(minutes=5)
NOTHING = dt.timedelta(0)
DISPUTING = {"suspended": "tag_suspended", "lost": "tag_lost", "retired": "tag_retired", "tampered": "tag_tampered"}


def shift_of(clocks, phone, received_at, sent_at):
    """How far a phone's wall clock is off: what was found first counts for as long as it fits."""
    found = received_at - sent_at
    kept = clocks.get(phone)
    if kept is not None and abs(found - kept) <= TOLERANCE:
        return kept
    clocks[phone] = found if abs(found) > TOLERANCE else NOTHING
    return clocks[phone]


def start_of(clocks, phone, received_at, sent_uptime_ms):
    """When a phone was started, by its monotonic clock."""
    found = received_at - dt.timedelta(milliseconds=sent_uptime_ms)
    kept = clocks.get((phone, "uptime"))
    if kept is not None and abs(found - kept) <= TOLERANCE:
        return kept
    clocks[phone, "uptime"] = found
    return found


def when(item, shift, started_at, received_at):
    """The instant of a tap and the flags its clocks raise. `started_at` is None without a monotonic clock."""
    flags = []
    if started_at is not None and "uptime_ms" in item:
        at = started_at + dt.timedelta(milliseconds=item["uptime_ms"])
        if abs(at - item["tapped_at"]) > DISAGREE:
            flags.append("clock_adjusted")
    else:
        at = item["tapped_at"] + shift
        if abs(shift) > LARGE:
            flags.append("clock_adjusted")
    if at - received_at > TOLERANCE:
        flags.append("claim_in_future")
    return min(at, received_at).replace(microsecond=0), tuple(flags)


def refusal(facts, item, tag_of):
    """Why nobody can take it; None where it can be taken. Known ids are answered before anything else is looked at."""
    tag = item["tag"]
    shapes = ({"uid"}, {"keyset", "e", "c"}, {"household", "reason"})
    readable = item["direction"] in {"in", "out", "auto"} and isinstance(item["tapped_at"], dt.datetime)
    if not readable or set(tag) not in shapes:
        return "malformed"
    if item["id"] in facts.items:
        return None if facts.items[item["id"]] == item else "id_conflict"
    if "keyset" in tag:
        return "keyset_unknown"
    if "uid" in tag:
        return None if tag["uid"] in tag_of else "tag_unknown"
    homes = {home.household for versions in facts.recipients.values() for home in versions.values()}
    return None if tag["household"] in homes else "unknown_household"


def judge(facts, staff, envelope, items, received_at, late_after, tag_of):
    """Take in the taps of one batch; gives the answer that is owed to each of its items.

    It is (id, verdict, whether it was known, code, instant, evidence).
    """
    phone = (staff, envelope.get("boot_id"))
    shift = shift_of(facts.clocks, phone, received_at, envelope["sent_at"])
    started_at = None
    if "sent_uptime_ms" in envelope:
        started_at = start_of(facts.clocks, phone, received_at, envelope["sent_uptime_ms"])
    for item in items:
        id_ = item["id"]
        before = [code for attempt, code in facts.attempts if attempt == item]
        [refused] = before or [refusal(facts, item, tag_of)]
        if refused:
            known = bool(before)
            facts.attempts += [] if known else [(item, refused)]
            yield str(id_), "refused", known, refused, None, None
            continue
        known = id_ in facts.taps
        if not known:
            facts.items[id_] = item
            at, flags = when(item, shift, started_at, received_at)
            facts.taps[id_] = _taken(facts, staff, item, at, flags, received_at - at > late_after, tag_of)
        tap = facts.taps[id_]
        verdict = "disputed" if tap.dispute else "accepted"
        yield str(id_), verdict, known, tap.dispute or next(iter(tap.flags), None), tap.at, tap.evidence


def _taken(facts, staff, item, at, flags, late, tag_of):
    by_hand = "household" in item["tag"]
    tag = None if by_hand else tag_of[item["tag"]["uid"]]
    dispute = None
    if not by_hand:
        dispute = DISPUTING.get(at_instant(facts.states[tag], at))
        if dispute is None and at_instant(facts.mounts[tag], at) is None:
            dispute = "tag_unassigned"
    if dispute is None and late:
        dispute = "received_too_late"
    return Tap(
        id=item["id"],
        staff=staff,
        direction=item["direction"],
        at=at,
        tag=tag,
        household=item["tag"].get("household"),
        evidence="manual" if by_hand else "static",
        dispute=dispute,
        flags=flags,
    )
