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
"""A file is written no oftener: what was sealed within the last second is the price."""


class UnreadableMarkError(Exception):
    """The file is not what was written there."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A head that has been signed: it grows and is never another."""

    size: int
    root: bytes


class Marks:
    """Those of one data directory, which belongs to one database; without a directory nothing is remembered."""

    def __init__(self, data_dir: Path | None) -> None:
        self._directory = None if data_dir is None else data_dir / DIRECTORY
        self._kept_at: dict[int, float] = {}
        self.fault: str | None = None
        """Why the last one could not be kept."""

    def of(self, municipality_id: int) -> Mark | None:
        """What was kept last; None where nothing was. Raises UnreadableMarkError."""
        if self._directory is None:
            return None
        path = self._directory / str(municipality_id)
        try:
            told = re.fullmatch(r"(\d{1,18}) ([0-9a-f]{64})\n", path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnreadableMarkError(f"{path} cannot be read") from error
        if told is None:
            raise UnreadableMarkError(f"{path} does not hold what was written there")
        return Mark(int(told[1]), bytes.fromhex(told[2]))

    def due(self, municipality_id: int) -> bool:
        """Whether a newer head may be kept by now."""
        kept_at = self._kept_at.get(municipality_id)
        return self._directory is not None and (kept_at is None or monotonic() - kept_at >= LEAST_SECONDS)

    def keep(self, municipality_id: int, mark: Mark) -> None:
        """Put a newer one in its place. A directory that takes none is a `fault`: what is sealed is sealed."""
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
        """Remember nothing of before: a restored ledger may be smaller. Gives how many were kept."""
        if self._directory is None or not self._directory.is_dir():
            return 0
        kept = [path for path in self._directory.iterdir() if path.name.isdigit()]
        for path in kept:
            path.unlink(missing_ok=True)
        return len(kept)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also when the machine loses power."""
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
