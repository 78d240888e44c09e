"""The access log: an entry for each look at persons, the lists that it can cover, and the blocks that seal it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from urllib.parse import parse_qsl
from uuid import UUID

from app.domain.ledger.ledger import canonical
from app.domain.time import FIRST_DAY, Days, local_date, month_days

MONTH_LENGTH = len("2026-10")


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One look: who looked at whom, when, by which route and filter.

    `recipients` are the refs of the persons shown, sorted. A `bulk` entry names none: its filter says whom it covered.
    `filter` is the query of the request, encoded as in its address.
    """

    id: UUID
    at: dt.datetime
    subject: str
    role: str
    provider: str | None
    route: str
    recipients: tuple[str, ...]
    bulk: bool
    filter: str
    purpose: str | None

    @property
    def asked(self) -> dict[str, str]:
        """The filter by parameter."""
        return dict(parse_qsl(self.filter))

    @property
    def days(self) -> Days:
        """The inclusive days that the filter asks about; all of them without one."""
        asked = self.asked
        if month := asked.get("month"):
            return month_days(month)
        first, last = asked.get("from"), asked.get("to")
        if first is None:
            return FIRST_DAY, dt.date.max
        if len(first) == MONTH_LENGTH:
            return month_days(first)[0], local_date(self.at)
        return dt.date.fromisoformat(first), dt.date.fromisoformat(last) if last else local_date(self.at)


@dataclass(frozen=True, slots=True)
class Dealings:
    """The days on which a person had to do with providers: one for each visit, a span for each order."""

    spans: Sequence[tuple[str | None, dt.date, dt.date]] = ()


def covers(entry: AccessEntry, dealings: Dealings) -> bool:
    """True if a bulk entry covered the person: on a day that it asks about, with the provider that it is limited to."""
    whose = entry.provider or entry.asked.get("provider")
    first, last = entry.days
    return any(
        whose in {None, provider} and began <= last and ended >= first for provider, began, ended in dealings.spans
    )


def block_digest(entries: Iterable[AccessEntry]) -> bytes:
    """SHA-256 over the entries of a block in the order of their ids: a line of canonical JSON for each."""
    digest = sha256()
    for entry in sorted(entries, key=lambda one: one.id):
        written = asdict(entry) | {
            "id": str(entry.id),
            "at": entry.at.astimezone(dt.UTC).isoformat("T", "microseconds"),
        }
        digest.update(canonical(written) + b"\n")
    return digest.digest()


def sample(ids: Iterable[UUID], size: int, seed: str) -> list[UUID]:
    """The ids that a sample draws, `size` at most: those whose hash with the seed is smallest, in this order.

    Whoever knows the ids and the seed draws the same ones, and cannot choose them.
    """
    return sorted(ids, key=lambda one: sha256(f"{seed}|{one}".encode()).digest())[:size]
