"""Simulation against a running service: put the district, send past days as late phones, go on in real time."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from firmware_sim.people import reports
from firmware_sim.people.chips import Doors
from firmware_sim.people.day import Day, live_day
from firmware_sim.people.device import Device, Enrolled, enrol
from firmware_sim.people.handset import Handset, handset
from firmware_sim.people.phone import Phone, Post
from firmware_sim.people.records import STOCKHOLM, Body, Staff
from firmware_sim.people.routes import CREWS, Occasion, Visit, WantedLine, crew_of
from firmware_sim.people.world import World
from firmware_sim.wire import Wire

AT_ONCE = 6  # requests under way: enough to keep a service busy, few enough to leave it a machine
USUAL_VISIT_SECONDS = (600, 1800)
USUAL_TRAVEL_SECONDS = (240, 900)
OFFLINE_SHARE = 0.15
FORGETS_SHARE = 0.02
BOARD_SECONDS = 5.0
Say = Callable[[str], None]


async def put_world(
    wire: Wire, token: str, world: World, say: Say = lambda _: None, *, admin_token: str | None = None
) -> None:
    """Put the whole district into the service, keys of dynamic tags with the admin's token.

    Raises ServiceRefusedError at the first refused call.
    """
    phases = [(admin_token or token, world.admin_calls()), *((token, calls) for calls in world.calls())]
    for phase, (bearer, calls) in enumerate((one for one in phases if one[1]), start=1):
        say(f"district, part {phase}: {len(calls)} records")
        waiting = iter(calls)

        async def put() -> None:
            for call in waiting:  # noqa: B023 - the workers of a phase end before the next phase begins
                await wire.insist(call.method, call.path, token=bearer, body=call.body)  # noqa: B023 - as above

        await _all([put() for _ in range(AT_ONCE)])


async def enrol_all(wire: Wire, token: str, world: World) -> dict[str, Device]:
    """An enrolled phone for each of the staff, by ref; `token` has the right to issue codes."""
    devices: dict[str, Device] = {}
    waiting = iter(world.staff)

    async def one_by_one() -> None:
        for one in waiting:
            devices[one.ref] = await enrol(wire, token, one.ref)

    await _all([one_by_one() for _ in range(AT_ONCE)])
    return devices


async def upload(devices: Enrolled, day: Day, say: Say = lambda _: None) -> list[Phone]:
    """Send a simulated day from phones that have been without net until now.

    Each phone tries for a while; one with a `waiting` above 0 in the end gave up.
    """
    phones = {}
    for event in day.events:
        if event.staff not in phones:
            rng = random.Random(f"{day.truth.seed}/{day.on}/{event.staff}/net")
            phones[event.staff] = Phone(day.phones[event.staff], devices[event.staff].send, rng)
        phones[event.staff].write(event.kind, event.item)
    done = 0
    waiting = iter(list(phones.values()))

    async def send() -> None:
        nonlocal done
        for phone in waiting:
            await phone.flush()
            done += 1
            if done % 10 == 0 or done == len(phones):
                heard = sum(len(one.verdicts) for one in phones.values())
                say(f"{day.on}: {done} of {len(phones)} phones, {heard} of {len(day.events)} taps and reports")

    await _all([send() for _ in range(AT_ONCE)])
    return list(phones.values())


def past_days(world: World, now: datetime) -> list[Day]:
    """Yesterday, and today until now."""
    today = now.astimezone(STOCKHOLM).date()
    return [live_day(world, on).until(now) for on in (today - timedelta(days=1), today)]


@dataclass
class Town:
    """The state that people in real time share: occupied doors, and counts so far."""

    world: World
    speed: float
    say: Say
    at_doors: set[str] = field(default_factory=set)
    visits: int = 0
    phones: list[Phone] = field(default_factory=list)
    doors: Doors = field(init=False)

    def __post_init__(self) -> None:
        self.doors = self.world.doors()

    def read(self, household: str, at: datetime, rng: random.Random) -> Body:
        """The body that a phone held to a household's tag sends."""
        return self.doors.read(self.world.tag_at[household].uid, at, rng)


