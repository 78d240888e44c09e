"""EV2 secure messaging (NXP NT4H2421Gx, chapter 9.1), for both ends."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from firmware_sim.chip.aes import cmac, decrypt, encrypt, padded, short_mac, unpadded

MAC_BYTES = 8


class CommMode(IntEnum):
    """The protection of a file's data in transit: none, a MAC, or encryption and a MAC."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class IntegrityError(Exception):
    """A MAC or a padding is not valid in the session."""


def rotated(block: bytes) -> bytes:
    """The block rotated by one byte to the left, as each side does with the other's random number."""
    return block[1:] + block[:1]


@dataclass(slots=True)
class Session:
    """The state of both sides after an authentication: two keys, the transaction's id, the number of commands."""

    key_no: int
    enc_key: bytes
    mac_key: bytes
    transaction_id: bytes
    commands: int = 0

    @classmethod
    def agreed(cls, key_no: int, key: bytes, rnd_a: bytes, rnd_b: bytes, transaction_id: bytes) -> Self:
        """The session derived from the key and the two random numbers."""
        mixed = bytes(one ^ other for one, other in zip(rnd_a[2:8], rnd_b[:6], strict=True))
        context = b"\x00\x01\x00\x80" + rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
        return cls(key_no, cmac(key, b"\xa5\x5a" + context), cmac(key, b"\x5a\xa5" + context), transaction_id)

    def mac(self, code: int, data: bytes) -> bytes:
        """The MAC of a command (its code and data) or, after counting it, of a response (its status and data)."""
        return short_mac(self.mac_key, bytes([code]) + self._counter() + self.transaction_id + data)

    def sealed(self, code: int, header: bytes, data: bytes, mode: CommMode) -> bytes:
        """The bytes after a command's code: header, data protected by the mode, MAC."""
        if mode is CommMode.PLAIN:
            return header + data
        if mode is CommMode.FULL and data:
            data = encrypt(self.enc_key, padded(data), self._vector(b"\xa5\x5a"))
        return header + data + self.mac(code, header + data)

    def opened(self, code: int, sent: bytes, header_bytes: int, mode: CommMode) -> tuple[bytes, bytes]:
        """Header and plain data of a command. Raises IntegrityError unless it is the next command of this session."""
        if mode is CommMode.PLAIN:
            return sent[:header_bytes], sent[header_bytes:]
        body = self._checked(code, sent)
        header, data = body[:header_bytes], body[header_bytes:]
        return header, self._decrypted(data, b"\xa5\x5a") if mode is CommMode.FULL else data

    def answered(self, status: int, data: bytes, mode: CommMode) -> bytes:
        """The bytes of the chip's response; counts the command."""
        self.commands += 1
        if mode is CommMode.PLAIN:
            return data
        if mode is CommMode.FULL and data:
            data = encrypt(self.enc_key, padded(data), self._vector(b"\x5a\xa5"))
        return data + self.mac(status, data)

    def understood(self, status: int, sent: bytes, mode: CommMode) -> bytes:
        """The plain data of a response; counts the command. Raises IntegrityError unless the session's chip made it."""
        self.commands += 1
        if mode is CommMode.PLAIN:
            return sent
        data = self._checked(status, sent)
        return self._decrypted(data, b"\x5a\xa5") if mode is CommMode.FULL else data

    def _checked(self, code: int, sent: bytes) -> bytes:
        body, mac = sent[:-MAC_BYTES], sent[-MAC_BYTES:]
        if mac != self.mac(code, body):
            raise IntegrityError
        return body

    def _decrypted(self, data: bytes, label: bytes) -> bytes:
        if not data:
            return data
        try:
            return unpadded(decrypt(self.enc_key, data, self._vector(label)))
        except ValueError as error:
            raise IntegrityError from error

    def _vector(self, label: bytes) -> bytes:
        return encrypt(self.enc_key, label + self.transaction_id + self._counter() + bytes(8))

    def _counter(self) -> bytes:
        return self.commands.to_bytes(2, "little")
