"""Draw a sample of the access log for a check by hand, and keep as a fact what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from app.actions.versions import keep
from app.domain.access.access_log import sample
from app.domain.time import Days, days_span
from app.store.access import access_log
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

KIND = "access_samples"
REF_LENGTH = 12


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """The inclusive days of a sample, the number of entries wanted, and the seed that draws them."""

    days: Days
    size: int
    seed: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample: its record, the ids of its entries in the order in which they were drawn, and out of how many."""

    ref: str
    version: int
    ids: Sequence[UUID]
    of: int


async def draw_sample(writing: Writing, asked: SampleRequest, by: str) -> Drawn:
    """Draw a sample. Drawn again from the same entries it is the same, and no new version is kept."""
    ids = await access_log.ids_within(writing, days_span(*asked.days))
    drawn = sample(ids, asked.size, asked.seed)
    first, last = (day.isoformat() for day in asked.days)
    named = f"{first}|{last}|{asked.size}|{asked.seed}"
    ref = f"AS-{sha256(named.encode()).hexdigest()[:REF_LENGTH]}"
    body = {"from": first, "to": last, "size": asked.size, "seed": asked.seed, "of": len(ids)}
    body["entries"] = [str(id_) for id_ in drawn]
    latest = await records.latest(writing, KIND, ref)
    version = latest.version if latest else 0
    if latest is None or latest.body != body:
        version += 1
        await keep(writing, KIND, by, [Stored(ref, version, removed=False, body=body)])
    return Drawn(ref, version, drawn, len(ids))
