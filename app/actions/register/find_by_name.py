"""Find people by name. Names are encrypted, so they are compared in memory: nothing in the database has their order.

The names of a municipality are decrypted at the first question, kept up by the numbers of the records that have changed
since, whichever process changed them, and forgotten when nobody has asked for some minutes.
"""

import asyncio
from dataclasses import dataclass

from app.domain.register.names import matches, words_of
from app.store.access import sealed_fields
from app.store.access.field_encryption import FieldEncryption
from app.store.access.sealed_fields import NAME
from app.store.connection import Reading
from app.store.register import records

IDLE_SECONDS = 300.0


@dataclass(slots=True)
class _Names:
    """The names of one kind in one municipality, as of a number of its records."""

    seq: int
    words: dict[str, tuple[str, ...]]
    forgotten: asyncio.TimerHandle


class NameIndex:
    """The decrypted names of this process, by municipality and kind of record."""

    def __init__(self, encryption: FieldEncryption, idle_seconds: float = IDLE_SECONDS) -> None:
        self._encryption = encryption
        self._idle_seconds = idle_seconds
        self._kept: dict[tuple[int, str], _Names] = {}

    @property
    def kept(self) -> frozenset[tuple[int, str]]:
        """The municipalities and kinds whose names are in memory now."""
        return frozenset(self._kept)

    async def find(self, reading: Reading, kind: str, name: str) -> list[str]:
        """The refs of a kind in whose name each word of `name` begins a word, in no order."""
        asked = words_of(name)
        known = await self._known(reading, kind)
        return [ref for ref, words in known.items() if matches(asked, words)]

    async def _known(self, reading: Reading, kind: str) -> dict[str, tuple[str, ...]]:
        place = reading.municipality_id, kind
        seq = await records.newest_seq(reading)
        kept = self._kept.get(place)
        if kept is None or kept.seq > seq:  # the records of a restored database are fewer
            words = {
                ref: words_of(name)
                for ref, name in (await sealed_fields.names(reading, self._encryption, kind)).items()
            }
        else:
            words = kept.words
            changed = await records.changed_since(reading, kind, kept.seq)
            found = await sealed_fields.opened(reading, self._encryption, kind, changed, [NAME])
            for ref in changed:
                words.pop(ref, None)
            words.update((ref, words_of(one[NAME])) for ref, one in found.items())
        before = self._kept.get(place)
        if before is not None:
            before.forgotten.cancel()
        forgotten = asyncio.get_running_loop().call_later(self._idle_seconds, self._kept.pop, place, None)
        self._kept[place] = _Names(seq, words, forgotten)
        return words
