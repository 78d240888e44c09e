"""A simulated day of a district: all phones' items and the truth. Deterministic for (world, date)."""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime

from firmware_sim.people import mistakes
from firmware_sim.people.chips import Doors
from firmware_sim.people.handset import Handset, handset
from firmware_sim.people.living import Event, Life
from firmware_sim.people.routes import walk
from firmware_sim.people.truth import Missed, Truth
from firmware_sim.people.world import World


@dataclass(frozen=True)
class Day:
    """A simulated day: the phones of the staff by ref, all events in order of time, and the truth."""

    on: date
    phones: dict[str, Handset]
    events: tuple[Event, ...]
    truth: Truth

    def until(self, cut_at: datetime) -> "Day":
        """The part of the day before an instant, in whole bundles, so that nobody is left inside a home."""
        bundle_of = {event.item["id"]: event.bundle for event in self.events}
        running = {event.bundle for event in self.events if event.at > cut_at}
        running |= {bundle_of[one.key] for one in self.truth.presences if one.out_at > cut_at}
        events = tuple(event for event in self.events if event.bundle not in running)
        kept = {event.item["id"] for event in events}
        truth = replace(
            self.truth,
            presences=tuple(one for one in self.truth.presences if one.key in kept),
            missed=tuple(one for one in self.truth.missed if one.window[1] <= cut_at),
            verdicts={tap: verdict for tap, verdict in self.truth.verdicts.items() if tap in kept},
        )
        return replace(self, events=events, truth=truth)


def live_day(world: World, on: date) -> Day:
    """The local day `on` of the district; a night shift that begins on it ends on the next morning."""
    day = walk_day(world, on)
    doors, rng = world.doors(), random.Random(f"{world.seed}/{on}/reads")
    return replace(day, events=tuple(_held_to_tag(event, doors, rng) for event in day.events))


def walk_day(world: World, on: date) -> Day:
    """The same day without reads of chips: its taps name tags by UID."""
    rng = random.Random(f"{world.seed}/{on}")
    routes = walk(world, on, rng)
    phones = {one.ref: handset(world.seed, one, on) for one in world.staff}
    mistakes.make(world, routes, phones, rng)
    life = Life(world, routes, phones, rng)
    for visit in sorted(routes.visits, key=lambda one: (one.in_at, one.staff.ref)):
        life.live(visit)
    missed = tuple(
        Missed(one.provider, one.household, tuple(sorted({ref for ref, _ in one.wanted})), one.window)
        for one in routes.missed
    )
    events = tuple(sorted(life.events, key=lambda one: (one.at, one.staff, one.kind)))
    return Day(on, phones, events, Truth(world.seed, on, tuple(life.presences), missed, life.verdicts))


def _held_to_tag(event: Event, doors: Doors, rng: random.Random) -> Event:
    """The event with the body that the phone reads from the tag it names."""
    uid = event.item.get("tag", {}).get("uid")
    if uid is None:
        return event
    return replace(event, item=event.item | {"tag": doors.read(uid, event.at, rng)})
