"""The named workload: a generated municipality, its history as facts, and the taps that phones send."""

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from bench.load import STAMP_BYTES
from bench.processes import MUNICIPALITY, Request, request, token
from firmware_sim.people.world import World, build_world

SEED = 7
STOCKHOLM = ZoneInfo("Europe/Stockholm")
BOOTED_DAYS_AGO = 60
"""All phones were switched on then; a tap's uptime is counted from it."""
CODE = Path(__file__)

Door = tuple[str, str]
"""A household's tag: ref and UID."""


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap of a staff ref at a tag."""

    id: str
    staff: str
    direction: Literal["in", "out"]
    at: dt.datetime
    tag: str
    uid: str


@dataclass
class Municipality:
    """Who works where, and a source of visits that goes on from one day to the next."""

    world: World
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    @cached_property
    def doors(self) -> dict[str, list[Door]]:
        """The doors behind which each provider has an order."""
        found: dict[str, dict[str, Door]] = {one.provider: {} for one in self.world.staff}
        for order in self.world.orders:
            tag = self.world.tag_at[self.world.recipient(order.recipient).household]
            found.setdefault(order.provider, {})[tag.ref] = (tag.ref, tag.uid)
        every = [(tag.ref, tag.uid) for tag in self.world.tags]
        return {provider: list(doors.values()) or every for provider, doors in found.items()}

    def deal(self, doors: dict[str, list[Door]]) -> Callable[[str], Door]:
        """Gives a provider's doors in turn, so that two rarely come to one door at a time."""
        turns = {provider: self._endless(own) for provider, own in doors.items()}
        return lambda provider: next(turns[provider])

    def _endless(self, doors: list[Door]) -> Iterator[Door]:
        while True:
            yield from self.rng.sample(doors, len(doors))


def make_municipality(recipients: int, staff: int) -> Municipality:
    """The same for the same day; its orders go back further than any history."""
    today = dt.datetime.now(STOCKHOLM).date()
    world = build_world(SEED, today, recipients, staff, starts_on=today - dt.timedelta(days=800))
    return Municipality(world)


# Slots: for each staff the first visit of a day, then for each the second, and so on.
Slot = list[tuple[Tap, Tap]]


def shifts(
    town: Municipality,
    first_at: dt.datetime,
    days: int,
    visits: int,
    *,
    staff: Sequence[str] | None = None,
    doors: dict[str, list[Door]] | None = None,
) -> Iterator[Slot]:
    """Days of work from `first_at` on, every 24 hours: visits of 10 to 30 minutes with 4 to 14 in between."""
    rng = town.rng
    provider_of = {one.ref: one.provider for one in town.world.staff}
    working = list(staff or provider_of)
    deal = town.deal(doors or town.doors)
    for day in range(days):
        begins_at = first_at + dt.timedelta(days=day)
        clocks = {ref: begins_at + dt.timedelta(seconds=rng.randrange(1200)) for ref in working}
        for _ in range(visits):
            slot: Slot = []
            for ref in working:
                tag, uid = deal(provider_of[ref])
                start = clocks[ref] + dt.timedelta(seconds=rng.randrange(240, 840))
                clocks[ref] = end = start + dt.timedelta(seconds=rng.randrange(600, 1800))
                slot.append((Tap(uuid7(start), ref, "in", start, tag, uid), Tap(uuid7(end), ref, "out", end, tag, uid)))
            yield slot


def uuid7(at: dt.datetime) -> str:
    """An id as phones mint them when they tap."""
    value = bytearray(int(at.timestamp() * 1000).to_bytes(6) + os.urandom(10))
    value[6] = value[6] & 0x0F | 0x70
    value[8] = value[8] & 0x3F | 0x80
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def midnight(days_ago: int) -> dt.datetime:
    """When the first shift of a local day begins, seven in the morning."""
    on = dt.datetime.now(STOCKHOLM).date() - dt.timedelta(days=days_ago)
    return dt.datetime(on.year, on.month, on.day, 7, tzinfo=STOCKHOLM).astimezone(dt.UTC)


class Phones:
    """Taps as requests, each phone with a token and clocks of its own."""

    def __init__(self, municipality: int = MUNICIPALITY) -> None:
        self._municipality = municipality
        self.booted_at = float(int(time.time()) - BOOTED_DAYS_AGO * 86400)
        self._tokens: dict[str, str] = {}

    def send(self, taps: Sequence[Tap], phone: str = "1") -> Request:
        """One batch of one phone."""
        staff = taps[0].staff
        device = f"D-{staff}-{phone}"
        if device not in self._tokens:
            self._tokens[device] = token("staff", self._municipality, staff=staff, device=device)
        items = ",".join(map(self._item, taps))
        body = f'"boot_id":"b1","taps":[{items}]}}'
        head, _, _ = request("POST", "/v1/taps", self._tokens[device])
        length = STAMP_BYTES + len(body)
        head = f"{head[:-2]}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        return head, body, len(taps)

    def _item(self, tap: Tap) -> str:
        uptime_ms = int((tap.at.timestamp() - self.booted_at) * 1000)
        return (
            f'{{"id":"{tap.id}","direction":"{tap.direction}","tapped_at":"{tap.at:%Y-%m-%dT%H:%M:%SZ}",'
            f'"uptime_ms":{uptime_ms},"boot_id":"b1","tag":{{"uid":"{tap.uid}"}}}}'
        )

    def one_by_one(self, slots: Iterator[Slot]) -> list[Request]:
        """A request for each tap, as it happens: all of a slot go in, then all go out."""
        return [self.send([visit[side]]) for slot in slots for side in (0, 1) for visit in slot]

    def in_batches(self, slots: Iterator[Slot], size: int, phones: int = 1) -> list[Request]:
        """Batches of `size` taps of one phone; a staff ref uses its phones one after the other."""
        of_staff: dict[str, list[Tap]] = {}
        for slot in slots:
            for visit in slot:
                of_staff.setdefault(visit[0].staff, []).extend(visit)
        whole = size * phones
        return [
            self.send(taps[phone * size : (phone + 1) * size], str(phone + 1))
            for phone in range(phones)
            for taps in (own[:whole] for own in of_staff.values())
            if taps[phone * size :]
        ]
