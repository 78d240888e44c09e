"""What the reference model is told: everything anybody ever said, and nothing that follows from it.

Instants are UTC in whole seconds unless said otherwise, days are local, refs are strings.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def local(instant):
    """The instant on a Swedish clock."""
    return instant.astimezone(STOCKHOLM)


@dataclass(frozen=True)
class Tap:
    """A tap as it was judged when it first came; `tag` is None for one made by hand, `household` for one at a tag.

    `said_at` is when its phone said that it was.
    """

    id: UUID
    staff: str
    direction: str
    at: dt.datetime
    tag: str | None
    household: str | None
    evidence: str
    dispute: str | None
    flags: tuple[str, ...]
    said_at: dt.datetime


@dataclass(frozen=True)
class Report:
    """What was told of the presence that `tap` belongs to; `told` has (intervention, recipient, minutes, outcome).

    `shift` is by how much the clock that told `reported_at` was found to be off when it was received.
    """

    id: UUID
    staff: str
    tap: UUID
    reported_at: dt.datetime
    outcome: str
    told: tuple
    received_at: dt.datetime | None = None
    shift: dt.timedelta = dt.timedelta(0)


@dataclass(frozen=True)
class Manual:
    """A visit told without any tap, with (intervention, minutes) of what was done."""

    id: UUID
    staff: str
    recipient: str
    household: str
    start: dt.datetime
    end: dt.datetime
    done: tuple
    reason: str


@dataclass(frozen=True)
class Correction:
    """What a person said of a visit: of the presence that `tap` belongs to, for the recipient it had by the facts.

    Without a recipient it was said of the tap alone, before any visit had come of it.

    `seen` are the taps that stood at that door then, `value` is what its kind says. `alone`: it took away the last
    visit of the presence, or was undone so that none is left. `cause` is what the anomaly stood on that it settles.
    `together` names the first of those that were said as one repair.
    """

    id: UUID
    tap: UUID
    recipient: str | None
    kind: str
    value: object
    seen: frozenset
    alone: bool = False
    cause: object = None
    together: UUID | None = None


@dataclass(frozen=True)
class Home:
    """Where a recipient lives from a day on."""

    since_on: dt.date
    household: str
    died_on: dt.date | None = None


@dataclass(frozen=True)
class Employment:
    """What is said of a staff ref from a day on; `delegations` has (intervention, first day, last day or None)."""

    since_on: dt.date
    provider: str
    role: str
    last_on: dt.date | None = None
    delegations: tuple = ()


@dataclass(frozen=True)
class Line:
    """An order line. `minutes` None takes the catalogue's; `window` is two local times."""

    ref: str
    intervention: str
    minutes: int | None = None
    frequency: int = 7
    period: int = 1
    unit: str = "wk"
    staff_count: int = 1
    weekdays: tuple[int, ...] | None = None
    window: tuple[dt.time, dt.time] | None = None
    answered_by: tuple[str, ...] = ()  # other providers who may come when it is an alarm


@dataclass(frozen=True)
class Order:
    """One provider's order; days are inclusive, a pause is its first and last day."""

    recipient: str
    provider: str
    first_on: dt.date
    last_on: dt.date | None
    lines: tuple[Line, ...]
    pauses: tuple = ()

    def lines_of(self, provider):
        """What a provider's staff may do of it."""
        return [line for line in self.lines if provider == self.provider or provider in line.answered_by]

    def concerns(self, provider):
        """Whether it is a provider's at all."""
        return provider == self.provider or bool(self.lines_of(provider))

    def in_force(self, day):
        """Whether it is valid and not paused that day."""
        if day < self.first_on or (self.last_on is not None and day > self.last_on):
            return False
        return not any(first <= day <= last for first, last in self.pauses)


