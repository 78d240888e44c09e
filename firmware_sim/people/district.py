"""A district made from a seed: homes with orders, staff, tags. Required cases go by number, not by chance."""

import random
from collections.abc import Iterable
from datetime import date

from firmware_sim.people.catalogue import (
    AFTERNOON,
    BY_REF,
    COMMON_PROVIDER,
    DELEGATED,
    EVENING,
    FORENOON,
    LUNCH,
    MORNING,
    NIGHT,
    PROVIDERS,
)
from firmware_sim.people.records import Line, Order, Recipient, Staff, Tag

FEWEST_STAFF = 20
STAFF_UNIT = 25
Pause = tuple[date, date, str]


def staff_of(seed: int, count: int) -> tuple[Staff, ...]:
    """The district's staff: the same on every day, so that their tokens can be made before anything else.

    Of every 25: two night patrol, two alarm team, one licensed, one trainee, nineteen in the day and evening, one of
    these without any delegation; the other eighteen hold all of them. Raises ValueError for fewer than 20.
    """
    if count < FEWEST_STAFF:
        raise ValueError(f"a district needs at least {FEWEST_STAFF} staff")
    scale = max(1, round(count / STAFF_UNIT))
    special = [*["night_patrol"] * (2 * scale), *["alarm_team"] * (2 * scale), *["licensed"] * scale]
    rng = random.Random(f"{seed}/staff")
    staff = []
    for number in range(count):
        place = number - len(special)
        delegations: tuple[str, ...] = ()
        if place < 0:
            provider, role = COMMON_PROVIDER, special[number]
        elif place < scale:
            provider, role = PROVIDERS[1 + place % 4].ref, "trainee"
        else:
            provider = PROVIDERS[number % len(PROVIDERS)].ref
            role = rng.choice(("care_assistant", "assistant_nurse"))
            delegations = DELEGATED if place >= 2 * scale else ()
        staff.append(Staff(f"S-{number + 1:02}", number, provider, role, delegations))
    return tuple(staff)


def tags_of(seed: int, households: Iterable[str], sun_share: float, keyset: str) -> tuple[Tag, ...]:
    """One tag for each household, with a UID of seven bytes; a share of them, spread evenly, is dynamic."""
    rng = random.Random(f"{seed}/tags")
    uids: dict[str, str] = {}
    tags = []
    for number, household in enumerate(households, start=1):
        uid = f"04{rng.getrandbits(48):012X}"
        while uid in uids:
            uid = f"04{rng.getrandbits(48):012X}"
        uids[uid] = household
        dynamic = int(number * sun_share) > int((number - 1) * sun_share)
        tags.append(Tag(f"T-{number:03}", uid, household, keyset if dynamic else None))
    return tuple(tags)


def homes_and_orders(seed: int, count: int, pause: Pause) -> tuple[tuple[Recipient, ...], tuple[Order, ...]]:
    """Recipients B-001 … with their orders.

    By number: in every ten the fourth and fifth are a couple behind one door (one pair in two has orders for the
    first alone, one in three has two providers); every twelfth needs two staff; every thirtieth has only an alarm;
    one in sixty lives under protected identity and one has a pause.
    """
    recipients, orders = [], []
    for number in range(1, count + 1):
        rng = random.Random(f"{seed}/home/{number}")
        recipient = _recipient(rng, number)
        recipients.append(recipient)
        main, others = _orders(rng, number)
        if main:
            pauses = (pause,) if number % 60 == 20 else ()  # noqa: PLR2004 - one in sixty, and living alone
            orders.append(Order(f"O-{number:03}", recipient.ref, _provider(number), tuple(main), pauses))
        orders += [
            Order(f"O-{number:03}-{name}", recipient.ref, COMMON_PROVIDER, (line,)) for name, line in others.items()
        ]
    return tuple(recipients), tuple(orders)


def _recipient(rng: random.Random, number: int) -> Recipient:
    ref = f"B-{number:03}"
    place = number % 10
    household = f"H-{number - place + 4:03}" if place in {4, 5} else ref
    area = "URBAN" if place < 6 else "RURAL" if place < 9 else "ARCHIPELAGO"  # noqa: PLR2004 - six, three, one of ten
    young = number % 20 == 1
    year = rng.randint(1965, 1990) if young else rng.randint(1928, 1955)
    birth_on = date(year, rng.randint(1, 12), rng.randint(1, 28))
    return Recipient(ref, household, area, birth_on, protected=number % 60 == 12)  # noqa: PLR2004


