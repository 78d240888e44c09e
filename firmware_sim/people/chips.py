"""The chips on the district's doors: their keys, their making, and the messages that phones read from them."""

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from firmware_sim.chip.aes import ZERO_BLOCK, diversified
from firmware_sim.chip.memory import NDEF
from firmware_sim.chip.reader import Reader, uri_record
from firmware_sim.chip.tag import APPLICATION, Chip
from firmware_sim.people.records import STOCKHOLM, Body, Tag

MASTER_KEY, META_KEY, FILE_KEY = 0, 1, 2
SYSTEM = b"TAGGAD"
HOST = "taggad.example"
SDM = bytes.fromhex("C1FF12")  # UID and counter, text; encrypted by key 1, signed by key 2, counter for nobody
OPEN_SETTINGS, SDM_SETTINGS = bytes.fromhex("0000E0"), bytes.fromhex("4000E0")  # read by all, written by key 0
SECONDS_A_READ = 5
MOST_READS = 3


@dataclass(frozen=True, slots=True)
class Keyset:
    """The two masters of a set of tags: one key opens every message, from the other each tag's own keys are made."""

    ref: str
    meta_key: bytes
    file_master: bytes

    def body(self, state: str = "active") -> Body:
        """The body of the keyset's PUT."""
        return {"meta_key": self.meta_key.hex(), "file_master": self.file_master.hex(), "state": state}

    def key(self, uid: bytes, number: int, version: int) -> bytes:
        """The key in one slot of one tag."""
        if number == META_KEY:
            return self.meta_key
        return diversified(self.file_master, uid + APPLICATION + bytes([number, version]) + SYSTEM)


def keyset_of(seed: int) -> Keyset:
    """The example district's keys: the same for a seed, and no secret."""
    made = hashlib.sha256(f"{seed}/keyset".encode()).digest()
    return Keyset(f"k{seed}", made[:16], made[16:])


def message(url: str) -> Body:
    """The parts of an address that the page sends: keyset, encrypted part, MAC."""
    path, _, fragment = url.partition("#")
    parts = dict(one.split("=", 1) for one in fragment.split("&"))
    return {"keyset": path.rsplit("/", 1)[1], "e": parts["e"], "c": parts["c"]}


@dataclass
class Door:
    """A chip on a wall, with the keys of its keyset in their current version."""

    keyset: Keyset
    chip: Chip
    version: int = 0

    @classmethod
    def made(cls, tag: Tag, keyset: Keyset, seed: int) -> "Door":
        """A new chip with its address and keys written."""
        door = cls(keyset, Chip(bytes.fromhex(tag.uid), random.Random(f"{seed}/{tag.uid}/chip")))
        door.give_keys(tag.key_version)
        return door

    def give_keys(self, version: int) -> None:
        """Write the address and the keys of a version; the counter begins anew."""
        reader = Reader(self.chip.transceive, random.Random(f"{self.chip.uid.hex()}/{version}"))
        reader.authenticate(MASTER_KEY, self._key(MASTER_KEY))
        address = uri_record(f"https://{HOST}/t/{self.keyset.ref}#e={'0' * 32}&c={'0' * 16}")
        data = len(address).to_bytes(2) + address
        at = {name: (data.index(name) + 2).to_bytes(3, "little") for name in (b"e=", b"c=")}
        reader.change_settings(NDEF, OPEN_SETTINGS)
        reader.write(NDEF, data)
        reader.change_settings(NDEF, SDM_SETTINGS + SDM + at[b"e="] + at[b"c="] + at[b"c="])
        olds = [self._key(number) for number in range(len(self.chip.keys))]
        self.version = version
        for number in (1, 2, 3, 4, MASTER_KEY):
            reader.change_key(number, olds[number], self._key(number), version)
        self.chip.field_off()

    def read(self) -> Body:
        """The body that a phone held to the tag sends."""
        url = Reader(self.chip.transceive).url()
        self.chip.field_off()
        return message(url)

    def read_at_least(self, counter: int) -> Body:
        """The body of read number `counter` or later, as if others had read the tag up to it."""
        file = self.chip.files[NDEF]
        file.counter = max(file.counter, counter - 1)
        return self.read()

    @property
    def counter(self) -> int:
        """The number of reads of the chip."""
        return self.chip.files[NDEF].counter

    def _key(self, number: int) -> bytes:
        return self.keyset.key(self.chip.uid, number, self.version) if self.version else ZERO_BLOCK


@dataclass
class Doors:
    """The district's dynamic tags by UID, over several days or runs.

    A day can be lived without the days before it: the number of a read follows from its instant, as if somebody had
    read the tag every five seconds since `since_on`. So days that are lived separately fit together.
    """

    since_on: date
    by_uid: dict[str, Door] = field(default_factory=dict)

    @classmethod
    def of(cls, tags: Iterable[Tag], keyset: Keyset, seed: int, since_on: date) -> "Doors":
        """The doors of the dynamic ones among these tags."""
        return cls(since_on, {one.uid: Door.made(one, keyset, seed) for one in tags if one.keyset is not None})

    def read(self, uid: str, at: datetime, rng: random.Random) -> Body:
        """The body of a tag that a phone sends at an instant: a static UID, or the last of one to three reads."""
        door = self.by_uid.get(uid)
        if door is None:
            return {"uid": uid}
        since_at = datetime.combine(self.since_on, time(), STOCKHOLM).astimezone(UTC)
        body = door.read_at_least(int((at - since_at).total_seconds()) // SECONDS_A_READ)
        for _ in range(rng.randrange(MOST_READS)):
            body = door.read()
        return body
