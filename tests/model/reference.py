"""A second opinion on the rules of visits: slow, obvious, everything from the beginning every time.

It shares nothing with the application but the words of the wire. All facts go in, all visits come out.
"""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from uuid import uuid5

from correcting import amended, by_hand, chain_of, correct, left_out
from facts import Report, local
from presences import LONGEST, give_seconds, presences_of
from splitting import divide, largest_remainder, plan

FIX_UNPAYABLE = {
    "not_ordered",
    "order_not_in_force",
    "delegation_missing",
    "not_employed",
    "report_missing",
    "attestation_missing",
}


@dataclass(frozen=True)
class Behind:
    """What a visit comes from: its presence, and whose it was before anybody corrected that."""

    meeting: object
    recipient: str


def present(facts):
    """Every presence, as people have corrected it."""
    tapped = {}
    rejected = left_out(facts)
    for tap in facts.taps.values():
        if facts.household_of(tap) is not None and tap.id not in rejected and tap.dispute != "too_many":
            tapped.setdefault(facts.persons[tap.staff], []).append(tap)
    found = []
    for person, taps in tapped.items():
        found += correct(facts, presences_of(person, taps, facts.household_of, facts.now))
    for manual in facts.manuals.values():
        found += correct(facts, [by_hand(facts, manual)])
    return sorted(found, key=lambda one: (one.anchor, one.id))


def visits_of(facts):
    """Every visit by its id, in the words of the wire, and what is behind each."""
    there = present(facts)
    for person in {one.person for one in there}:
        give_seconds(facts, [one for one in there if one.person == person])
    met = [_Meeting(facts, one) for one in there]
    at_door = {}
    for meeting in met:
        at_door.setdefault(meeting.presence.household, []).append(meeting)
    found, behind = {}, {}
    for meeting in met:
        for id_, recipient, visit in meeting.visits(at_door[meeting.presence.household]):
            found[id_], behind[id_] = visit, Behind(meeting, recipient)
    return found, behind