@dataclass
class Facts:
    """Everything told so far. Versions are keyed by their first day, tags' mounts by their instant."""

    now: dt.datetime
    catalogue: dict = field(default_factory=dict)  # ref: (category, minutes)
    recipients: dict = field(default_factory=dict)  # ref: {first day: Home}
    staff: dict = field(default_factory=dict)  # ref: {first day: Employment}
    persons: dict = field(default_factory=dict)  # staff ref: person
    made: dict = field(default_factory=dict)  # staff ref that a planner made: the day
    orders: dict = field(default_factory=dict)  # ref: {the day it applies from: Order}
    contracts: dict = field(default_factory=dict)  # provider: (split policy, report demanded, minutes to attest)
    mounts: dict = field(default_factory=dict)  # tag ref: {instant: household}
    states: dict = field(default_factory=dict)  # tag ref: {instant: state}
    taps: dict = field(default_factory=dict)  # id: Tap
    items: dict = field(default_factory=dict)  # id of a tap: what was sent
    codes: dict = field(default_factory=dict)  # id of a tap: what its clocks had answered
    attempts: list = field(default_factory=list)  # (what was sent, code) of each that was refused
    refused: Counter = field(default_factory=Counter)  # (staff ref, day): how many of them it sent then
    reports: dict = field(default_factory=dict)  # id: Report
    report_items: dict = field(default_factory=dict)  # id of a report: what was sent
    set_aside: set = field(default_factory=set)  # reports that the tap they waited for showed to be of somebody else
    manuals: dict = field(default_factory=dict)  # id: Manual
    by_hand: dict = field(default_factory=dict)  # id of a manual visit: what was sent
    corrections: list = field(default_factory=list)  # Correction, in the order recorded
    clocks: dict = field(default_factory=dict)  # phone: what its clocks were found to be off

    def household_of(self, tap):
        """The door the tap was made at: None where its tag hung nowhere then."""
        return tap.household if tap.tag is None else at_instant(self.mounts[tap.tag], tap.at)

    def paired(self, person):
        """A person's taps that anybody looks at: not those that were one too many of their day."""
        return [tap for tap in self.taps.values() if self.persons[tap.staff] == person and tap.dispute != "too_many"]

    def home_of(self, recipient, day):
        """What is said of a recipient that day."""
        return on_day(self.recipients[recipient], day)

    def employment_of(self, staff, day):
        """What is said of a staff ref that day."""
        return on_day(self.staff[staff], day)

    def is_employed(self, staff, day):
        """Whether a staff ref works for anybody that day."""
        job = self.employment_of(staff, day)
        return job is not None and job.since_on <= day <= (job.last_on or day)

    def has_left(self, staff, day):
        """Whether nobody employs a staff ref from that day on."""
        jobs = self.staff[staff]
        last_on = jobs[max(jobs)].last_on
        return last_on is not None and last_on < day

    def is_of_their_own(self, tap, presence):
        """Whether who tapped may be told of the presence: it is theirs, or for the same provider."""
        told = ((tap.staff, tap.at), (presence.staff, presence.anchor))
        jobs = [self.employment_of(staff, local(at).date()) for staff, at in told]
        return tap.staff == presence.staff or len({job and job.provider for job in jobs}) == 1

    def died_on(self, recipient):
        """The last day of a recipient's life."""
        homes = self.recipients[recipient]
        return homes[max(homes)].died_on

    def orders_on(self, day):
        """(ref, order) as each was told for that day, by ref; one that was told for later days alone is none."""
        told = ((ref, on_day(versions, day)) for ref, versions in sorted(self.orders.items()))
        return [(ref, order) for ref, order in told if order]

    def in_force(self, order, day):
        """Whether an order counts that day: a death ends it the day after."""
        died_on = self.died_on(order.recipient)
        return order.in_force(day) and (died_on is None or day <= died_on)


def at_instant(told, instant):
    """What was told for the latest time that is not after the instant."""
    times = [at for at in told if at <= instant]
    return told[max(times)] if times else None


def on_day(versions, day):
    """The version in force that day."""
    return at_instant(versions, day)
