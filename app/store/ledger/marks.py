"""The newest head of each ledger that this machine has seen, kept outside the database.

Whoever can write everything in the database can also make a ledger smaller, or begin it anew. A small file in the data
directory remembers how large it was and what root it had.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

DIRECTORY = "ledger"
LEAST_SECONDS = 1
"""The least time between two writes of a file. The heads of the last second may be missing in it."""


class UnreadableMarkError(Exception):
    """The file does not hold what the service writes there."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The size and root of a signed head. A later head extends it."""

    size: int
    root: bytes


class Marks:
    """The marks of one data directory, which belongs to one database. Without a directory nothing is kept."""

    def __init__(self, data_dir: Path | None) -> None:
        self._directory = None if data_dir is None else data_dir / DIRECTORY
        self._kept_at: dict[int, float] = {}
        self.fault: str | None = None
        """The reason why the last mark could not be kept, else None."""

    def of(self, municipality_id: int) -> Mark | None:
        """The mark kept last, None without one. Raises UnreadableMarkError."""
        if self._directory is None:
            return None
        path = self._directory / str(municipality_id)
        try:
            match = re.fullmatch(r"(\d{1,18}) ([0-9a-f]{64})\n", path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnreadableMarkError(f"{path} cannot be read") from error
        if match is None:
            raise UnreadableMarkError(f"{path} does not hold what was written there")
        return Mark(int(match[1]), bytes.fromhex(match[2]))

    def municipalities(self) -> list[int]:
        """The codes of the municipalities whose ledgers were seen."""
        if self._directory is None or not self._directory.is_dir():
            return []
        return sorted(int(path.name) for path in self._directory.iterdir() if path.name.isdecimal())

    def due(self, municipality_id: int) -> bool:
        """True if LEAST_SECONDS have passed since the last mark was kept."""
        kept_at = self._kept_at.get(municipality_id)
        return self._directory is not None and (kept_at is None or monotonic() - kept_at >= LEAST_SECONDS)

    def keep(self, municipality_id: int, mark: Mark) -> None:
        """Keep a newer mark. If it cannot be written, `fault` says why, and nothing is raised: the head is signed."""
        if self._directory is None:
            return
        self._kept_at[municipality_id] = monotonic()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._directory / str(municipality_id), f"{mark.size} {mark.root.hex()}\n")
        except OSError as error:
            self.fault = error.strerror or type(error).__name__
        else:
            self.fault = None

    def forget(self) -> int:
        """Delete all marks, because a restored ledger may be smaller. Returns their number."""
        if self._directory is None or not self._directory.is_dir():
            return 0
        kept = [path for path in self._directory.iterdir() if path.name.isdigit()]
        for path in kept:
            path.unlink(missing_ok=True)
        return len(kept)


def _write(path: Path, text: str) -> None:
    """Write the file whole or not at all, also when the machine loses power."""
    file, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="ascii") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
