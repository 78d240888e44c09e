"""Versions of records: the condition a caller sets, what becomes of a put, and the keeping of what was put."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

Json = dict[str, Any]

Status = Literal["created", "replaced", "unchanged", "withdrawn", "refused"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a body that can be read: a JSON Pointer into it, and a code."""

    pointer: str
    code: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What a caller wants to be true of the stored version. `match` None asks nothing, empty is never met."""

    match: frozenset[int] | None = None
    must_exist: bool = False
    must_not_exist: bool = False

    def met(self, version: int | None) -> bool:
        """Whether it holds for the current version, None where there is none."""
        if version is None:
            return not self.must_exist and self.match is None
        return not self.must_not_exist and (self.match is None or version in self.match)


UNCONDITIONAL = Condition()


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """What became of a put. Refused: nothing is written, `code` says why, `flaws` where.

    `version` is the one that stands then; 0 where there is none, or where it has nothing to do with the refusal.
    """

    status: Status
    version: int = 0
    body: Json = field(default_factory=dict)
    code: str = ""
    flaws: tuple[Flaw, ...] = ()
    warnings: tuple[Json, ...] = ()


def refused(code: str, *flaws: Flaw) -> PutOutcome:
    """Nothing is written; the code says why."""
    return PutOutcome("refused", code=code, flaws=flaws)


def unmet(version: int | None) -> PutOutcome:
    """Nothing is written: the caller has looked at another version than the one that stands, None where none does."""
    return PutOutcome("refused", version or 0, code="version_conflict")


async def keep(writing: Writing, kind: str, by: str, versions: Sequence[Stored]) -> None:
    """Append versions to the record and take them into what the derivation sees."""
    master = writing.master
    await records.append(writing, kind, master.seq, by, list(versions))
    for new in versions:
        records.take_in(master, kind, new.ref, new.removed, new.body)
    master.seq += len(versions)
