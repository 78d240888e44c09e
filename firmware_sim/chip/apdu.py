"""Command APDUs (ISO 7816-4) and the codes and statuses of the NTAG 424 DNA (NXP NT4H2421Gx rev 3.0)."""

from enum import IntEnum
from typing import NamedTuple

NATIVE, ISO = 0x90, 0x00


class Ins(IntEnum):
    """Instructions, ISO's two and NXP's own."""

    ISO_SELECT = 0xA4
    ISO_READ = 0xB0
    AUTHENTICATE_FIRST = 0x71
    AUTHENTICATE_NON_FIRST = 0x77
    ADDITIONAL_FRAME = 0xAF
    GET_VERSION = 0x60
    READ_SIGNATURE = 0x3C
    GET_UID = 0x51
    GET_KEY_VERSION = 0x64
    CHANGE_KEY = 0xC4
    CHANGE_FILE_SETTINGS = 0x5F
    GET_FILE_SETTINGS = 0xF5
    GET_FILE_COUNTERS = 0xF6
    READ_DATA = 0xAD
    WRITE_DATA = 0x8D


class Status(IntEnum):
    """The second byte of NXP's statuses; the first is always 91."""

    OK = 0x00
    MORE = 0xAF
    SIGNED = 0x90
    ILLEGAL = 0x1C
    INTEGRITY = 0x1E
    NO_KEY = 0x40
    LENGTH = 0x7E
    DENIED = 0x9D
    PARAMETER = 0x9E
    AUTHENTICATION = 0xAE
    BOUNDARY = 0xBE
    ABORTED = 0xCA
    NO_FILE = 0xF0


class Iso:
    """The statuses of ISO's own commands."""

    OK = b"\x90\x00"
    NOT_FOUND = b"\x6a\x82"
    DENIED = b"\x69\x82"
    LENGTH = b"\x67\x00"
    PARAMETER = b"\x6b\x00"
    NO_INSTRUCTION = b"\x6d\x00"
    NO_CLASS = b"\x6e\x00"


HEAD_BYTES = 4


class RefusedError(Exception):
    """The chip refuses a command with an error status."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"91{status.value:02X}")
        self.status = status


class Apdu(NamedTuple):
    """A command: class, instruction, two parameters, data, number of expected bytes (None: none; 0: 256)."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes
    expected: int | None


def parsed(raw: bytes) -> Apdu:
    """The command in a short APDU. Raises ValueError for anything else."""
    head, rest = raw[:HEAD_BYTES], raw[HEAD_BYTES:]
    if len(head) != HEAD_BYTES:
        raise ValueError("too short")
    if len(rest) <= 1:
        return Apdu(head[0], head[1], head[2], head[3], b"", rest[0] if rest else None)
    length, data, tail = rest[0], rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    if len(data) != length or len(tail) > 1:
        raise ValueError("length and data differ")
    return Apdu(head[0], head[1], head[2], head[3], data, tail[0] if tail else None)
