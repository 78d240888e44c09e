"""Versions of records: the condition that a caller sets, the outcome of a put, and the storing of versions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

Json = dict[str, Any]
PutStatus = Literal["created", "replaced", "unchanged", "withdrawn", "refused"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault of a readable body: a JSON Pointer into it, and a code."""

    pointer: str
    code: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A caller's condition on the stored version. `match` None: any version; empty: never met."""

    match: frozenset[int] | None = None
    must_exist: bool = False
    must_not_exist: bool = False

    def met(self, version: int | None) -> bool:
        """True when it holds for the current version, None if there is no record."""
        if version is None:
            return not self.must_exist and self.match is None
        return not self.must_not_exist and (self.match is None or version in self.match)


UNCONDITIONAL = Condition()


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """The outcome of a put. If refused, nothing is written, `code` is the reason, `flaws` are its places.

    `version` is the current one; 0 without one, or if it does not matter for the refusal.
    """

    status: PutStatus
    version: int = 0
    body: Json = field(default_factory=dict)
    code: str = ""
    flaws: tuple[Flaw, ...] = ()
    warnings: tuple[Json, ...] = ()


def refused(code: str, *flaws: Flaw) -> PutOutcome:
    """The outcome of a put that writes nothing, with the code as the reason."""
    return PutOutcome("refused", code=code, flaws=flaws)


def unmet(version: int | None) -> PutOutcome:
    """The outcome `version_conflict`, with the current version, None if there is no record."""
    return PutOutcome("refused", version or 0, code="version_conflict")


async def keep(writing: Writing, kind: str, by: str, versions: Sequence[Stored]) -> None:
    """Append versions to the records and take them into the master data in memory."""
    master = writing.master
    await records.append(writing, kind, master.seq, by, list(versions))
    for new in versions:
        records.take_in(master, kind, new.ref, new.removed, new.body)
    master.seq += len(versions)
