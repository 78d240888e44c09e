"""Phones: what their carers do all day, on clocks that are right or wrong, sent until it is acknowledged."""

import asyncio
import datetime as dt
import random

from beginning import CATALOGUE, HOUSEHOLDS, LONG_AGO, STAFF, UIDS, UTC
from place import Sent, minted
from sending import PROPER
from service import STOCKHOLM

MINUTE = dt.timedelta(minutes=1)
POISON = "gift"
"""The note of a tap that the database cannot be made to store while a fault is on."""
AGAIN_SECONDS = (0.02, 0.2)
AWAY = 30
"""Visits that a phone without a net keeps."""
MOST_AT_ONCE = 80


class Clock:
    """A phone's clocks: `kind` is right, off, jumping or rebooting."""

    def __init__(self, chance):
        self.kind = chance.choice(["right", "right", "right", "off", "jumping", "rebooting"])
        self._chance = chance
        self._boot = 0
        self.step()

    def step(self):
        """A jump by up to three hours, or a restart, where it does such things."""
        hours = 0 if self.kind == "right" else self._chance.uniform(-3, 3)
        if self.kind != "off" or not self._boot:
            self.off = dt.timedelta(seconds=round(hours * 3600) if self.kind in {"off", "jumping"} else 0)
            self._boot += 1

    def of_tap(self, at):
        """What it says of a tap made then. One that jumps is told from by the time since it was started."""
        said = {"tapped_at": at + self.off}
        if self.kind == "jumping":
            said |= {"uptime_ms": self._uptime(at), "boot_id": "b1"}
        elif self.kind == "rebooting":
            said |= {"uptime_ms": self._uptime(at), "boot_id": f"b{self._boot}"}
        return said

    def of_sending(self):
        """What it says when it sends."""
        now = dt.datetime.now(UTC)
        said = {"sent_at": now + self.off}
        if self.kind == "jumping":
            said |= {"sent_uptime_ms": self._uptime(now), "boot_id": "b1"}
        elif self.kind == "rebooting":
            said |= {"sent_uptime_ms": self._uptime(now), "boot_id": f"b{self._boot}"}
        return said

    def _uptime(self, at):
        # A phone that was started anew counts from another moment.
        return int((at - LONG_AGO).total_seconds() * 1000) + 10**9 * self._boot * (self.kind == "rebooting")


class Phone:
    """One phone of one carer, who works the days it is given."""

    def __init__(self, town, staff, days, seed, *, poison=False):
        self.town, self.staff, self.days = town, staff, days
        self.chance = random.Random(seed)
        self.clock = Clock(self.chance)
        self.poison = poison
        self.queue = []  # (kind, ids) that are to be sent, in this order
        self.aside = []  # what the database cannot store just now
        self.visits_a_time = self.chance.choice([1, 1, 1, 3, AWAY])
        self._plan = enumerate(self._visits(), 1)
        self.stopping = False

    async def work(self):
        """Make visits and send them, until told to stop or the days are over."""
        for number, visit in self._plan:
            if self.stopping:
                return
            self.queue += self._told_of(visit)
            if number % self.visits_a_time == 0:
                self.queue = _at_once(self.queue, self.visits_a_time)
                while self.queue:
                    await self.send(*self.queue[0])
                    del self.queue[0]  # what it is stopped at it finishes

    async def finish(self):
        """Send what is left."""
        for kind, ids in (*self.queue, *self.aside):
            await self.send(kind, ids, patient=True)
        self.queue, self.aside = [], []

    async def send_again(self):
        """Everything that it ever sent, as after a restore."""
        for kind, known in (("taps", self.town.taps), ("reports", self.town.reports)):
            mine = [(id_, 0) for id_, sent in known.items() if sent.phone is self]
            for ids in _cut(mine):
                await self.send(kind, ids, patient=True)

    async def send(self, kind, ids, *, patient=False):
        """Until it is acknowledged. Who is not patient puts aside what holds poison, once it was tried."""
        poison = self._is_poison(kind, ids)

        async def attempt(server):
            answer = await self.town.ask(
                "POST", f"/v1/{kind}", role="staff", staff=self.staff, server=server, body=self._envelope(kind, ids),
                proper=PROPER | {500} if poison else PROPER,
            )  # fmt: skip
            return answer is not None and self.town.note(kind, ids, answer)

        network = self.town.network
        if self.chance.random() < 0.04:
            await network.hang_up(attempt)
        while not await network.hedged(attempt, at_once=self.chance.random() < 0.4):
            if poison and not patient:
                self.aside.append((kind, ids))
                return
            await asyncio.sleep(self.chance.uniform(*AGAIN_SECONDS))

    def _envelope(self, kind, ids):
        known = self.town.taps if kind == "taps" else self.town.reports
        clocks = self.clock.of_sending()
        if kind == "reports":
            clocks = {"sent_at": clocks["sent_at"]}
        return clocks | {kind: [known[id_].bodies[number] for id_, number in ids]}

    def _is_poison(self, kind, ids):
        return kind == "taps" and any(self.town.taps[id_].bodies[0]["tag"].get("note") == POISON for id_, _ in ids)

    # What carers do

    def _visits(self):
        """(door, start, end or None) one after the other, day by day."""
        for day in self.days:
            at = dt.datetime.combine(day, dt.time(6, self.chance.randrange(60)), STOCKHOLM).astimezone(UTC)
            while at < dt.datetime.combine(day, dt.time(20), STOCKHOLM).astimezone(UTC):
                start = at + dt.timedelta(seconds=self.chance.randrange(60, 900))
                at = start + dt.timedelta(seconds=self.chance.randrange(60, 1500))
                yield self._door(), start, None if self.chance.random() < 0.06 else at

    def _door(self):
        if self.poison and self.chance.random() < 0.05:
            return {"household": self.chance.choice(HOUSEHOLDS), "reason": "tag_missing", "note": POISON}
        if self.chance.random() < 0.15:
            note = {"note": f"dörr {self.chance.randrange(10**6)}"} if self.chance.random() < 0.5 else {}
            return {"household": self.chance.choice(HOUSEHOLDS), "reason": "tag_missing"} | note
        if self.chance.random() < 0.03:
            return {"uid": "04FFFFFFFFFFFF"}  # nobody's: kept as an attempt
        return {"uid": self.chance.choice(sorted(UIDS))}

    def _told_of(self, visit):
        door, start, end = visit
        came = self._tap(door, "in", start)
        self.clock.step()  # in the middle of the visit
        left = [] if end is None else [self._tap(door, "out", end)]
        if self.chance.random() < 0.05:
            left.append(self._tap(door, "in", start + dt.timedelta(seconds=self.chance.randrange(1, 50))))
        told = [self._report(came, end or start + MINUTE)] if self.chance.random() < 0.6 else []
        if told and self.chance.random() < 0.15:
            told.append(self._report(came, (end or start) + 5 * MINUTE))
        sends = self._batches(came, left)
        where = self.chance.choice([0, len(sends), len(sends)])
        sends[where:where] = [("reports", [one]) for one in told]
        return sends

    def _batches(self, came, left):
        if self.chance.random() < 0.5:
            return [("taps", [one]) for one in (came, *left)]
        batch = [came, *left]
        self.chance.shuffle(batch)
        return [("taps", batch)]

    def _tap(self, door, direction, at):
        said = {"id": minted(self.chance), "direction": direction, "tag": door} | self.clock.of_tap(at)
        if self.chance.random() < 0.01:
            said["direction"] = "sideways"
        return self._keep(self.town.taps, said, at)

    def _report(self, tap, at):
        done = [
            {"intervention": what, "outcome": "done", "minutes": self.chance.choice([None, 5, 20])}
            for what in self.chance.sample(sorted(CATALOGUE), self.chance.randrange(3))
        ]
        outcome = self.chance.choice(["performed"] * 8 + ["declined", "no_answer"])
        said = {"id": minted(self.chance), "tap": tap[0], "reported_at": at + self.clock.off, "outcome": outcome}
        said |= {"interventions": done, "note": f"rapport {self.chance.randrange(10**6)}"}
        return self._keep(self.town.reports, said, at)

    def _keep(self, known, said, at):
        known[said["id"]] = Sent(self.staff, [said], at, self)
        return said["id"], 0