async def live_on(devices: Enrolled, world: World, speed: float, say: Say) -> None:
    """Let all staff but trainees make visits `speed` times as short as usual, in real time, until cancelled."""
    town = Town(world, speed, say)
    today = datetime.now(STOCKHOLM).date()
    working = [_work(town, one, devices[one.ref].send, today) for one in world.staff if one.role != "trainee"]
    await _all([*working, _board(town)])


async def _work(town: Town, staff: Staff, post: Post, today: date) -> None:
    started_at = datetime.now(UTC)
    rng = random.Random(f"{town.world.seed}/{staff.ref}/{started_at.isoformat()}")
    usual = handset(town.world.seed, staff, today)
    # A visit here may be shorter than the minute within which a tap without direction counts as a bounce.
    own = Handset(staff.ref, usual.clock, usual.habits, f"{town.world.seed}/{started_at}", direction_known=True)
    phone = Phone(own, post, rng)
    town.phones.append(phone)
    doors = _doors(town.world, staff)
    await asyncio.sleep(rng.uniform(0, USUAL_TRAVEL_SECONDS[1] / town.speed))
    while doors:
        await asyncio.sleep(rng.uniform(*USUAL_TRAVEL_SECONDS) / town.speed)
        recipient, line = rng.choice(doors)
        household = town.world.recipient(recipient).household
        if household in town.at_doors:
            continue
        town.at_doors.add(household)
        try:
            await _visit(town, staff, phone, rng, (recipient, line))
        finally:
            town.at_doors.discard(household)
        town.visits += 1


async def _visit(town: Town, staff: Staff, phone: Phone, rng: random.Random, wanted: WantedLine) -> None:
    household = town.world.recipient(wanted[0]).household
    has_net = rng.random() >= OFFLINE_SHARE
    in_at = _this_second()
    tap = phone.handset.tap(in_at, "in", town.read(household, in_at, rng))
    phone.write("tap", tap)
    if has_net:
        await phone.flush()
    await asyncio.sleep(max(2.0, rng.uniform(*USUAL_VISIT_SECONDS) / town.speed))
    out_at = _this_second()
    if rng.random() >= FORGETS_SHARE:
        phone.write("tap", phone.handset.tap(out_at, "out", town.read(household, out_at, rng)))
    occasion = Occasion(staff.provider, household, CREWS.get(staff.role, "day"), (wanted,), (in_at, out_at))
    visit = Visit(occasion, staff, in_at, out_at, bundle=0)
    report = reports.write(town.world, visit, int((out_at - in_at).total_seconds()), rng)
    if report is not None:
        item = phone.handset.report(out_at, tap["id"], report.outcome, report.interventions)
        phone.write("report", item)
    if has_net:
        await phone.flush()


def _doors(world: World, staff: Staff) -> list[WantedLine]:
    """The homes and order lines that the person may visit."""
    crew = CREWS.get(staff.role, "day")
    today = datetime.now(STOCKHOLM).date()
    return [
        (order.recipient, line)
        for order in world.orders
        if order.provider == staff.provider and not order.paused(today)
        for line in order.lines
        if crew_of(line) == crew and line.staff_count == 1
    ]


async def _board(town: Town) -> None:
    while True:
        await asyncio.sleep(BOARD_SECONDS)
        heard = Counter(verdict.verdict for phone in town.phones for verdict in phone.verdicts.values())
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(heard.items())) or "nothing sent"
        waiting = sum(phone.waiting for phone in town.phones)
        at = datetime.now(STOCKHOLM).strftime("%H:%M:%S")
        town.say(f"{at} at {len(town.at_doors)} doors, {town.visits} visits made; {verdicts}; {waiting} waiting")


def _this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def _all(jobs: Sequence[Awaitable[None]]) -> None:
    """Run jobs side by side. The first failure ends the others, and its own exception is raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
