"""The NTAG 424 DNA chip at its interface: command APDUs in, response APDUs out (NXP NT4H2421Gx rev 3.0).

AES mode only. Features that the product never uses are missing: LRP, SetConfiguration, the failed-authentication
counter.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from zlib import crc32

from firmware_sim.chip.aes import BLOCK, ZERO_BLOCK, decrypt, encrypt
from firmware_sim.chip.apdu import ISO, NATIVE, Apdu, Ins, Iso, RefusedError, Status, parsed
from firmware_sim.chip.memory import ISO_FILES, SHORT_ISO_FILES, File, factory_files
from firmware_sim.chip.messaging import CommMode, IntegrityError, Session, rotated
from firmware_sim.chip.mirror import FREE, LAST_KEY

APPLICATION = bytes.fromhex("D2760000850101")
HARDWARE, SOFTWARE = bytes.fromhex("04040230001105"), bytes.fromhex("04040201021105")
BATCH = bytes.fromhex("CD659451101226")
SIGNATURE_BYTES = 56
BY_NAME, BY_SHORT_ID = 0x04, 0x80
WHOLE = 256

# The header bytes of each command, and the mode in which its data travel in a session; files name their own mode.
FILE_HEADER_BYTES = 7
COMMANDS = {
    Ins.GET_VERSION: (0, CommMode.MAC),
    Ins.READ_SIGNATURE: (1, CommMode.FULL),
    Ins.GET_UID: (0, CommMode.FULL),
    Ins.GET_KEY_VERSION: (1, CommMode.MAC),
    Ins.CHANGE_KEY: (1, CommMode.FULL),
    Ins.CHANGE_FILE_SETTINGS: (1, CommMode.FULL),
    Ins.GET_FILE_SETTINGS: (1, CommMode.MAC),
    Ins.GET_FILE_COUNTERS: (1, CommMode.FULL),
}
Read = tuple[int, int]
"""A read without authentication: instruction and file."""


class Randomness(Protocol):
    """The source of a chip's random numbers."""

    def randbytes(self, n: int, /) -> bytes: ...


@dataclass(slots=True)
class Handshake:
    """An authentication after its first part; it continues a session or begins one."""

    key_no: int
    rnd_b: bytes
    before: Session | None


