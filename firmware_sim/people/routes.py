"""The routes of a day: occasions from the orders, visited by staff one after the other with travel between."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from firmware_sim.people.catalogue import BY_REF, COMMON_PROVIDER, TRAVEL_SECONDS
from firmware_sim.people.records import STOCKHOLM, Line, Order, Recipient, Staff
from firmware_sim.people.world import World

GAP = timedelta(minutes=5)  # between two visits at one door: nobody meets whom the orders don't bring together
LATEST_START = timedelta(minutes=4)  # before a window closes: a phone's slow clock must not carry a start out of it
CREWS = {"night_patrol": "night", "alarm_team": "alarm", "licensed": "licensed"}
SHIFTS = {
    "early": (time(6, 50), time(15, 30)),
    "late": (time(13, 0), time(22, 0)),
    "night": (time(21, 45), time(6, 30)),
    "alarm": (time(7, 0), time(21, 0)),
    "licensed": (time(8, 0), time(16, 30)),
}
Span = tuple[datetime, datetime]
WantedLine = tuple[str, Line]  # (recipient ref, line)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Lines for one visit (of `staff_needed` people) at a door, to start within `window` (UTC)."""

    provider: str
    household: str
    crew: str
    wanted: tuple[WantedLine, ...]
    window: Span
    staff_needed: int = 1
    uncalled: bool = False  # the recipient is paused, and the staff does not know


@dataclass(slots=True)
class Visit:
    """One person's visit at one door, true instants; visits of one `bundle` affect each other's outcome."""

    occasion: Occasion
    staff: Staff
    in_at: datetime
    out_at: datetime
    bundle: int
    part: str = "alone"  # alone | first | second (ordered) | colleague (not ordered) | trainee | inner (an alarm)
    mistake: str | None = None


@dataclass
class Routes:
    """A day's visits, and the occasions without a visit."""

    on: date
    visits: list[Visit] = field(default_factory=list)
    missed: list[Occasion] = field(default_factory=list)
    at_door: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    bundles: int = 0
    companies: set[int] = field(default_factory=set)  # bundles that a colleague joined, or that were left for an alarm
    of_staff: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))

    def add(self, visit: Visit) -> None:
        """Add a visit to the day, its door and its person."""
        self.visits.append(visit)
        self.at_door[visit.occasion.household].append((visit.in_at, visit.out_at))
        self.of_staff[visit.staff.ref].append(visit)

    def remove(self, visit: Visit) -> None:
        """Remove a visit that does not take place after all."""
        self.visits.remove(visit)
        self.at_door[visit.occasion.household].remove((visit.in_at, visit.out_at))
        self.of_staff[visit.staff.ref].remove(visit)

    def next_bundle(self) -> int:
        """The next number for visits that belong together."""
        self.bundles += 1
        return self.bundles

    def door_is_free(self, household: str, span: Span) -> bool:
        """True if nobody is at that door in the span or close to it."""
        return not any(span[0] < end + GAP and start - GAP < span[1] for start, end in self.at_door[household])

    def staff_is_free(self, staff: Staff, span: Span, margin: timedelta) -> bool:
        """True if the person is at work and has no visit in the span with a margin around it."""
        start, end = shift(staff, self.on)
        if not (start <= span[0] and span[1] <= end):
            return False
        return not any(
            span[0] - margin < visit.out_at and visit.in_at < span[1] + margin for visit in self.of_staff[staff.ref]
        )


def local(on: date, at: time) -> datetime:
    """A local wall time of a local day, in UTC."""
    return datetime.combine(on, at, STOCKHOLM).astimezone(UTC)