class _Meeting:
    """A presence with what was reported of it and how it is divided."""

    def __init__(self, facts, presence):
        self.facts, self.presence = facts, presence
        self.chain = chain_of(facts, presence)
        self.changes = amended(self.chain)
        self.report = self._report()
        self.plan = plan(facts, presence, self.report, self.changes)
        self.anchor = presence.anchor
        self.job = facts.employment_of(presence.staff, local(self.anchor).date())
        self.trainee = self.job is not None and self.job.role == "trainee"
        reported = self.report is not None and not self.plan.told  # what a person told was done all the same
        self.outcome = self.report.outcome if reported else "performed"
        self.omitted = presence.omitted or not self.plan.parts
        # Whether it has seconds to divide.
        self.counts = presence.confirmed and not self.omitted and self.outcome == "performed"
        self.scaled = divide(self.plan, presence.seconds) if self.counts else False
        self.end = self._end()

    def _report(self):
        presence, facts = self.presence, self.facts
        for manual in facts.manuals.values():
            if presence.id == by_hand(facts, manual).id:
                done = tuple((what, manual.recipient, minutes, "done") for what, minutes in manual.done)
                return Report(manual.id, manual.staff, manual.id, manual.start, "performed", done)
        whose = {presence.person, presence.tapped_by}
        said = [
            one
            for one in facts.reports.values()
            if one.tap in presence.names and facts.persons[one.staff] in whose and one.id not in facts.set_aside
        ]
        return max(said, key=self._when_told, default=None)

    def _when_told(self, report):
        """Not after it was received; and before there was anything to tell of, only a wrong clock can have told it."""
        told_at = min(report.reported_at + report.shift, report.received_at)
        began_at = self.presence.start
        return report.received_at if began_at and told_at < began_at else told_at, report.received_at, report.id

    def _end(self):
        """The known or the provisional end; None while it is open or counts as none."""
        presence = self.presence
        if presence.end is not None:
            return presence.end
        if presence.is_open or presence.omitted:
            return None
        ends = [presence.start + LONGEST]
        ends += [at for at in presence.later_ins if at >= presence.start]
        if self.plan.ordered_minutes:
            ends.append(presence.start + dt.timedelta(seconds=int(self.plan.ordered_minutes * 60)))
        return min(ends)

    @property
    def until(self):
        """The latest that somebody can have been there."""
        presence = self.presence
        latest = presence.start and presence.start + LONGEST
        if presence.replaced_at and presence.start and presence.start <= presence.replaced_at < latest:
            latest = presence.replaced_at
        return self.end or latest

    def overlaps(self, other):
        """Whether both were at the same door at the same time: nobody is anywhere for no time."""
        mine, others = self.presence, other.presence
        if mine.household != others.household or None in {mine.start, others.start}:
            return False
        if mine.start == self.end or others.start == other.end or mine.nowhere or others.nowhere:
            return False
        return mine.start < other.until and others.start < self.until

    def group(self, met):
        """The presence of the earliest of all whom a chain of overlaps connects."""
        together = [self]
        for meeting in together:
            together += [one for one in met if one not in together and meeting.overlaps(one)]
        return min(together, key=lambda one: (one.anchor, one.presence.id)).presence.id

    def visits(self, met):
        """One visit for each recipient, with its id and the recipient it had by the facts."""
        plan = self.plan
        group = self.group(met) if plan.parts or plan.left_out or plan.refused else None
        for recipient in sorted({part.recipient for part in plan.parts}):
            yield self._visit(recipient, met, group, omitted=self.omitted)
        for recipient in sorted(plan.left_out):
            yield self._visit(recipient, met, group, omitted=True)
        for recipient in sorted({part.recipient for part in plan.refused}):
            yield self._visit(recipient, met, group, omitted=False, refused=True)

    def _visit(self, recipient, met, group, *, omitted, refused=False):
        presence = self.presence
        moved = [origin for origin, change in self.changes.items() if change.recipient == recipient]
        origin = (moved or [recipient])[0]
        change = self.changes.get(origin)
        mine = [part for part in (self.plan.refused if refused else self.plan.parts) if part.recipient == recipient]
        counts = self.counts and not omitted and not refused
        seconds = sum(part.seconds for part in mine) if counts else 0
        # Confirmed, and yet no time at all: that is no visit.
        nothing = presence.confirmed and not omitted and not (seconds if counts else presence.seconds)
        settled = self._settled(change, mine)
        shares, codes = self._shares(mine, met, settled) if seconds else ([], {"no_duration"} if nothing else set())
        codes = set() if omitted else codes | self._codes(mine)
        status = "omitted" if omitted else self._status(self.report.outcome if refused else self.outcome)
        visit = {
            "group": str(group),
            "taps": {
                "in": presence.tap_in and str(presence.tap_in.id),
                "out": presence.tap_out and str(presence.tap_out.id),
            },
            "recipient": recipient,
            "provider": self.job.provider if self.job else None,
            "staff": presence.staff,
            "role": self.job.role if self.job else None,
            "household": presence.household,
            "started_at": presence.start,
            "ended_at": self.end,
            "provisional": presence.end is None and self.end is not None,
            "local_date": local(self.anchor).date().isoformat(),
            "presence": presence.spans if counts else [],
            "presence_seconds": presence.seconds if counts else 0,
            "seconds": seconds,
            "status": status,
            "payable": status == "complete" and bool(shares) and all(share["payable"] for share in shares),
            "evidence": {
                "in": presence.evidence("in", presence.tap_in),
                "out": presence.evidence("out", presence.tap_out),
            },
            "counted_as": presence.counted_as if status == "complete" and not nothing else None,
            "shares": shares,
            "anomalies": {code: settled.get(code, "open") for code in codes},
            "corrections": [(str(one.id), one.kind) for one in self.chain if one.recipient in {origin, None}],
        }
        return str(uuid5(presence.id, origin)), origin, visit

    def cause(self, code, parts):
        """What an anomaly stands on: the taps, the staff, and the interventions that it is about."""
        about = set()
        if code in {"not_ordered", "order_not_in_force"}:
            about = {part.intervention for part in parts if part.order_line is None}
        elif code == "delegation_missing":
            about = {part.intervention for part in parts if part.category == "DELEGATED_HSL"}
        presence = self.presence
        return presence.tap_in, presence.tap_out, presence.staff, frozenset(about)

    def _settled(self, change, mine):
        """The state of each anomaly that a person settled and whose cause is still the same."""
        said = change.settled if change else {}
        return {code: state for code, (state, cause) in said.items() if cause == self.cause(code, mine)}

    def _status(self, outcome):
        if self.presence.disputes:
            return "disputed"
        if outcome != "performed":
            return outcome
        if self.presence.complete:
            return "complete"
        return "open" if self.presence.is_open else "incomplete"

    def _codes(self, mine):
        presence = self.presence
        codes = set(presence.disputes)
        codes |= self._clocks()
        if presence.later_facts:
            codes.add("fact_after_correction")
        if presence.start is None:
            codes.add("missing_in")
        if presence.end is None and not presence.is_open:
            codes.add("missing_out")
        if not presence.complete and presence.wrong_doors:
            codes.add("tag_mismatch")
        if any("not_employed" in part.problems for part in mine):
            codes.add("not_employed")
        if presence.crossed:
            codes.add("overlap")
        made_on = self.facts.made.get(presence.staff)
        if made_on and presence.told_by_hand and local(self.anchor).date() <= made_on:
            codes.add("new_staff_by_hand")
        if self.counts and sum(part.seconds for part in mine):
            codes |= {code for part in mine for code in part.codes | part.problems & FIX_UNPAYABLE}
            if self.scaled:
                codes.add("minutes_scaled")
        return codes

    def _clocks(self):
        """What wrong clocks did: a visit longer or shorter by more than a minute, or a tap that changed places.

        An end that a person has told is nobody's clock.
        """
        presence = self.presence
        ends = ((presence.tap_in, presence.start), (presence.tap_out, presence.end))
        came, left = (tap if tap is not None and tap.at == at else None for tap, at in ends)
        moved = [tap.at - tap.said_at if tap is not None else dt.timedelta(0) for tap in (came, left)]
        longer = presence.complete and abs(moved[1] - moved[0]) > dt.timedelta(minutes=1)
        return {
            flag for tap in (came, left) if tap is not None for flag in tap.flags if longer or self._changed_places(tap)
        }

    def _changed_places(self, tap):
        """Whether another of the person's taps, near enough to matter, was on the other side of it by the phones."""
        return any(
            (other.at < tap.at and other.said_at > tap.said_at) or (other.at > tap.at and other.said_at < tap.said_at)
            for other in self.facts.paired(self.facts.persons[tap.staff])
            if abs(other.at - tap.at) <= LONGEST
        )

    def _shares(self, mine, met, settled):
        """Shares of one recipient, cut where more came than were ordered."""
        resolved = {code for code, state in settled.items() if state == "resolved"}
        codes = set()
        shares, beside = [], []
        for part in mine:
            others = [one for one in met if one is not self and not one.trainee and one.has_line(part)]
            before = [one for one in others if one.counts and self._came_before(one)]
            beside.append(self._beside(before, part.staff_count) if part.order_line and not self.trainee else 0)
            # Who forgot to tap out came all the same.
            came = {
                one.presence.person
                for one in others
                if not one.omitted and not one.presence.disputes and self.overlaps(one)
            }
            if not self.trainee and part.order_line and len(came | {self.presence.person}) < part.staff_count:
                codes.add("staff_count")
        payable = [not part.problems - resolved for part in mine]
        total = self.presence.seconds
        lost = [
            Fraction(part.seconds * cut, total) if total and paid else Fraction(0)
            for part, cut, paid in zip(mine, beside, payable, strict=True)
        ]
        extra = _rounded(lost, [part.seconds for part in mine])
        for part, cut in zip(mine, extra, strict=True):
            told = {"category": part.category, "intervention": part.intervention, "order_line": part.order_line}
            if cut:
                codes.add("extra_staff")
            if part.seconds > cut or not cut:
                shares.append(told | {"seconds": part.seconds - cut, "payable": not part.problems - resolved})
            if cut:
                shares.append(told | {"seconds": cut, "payable": "extra_staff" in resolved})
        return shares, codes

    def has_line(self, part):
        """Whether some of it was the same line of an order."""
        return any(one.order_line == part.order_line for one in self.plan.parts)

    def _came_before(self, other):
        mine, others = self.presence, other.presence
        return (others.start, others.id) < (mine.start, mine.id)

    def _beside(self, before, places):
        """The seconds in which all the ordered places were taken by those who came earlier."""
        edges = sorted({at for one in (self, *before) for span in one.presence.spans for at in span})
        seconds = 0
        for start, end in pairwise(edges):
            present = [
                any(first <= start and end <= last for first, last in one.presence.spans) for one in (self, *before)
            ]
            if present[0] and sum(present[1:]) >= places:
                seconds += int((end - start).total_seconds())
        return seconds


def _rounded(exact, most):
    """Whole seconds that add up to the rounded sum, by largest remainder; none more than there is."""
    if not any(exact):
        return [0] * len(exact)
    total = int(sum(exact))
    return [min(given, limit) for given, limit in zip(largest_remainder(exact, total), most, strict=True)]
