"""A second opinion on the rules of visits: slow, obvious, everything from the beginning every time.

It shares nothing with the application but the words of the wire. All facts go in, all visits come out.
"""

import datetime as dt
from fractions import Fraction
from itertools import pairwise

from facts import local
from presences import LONGEST, presences_of, shown
from splitting import divide, largest_remainder, plan

FIX_UNPAYABLE = ("not_ordered", "order_not_in_force", "delegation_missing", "not_employed", "report_missing")


def visits_of(facts):
    """Every visit, by its opening tap and recipient, in the words of the wire."""
    met = []
    by_person = {}
    for tap in facts.taps.values():
        if facts.household_of(tap) is not None:
            by_person.setdefault(facts.persons[tap.staff], []).append(tap)
    for person, taps in by_person.items():
        met += [_Meeting(facts, person, one) for one in presences_of(taps, facts.household_of, facts.now)]
    met.sort(key=lambda meeting: (meeting.anchor, meeting.presence.opening.id))
    found = {}
    at_door = {}
    for meeting in met:
        at_door.setdefault(meeting.presence.household, []).append(meeting)
    for meeting in met:
        found |= meeting.visits(at_door[meeting.presence.household])
    return found


class _Meeting:
    """A presence with what was reported of it and how it is divided."""

    def __init__(self, facts, person, presence):
        self.facts, self.person, self.presence = facts, person, presence
        ids = {tap.id for tap in presence.taps}
        reports = [one for one in facts.reports.values() if one.tap in ids and facts.persons[one.staff] == person]
        self.report = max(reports, key=lambda one: (one.reported_at, one.id), default=None)
        self.plan = plan(facts, presence, self.report)
        self.anchor = presence.start or presence.end
        self.job = facts.employment_of(presence.opening.staff, local(self.anchor).date())
        self.trainee = self.job is not None and self.job.role == "trainee"
        self.outcome = self.report.outcome if self.report else "performed"
        self.counts = presence.confirmed and self.outcome == "performed"  # whether it has seconds to divide
        self.scaled = divide(self.plan, presence.seconds) if self.counts else False
        self.end = self._end()

    def _end(self):
        """The known or the provisional end; None while it is open."""
        presence = self.presence
        if presence.end is not None:
            return presence.end
        if presence.is_open:
            return None
        ends = [presence.start + LONGEST]
        if presence.next_in:
            ends.append(presence.next_in)
        if self.plan.ordered_minutes:
            ends.append(presence.start + dt.timedelta(seconds=int(self.plan.ordered_minutes * 60)))
        return min(ends)

    def overlaps(self, other):
        """Whether both were at the same door at the same time: nobody is anywhere for no time."""
        mine, others = self.presence, other.presence
        if mine.household != others.household or None in {mine.start, others.start}:
            return False
        if mine.start == self.end or others.start == other.end:
            return False
        return mine.start < (other.end or others.start + LONGEST) and others.start < (self.end or mine.start + LONGEST)

    def group(self, met):
        """The opening tap of the earliest of all whom a chain of overlaps connects."""
        together = [self]
        for meeting in together:
            together += [one for one in met if one not in together and meeting.overlaps(one)]
        return min(together, key=lambda one: (one.anchor, one.presence.opening.id)).presence.opening.id

    def visits(self, met):
        """One visit for each recipient."""
        presence = self.presence
        group = self.group(met) if self.plan.parts else None
        found = {}
        for recipient in self.plan.recipients:
            mine = [part for part in self.plan.parts if part.recipient == recipient]
            shares, codes = self._shares(mine, met) if self.counts else ([], set())
            codes |= self._codes(mine)
            status = self._status()
            found[presence.opening.id, recipient] = {
                "group": group,
                "taps": {
                    "in": presence.opening.id if presence.start else None,
                    "out": presence.closing.id if presence.closing else None if presence.start else presence.opening.id,
                },
                "recipient": recipient,
                "provider": self.job.provider if self.job else None,
                "staff": presence.opening.staff,
                "role": self.job.role if self.job else None,
                "household": presence.household,
                "started_at": presence.start,
                "ended_at": self.end,
                "provisional": presence.end is None and self.end is not None,
                "local_date": local(self.anchor).date(),
                "presence": presence.spans if self.counts else [],
                "presence_seconds": presence.seconds if self.counts else 0,
                "seconds": sum(part.seconds for part in mine) if self.counts else 0,
                "status": status,
                "payable": status == "complete" and bool(shares) and all(share["payable"] for share in shares),
                "evidence": {
                    "in": shown(presence.opening) if presence.start else None,
                    "out": shown(presence.closing or presence.opening) if presence.end else None,
                },
                "shares": shares,
                "anomalies": codes,
            }
        return found

    def _status(self):
        if self.presence.disputes:
            return "disputed"
        if self.outcome != "performed":
            return self.outcome
        if self.presence.complete:
            return "complete"
        return "open" if self.presence.is_open else "incomplete"

    def _codes(self, mine):
        presence = self.presence
        codes = set(presence.disputes)
        ends = [presence.opening, *([presence.closing] if presence.closing else [])]
        codes |= {flag for tap in ends for flag in tap.flags}
        if presence.start is None:
            codes.add("missing_in")
        if presence.end is None:
            if not presence.is_open:
                codes.add("missing_out")
            if presence.wrong_doors:
                codes.add("tag_mismatch")
        if any("not_employed" in part.problems for part in mine):
            codes.add("not_employed")
        if presence.crossed:
            codes.add("overlap")
        if self.counts:
            codes |= self.plan.codes
            codes |= {problem for part in mine for problem in part.problems if problem in FIX_UNPAYABLE}
            if self.scaled:
                codes.add("minutes_scaled")
        return codes

    def _shares(self, mine, met):
        """Shares of one recipient, cut where more came than were ordered."""
        codes = set()
        shares, beside = [], []
        for part in mine:
            others = [one for one in met if one is not self and not one.trainee and one.has_line(part)]
            before = [one for one in others if one.counts and self._came_before(one)]
            beside.append(self._beside(before, part.staff_count) if part.order_line and not self.trainee else 0)
            # Who forgot to tap out came all the same.
            came = {one.person for one in others if not one.presence.disputes and self.overlaps(one)}
            if not self.trainee and part.order_line and len(came | {self.person}) < part.staff_count:
                codes.add("staff_count")
        payable = [not part.problems for part in mine]
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
                shares.append(told | {"seconds": part.seconds - cut, "payable": not part.problems})
            if cut:
                shares.append(told | {"seconds": cut, "payable": False})
        return shares, codes

    def has_line(self, part):
        """Whether some of it was the same line of an order."""
        return any(one.order_line == part.order_line for one in self.plan.parts)

    def _came_before(self, other):
        mine, others = self.presence, other.presence
        return (others.start, others.opening.id) < (mine.start, mine.opening.id)

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
