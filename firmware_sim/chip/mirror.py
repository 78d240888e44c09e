"""Secure dynamic messaging: the data that the chip puts over a file's placeholders at a free read (chapter 9.3)."""

from dataclasses import dataclass

from firmware_sim.chip.aes import BLOCK, cmac, encrypt, short_mac

FREE, NEVER = 0xE, 0xF
LAST_KEY = 4
UID_BYTES, COUNTER_BYTES, MAC_CHARACTERS = 7, 3, 16
HIGHEST_COUNTER = 0xFFFFFF
UID_MIRROR, COUNTER_MIRROR, COUNTER_LIMIT, FILE_ENCRYPTED = 0x80, 0x40, 0x20, 0x10


class BadSettingsError(Exception):
    """The chip refuses these file settings."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A file's dynamic part: the mirrored data, their keys and their offsets in the file; None means not mirrored."""

    options: int
    meta_read: int
    file_read: int
    counter_read: int
    uid_at: int | None
    counter_at: int | None
    picc_data_at: int | None
    mac_input_at: int | None
    encrypted_at: int | None
    encrypted_characters: int
    mac_at: int | None
    counter_limit: int

    @classmethod
    def parsed(cls, raw: bytes) -> "Mirror":
        """Parse the bytes of ChangeFileSettings from the SDM options on. Raises BadSettingsError."""
        if len(raw) < 3 or not raw[0] & 1:  # noqa: PLR2004 - options and two bytes of rights; ASCII is all there is
            raise BadSettingsError
        options, counter_read, meta_read, file_read = raw[0], raw[1] & 0xF, raw[2] >> 4, raw[2] & 0xF
        numbers = [int.from_bytes(raw[place : place + 3], "little") for place in range(3, len(raw), 3)]
        if (len(raw) - 3) % 3:
            raise BadSettingsError

        def number(*, given: bool) -> int | None:
            if given and not numbers:
                raise BadSettingsError
            return numbers.pop(0) if given else None

        plain, by_key, signed = meta_read == FREE, meta_read <= LAST_KEY, file_read <= LAST_KEY
        encrypted = signed and bool(options & FILE_ENCRYPTED)
        mirror = cls(
            options,
            meta_read,
            file_read,
            counter_read,
            uid_at=number(given=plain and bool(options & UID_MIRROR)),
            counter_at=number(given=plain and bool(options & COUNTER_MIRROR)),
            picc_data_at=number(given=by_key),
            mac_input_at=number(given=signed),
            encrypted_at=number(given=encrypted),
            encrypted_characters=number(given=encrypted) or 0,
            mac_at=number(given=signed),
            counter_limit=number(given=bool(options & COUNTER_LIMIT)) or HIGHEST_COUNTER,
        )
        if numbers:
            raise BadSettingsError
        return mirror

    def check(self, file_bytes: int) -> None:
        """Raises BadSettingsError when data would be written outside the file, or over other mirrored data."""
        spans = sorted(
            (at, at + length)
            for at, length in (
                (self.uid_at, 2 * UID_BYTES),
                (self.counter_at, 2 * COUNTER_BYTES),
                (self.picc_data_at, 2 * BLOCK),
                (self.encrypted_at, self.encrypted_characters),
                (self.mac_at, MAC_CHARACTERS),
            )
            if at is not None
        )
        ends = [0, *(end for _, end in spans)]
        if any(start < end for (start, _), end in zip(spans, ends, strict=False)) or ends[-1] > file_bytes:
            raise BadSettingsError
        if self.encrypted_characters % (2 * BLOCK):
            raise BadSettingsError
        if self.mac_at is not None and (self.mac_input_at or 0) > self.mac_at:
            raise BadSettingsError

    def over(self, data: bytes, uid: bytes, counter: int, keys: list[bytes], padding: bytes) -> bytes:
        """The file's content at free read number `counter`; `padding` is 16 random bytes or more."""
        seen = bytearray(data)

        def write(at: int | None, value: bytes) -> None:
            if at is not None:
                seen[at : at + 2 * len(value)] = value.hex().upper().encode()

        with_uid = uid if self.options & UID_MIRROR else b""
        with_counter = counter.to_bytes(3, "little") if self.options & COUNTER_MIRROR else b""
        write(self.uid_at, uid)
        write(self.counter_at, counter.to_bytes(3))
        if self.picc_data_at is not None:
            mark = (self.options & 0xC0) | len(with_uid)
            plain = (bytes([mark]) + with_uid + with_counter + padding)[:BLOCK]
            write(self.picc_data_at, encrypt(keys[self.meta_read], plain))
        if self.mac_at is not None:
            vector = (with_uid + with_counter).ljust(10, b"\x00")
            if self.encrypted_at is not None:
                enc_key = cmac(keys[self.file_read], b"\xc3\x3c\x00\x01\x00\x80" + vector)
                iv = encrypt(enc_key, counter.to_bytes(3, "little").ljust(BLOCK, b"\x00"))
                half = self.encrypted_characters // 2
                write(self.encrypted_at, encrypt(enc_key, data[self.encrypted_at : self.encrypted_at + half], iv))
            mac_key = cmac(keys[self.file_read], b"\x3c\xc3\x00\x01\x00\x80" + vector)
            write(self.mac_at, short_mac(mac_key, bytes(seen[self.mac_input_at : self.mac_at])))
        return bytes(seen)
