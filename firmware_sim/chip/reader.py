"""A reader with the keys: the commands of a provisioning station and of a phone to a chip."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_sim.chip.aes import BLOCK, decrypt, encrypt
from firmware_sim.chip.apdu import NATIVE, Ins, Status
from firmware_sim.chip.messaging import CommMode, IntegrityError, Session, rotated
from firmware_sim.chip.tag import APPLICATION, Randomness, checksum

Transceive = Callable[[bytes], bytes]


class ChipRefusedError(Exception):
    """The chip answered with an error; the message names the command and the status."""


@dataclass
class Reader:
    """Talks to one chip through `transceive` (command APDU to response APDU)."""

    transceive: Transceive
    rng: Randomness = field(default_factory=random.Random)
    session: Session | None = None

    # Commands of any phone

    def iso(self, text: str) -> bytes:
        """Send an ISO command in hex. Returns the response's data; raises ChipRefusedError unless it ends in 9000."""
        answer = self.transceive(bytes.fromhex(text))
        if answer[-2:] != b"\x90\x00":
            raise ChipRefusedError(f"{text}: {answer[-2:].hex()}")
        return answer[:-2]

    def url(self) -> str:
        """The address on the tag, read in the steps of a phone: application, file, length, message."""
        self.iso(f"00A4040007{APPLICATION.hex()}00")
        self.iso("00A4000C02E104")
        length = int.from_bytes(self.iso("00B0000002"))
        return uri_of(self.iso(f"00B00002{length:02X}"))

    # Commands that need a key

    def authenticate(self, key_no: int, key: bytes, *, first: bool = True) -> Session:
        """Authenticate mutually. Raises ChipRefusedError when the key is not the chip's."""
        head = f"9071000002{key_no:02X}0000" if first else f"9077000001{key_no:02X}00"
        rnd_b = decrypt(key, self._asked(bytes.fromhex(head), Status.MORE))
        rnd_a = self.rng.randbytes(BLOCK)
        proof = encrypt(key, rnd_a + rotated(rnd_b))
        answer = decrypt(key, self._asked(bytes.fromhex("90AF000020") + proof + b"\x00", Status.OK))
        known = self.session
        transaction_id, echoed = (answer[:4], answer[4:20]) if first else (b"", answer)
        if echoed != rotated(rnd_a):
            raise ChipRefusedError("the chip does not know the key")
        if not first and known is not None:
            transaction_id = known.transaction_id
        self.session = Session.agreed(key_no, key, rnd_a, rnd_b, transaction_id)
        self.session.commands = known.commands if known and not first else 0
        return self.session

    def command(self, ins: Ins, header: bytes, data: bytes = b"", mode: CommMode = CommMode.FULL) -> bytes:
        """Send a native command, protected by the session if there is one. Returns the plain data of the response."""
        session = self.session
        mode = mode if session else CommMode.PLAIN
        body = session.sealed(ins, header, data, mode) if session else header + data
        raw = bytes([NATIVE, ins, 0, 0]) + (bytes([len(body)]) + body if body else b"") + b"\x00"
        return self._heard(raw, mode)

    def write(self, file: int, data: bytes, *, mode: CommMode = CommMode.PLAIN, offset: int = 0) -> None:
        """Write to a file, in plain if it is free, else in the file's own mode."""
        header = bytes([file]) + offset.to_bytes(3, "little") + len(data).to_bytes(3, "little")
        self.command(Ins.WRITE_DATA, header, data, mode)

    def change_settings(self, file: int, settings: bytes) -> None:
        """Change a file's settings, in a session of the key with that right."""
        self.command(Ins.CHANGE_FILE_SETTINGS, bytes([file]), settings)

    def change_key(self, key_no: int, old: bytes, new: bytes, version: int) -> None:
        """Change the key of a slot, in a session of key 0. Changing key 0 itself ends the session."""
        if key_no:
            mixed = bytes(one ^ other for one, other in zip(old, new, strict=True))
            self.command(Ins.CHANGE_KEY, bytes([key_no]), mixed + bytes([version]) + checksum(new))
            return
        session = self.session
        if session is None:
            raise ChipRefusedError("no session")
        body = session.sealed(Ins.CHANGE_KEY, b"\x00", new + bytes([version]), CommMode.FULL)
        self._asked(bytes([NATIVE, Ins.CHANGE_KEY, 0, 0, len(body)]) + body + b"\x00", Status.OK)
        self.session = None

    def version(self) -> bytes:
        """The response of GetVersion, all three frames."""
        return b"".join(
            self._asked(bytes.fromhex(text), status)
            for text, status in (("9060000000", Status.MORE), ("90AF000000", Status.MORE), ("90AF000000", Status.OK))
        )

    def signature(self) -> bytes:
        """The maker's signature of the UID."""
        return self._asked(bytes.fromhex("903C0000010000"), Status.SIGNED)

    def _asked(self, raw: bytes, *wanted: int) -> bytes:
        answer = self.transceive(raw)
        if answer[-2] != 0x91 or answer[-1] not in wanted:  # noqa: PLR2004 - the first half of NXP's own status
            raise ChipRefusedError(f"{raw[:2].hex()}: {answer[-2:].hex()}")
        return answer[:-2]

    def _heard(self, raw: bytes, mode: CommMode) -> bytes:
        data = self._asked(raw, Status.OK)
        if self.session is None:
            return data
        try:
            return self.session.understood(Status.OK, data, mode)
        except IntegrityError as error:
            raise ChipRefusedError(f"{raw[:2].hex()}: the answer is not this chip's") from error


def uri_of(message: bytes) -> str:
    """The address in an NDEF message of one URI record. Raises ValueError for any other message."""
    if len(message) < 5 or message[:2] != b"\xd1\x01" or message[3:4] != b"U":  # noqa: PLR2004 - the record's head
        raise ValueError("not one short URI record")
    prefixes = {0: "", 3: "http://", 4: "https://"}
    return prefixes[message[4]] + message[5 : 4 + message[2]].decode("ascii")


def uri_record(uri: str) -> bytes:
    """An NDEF message of one https address."""
    if not uri.startswith("https://"):
        raise ValueError("an https address")
    payload = b"\x04" + uri.removeprefix("https://").encode("ascii")
    return b"\xd1\x01" + bytes([len(payload)]) + b"U" + payload
