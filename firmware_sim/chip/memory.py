"""The chip's three files with their rights and settings, and reads without authentication."""

from dataclasses import dataclass

from firmware_sim.chip.apdu import RefusedError, Status
from firmware_sim.chip.messaging import CommMode
from firmware_sim.chip.mirror import FREE, BadSettingsError, Mirror

CAPABILITIES, NDEF, PROPRIETARY = 1, 2, 3
ISO_FILES = {0xE103: CAPABILITIES, 0xE104: NDEF, 0xE105: PROPRIETARY}
SHORT_ISO_FILES = {3: CAPABILITIES, 4: NDEF, 5: PROPRIETARY}
CAPABILITY_CONTAINER = bytes.fromhex("001720010000FF0406E104010000000506E10500808283000000000000000000")
DYNAMIC = 0x40
RESERVED_MODE = 2


@dataclass(slots=True)
class File:
    """A file with its settings; rights are key numbers, 14 free, 15 never. `counter` counts free reads with SDM."""

    data: bytearray
    comm: CommMode
    read: int
    write: int
    read_write: int
    change: int
    mirror: Mirror | None = None
    sdm: bytes = b""
    counter: int = 0

    def settings(self) -> bytes:
        """The settings, in the bytes of GetFileSettings."""
        option = self.comm | (DYNAMIC if self.mirror else 0)
        rights = bytes([self.read_write << 4 | self.change, self.read << 4 | self.write])
        return b"\x00" + bytes([option]) + rights + len(self.data).to_bytes(3, "little") + self.sdm

    def change_settings(self, data: bytes) -> None:
        """Set new settings from the bytes of ChangeFileSettings; turning the dynamic part on resets the counter."""
        try:
            option, rights, sdm = data[0], data[1:3], data[3:]
            mode, change, write = option & 3, rights[0] & 15, rights[1] & 15
            mirror = Mirror.parsed(sdm) if option & DYNAMIC else None
            if mirror:
                mirror.check(len(self.data))
        except (BadSettingsError, IndexError) as error:
            raise RefusedError(Status.PARAMETER) from error
        if mode == RESERVED_MODE or (sdm and not mirror):
            raise RefusedError(Status.PARAMETER)
        if mirror and not self.mirror:
            self.counter = 0
        self.comm, self.mirror, self.sdm = CommMode(mode), mirror, sdm
        self.read_write, self.change, self.read, self.write = rights[0] >> 4, change, rights[1] >> 4, write

    def count(self) -> None:
        """Count a read without authentication. Raises RefusedError at the limit of the counter."""
        if self.mirror is not None:
            if self.counter >= self.mirror.counter_limit:
                raise RefusedError(Status.DENIED)
            self.counter += 1


def factory_files() -> dict[int, File]:
    """The files of a new chip: among them an empty NDEF file that anybody may write."""
    return {
        CAPABILITIES: File(bytearray(CAPABILITY_CONTAINER), CommMode.PLAIN, FREE, 0, 0, 0),
        NDEF: File(bytearray(256), CommMode.PLAIN, FREE, FREE, FREE, 0),
        PROPRIETARY: File(bytearray(128), CommMode.FULL, 2, 3, 3, 0),
    }
