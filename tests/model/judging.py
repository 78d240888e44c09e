"""The reference model's judgement of a tap: when it was, whether it stands."""

import datetime as dt
from dataclasses import replace

from crowding import Crowds
from facts import Tap, at_instant, local
from presences import LONGEST

TOLERANCE = dt.timedelta(seconds=30)
DISAGREE = dt.timedelta(seconds=60)
LARGE = dt.timedelta(minutes=5)
NOTHING = dt.timedelta(0)
WANTING = {"tag_unknown", "keyset_unknown", "unknown_household"}
"""Refusals for what may be put in place later: the same tap sent again is judged by what is in place then."""
MOST_KEPT = 4
"""Refused items that are kept of a staff ref's day. The service's own bound is out of reach for made-up days."""
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


def by_clocks(item, shift, started_at):
    """The instant that a phone's clocks give, and whether that is far from what its wall clock said."""
    if started_at is not None and "uptime_ms" in item:
        at = started_at + dt.timedelta(milliseconds=item["uptime_ms"])
        return at, abs(at - item["tapped_at"]) > DISAGREE
    return item["tapped_at"] + shift, abs(shift) > LARGE


def brought_back(ahead, received_at):
    """How far each instant of one batch that lies ahead is taken back: the latest to the receipt, those near with it.

    Near is, from one to the next, what one presence can last.
    """
    latest = {}
    for at in sorted(set(ahead)):
        near = [other for other in latest if at - other <= LONGEST]
        for other in (one for one in latest if near and latest[one] == latest[max(near)]):
            latest[other] = at
        latest[at] = at
    return {at: end - received_at for at, end in latest.items()}


def when(item, shift, started_at, received_at, back):
    """The instant of a tap and the flags its clocks raise. `started_at` is None without a monotonic clock."""
    at, adjusted = by_clocks(item, shift, started_at)
    flags = ["clock_adjusted"] if adjusted else []
    taken = back.get(at, NOTHING)
    if taken > TOLERANCE:
        flags.append("claim_in_future")
    return (at - taken).replace(microsecond=0), tuple(flags)


def is_readable(item):
    """Whether it has the shape of a tap."""
    shapes = ({"uid"}, {"keyset", "e", "c"}, {"household", "reason"})
    dated = isinstance(item["tapped_at"], dt.datetime)
    return dated and item["direction"] in {"in", "out", "auto"} and set(item["tag"]) in shapes


def comes_from_nobody(facts, staff, received_at, times, repeats):
    """Whether nothing of a batch is taken: nobody employs who sent it, nor did when anything of it was."""
    if staff not in facts.staff:
        return True
    if not facts.has_left(staff, local(received_at).date()) or any(repeats):
        return False
    return not any(facts.is_employed(staff, local(at).date()) for at in times)


def keep(facts, staff, received_at, item, code):
    """The code that a refusal is told with, after keeping it where it is not one too many of its day."""
    day = (staff, local(received_at).date())
    if facts.refused[day] == MOST_KEPT:
        return "too_many_refused"
    facts.refused[day] += 1
    facts.attempts.append((item, code))
    return code


def refusal(facts, item, tag_of):
    """Why nobody can take it; None where it can be taken. Known ids are answered before anything else is looked at."""
    tag = item["tag"]
    if not is_readable(item):
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
    """Take in the taps of one batch; gives the answer that is owed to each of its items, None where it is not taken.

    It is (id, verdict, whether it was known, code, instant, evidence).
    """
    phone = (staff, envelope.get("boot_id"))
    clocks = dict(facts.clocks)
    shift = shift_of(clocks, phone, received_at, envelope["sent_at"])
    started_at = None
    if "sent_uptime_ms" in envelope:
        started_at = start_of(clocks, phone, received_at, envelope["sent_uptime_ms"])

    def started(item):
        """Of a clock that was started since the tap nothing is known."""
        return started_at if item.get("boot_id") == envelope.get("boot_id") else None

    readable = [item for item in items if is_readable(item)]
    dated = [by_clocks(item, shift, started(item))[0] for item in readable]
    back = brought_back([at for at in dated if at > received_at], received_at)
    times = [when(item, shift, started(item), received_at, back)[0] for item in readable]
    # A way out may end what began as long before as anybody stays.
    times += [at - LONGEST for at, item in zip(times, readable, strict=True) if item["direction"] != "in"]
    repeats = [item["id"] in facts.taps and facts.taps[item["id"]].staff == staff for item in readable]
    if comes_from_nobody(facts, staff, received_at, times, repeats):
        return None
    facts.clocks = clocks
    return list(_answers(facts, staff, items, received_at, late_after, tag_of, shift, started, back))


def _answers(facts, staff, items, received_at, late_after, tag_of, shift, started, back):
    crowds = Crowds(facts)
    for item in items:
        id_ = item["id"]
        before = {code for attempt, code in facts.attempts if attempt == item}
        refused = next(iter(before - WANTING), None) or refusal(facts, item, tag_of)
        if refused:
            known = refused in before
            code = refused if known else keep(facts, staff, received_at, item, refused)
            yield str(id_), "refused", known, code, None, None
            continue
        known = id_ in facts.taps
        if not known:
            facts.items[id_] = item
            at, flags = when(item, shift, started(item), received_at, back)
            tap = _taken(facts, staff, item, at, flags, received_at - at > late_after, tag_of)
            if not crowds.has_room(tap):
                tap = replace(tap, dispute="too_many", flags=())
            facts.taps[id_] = tap
            _set_aside(facts, tap)
            own = by_clocks(item, shift, started(item))[0]
            together = any(other != own and back[other] == back.get(own) for other in back)
            facts.codes[id_] = next((flag for flag in tap.flags if flag != "claim_in_future" or not together), None)
        tap = facts.taps[id_]
        verdict = "disputed" if tap.dispute else "accepted"
        yield str(id_), verdict, known, tap.dispute or facts.codes[id_], tap.at, tap.evidence


def _set_aside(facts, tap):
    """What others told of a tap before it came, of which it now shows that it is not theirs."""
    for report in facts.reports.values():
        if report.tap == tap.id and facts.persons[report.staff] != facts.persons[tap.staff]:
            facts.set_aside.add(report.id)
            facts.attempts.append((facts.report_items[report.id], "not_own_presence"))


def judge_report(facts, report, item, given):
    """The answer owed to a report: (verdict, code, whether it was known), None where it is not taken.

    `given` is who was there by a correction.
    """
    times = [min(report.reported_at + report.shift, report.received_at)]
    times += [facts.taps[report.tap].at] if report.tap in facts.taps else []
    if comes_from_nobody(facts, report.staff, report.received_at, times, [report.id in facts.reports]):
        return None
    before = {code for attempt, code in facts.attempts if attempt == item}
    if before:
        return "refused", before.pop(), True
    if report.id in facts.reports:
        return "accepted", None, True
    tap = facts.taps.get(report.tap)
    if tap is not None and facts.persons[report.staff] not in {facts.persons[tap.staff], *given}:
        return "refused", keep(facts, report.staff, report.received_at, item, "not_own_presence"), False
    facts.reports[report.id], facts.report_items[report.id] = report, item
    return "accepted", None, False


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
        said_at=item["tapped_at"],
    )
