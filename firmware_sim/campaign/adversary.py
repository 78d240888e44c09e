"""Attacks with tags by people who were not there: each scheme plans its reads and taps, with the expected verdicts.

A scheme that leaves the verdict open (`must` None) is judged by the oracle: the detection of a harvested or back-dated
tap depends on other reads of the tag, and on when these are sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import NamedTuple

from firmware_sim.campaign.campaign import Deed, Honest, Message, Reading, Rekeyed, Stage
from firmware_sim.chip.aes import BLOCK, ZERO_BLOCK
from firmware_sim.people.chips import Door, Keyset
from firmware_sim.people.records import Body, Tag
from firmware_sim.people.routes import local
from firmware_sim.people.truth import Presence

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REPLAYED = ("refused", "counter_replayed")
RELOADED = ("refused", "counter_replayed_same_device")
INVALID = ("refused", "sun_invalid")
STALE = ("refused", "tag_epoch_stale")
ACCEPTED = ("accepted", "")
TRIES = 500


class Claim(NamedTuple):
    """The time and the direction that a phone gives to a tap, and when it sends it; at once without `sent_at`."""

    at: datetime
    direction: str = "in"
    sent_at: datetime | None = None


@dataclass
class Schemes:
    """The adversary's plans on one stage."""

    stage: Stage
    readings: list[Reading] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    rekeyed: list[Rekeyed] = field(default_factory=list)

    def replay(self) -> None:
        """A message sent a second time: by another phone (a forwarded link), or by the same one (a reload)."""
        seen = self._victim()
        same = self.stage.rng.random() < 1 / 3
        staff = seen.staff if same else self._somebody_else(seen.staff)
        at = seen.sent_at + self._between(MINUTE, 30 * HOUR)
        self._do(
            "replay", staff, Claim(at), _last(seen), "a reload" if same else "forwarded", RELOADED if same else REPLAYED
        )

    def clone(self) -> None:
        """A sticker with a copied message, tapped by several; or with a copied UID, which counts as a static tag."""
        seen = self._victim()
        at = seen.sent_at
        for _ in range(3):
            at += self._between(HOUR, 20 * HOUR)
            self._do(
                "clone", self._somebody_else(seen.staff), Claim(at), _last(seen), "a sticker with a message", REPLAYED
            )
        body: Body = {"uid": seen.reading.uid}
        self._do(
            "copied_uid",
            self._somebody_else(seen.staff),
            Claim(at + HOUR),
            lambda: body,
            "a sticker with a UID",
            ACCEPTED,
        )

    def forge(self) -> None:
        """Messages that no chip made."""
        seen, other, rng = self._victim(), self._victim(), self.stage.rng
        noise = rng.randbytes(BLOCK).hex().upper(), rng.randbytes(BLOCK // 2).hex().upper()
        keyset = self.stage.world.keyset.ref
        zeros = _chip_of_zeros(seen.reading.uid, keyset)

        def changed(**parts: str) -> Callable[[], Body]:
            return lambda: seen.reading.got[-1].body | parts

        def crossed() -> Body:
            return seen.reading.got[-1].body | {"c": other.reading.got[-1].body["c"]}

        for note, body, must in (
            ("invented", lambda: {"keyset": keyset, "e": noise[0], "c": noise[1]}, INVALID),
            ("another MAC", changed(c=noise[1]), INVALID),
            ("another chip's MAC", crossed, INVALID),
            ("another encrypted part", changed(e=noise[0]), INVALID),
            ("made with zero keys", lambda: zeros, INVALID),
            ("another keyset", changed(keyset=f"{keyset}-x"), ("refused", "keyset_unknown")),
            ("cut short", changed(e=noise[0][:-2]), ("refused", "malformed")),
        ):
            at = seen.sent_at + self._between(MINUTE, 20 * HOUR)
            self._do("forged", self._somebody_else(seen.staff), Claim(at), body, note, must)

    def stale(self) -> None:
        """Messages that were read before the tag got new keys, and used afterwards."""
        if len(self.stage.days) < 2:  # noqa: PLR2004 - the keys change in the night between
            return
        at = local(self.stage.rng.choice(self.stage.days[1:]), time(3, 30))
        seen = self._door_of_its_own(quiet=(at - HOUR, at))
        reading = Reading(at - HOUR, seen.reading.uid, 2)
        self.readings.append(reading)
        tag = next(one for one in self.stage.world.tags if one.uid == seen.reading.uid)
        self.rekeyed.append(Rekeyed(at, tag))
        for place in range(2):
            sent_at = at + self._between(MINUTE, 16 * HOUR)
            self._do("stale", seen.staff, Claim(sent_at), _one(reading, place), "keys of before", STALE)

    def harvest(self) -> None:
        """Several reads while at the door, sent one after the other from elsewhere as if somebody were there."""
        seen = self._door_of_its_own()
        reading = Reading(seen.reading.at + timedelta(seconds=20), seen.reading.uid, 5)
        self.readings.append(reading)
        at = reading.at
        for place in range(5):
            at += self._between(20 * MINUTE, 14 * HOUR)
            self._do("harvest", seen.staff, Claim(at), _one(reading, place), f"read at {reading.at.isoformat()}", None)

    def back_date(self) -> None:
        """Taps really at the door, half an hour later than claimed: soon after an honest tap there, or long after."""
        seen = self._door_of_its_own()
        late = self._between(30 * MINUTE, 50 * MINUTE)
        gone_by = self._between(8 * MINUTE, 20 * MINUTE)
        at = seen.reading.at + (gone_by if self.stage.rng.random() < 1 / 2 else gone_by + 75 * MINUTE)
        reading = Reading(at, seen.reading.uid)
        self.readings.append(reading)
        sent_at = max(at, seen.sent_at) + MINUTE
        staff = self._somebody_else(seen.staff)
        self._do(
            "back_date", staff, Claim(at - late, sent_at=sent_at), _one(reading, 0), f"read at {at.isoformat()}", None
        )

    def move(self) -> None:
        """A tag taken home in the evening: true reads at true times, but elsewhere."""
        seen = self._door_of_its_own()
        at = local(self.stage.rng.choice(self.stage.days), time(22, 40))
        for place, direction in enumerate(("in", "out")):
            reading = Reading(at + place * 40 * MINUTE, seen.reading.uid)
            self.readings.append(reading)
            self._do("moved", seen.staff, Claim(reading.at, direction), _one(reading, 0), "lay elsewhere", ACCEPTED)

    def share_login(self) -> None:
        """Somebody else works with the login of a person who is behind another door at that time."""
        rng = self.stage.rng
        plain = [one for one in self.stage.presences if one.part == "alone" and one.mistake is None and one.payable]
        for _ in range(TRIES):
            visit = rng.choice(plain)
            door = rng.choice([one for one in self.stage.world.tags if one.keyset and one.household != visit.household])
            middle = visit.in_at + (visit.out_at - visit.in_at) / 2
            span = middle.replace(microsecond=0), visit.out_at + 3 * MINUTE
            if door.uid not in self.stage.taken and self._nobody_near(door.uid, span, visit):
                break
        else:
            return
        self.stage.taken.add(door.uid)
        for at, direction in zip(span, ("in", "out"), strict=True):
            reading = Reading(at, door.uid)
            self.readings.append(reading)
            body = _one(reading, 0)
            self._do("shared_login", visit.staff, Claim(at, direction), body, "", ACCEPTED)

    def _nobody_near(self, uid: str, span: tuple[datetime, datetime], visit: Presence) -> bool:
        """True if nobody taps at the door around the span, and the visit's person has no other visit in it."""
        return not any(span[0] - HOUR < one.reading.at < span[1] + HOUR for one in self.stage.at_door(uid)) and not any(
            one.staff == visit.staff and one is not visit and one.in_at < span[1] + 4 * MINUTE and span[0] < one.out_at
            for one in self.stage.presences
        )

    # Parts of the schemes

    def _do(
        self,
        attack: str,
        staff: str,
        claim: Claim,
        body: Callable[[], Body | Message],
        note: str,
        must: tuple[str, str] | None,
    ) -> None:
        at = claim.at.replace(microsecond=0)
        sent_at = (claim.sent_at or at).replace(microsecond=0) + timedelta(seconds=2)
        self.deeds.append(Deed(attack, staff, at, sent_at, body, note, claim.direction, must))

    def _victim(self) -> Honest:
        """An honest tap at a door whose keys do not change."""
        changed = {one.tag.uid for one in self.rekeyed}
        free = [one for one in self.stage.honest if one.reading.uid not in changed]
        return self.stage.rng.choice(free)

    def _door_of_its_own(self, quiet: tuple[datetime, datetime] | None = None) -> Honest:
        """An honest tap at a door that no other scheme has used, so that each is measured by itself.

        With `quiet`, a door where nobody taps in that span, and no phone keeps a tap from before it to after it.
        """
        loud = {
            one.reading.uid
            for one in self.stage.honest
            if quiet and one.reading.at <= quiet[1] and one.sent_at >= quiet[0]
        }
        free = [one for one in self.stage.honest if one.reading.uid not in self.stage.taken | loud]
        seen = self.stage.rng.choice(free)
        self.stage.taken.add(seen.reading.uid)
        return seen

    def _somebody_else(self, staff: str) -> str:
        return self.stage.rng.choice([one.ref for one in self.stage.world.staff if one.ref != staff])

    def _between(self, least: timedelta, most: timedelta) -> timedelta:
        return timedelta(seconds=self.stage.rng.randint(int(least.total_seconds()), int(most.total_seconds())))


ALL = (
    Schemes.stale,  # first: the others keep away from doors whose keys change
    Schemes.harvest,
    Schemes.back_date,
    Schemes.move,
    Schemes.share_login,
    Schemes.replay,
    Schemes.clone,
    Schemes.forge,
)


def every_scheme(times: int) -> Callable[[Stage], tuple[list[Reading], list[Deed], list[Rekeyed]]]:
    """An adversary that carries out each scheme `times` times, as long as there are doors for it."""

    def act(stage: Stage) -> tuple[list[Reading], list[Deed], list[Rekeyed]]:
        schemes = Schemes(stage)
        for scheme in ALL:
            for _ in range(times):
                scheme(schemes)
        return schemes.readings, schemes.deeds, schemes.rekeyed

    return act


def _last(seen: Honest) -> Callable[[], Message]:
    return lambda: seen.reading.got[-1]


def _one(reading: Reading, place: int) -> Callable[[], Message]:
    return lambda: reading.got[place]


def _chip_of_zeros(uid: str, keyset: str) -> Body:
    """The message of a chip with the UID of a real one, and keys derived from zeros."""
    return Door.made(Tag("", uid, "", keyset), Keyset(keyset, ZERO_BLOCK, ZERO_BLOCK), 0).read()
