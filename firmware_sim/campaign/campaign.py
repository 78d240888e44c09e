"""Days of honest people with an adversary among them: one sequence of phones' messages, and the truth beside it.

Nothing in here waits for an answer. All taps, messages of chips and times of sending are fixed beforehand, so the
expected verdict of every tap can be computed (`oracle`) before the first one is sent.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from firmware_sim.people.chips import MOST_READS, Door
from firmware_sim.people.clock import PhoneClock
from firmware_sim.people.day import walk_day
from firmware_sim.people.handset import Habits, Handset
from firmware_sim.people.records import Body, Tag
from firmware_sim.people.routes import local
from firmware_sim.people.truth import Presence
from firmware_sim.people.world import Call, World

OFFLINE_SHARE = 0.3  # of the phones have a spell without net on a day
WHOLE_SHIFT_SHARE = 0.05  # have none until the shift is over
SPELL = (timedelta(minutes=30), timedelta(hours=4))
SHIFT_OVER = time(22, 30)


@dataclass(frozen=True, slots=True)
class Message:
    """The message of a chip at one read: `counter` under the keys of version `epoch`, and the body that phones send."""

    uid: str
    epoch: int
    counter: int
    body: Body


@dataclass(slots=True)
class Reading:
    """A phone held to a chip at a true instant, `count` times; `got` has the messages once it has happened."""

    at: datetime
    uid: str
    count: int = 1
    got: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap in the truth: claimed for `at`, sent at `sent_at`; `attack` is None for an honest one."""

    id: str
    staff: str
    phone: str
    at: datetime
    sent_at: datetime
    item: Body
    message: Message | None
    attack: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that an honest phone sends."""

    staff: str
    phone: str
    sent_at: datetime
    item: Body


@dataclass
class Deed:
    """A tap that the adversary sends after the chips have been read; `body` gives its message of a tag."""

    attack: str
    staff: str
    at: datetime
    sent_at: datetime
    body: Callable[[], Body | Message]
    note: str
    direction: str = "in"
    must: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """The instant at which a tag gets the next version of its keys."""

    at: datetime
    tag: Tag


@dataclass
class Stage:
    """The adversary's knowledge before acting: the district, the days, and every honest tap at a dynamic tag."""

    world: World
    days: tuple[date, ...]
    rng: random.Random
    honest: list["Honest"]
    presences: list[Presence]
    taken: set[str] = field(default_factory=set)

    def at_door(self, uid: str) -> list["Honest"]:
        """The honest taps at one tag, in order of time."""
        return [one for one in self.honest if one.reading.uid == uid]


@dataclass(frozen=True, slots=True)
class Honest:
    """An honest tap before the chips are read."""

    item: Body
    staff: str
    phone: str
    reading: Reading
    sent_at: datetime


@dataclass
class Campaign:
    """Phones by name; taps, reports and calls of an admin in the order in which they reach the service."""

    world: World
    phones: dict[str, Handset]
    taps: list[Tap]
    calls: list[tuple[datetime, Call]]
    musts: dict[str, tuple[str, str]]
    reports: list[Report]

    def truth_log(self, expected: dict[str, tuple[str, str | None] | None]) -> str:
        """The adversary's taps with the expected verdicts, as JSON. `expected` is by tap, None where it is open."""
        deeds = [
            {
                "tap": one.id,
                "attack": one.attack,
                "staff": one.staff,
                "uid": one.message.uid if one.message else None,
                "counter": one.message.counter if one.message else None,
                "claimed_at": one.at.isoformat(),
                "sent_at": one.sent_at.isoformat(),
                "note": one.note,
                "must_become": expected.get(one.id),
            }
            for one in self.taps
            if one.attack
        ]
        return json.dumps(deeds, ensure_ascii=False, indent=1)


Adversary = Callable[[Stage], tuple[list[Reading], list[Deed], list[Rekeyed]]]


