"""The carer's report after a visit: the interventions done, sometimes with minutes, sometimes no report at all."""

import random
from dataclasses import dataclass

from firmware_sim.people.catalogue import BY_REF, NEVER_ORDERED
from firmware_sim.people.expect import Reported
from firmware_sim.people.records import Body
from firmware_sim.people.routes import Visit
from firmware_sim.people.world import World

FREE_SHARE = 0.35  # reports where the contract does not ask for one
MINUTES_SHARE = 0.6
SKIPPED_SHARE = 0.08  # of reports with several interventions, one was not done after all
MUST_REPORT = frozenset({"extra_help", "minutes_off", "declined", "no_answer", "alarm_not_ordered"})


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome and items of a report; `done` are the interventions that count in the split."""

    outcome: str
    interventions: list[Body]
    done: list[Reported]


def write(world: World, visit: Visit, seconds: int, rng: random.Random) -> Report | None:
    """The report of one visit of `seconds`; None when the carer writes none."""
    occasion = visit.occasion
    if visit.part == "trainee" or visit.mistake == "no_report":
        return None
    required = visit.mistake in MUST_REPORT or occasion.crew != "day" or occasion.uncalled or visit.part == "inner"
    if not (required or world.providers[occasion.provider].report_required or rng.random() < FREE_SHARE):
        return None
    if visit.mistake in {"declined", "no_answer"}:
        return Report(visit.mistake, [], [])
    wanted = [(line.intervention, ref) for ref, line in occasion.wanted]
    skipped = visit.part == "alone" and len(wanted) > 1 and rng.random() < SKIPPED_SHARE
    not_done = wanted.pop(rng.randrange(len(wanted))) if skipped else None
    if visit.mistake == "extra_help":
        wanted.append((NEVER_ORDERED, wanted[0][1]))
    # Without a name the intervention counts for everybody at home who has it ordered: only where that is right.
    nameless = rng.random() < 0.5 and _names_can_be_left_out(world, visit, wanted)  # noqa: PLR2004
    if nameless:
        wanted = list(dict.fromkeys(wanted))
    with_minutes = visit.mistake == "minutes_off" or rng.random() < MINUTES_SHARE
    minutes = _minutes(wanted, seconds * (2 if visit.mistake == "minutes_off" else 1)) if with_minutes else []
    items: list[Body] = []
    for place, (intervention, recipient) in enumerate(wanted):
        item: Body = {"intervention": intervention, "outcome": "done"}
        if not nameless:
            item["recipient"] = recipient
        if minutes:
            item["minutes"] = minutes[place]
        items.append(item)
    if not_done is not None:
        outcome = rng.choice(("declined", "not_done"))
        items.append({"intervention": not_done[0], "recipient": not_done[1], "outcome": outcome})
    return Report("performed", items, [(one, None if nameless else recipient) for one, recipient in wanted])


def _names_can_be_left_out(world: World, visit: Visit, wanted: list[tuple[str, str]]) -> bool:
    # In a home of two, a nameless line would need minutes for both at once: carers name people there.
    return len(world.households[visit.occasion.household]) == 1 and len(set(wanted)) == len(wanted)


def _minutes(wanted: list[tuple[str, str]], seconds: int) -> list[int]:
    """Whole minutes that add up to the visit's, shared by catalogue minutes, nobody below one."""
    total = max(len(wanted), round(seconds / 60))
    weights = [BY_REF[intervention].standard_minutes for intervention, _ in wanted]
    exact = [total * weight / sum(weights) for weight in weights]
    minutes = [max(1, int(one)) for one in exact]
    by_loss = sorted(range(len(exact)), key=lambda place: minutes[place] - exact[place])
    for place in by_loss[: total - sum(minutes)]:
        minutes[place] += 1
    return minutes
