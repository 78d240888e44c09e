"""The derived visit, which the service stores, shows and pays by."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from app.domain.closed_sets import DELEGATED, Profession, Severity, Status
from app.domain.time import Span
from app.domain.visits.plan import Part
from app.domain.visits.split import Share

NO_DURATION = "no_duration"
ANOMALIES: Mapping[str, Severity] = {
    "missing_in": "fix",
    "missing_out": "fix",
    "tag_mismatch": "fix",
    "report_missing": "fix",
    "not_ordered": "fix",
    "order_not_in_force": "fix",
    "delegation_missing": "fix",
    "staff_count": "fix",
    "no_duration": "fix",
    "not_employed": "fix",
    "attestation_missing": "fix",
    "received_too_late": "fix",
    "tag_unassigned": "fix",
    "tag_suspended": "fix",
    "tag_lost": "fix",
    "tag_retired": "fix",
    "tag_tampered": "fix",
    "device_not_bound": "fix",
    "harvested": "fix",
    "time_contradiction": "fix",
    "too_many": "fix",
    "new_staff_by_hand": "acknowledge",
    "overlap": "acknowledge",
    "extra_staff": "acknowledge",
    "clock_adjusted": "acknowledge",
    "claim_in_future": "acknowledge",
    "device_revoked": "acknowledge",
    "minutes_scaled": "acknowledge",
    "fact_after_correction": "acknowledge",
    "split_by_order": "acknowledge",
}
"""Every anomaly code with its severity: to be repaired, or only to be acknowledged."""


class Visit(NamedTuple):
    """One recipient's part of a presence. `seconds` and `spans` are empty unless the visit is complete.

    `anomalies` are codes in the order found; `suggestions` hold the repair one call can make, by code.
    `anomaly_states` is the state of each anomaly that a person has acknowledged or resolved; `corrections` are
    those of this visit, in the order recorded. `declined` are the single interventions declined inside a complete
    visit, as (recipient, intervention): the visit's recipient, or somebody of the household who was served nothing.
    `noted` is the report that counts, if it has a note: the note itself stays with that fact.
    """

    id: UUID
    presence: UUID
    recipient: str
    group: UUID
    provider: str | None
    staff: str
    person: str
    role: Profession | None
    household: str
    in_tap: UUID | None
    out_tap: UUID | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    provisional: bool
    local_date: dt.date
    status: Status
    payable: bool
    evidence_in: str | None
    evidence_out: str | None
    presence_seconds: int
    seconds: int
    spans: tuple[Span, ...]
    shares: tuple[Share, ...]
    anomalies: tuple[str, ...]
    suggestions: Mapping[str, Any]
    anomaly_states: Mapping[str, str] = MappingProxyType({})
    corrections: tuple[UUID, ...] = ()
    declined: tuple[tuple[str, str], ...] = ()
    noted: UUID | None = None

    @property
    def took_place(self) -> bool:
        """False for a visit with confirmed ends and not a second between them, which counts nowhere."""
        return NO_DURATION not in self.anomalies

    @property
    def anchor_at(self) -> dt.datetime:
        """Its start, or its end when no start is known, which gives its day. Raises ValueError without either."""
        at = self.started_at or self.ended_at
        if at is None:
            raise ValueError("a visit has at least one boundary")
        return at


@lru_cache(maxsize=8192)
def visit_id(presence: UUID, recipient: str) -> UUID:
    """The public id: a UUID of version 5 from the presence's id and the recipient, so it changes with nothing else."""
    return uuid5(presence, recipient)


def cause(visit: Visit, code: str) -> str:
    """The cause of an anomaly as text: while it is the same, the anomaly stays as a person has settled it."""
    return cause_of(visit.in_tap, visit.out_tap, visit.staff, visit.shares, code)


def cause_of(
    in_tap: UUID | None, out_tap: UUID | None, staff: str, parts: Sequence[Part] | Sequence[Share], code: str
) -> str:
    """Text of the taps, the staff and the interventions concerned, independent of other anomalies."""
    about: set[str] = set()
    if code in {"not_ordered", "order_not_in_force"}:
        about = {part.intervention or "" for part in parts if part.order_line is None}
    elif code == "delegation_missing":
        about = {part.intervention or "" for part in parts if part.category == DELEGATED}
    return f"{in_tap} {out_tap} {staff} {' '.join(sorted(about))}"
