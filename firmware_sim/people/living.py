"""Turns visits one after the other into the phones' items and entries of the truth log."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firmware_sim.people import reports
from firmware_sim.people.expect import HOLDS, Expected, expect
from firmware_sim.people.handset import Handset
from firmware_sim.people.records import Body
from firmware_sim.people.routes import Routes, Visit
from firmware_sim.people.truth import Presence
from firmware_sim.people.world import World

REASONS = ("tag_unreadable", "phone_no_nfc", "system_down")
# Codes that a half visit may or may not carry while it waits for its other end.
UNSETTLED = ("report_missing", "not_ordered", "delegation_missing", "staff_count", "order_not_in_force")
HALF = {"forgot_out": "missing_out", "wrong_door": "tag_mismatch", "forgot_in": "missing_in"}


@dataclass(frozen=True, slots=True)
class Event:
    """An item that a phone wrote at a true instant; `kind` tap or report; events of one `bundle` belong together."""

    at: datetime
    staff: str
    kind: str
    item: Body
    bundle: int


@dataclass
class Life:
    """Processes visits in order of time and collects events, presences and the verdicts other than acceptance."""

    world: World
    routes: Routes
    phones: dict[str, Handset]
    rng: random.Random
    events: list[Event] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    _bundles: dict[int, list[Visit]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.routes.visits:
            self._bundles.setdefault(one.bundle, []).append(one)

    def live(self, visit: Visit) -> None:
        """Process one visit: its taps, its report, its entry in the truth log."""
        in_tap, out_tap, evidence = self._taps(visit)
        inner = [
            (one.in_at, one.out_at)
            for one in self.routes.of_staff[visit.staff.ref]
            if visit.part == "alone" and one.part == "inner" and one.bundle == visit.bundle
        ]
        edges = [visit.in_at, *(edge for span in inner for edge in span), visit.out_at]
        spans = tuple(zip(edges[::2], edges[1::2], strict=True))
        seconds = sum(int((end - start).total_seconds()) for start, end in spans)
        report = reports.write(self.world, visit, seconds, self.rng)
        report_id = self._send_report(visit, report, in_tap or out_tap or "") if report else None
        expected = expect(
            self.world,
            visit.staff,
            visit.occasion.household,
            visit.in_at,
            None if report is None or report.outcome != "performed" else report.done,
            self._came(visit),
        )
        if report is not None and report.outcome != "performed":
            expected.codes.discard("report_missing")
        statuses, payable = self._judge(visit, expected)
        phone = self.phones[visit.staff.ref]
        self.presences.append(
            Presence(
                staff=visit.staff.ref,
                provider=visit.staff.provider,
                role=visit.staff.role,
                household=visit.occasion.household,
                recipients=tuple(sorted(expected.recipients)),
                in_at=visit.in_at,
                out_at=visit.out_at,
                spans=spans,
                in_tap=in_tap,
                out_tap=out_tap,
                report=report_id,
                part=visit.part,
                mistake=visit.mistake or ("uncalled" if visit.occasion.uncalled else None),
                statuses=statuses,
                codes=tuple(sorted(expected.codes)),
                possible_codes=tuple(sorted(expected.possible)),
                payable=payable,
                evidence=evidence,
                # Across a boot two clocks time the ends, and the way to the service shows in one of them.
                slack_seconds=3 if phone.straddles_boot(visit.in_at, visit.out_at) else 0,
            )
        )

    def _taps(self, visit: Visit) -> tuple[str | None, str | None, tuple[str | None, str | None]]:
        """Write the taps of a visit. Returns the ids of the IN and OUT that count at this door, and their evidence."""
        on_wall = self.world.tag_at[visit.occasion.household]
        tag: Body = {"uid": on_wall.uid}
        evidence = "sun_late" if on_wall.keyset else "static"
        if visit.mistake in {"tag_unreadable", "unknown_tag"}:
            reason = "tag_missing" if visit.mistake == "unknown_tag" else self.rng.choice(REASONS)
            tag, evidence = {"household": visit.occasion.household, "reason": reason}, "manual"
        if visit.mistake == "unknown_tag":
            stray = self._tap(visit, visit.in_at - timedelta(seconds=15), "in", {"uid": self._unknown_uid()})
            self.verdicts[stray] = ("refused", "tag_unknown")
        in_tap = out_tap = None
        if visit.mistake != "forgot_in":
            in_tap = self._tap(visit, visit.in_at, "in", tag)
        if visit.mistake == "bounce_in":
            self._tap(visit, visit.in_at + timedelta(seconds=self.rng.randint(5, 45)), "in", tag)
        if visit.mistake == "wrong_door":
            self._tap(visit, visit.out_at, "out", {"uid": self._neighbour_uid(visit)})
        elif visit.mistake != "forgot_out":
            out_tap = self._tap(visit, visit.out_at, "out", tag)
        if visit.mistake == "bounce_out":
            self._tap(visit, visit.out_at + timedelta(seconds=self.rng.randint(5, 45)), "out", tag)
        return in_tap, out_tap, (evidence if in_tap else None, evidence if out_tap else None)

    def _tap(self, visit: Visit, at: datetime, direction: str, tag: Body) -> str:
        item = self.phones[visit.staff.ref].tap(at, direction, tag)
        self.events.append(Event(at, visit.staff.ref, "tap", item, visit.bundle))
        return str(item["id"])

    def _send_report(self, visit: Visit, report: reports.Report, tap_id: str) -> str:
        at = visit.out_at + timedelta(seconds=self.rng.choice((-60, -20, 20, 40)))
        item = self.phones[visit.staff.ref].report(at, tap_id, report.outcome, report.interventions)
        self.events.append(Event(at, visit.staff.ref, "report", item, visit.bundle))
        return str(item["id"])

    def _came(self, visit: Visit) -> int:
        """The number of people who came together and count towards the ordered staff."""
        return sum(one.part not in {"trainee", "inner"} for one in self._bundles[visit.bundle])

    def _judge(self, visit: Visit, expected: Expected) -> tuple[tuple[str, ...], bool]:
        """The possible statuses, and True if the visit is payable; completes the expected codes."""
        phone = self.phones[visit.staff.ref]
        expected.possible |= phone.possible_clock_codes
        if visit.mistake in HALF:
            # Open for 16 hours from its start, incomplete after; a visit without a start is incomplete at once.
            expected.possible |= expected.codes | {*UNSETTLED, "missing_out"}
            expected.codes.clear()
            expected.codes.add(HALF[visit.mistake])
            if visit.mistake == "forgot_in":
                expected.possible.discard("missing_out")
            return (("incomplete",) if visit.mistake == "forgot_in" else ("open", "incomplete")), False
        if visit.mistake in {"declined", "no_answer"}:
            expected.possible |= expected.codes | set(UNSETTLED)
            expected.codes.clear()
            return (visit.mistake,), False
        if visit.part == "trainee":
            expected.possible |= expected.codes | {"extra_staff", "report_missing", "delegation_missing"}
            expected.codes.clear()
            return ("complete",), False
        if visit.part == "colleague":
            expected.codes.add("extra_staff")
        if visit.mistake == "minutes_off":
            expected.codes.add("minutes_scaled")
        return ("complete",), not expected.codes & HOLDS

    def _unknown_uid(self) -> str:
        known = {tag.uid for tag in self.world.tags}
        uid = f"04{self.rng.getrandbits(48):012X}"
        while uid in known:
            uid = f"04{self.rng.getrandbits(48):012X}"
        return uid

    def _neighbour_uid(self, visit: Visit) -> str:
        """The UID at another door, where this person has no visit that day."""
        own = {one.occasion.household for one in self.routes.of_staff[visit.staff.ref]}
        return self.rng.choice([tag.uid for tag in self.world.tags if tag.household not in own])
