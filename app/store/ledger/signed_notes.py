"""Signed notes as C2SP has them (signed-note, tlog-checkpoint), by Ed25519: heads of the ledger, and receipts."""

import datetime as dt
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\1"
KEY_BYTES = 32
KEY_ID_BYTES = 4


class UnreadableKeyError(ValueError):
    """The text is no public key."""


class NoteRefusedError(Exception):
    """The text is no signed note, or not signed by the expected key."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """The signer's name and public key, by which a note is verified."""

    name: str
    key: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse a key written `<name>+<id in hex>+<base64>`. Raises UnreadableKeyError."""
        name, _, rest = text.strip().partition("+")
        written_id, _, encoded = rest.partition("+")
        try:
            raw = b64decode(encoded, validate=True)
        except (Base64Error, ValueError):
            raw = b""
        parsed = cls(name, raw[1:])
        if not name or re.search(r"\s", name) or len(raw) != KEY_BYTES + 1 or raw[:1] != ED25519:
            raise UnreadableKeyError("a public key is written <name>+<id>+<base64 of an Ed25519 key>")
        if written_id.lower() != parsed.id.hex():
            raise UnreadableKeyError("the public key does not have the id it is written with")
        return parsed

    @property
    def id(self) -> bytes:
        """The key's id in a signature: the first bytes of a hash (C2SP signed-note)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.key).decode()}"

    def text_of(self, note: str) -> str:
        """The text of a signed note. Raises NoteRefusedError unless this key signed it."""
        text, parsed, signatures = note.rpartition("\n\n")
        text += "\n"
        if not parsed or not signatures.endswith("\n"):
            raise NoteRefusedError("it is no signed note")
        for line in signatures.splitlines():
            dash, _, signed = line.partition(" ")
            name, _, encoded = signed.partition(" ")
            try:
                raw = b64decode(encoded, validate=True)
            except (Base64Error, ValueError):
                raw = b""
            if dash == "\u2014" and name == self.name and raw[:KEY_ID_BYTES] == self.id:
                try:
                    Ed25519PublicKey.from_public_bytes(self.key).verify(raw[KEY_ID_BYTES:], text.encode())
                except InvalidSignature:
                    break
                return text
        raise NoteRefusedError("it is not signed by the key")


@dataclass(frozen=True, slots=True)
class Head:
    """The size and the root of a tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text of a checkpoint (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the text of a checkpoint. Raises NoteRefusedError."""
        parsed = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*", text)
        if parsed is None:
            raise NoteRefusedError("it is no checkpoint")
        return cls(parsed[1], int(parsed[2]), b64decode(parsed[3]))


class Signer:
    """Signs heads and receipts of one municipality's ledger."""

    def __init__(self, secret: bytes, municipality_id: int) -> None:
        """`secret` is the ledger's: 32 bytes. The signing key is derived from it, the same for all municipalities."""
        seed = blake2b(secret, digest_size=KEY_BYTES, person=b"taggad notes").digest()
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = NoteKey(origin(municipality_id), self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The text as a signed note. It must end with a newline."""
        signed = b64encode(self.public.id + self._key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {self.public.name} {signed}\n"

    def receipt(self, kind: str, fact: UUID, leaf: bytes, received_at: dt.datetime, seal_by: dt.datetime) -> str:
        """A signed promise that a leaf will be in the tree; its first line keeps it from being taken for a head."""
        instants = (f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}" for at in (received_at, seal_by))
        lines = (f"{self.public.name}/receipt", kind, str(fact), b64encode(leaf).decode(), *instants)
        return self.sign("".join(f"{line}\n" for line in lines))


def origin(municipality_id: int) -> str:
    """The name of a municipality's ledger, also the name of its key."""
    return f"taggad/{municipality_id}"