def shift(staff: Staff, on: date) -> Span:
    """The span of a person's shift that begins on a local day; day staff change between early and late."""
    early_or_late = "early" if (staff.number // 5 + on.toordinal()) % 5 < 3 else "late"  # noqa: PLR2004 - mornings are full
    start, end = SHIFTS[CREWS.get(staff.role, early_or_late)]
    return local(on, start), local(on if end > start else on + timedelta(days=1), end)


def off_the_half_hour(at: datetime) -> datetime:
    """The instant, moved on when it is near a half hour: windows end there, and phones differ by half a minute."""
    minute = at.minute % 30
    if minute < 3:  # noqa: PLR2004
        return at + timedelta(minutes=3 - minute)
    if minute > 26:  # noqa: PLR2004
        return at + timedelta(minutes=33 - minute)
    return at


def walk(world: World, on: date, rng: random.Random) -> Routes:
    """The visits of a local day (a night belongs to the day on which it begins), before any mistake."""
    routes = Routes(on)
    # The day's windows are full and begin at once; a night's rounds are spread over it.
    wishes = [
        (one.window[0] + timedelta(seconds=rng.randint(180, 23_400 if one.crew == "night" else 900)), number, one)
        for number, one in enumerate(_occasions(world, on))
    ]
    free_at = {one.ref: shift(one, on)[0] for one in world.staff}
    for wished_at, _, occasion in sorted(wishes, key=lambda one: one[:2]):
        crew = [
            one
            for one in world.staff
            if one.provider == occasion.provider
            and one.role != "trainee"
            and CREWS.get(one.role, "day") == occasion.crew
        ]
        _send(world, occasion, wished_at, crew, routes, free_at, rng)
    _alarms(world, routes, rng)
    return routes


def _occasions(world: World, on: date) -> Iterator[Occasion]:
    groups: dict[tuple[str, str, str, tuple[str, str], int, bool], list[WantedLine]] = defaultdict(list)
    for order in world.orders:
        paused = order.paused(on)
        household = world.recipient(order.recipient).household
        # On every second day a carer who was not informed comes to a recipient who is away.
        uncalled = paused and on.toordinal() % 2 == 0
        for line in order.lines:
            if not _is_due(line, on) or (paused and not uncalled):
                continue
            window = line.window or ("08:00", "16:00")
            if uncalled and window != ("07:00", "10:00"):
                continue
            groups[order.provider, household, crew_of(line), window, line.staff_count, uncalled].append(
                (order.recipient, line)
            )
    for (provider, household, crew, window, staff_needed, uncalled), wanted in groups.items():
        opens, closes = (time.fromisoformat(at) for at in window)
        span = local(on, opens), local(on if closes > opens else on + timedelta(days=1), closes)
        yield Occasion(provider, household, crew, tuple(wanted), span, staff_needed, uncalled)


def crew_of(line: Line) -> str:
    """The crew that serves a line: day, night, licensed or alarm."""
    if line.intervention == "natt-tillsyn":
        return "night"
    return {"LICENSED_HSL": "licensed", "ALARM": "alarm"}.get(BY_REF[line.intervention].category, "day")


def _is_due(line: Line, on: date) -> bool:
    if line.period_unit == "mo":  # alarms come when they come
        return False
    if line.period == 2 and on.isocalendar().week % 2:  # noqa: PLR2004 - every other week
        return False
    return line.weekdays is None or on.isoweekday() in line.weekdays


def _send(
    world: World,
    occasion: Occasion,
    wished_at: datetime,
    crew: list[Staff],
    routes: Routes,
    free_at: dict[str, datetime],
    rng: random.Random,
) -> None:
    """Assign an occasion to the staff who can be there first; without any in time it is missed."""
    area = world.households[occasion.household][0].area
    minutes = sum(line.standard_minutes for _, line in occasion.wanted)
    duration = timedelta(seconds=max(300, int(minutes * 60 * rng.uniform(0.8, 1.15))))
    travel = timedelta(seconds=rng.randint(*TRAVEL_SECONDS[area]))
    chosen = sorted(crew, key=lambda one: (free_at[one.ref], one.ref))[: occasion.staff_needed]
    start = off_the_half_hour(max([wished_at, *(free_at[one.ref] + travel for one in chosen)]))
    while not routes.door_is_free(occasion.household, (start, start + duration)):
        start = off_the_half_hour(start + GAP)
    late = start > occasion.window[1] - LATEST_START
    if (
        late
        or len(chosen) < occasion.staff_needed
        or any(start + duration > shift(one, routes.on)[1] for one in chosen)
    ):
        # The least busy may be the one whose shift ends: somebody with a later shift may still make it.
        staying = [one for one in crew if one not in chosen]
        if not late and len(staying) >= occasion.staff_needed:
            _send(world, occasion, wished_at, staying, routes, free_at, rng)
        else:
            routes.missed.append(occasion)
        return
    bundle = routes.next_bundle()
    parts = ("first", "second") if occasion.staff_needed > 1 else ("alone",)
    for part, one in zip(parts, chosen, strict=True):
        in_at = start + timedelta(seconds=rng.randint(5, 90) if part == "second" else 0)
        out_at = start + duration + timedelta(seconds=rng.randint(0, 60) if part == "second" else 0)
        routes.add(Visit(occasion, one, in_at, out_at, bundle, part))
        free_at[one.ref] = out_at


def _alarms(world: World, routes: Routes, rng: random.Random) -> None:
    """The alarm team's calls; the first one is at the home of somebody who has no alarm ordered."""
    ordered = [order.recipient for order in world.orders if order.provider == COMMON_PROVIDER and _has_alarm(order)]
    without = [
        one.ref
        for one in world.recipients
        if world.lives_alone(one.ref) and not any(_has_alarm(order) for order in world.orders_of[one.ref])
    ]
    team = [one for one in world.staff if one.role == "alarm_team"]
    for number in range(max(3, len(world.recipients) // 15)):
        recipient: Recipient = world.recipient(rng.choice(ordered if number else without))
        start = off_the_half_hour(local(routes.on, time(8)) + timedelta(seconds=rng.randint(0, 12 * 3600)))
        span = start, start + timedelta(seconds=rng.randint(420, 1500))
        free = [one for one in team if routes.staff_is_free(one, span, timedelta(minutes=15))]
        if free and routes.door_is_free(recipient.household, span):
            line = Line("-", "larm", 15, 1, 1, "d")
            occasion = Occasion(COMMON_PROVIDER, recipient.household, "alarm", ((recipient.ref, line),), span)
            mistake = None if number else "alarm_not_ordered"
            routes.add(Visit(occasion, free[0], *span, routes.next_bundle(), mistake=mistake))


def _has_alarm(order: Order) -> bool:
    return any(line.intervention == "larm" for line in order.lines)