@dataclass
class Chip:
    """One chip. A new one has five zero keys and an empty NDEF file that anybody may write."""

    uid: bytes
    rng: Randomness = field(default_factory=random.Random)
    signature: bytes = bytes(SIGNATURE_BYTES)
    keys: list[bytes] = field(default_factory=lambda: [ZERO_BLOCK] * (LAST_KEY + 1))
    versions: list[int] = field(default_factory=lambda: [0] * (LAST_KEY + 1))
    files: dict[int, File] = field(default_factory=factory_files)
    _selected: int | None = None
    _session: Session | None = None
    _handshake: Handshake | None = None
    _frames: list[bytes] = field(default_factory=list)
    _last_read: Read | None = None
    _padding: bytes = ZERO_BLOCK

    def field_off(self) -> None:
        """Remove the reader: the session and all else that is not stored is lost."""
        self._selected, self._last_read = None, None
        self._end_session()

    def transceive(self, raw: bytes) -> bytes:
        """The response to one command."""
        last_read, self._last_read = self._last_read, None
        try:
            command = parsed(raw)
        except ValueError:
            return Iso.LENGTH
        if command.cla == ISO:
            return self._iso(command, last_read)
        if command.cla != NATIVE:
            return Iso.NO_CLASS
        try:
            status, data = self._native(command, last_read)
        except RefusedError as error:
            self._end_session()
            status, data = error.status, b""
        return data + bytes([0x91, status])

    def _end_session(self) -> None:
        self._session, self._handshake, self._frames = None, None, []

    # ISO 7816-4, as phones read a tag

    def _iso(self, command: Apdu, last_read: Read | None) -> bytes:
        self._handshake, self._frames = None, []
        match command.ins:
            case Ins.ISO_SELECT:
                return self._select(command)
            case Ins.ISO_READ:
                return self._read_binary(command, last_read)
            case _:
                return Iso.NO_INSTRUCTION

    def _select(self, command: Apdu) -> bytes:
        self._session = None
        if command.p1 == BY_NAME:
            self._selected = None
            return Iso.OK if command.data == APPLICATION else Iso.NOT_FOUND
        number = ISO_FILES.get(int.from_bytes(command.data))
        if number is None:
            return Iso.NOT_FOUND
        self._selected = number
        return Iso.OK

    def _read_binary(self, command: Apdu, last_read: Read | None) -> bytes:
        offset = command.p1 << 8 | command.p2
        if command.p1 & BY_SHORT_ID:
            # The other bits of the first parameter name the file, the second is the offset.
            offset, self._selected = command.p2, SHORT_ISO_FILES.get(command.p1 & 0x1F)
        if self._selected is None:
            return Iso.NOT_FOUND
        file = self.files[self._selected]
        if self._session is not None or FREE not in {file.read, file.read_write}:
            return Iso.DENIED
        if offset >= len(file.data):
            return Iso.PARAMETER
        try:
            seen = self._seen_by_anybody((command.ins, self._selected), last_read)
        except RefusedError:
            return Iso.DENIED
        return seen[offset : offset + (command.expected or WHOLE)] + Iso.OK

    def _seen_by_anybody(self, read: Read, last_read: Read | None) -> bytes:
        """The content of a file at a read without authentication; of equal reads in a row only the first counts."""
        file = self.files[read[1]]
        if read != last_read:
            file.count()
            self._padding = self.rng.randbytes(BLOCK)
        self._last_read = read
        if file.mirror is None:
            return bytes(file.data)
        return file.mirror.over(bytes(file.data), self.uid, file.counter, self.keys, self._padding)

    # NXP's own commands

    def _native(self, command: Apdu, last_read: Read | None) -> tuple[Status, bytes]:
        if command.ins == Ins.ADDITIONAL_FRAME:
            return self._frame() if self._frames else self._second_part(command.data)
        if self._handshake or self._frames:
            raise RefusedError(Status.ABORTED)
        match command.ins:
            case Ins.AUTHENTICATE_FIRST:
                return self._first_part(command.data[:1], None)
            case Ins.AUTHENTICATE_NON_FIRST:
                if self._session is None:
                    raise RefusedError(Status.AUTHENTICATION)
                return self._first_part(command.data, self._session)
            case Ins.READ_DATA | Ins.WRITE_DATA:
                return Status.OK, self._file_command(command, last_read)
            case _:
                return self._command(command)

    def _first_part(self, named: bytes, before: Session | None) -> tuple[Status, bytes]:
        if len(named) != 1:
            raise RefusedError(Status.LENGTH)
        key_no = self._key_no(named)
        self._handshake = Handshake(key_no, self.rng.randbytes(BLOCK), before)
        return Status.MORE, encrypt(self.keys[key_no], self._handshake.rnd_b)

    def _second_part(self, data: bytes) -> tuple[Status, bytes]:
        handshake, self._handshake = self._handshake, None
        if handshake is None:
            raise RefusedError(Status.ABORTED)
        if len(data) != 2 * BLOCK:
            raise RefusedError(Status.LENGTH)
        key = self.keys[handshake.key_no]
        proof = decrypt(key, data)
        rnd_a = proof[:BLOCK]
        if proof[BLOCK:] != rotated(handshake.rnd_b):
            raise RefusedError(Status.AUTHENTICATION)
        before = handshake.before
        transaction_id = before.transaction_id if before else self.rng.randbytes(4)
        session = Session.agreed(handshake.key_no, key, rnd_a, handshake.rnd_b, transaction_id)
        session.commands = before.commands if before else 0
        self._session = session
        # The first authentication also answers the transaction's id and the capabilities, of which there are none.
        answer = rotated(rnd_a) if before else transaction_id + rotated(rnd_a) + bytes(12)
        return Status.OK, encrypt(key, answer)

    def _frame(self) -> tuple[Status, bytes]:
        frame = self._frames.pop(0)
        return (Status.MORE if self._frames else Status.OK), frame

    def _file_command(self, command: Apdu, last_read: Read | None) -> bytes:
        file = self._file(command.data)
        reading = command.ins == Ins.READ_DATA
        rights = {file.read if reading else file.write, file.read_write}
        session = self._session
        by_key = session is not None and session.key_no in rights
        if not by_key and FREE not in rights:
            raise RefusedError(Status.DENIED if session else Status.AUTHENTICATION)
        mode = file.comm if by_key else CommMode.PLAIN
        header, data = self._opened(command, FILE_HEADER_BYTES, mode)
        offset, length = int.from_bytes(header[1:4], "little"), int.from_bytes(header[4:7], "little")
        end = offset + length
        if reading and not length:
            end = max(len(file.data), offset + 1)
        if end > len(file.data):
            raise RefusedError(Status.BOUNDARY)
        if reading:
            free = session is None
            seen = self._seen_by_anybody((command.ins, header[0]), last_read) if free else bytes(file.data)
            return self._answered(Status.OK, seen[offset:end], mode)
        if len(data) != length or not length:
            raise RefusedError(Status.LENGTH)
        file.data[offset:end] = data
        return self._answered(Status.OK, b"", mode)

    def _command(self, command: Apdu) -> tuple[Status, bytes]:
        handlers: dict[int, Callable[[bytes, bytes], bytes]] = {
            Ins.GET_VERSION: lambda *_: HARDWARE + SOFTWARE + self.uid + BATCH,
            Ins.READ_SIGNATURE: lambda *_: self.signature,
            Ins.GET_UID: lambda *_: self._own_uid(),
            Ins.GET_KEY_VERSION: lambda header, _: bytes([self.versions[self._key_no(header)]]),
            Ins.CHANGE_KEY: self._change_key,
            Ins.CHANGE_FILE_SETTINGS: self._change_settings,
            Ins.GET_FILE_SETTINGS: lambda header, _: self._file(header).settings(),
            Ins.GET_FILE_COUNTERS: lambda header, _: self._counter(header),
        }
        if command.ins not in handlers:
            raise RefusedError(Status.ILLEGAL)
        header_bytes, mode = COMMANDS[Ins(command.ins)]
        session = self._session
        header, data = self._opened(command, header_bytes, mode)
        answer = handlers[command.ins](header, data)
        if session is not None and self._session is None:
            return Status.OK, b""  # the session's own key was changed: nothing is left to sign with
        status = Status.SIGNED if command.ins == Ins.READ_SIGNATURE else Status.OK
        answer = self._answered(status, answer, mode)
        if command.ins == Ins.GET_VERSION:
            self._frames = [answer[:7], answer[7:14], answer[14:]]
            return self._frame()
        return status, answer

    def _opened(self, command: Apdu, header_bytes: int, mode: CommMode) -> tuple[bytes, bytes]:
        """Header and plain data of a command, verified to be the session's own where there is one."""
        header, data = command.data[:header_bytes], command.data[header_bytes:]
        if self._session is not None:
            try:
                header, data = self._session.opened(command.ins, command.data, header_bytes, mode)
            except IntegrityError as error:
                raise RefusedError(Status.INTEGRITY) from error
        if len(header) != header_bytes:
            raise RefusedError(Status.LENGTH)
        return header, data

    def _answered(self, status: Status, data: bytes, mode: CommMode) -> bytes:
        return data if self._session is None else self._session.answered(status, data, mode)

    def _file(self, header: bytes) -> File:
        if not header:
            raise RefusedError(Status.LENGTH)
        if header[0] not in self.files:
            raise RefusedError(Status.NO_FILE)
        return self.files[header[0]]

    def _key_no(self, header: bytes) -> int:
        if header[0] > LAST_KEY:
            raise RefusedError(Status.NO_KEY)
        return header[0]

    def _known_to(self, *key_numbers: int) -> None:
        """Raises RefusedError unless the session is of one of these keys; 14 among them allows everybody."""
        if FREE not in key_numbers:
            if self._session is None:
                raise RefusedError(Status.AUTHENTICATION)
            if self._session.key_no not in key_numbers:
                raise RefusedError(Status.DENIED)

    def _own_uid(self) -> bytes:
        self._known_to(*range(LAST_KEY + 1))
        return self.uid

    def _counter(self, header: bytes) -> bytes:
        file = self._file(header)
        if file.mirror is None:
            raise RefusedError(Status.DENIED)
        self._known_to(file.mirror.counter_read)
        return file.counter.to_bytes(3, "little") + bytes(2)

    def _change_key(self, header: bytes, data: bytes) -> bytes:
        self._known_to(0)
        number = self._key_no(header)
        if len(data) != (BLOCK + 5 if number else BLOCK + 1):
            raise RefusedError(Status.LENGTH)
        key, version = data[:BLOCK], data[BLOCK]
        if number:
            key = bytes(one ^ other for one, other in zip(key, self.keys[number], strict=True))
            if data[BLOCK + 1 :] != checksum(key):
                raise RefusedError(Status.INTEGRITY)
        else:
            self._session = None
        self.keys[number], self.versions[number] = key, version
        return b""

    def _change_settings(self, header: bytes, data: bytes) -> bytes:
        file = self._file(header)
        self._known_to(file.change)
        file.change_settings(data)
        return b""


def checksum(key: bytes) -> bytes:
    """The chip's CRC-32 of a new key: without the last inversion, lowest byte first."""
    return (crc32(key) ^ 0xFFFFFFFF).to_bytes(4, "little")
