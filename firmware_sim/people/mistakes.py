"""The usual mistakes and company in a day, each kind at least once where there is room for it."""

import random
from collections.abc import Iterable
from datetime import timedelta

from firmware_sim.people.handset import Handset
from firmware_sim.people.routes import Occasion, Routes, Visit, shift
from firmware_sim.people.world import World

# kind: share of the day's visits. Ordered by how choosy a kind is, so that the choosy ones find their visit.
KINDS = {
    "minutes_off": 0.01,
    "alone": 0.01,
    "extra_colleague": 0.01,
    "alarm_inside": 0.01,
    "no_report": 0.02,
    "wrong_door": 0.01,
    "forgot_in": 0.015,
    "forgot_out": 0.02,
    "extra_help": 0.015,
    "declined": 0.02,
    "no_answer": 0.015,
    "unknown_tag": 0.01,
    "tag_unreadable": 0.02,
    "bounce_in": 0.03,
    "bounce_out": 0.02,
}
# These leave a visit open, which changes the meaning of later taps at other doors: once a day and person.
LEAVES_OPEN = frozenset({"wrong_door", "forgot_in", "forgot_out"})
ANY_CREW = frozenset({"tag_unreadable", "bounce_in", "bounce_out"})
COUPLES_TOO = ANY_CREW | {"no_report", "unknown_tag"}
CUT_SHORT_SECONDS = 180
LONG_ENOUGH = {"alarm_inside": timedelta(minutes=20), "extra_colleague": timedelta(minutes=8)}
FOLLOWED_VISITS = 5


def make(world: World, routes: Routes, phones: dict[str, Handset], rng: random.Random) -> None:
    """Mark visits of the day with mistakes and add the people who come along; changes `routes`."""
    _trainees(world, routes)
    total = len(routes.visits)
    for kind, share in KINDS.items():
        wanted = max(1, round(share * total))
        candidates = [visit for visit in routes.visits if _eligible(world, routes, phones, kind, visit)]
        rng.shuffle(candidates)
        for visit in candidates:
            if not wanted:
                break
            if kind in LEAVES_OPEN and any(one.mistake in LEAVES_OPEN for one in routes.of_staff[visit.staff.ref]):
                continue
            if _happen(world, routes, kind, visit, rng):
                visit.mistake = kind
                wanted -= 1


def _eligible(world: World, routes: Routes, phones: dict[str, Handset], kind: str, visit: Visit) -> bool:
    occasion = visit.occasion
    provider = world.providers[occasion.provider]
    plain = visit.mistake is None and not occasion.uncalled and visit.bundle not in routes.companies
    if not plain or visit.part != ("first" if kind == "alone" else "alone"):
        return False
    if (kind == "minutes_off" and provider.split_policy != "reported") or (
        kind == "no_report" and not provider.report_required
    ):
        return False
    if kind not in ANY_CREW and occasion.crew != "day":
        return False
    if kind not in COUPLES_TOO and len(world.households[occasion.household]) > 1:
        return False
    # Every second day only, so that what one day leaves open for 16 hours meets a next day without such a mistake.
    if kind in LEAVES_OPEN and not (
        (visit.staff.number + routes.on.toordinal()) % 2 == 0 and phones[visit.staff.ref].direction_known
    ):
        return False
    return visit.out_at - visit.in_at >= LONG_ENOUGH.get(kind, timedelta(0))


def _happen(world: World, routes: Routes, kind: str, visit: Visit, rng: random.Random) -> bool:
    """Apply a mistake to the day; False when there is no room for it."""
    match kind:
        case "alone":
            partner = next(one for one in routes.visits if one.bundle == visit.bundle and one is not visit)
            routes.remove(partner)
        case "declined" | "no_answer":
            visit.out_at = visit.in_at + timedelta(seconds=CUT_SHORT_SECONDS)
        case "extra_colleague":
            return _bring_colleague(world, routes, visit, rng)
        case "alarm_inside":
            return _call_away(world, routes, visit, rng)
        case _:
            pass
    return True


def _bring_colleague(world: World, routes: Routes, visit: Visit, rng: random.Random) -> bool:
    span = visit.in_at + timedelta(seconds=rng.randint(60, 110)), visit.out_at - timedelta(seconds=rng.randint(0, 60))
    free = [
        one
        for one in world.staff
        if one.provider == visit.occasion.provider
        and one.role in {"care_assistant", "assistant_nurse"}
        and routes.staff_is_free(one, span, timedelta(minutes=5))
    ]
    if free:
        routes.companies.add(visit.bundle)
        routes.add(Visit(visit.occasion, rng.choice(free), *span, visit.bundle, "colleague"))
    return bool(free)


def _call_away(world: World, routes: Routes, visit: Visit, rng: random.Random) -> bool:
    """An alarm next door during a visit: the same person, back before the visit ends."""
    start = visit.in_at + timedelta(seconds=int((visit.out_at - visit.in_at).total_seconds() * rng.uniform(0.3, 0.5)))
    span = start, start + timedelta(seconds=rng.randint(240, 420))
    doors = [
        (order, line)
        for order in world.orders
        if order.provider == visit.occasion.provider
        for line in order.lines
        if line.intervention == "larm" and world.lives_alone(order.recipient) and not order.paused(routes.on)
    ]
    rng.shuffle(doors)
    for order, line in doors:
        door = world.recipient(order.recipient).household
        if door != visit.occasion.household and routes.door_is_free(door, span):
            occasion = Occasion(order.provider, door, "day", ((order.recipient, line),), span)
            routes.companies.add(visit.bundle)
            routes.add(Visit(occasion, visit.staff, *span, visit.bundle, "inner"))
            return True
    return False


def _trainees(world: World, routes: Routes) -> None:
    """Let every trainee follow one experienced colleague for the first visits of that colleague's day."""
    taken: set[str] = set()
    for trainee in (one for one in world.staff if one.role == "trainee"):
        for visits in _walks(world, routes, trainee.provider):
            leader = visits[0].staff
            if leader.ref in taken or shift(leader, routes.on)[0] < shift(trainee, routes.on)[0]:
                continue
            taken.add(leader.ref)
            for visit in visits[:FOLLOWED_VISITS]:
                span = visit.in_at + timedelta(seconds=20), visit.out_at + timedelta(seconds=15)
                routes.companies.add(visit.bundle)
                routes.add(Visit(visit.occasion, trainee, *span, visit.bundle, "trainee"))
            break


def _walks(world: World, routes: Routes, provider: str) -> Iterable[list[Visit]]:
    for staff in world.staff:
        if staff.provider == provider and staff.delegations:
            visits = [one for one in routes.of_staff[staff.ref] if one.part == "alone" and not one.occasion.uncalled]
            if visits:
                yield sorted(visits, key=lambda one: one.in_at)
