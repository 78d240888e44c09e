"""Personal numbers and keys of tags at rest: encrypted field by field, never stored in clear.

An encrypted value belongs to its place: it opens in no other table, column, municipality or row. A value copied into
somebody else's row is worth nothing. A number is found again by a keyed digest,
for which another key is needed than for opening it.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
NONCE_BYTES = 12
KEY_BYTES = 32


class DecryptionError(Exception):
    """The value was not encrypted for this place by a key of the ring."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an encrypted value, which is authenticated with it."""

    table: str
    column: str
    municipality_id: int
    row: str

    def bytes(self) -> bytes:
        return f"{self.table}|{self.column}|{self.municipality_id}|{self.row}".encode()


class FieldEncryption:
    """Encrypts with the newest key of the ring, decrypts with any of them."""

    def __init__(self, keys: Mapping[str, bytes], lookup_key: bytes) -> None:
        """`keys` by name, 32 bytes each, the newest first. Raises ValueError for keys of another length, or none."""
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError("a ring has at least one key, and every key 32 bytes")
        if len(lookup_key) < KEY_BYTES:
            raise ValueError("the lookup key has at least 32 bytes")
        self._ring = {name.encode(): AESGCM(key) for name, key in keys.items()}
        self._newest = next(iter(self._ring))
        self._lookup_key = lookup_key

    def encrypt(self, text: str, place: Place) -> bytes:
        """The text, encrypted for its place: format, length and name of the key, nonce, AES-256-GCM."""
        nonce = os.urandom(NONCE_BYTES)
        encrypted = self._ring[self._newest].encrypt(nonce, text.encode(), place.bytes())
        return bytes((FORMAT, len(self._newest))) + self._newest + nonce + encrypted

    def decrypt(self, encrypted: bytes, place: Place) -> str:
        """The text of an encrypted value. Raises DecryptionError if it was not encrypted for `place` by a known key."""
        if len(encrypted) <= 2 + NONCE_BYTES or encrypted[0] != FORMAT:
            raise DecryptionError
        name_end = 2 + encrypted[1]
        cipher = self._ring.get(encrypted[2:name_end])
        if cipher is None:
            raise DecryptionError
        nonce, rest = encrypted[name_end : name_end + NONCE_BYTES], encrypted[name_end + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, place.bytes()).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionError from error

    def has(self, name: str) -> bool:
        """True if a key of that name is in the ring."""
        return name.encode() in self._ring

    def is_encrypted_with_newest(self, encrypted: bytes) -> bool:
        """True if the value is encrypted with the newest key of the ring."""
        return encrypted[2 : 2 + encrypted[1]] == self._newest

    def mark(self, municipality_id: int) -> bytes:
        """A fingerprint of the key for look-ups: it identifies the key, and no number is found by it."""
        return self.digest("", municipality_id)

    def digest(self, number: str, municipality_id: int) -> bytes:
        """HMAC-SHA256 of a number in its 12 digits: equal only for the same number in the same municipality."""
        tenant = hmac.digest(self._lookup_key, f"municipality|{municipality_id}".encode(), hashlib.sha256)
        return hmac.digest(tenant, number.encode(), hashlib.sha256)