def _at_once(sends, visits):
    """What is sent of some visits: each by itself, or of a phone that was away everything together."""
    if visits == 1:
        return sends
    together = {"reports": [], "taps": []}
    for kind, ids in sends:
        together[kind] += ids
    return [(kind, ids) for kind, all_of_kind in together.items() for ids in _cut(all_of_kind)]


def _cut(ids):
    return [ids[first : first + MOST_AT_ONCE] for first in range(0, len(ids), MOST_AT_ONCE)]


def phones_of(town, seed, *, lanes, poison=False):
    """The phones of a municipality: each carer has some, of days of their own."""
    return [
        Phone(town, staff, town.days[lane::lanes], f"{seed}/{town.code}/{staff}/{lane}", poison=poison)
        for staff in sorted(STAFF)
        for lane in range(lanes)
    ]


class Contradicting:
    """The same id with other bodies, to both servers at once: one is stored, and the other is refused."""

    def __init__(self, town, seed):
        self.town = town
        self.chance = random.Random(f"{seed}/contradicting")
        self.stopping = False
        self._made = []

    async def work(self):
        for number in range(len(self._made), 40):
            if self.stopping:
                return
            day = self.town.days[number % len(self.town.days)]
            at = dt.datetime.combine(day, dt.time(21, number), STOCKHOLM).astimezone(UTC)
            said = {"id": minted(self.chance), "tapped_at": at, "tag": {"household": "H-3", "reason": "phone_no_nfc"}}
            bodies = [said | {"direction": way} for way in ("in", "out")]
            self.town.taps[said["id"]] = Sent("S-3", bodies, at, self)
            self._made.append(said["id"])
            await self._both(said["id"])

    async def send_again(self):
        for id_ in self._made:
            await self._both(id_)

    async def finish(self):
        """Nothing is left when it has stopped."""

    async def _both(self, id_):
        servers = self.chance.sample(self.town.network.servers, 2)
        await asyncio.gather(*(self._deliver(id_, number, server) for number, server in enumerate(servers)))

    async def _deliver(self, id_, number, server):
        while True:
            body = {"sent_at": dt.datetime.now(UTC), "taps": [self.town.taps[id_].bodies[number]]}
            answer = await self.town.ask("POST", "/v1/taps", role="staff", staff="S-3", server=server, body=body)
            if answer is not None and self.town.note("taps", [(id_, number)], answer):
                return
            await asyncio.sleep(self.chance.uniform(*AGAIN_SECONDS))