def plan(
    world: World, days: tuple[date, ...], adversary: Adversary | None, seed: int, *, every_seconds: int = 1
) -> Campaign:
    """The campaign of the days, deterministic for its arguments.

    A phone with a net sends every so many seconds, at whole multiples of them; the adversary's at other times.
    """
    rng = random.Random(f"{seed}/campaign")
    phones: dict[str, Handset] = {}
    stage = Stage(world, days, rng, [], [])
    static: list[Tap] = []
    reports: list[Report] = []
    known = {one.uid for one in world.tags if one.keyset}
    for on in days:
        day = walk_day(world, on)
        stage.presences += day.truth.presences
        spells = {staff: _spell(on, rng) for staff in sorted(day.phones)}
        for event in day.events:
            name = f"{event.staff}/{on}"
            phones[name] = day.phones[event.staff]
            start, end = spells[event.staff]
            sent_at = _next_round(end if start <= event.at <= end else event.at, every_seconds)
            if event.kind == "report":
                reports.append(Report(event.staff, name, sent_at, event.item))
                continue
            uid = event.item["tag"].get("uid")
            if uid in known:
                reading = Reading(event.at, uid, rng.randint(1, MOST_READS))
                stage.honest.append(Honest(event.item, event.staff, name, reading, sent_at))
            else:
                static.append(Tap(event.item["id"], event.staff, name, event.at, sent_at, event.item, None))
    stage.honest.sort(key=lambda one: (one.reading.at, one.item["id"]))
    readings, deeds, rekeyed = adversary(stage) if adversary else ([], [], [])
    _read(world, [*(one.reading for one in stage.honest), *readings], rekeyed)
    taps = static + [
        Tap(one.item["id"], one.staff, one.phone, one.reading.at, one.sent_at,
            one.item | {"tag": one.reading.got[-1].body}, one.reading.got[-1])
        for one in stage.honest
    ]  # fmt: skip
    done, musts = _done(deeds, phones, days[0], seed)
    if every_seconds > 1:
        done = [replace(one, sent_at=_between_rounds(one.sent_at, every_seconds)) for one in done]
    taps = sorted([*taps, *done], key=lambda one: (one.sent_at, one.at, one.id))
    reports.sort(key=lambda one: (one.sent_at, one.item["id"]))
    return Campaign(world, phones, taps, [(one.at, _rekey_call(one)) for one in rekeyed], musts, reports)


def _spell(on: date, rng: random.Random) -> tuple[datetime, datetime]:
    """The span in which a phone has no net on a day."""
    start = local(on, time(6)) + timedelta(minutes=rng.randrange(14 * 60))
    chance = rng.random()
    if chance < WHOLE_SHIFT_SHARE:
        return local(on, time(0)), local(on, SHIFT_OVER) + timedelta(minutes=rng.randrange(20))
    if chance < WHOLE_SHIFT_SHARE + OFFLINE_SHARE:
        return start, start + SPELL[0] + (SPELL[1] - SPELL[0]) * rng.random()
    return start, start - timedelta(seconds=1)


def _next_round(at: datetime, every_seconds: int) -> datetime:
    unix = int(at.timestamp()) + 2
    return datetime.fromtimestamp(-(-unix // every_seconds) * every_seconds, UTC)


def _between_rounds(at: datetime, every_seconds: int) -> datetime:
    return at + timedelta(seconds=int(at.timestamp()) % every_seconds == 0)


def _read(world: World, readings: list[Reading], rekeyed: list[Rekeyed]) -> None:
    """Carry out all reads and changes of keys on the chips in order of time."""
    doors = {one.uid: Door.made(one, world.keyset, world.seed) for one in world.tags if one.keyset}
    order = count()
    things: list[Reading | Rekeyed] = [*rekeyed, *readings]
    happening = sorted((one.at, next(order), one) for one in things)
    for _, _, one in happening:
        if isinstance(one, Rekeyed):
            door = doors[one.tag.uid]
            door.give_keys(door.version + 1)
            continue
        door = doors[one.uid]
        for _ in range(one.count):
            body = door.read()
            one.got.append(Message(one.uid, door.version, door.counter, body))


def _done(
    deeds: list[Deed], phones: dict[str, Handset], first_on: date, seed: int
) -> tuple[list[Tap], dict[str, tuple[str, str]]]:
    """The adversary's taps, each from a phone of its own whose clocks are right when they do not lie."""
    taps, musts = [], {}
    for number, deed in enumerate(deeds):
        name = f"{deed.attack}/{number}"
        clock = PhoneClock(f"{seed}/{name}", boots=(local(first_on - timedelta(days=1), time(0)),))
        phone = Handset(deed.staff, clock, Habits(), f"{seed}/{name}", direction_known=True)
        phones[name] = phone
        said = deed.body()
        message = said if isinstance(said, Message) else None
        item = phone.tap(deed.at, deed.direction, said.body if isinstance(said, Message) else said)
        taps.append(Tap(item["id"], deed.staff, name, deed.at, deed.sent_at, item, message, deed.attack, deed.note))
        if deed.must:
            musts[item["id"]] = deed.must
    return taps, musts


def _rekey_call(rekeyed: Rekeyed) -> Call:
    tag = replace(rekeyed.tag, key_version=rekeyed.tag.key_version + 1)
    return Call("PUT", f"/v1/tags/{tag.ref}", tag.body())
