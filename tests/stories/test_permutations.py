"""The same facts, told to two municipalities in different orders and batches, give the same visits."""

import asyncio
import datetime as dt
import random
import uuid
from dataclasses import dataclass, field

import pytest
from service import day, tap_item, written
from world import H1, H2, H3, PAR, contract, line, order

FIRST_AT = day(-4, "06:00").astimezone(dt.UTC)
MINUTES = 40 * 60
PEOPLE = ("S-1", "S-2", "S-3", "S-trainee", "S-alarm", "S-south")
DOORS = (H1, H2, H3, PAR, "H-1", "H-par")
TOLD = ("dusch", "lunch", "tillsyn", "insulin", "larm", "städ")


@dataclass
class Facts:
    """Taps and reports by who sends them, and what is put meanwhile."""

    taps: dict[str, list] = field(default_factory=dict)
    reports: dict[str, list] = field(default_factory=dict)
    puts: list[tuple] = field(default_factory=list)


def invent(dice):
    """Two untidy days: some visits as they should be, with everything between them that people do by mistake."""
    facts = Facts()
    for who in PEOPLE:
        taps = facts.taps.setdefault(who, [])
        for _ in range(4):
            door, start = dice.choice(DOORS), FIRST_AT + dt.timedelta(minutes=dice.randrange(MINUTES))
            taps.append(tap(dice, door, dice.choice(("in", "in", "auto")), start))
            taps.append(tap(dice, door, "out", start + dt.timedelta(minutes=dice.randint(5, 90))))
        for _ in range(4):
            beside = dice.choice(taps)["tapped_at"] + dt.timedelta(seconds=dice.choice((0, 20, 60, 61, 900, 57_600)))
            taps.append(tap(dice, dice.choice(DOORS), dice.choice(("in", "out", "auto")), beside))
        facts.reports[who] = [report(dice, dice.choice(taps)) for _ in range(4)]
    window = ["07:00", "12:00"]
    facts.puts = [
        ("orders", "O-3", order("B-3", line("1", "dusch", staff_count=2))),
        ("orders", "O-3s", order("B-3", line("1", "tillsyn"), provider="P-syd")),
        ("orders", "O-larm", order("B-1", line("1", "larm", 15))),
        ("orders", "O-b2", order("B-b", line("1", "insulin", window=window), valid_to=str(day(-4).date()))),
        ("contracts", "C-norr", contract(dice.choice(("hsl_first", "reported")), report_required=dice.random() < 0.3)),
    ]
    return facts


def new_id(dice):
    return uuid.UUID(int=dice.getrandbits(128), version=4)


def tap(dice, door, direction, at):
    return tap_item(door, direction, at, id=new_id(dice))


def report(dice, named):
    """Told after its tap: before that, and of two at once, what counts is when they were received."""
    reported_at = named["tapped_at"] + dt.timedelta(seconds=1 + dice.randrange(2 * MINUTES * 60))
    outcome = dice.choice(("performed", "performed", "performed", "declined"))
    items = [
        {"intervention": one, "outcome": "done", "minutes": dice.choice((None, 5, 30))}
        for one in dice.sample(TOLD, dice.randrange(3))
    ]
    told = {"id": new_id(dice), "tap": named["id"], "reported_at": reported_at, "outcome": outcome}
    return written(told | {"interventions": items})


def calls(dice, facts):
    """The facts as requests: cut and shuffled by chance, some batches sent twice."""
    found = [("PUT", f"/v1/{kind}/{ref}", body, {"role": "system"}) for kind, ref, body in facts.puts]
    for who in PEOPLE:
        for kind, items in (("taps", facts.taps[who]), ("reports", facts.reports[who])):
            waiting = dice.sample(items, len(items))
            while waiting:
                size = dice.choice((1, 1, 2, 5, 12))
                batch, waiting = waiting[:size], waiting[size:]
                call = ("POST", f"/v1/{kind}", {kind: batch}, {"role": "staff", "staff": who})
                found += [call] * dice.choice((1, 1, 1, 2))
    dice.shuffle(found)
    return found


async def tell(home, requests):
    for method, path, body, who in requests:
        sent = {"sent_at": dt.datetime.now(dt.UTC)} if path == "/v1/taps" else {}
        await home.ask(method, path, body | sent, **who)


async def tell_at_once(home, requests):
    """Everything in one batch each, all under way together."""
    await asyncio.gather(*(tell(home, [request]) for request in requests))


async def visits_of(home):
    """Every visit but its version, which counts how it came about."""
    return [{name: value for name, value in one.items() if name != "version"} for one in await home.visits(limit=500)]


@pytest.mark.parametrize("seed", range(4))
async def test_two_orders_of_the_same_facts_give_the_same_visits(settle_another, seed):
    dice = random.Random(seed)
    facts = invent(dice)
    one, other = await settle_another(), await settle_another()
    await tell(one, calls(dice, facts))
    await tell(other, calls(dice, facts))
    told = await visits_of(one)
    assert len(told) > 20
    assert await visits_of(other) == told
    assert await one.executed("recipient,category,order_line") == await other.executed("recipient,category,order_line")


async def test_one_great_flush_gives_the_same_visits_as_a_trickle(settle_another):
    dice = random.Random("flush")
    facts = invent(dice)
    trickle, flush = await settle_another(), await settle_another()
    await tell(trickle, calls(dice, facts))
    whole = [("POST", "/v1/taps", {"taps": facts.taps[who]}, {"role": "staff", "staff": who}) for who in PEOPLE]
    whole += [
        ("POST", "/v1/reports", {"reports": facts.reports[who]}, {"role": "staff", "staff": who}) for who in PEOPLE
    ]
    whole += [("PUT", f"/v1/{kind}/{ref}", body, {"role": "system"}) for kind, ref, body in facts.puts]
    await tell_at_once(flush, whole)
    assert await visits_of(flush) == await visits_of(trickle)