def _provider(number: int) -> str:
    if number % 10 == 5 and number % 30 != 25:  # noqa: PLR2004 - the second of a couple, mostly at the same provider
        number -= 1
    return PROVIDERS[(number + number // 10) % len(PROVIDERS)].ref  # couples are spread over the providers too


def _orders(rng: random.Random, number: int) -> tuple[list[Line], dict[str, Line]]:
    """The lines of the main order, and single lines that the common provider has in orders of their own."""
    if number % 20 == 15:  # noqa: PLR2004 - a couple of which only the first has orders
        return [], {}
    alarm = ("larm", 2, "mo")
    if number % 30 == 7:  # noqa: PLR2004
        return [], {"larm": _line(1, *alarm)}
    couple = number % 10 in {4, 5}
    if number % 12 == 3 and not couple:  # noqa: PLR2004
        wanted = [("forflyttning", 1, "d", 2, None, window) for window in (MORNING, EVENING)]
        lines = [_line(place, *one) for place, one in enumerate(wanted, start=1)]
    else:
        lines = _usual_lines(rng, number)
    if number % 6 == 1:
        lines.append(_line(len(lines) + 1, *alarm))
    others: dict[str, Line] = {}
    if number % 6 == 4:  # noqa: PLR2004
        others["larm"] = _line(1, *alarm)
    if number % 7 == 2:  # noqa: PLR2004
        others["hsl"] = _line(1, "sjukskoterska", 1, "wk", 1, (rng.randint(1, 7),))
    if number % 8 == 6:  # noqa: PLR2004
        others["natt"] = _line(1, "natt-tillsyn", 1, "d", 1, None, NIGHT)
    return lines, others


def _usual_lines(rng: random.Random, number: int) -> list[Line]:
    """The usual lines of one recipient, from light (a weekly hour) to heavy (four times a day)."""
    need = 1 if number % 60 == 20 else rng.choices((0, 1, 2), (35, 35, 30))[0]  # noqa: PLR2004
    wanted: list[tuple[str, int, str, int, tuple[int, ...] | None, tuple[str, str]]] = []
    if need:
        wanted.append(("morgon", 1, "d", 1, None, MORNING))
        if rng.random() < 0.6:  # noqa: PLR2004
            wanted.append(("lakemedel", 1, "d", 1, None, MORNING))
        if rng.random() < 0.3:  # noqa: PLR2004
            wanted.append(("stodstrumpor", 1, "d", 1, None, MORNING))
    if need == 2:  # noqa: PLR2004
        wanted += [("maltidsstod", 1, "d", 1, None, LUNCH), ("kvall", 1, "d", 1, None, EVENING)]
        if rng.random() < 0.5:  # noqa: PLR2004
            wanted.append((rng.choice(("lakemedel", "insulin")), 1, "d", 1, None, EVENING))
        first = rng.randint(1, 3)
        wanted.append(("dusch", 2, "wk", 1, (first, first + 3), FORENOON))
    if number % 4 == 0:
        wanted.append(("matdistribution", 5, "wk", 1, (1, 2, 3, 4, 5), LUNCH))
    weekly = rng.choice(("inkop", "tvatt"))
    wanted.append((weekly, 1, "wk", 1, (rng.randint(1, 7),), AFTERNOON))
    lines = [_line(place, *one) for place, one in enumerate(wanted, start=1)]
    fortnightly = Line(str(len(lines) + 1), "stad", 60, 1, 2, "wk", 1, (rng.randint(1, 7),), AFTERNOON)
    return [*lines, fortnightly]


def _line(
    place: int,
    intervention: str,
    frequency: int,
    period_unit: str,
    staff_count: int = 1,
    weekdays: tuple[int, ...] | None = None,
    window: tuple[str, str] | None = None,
) -> Line:
    minutes = BY_REF[intervention].standard_minutes
    return Line(str(place), intervention, minutes, frequency, 1, period_unit, staff_count, weekdays, window)
