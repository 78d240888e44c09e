"""What the carer told after a visit."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.domain.taps.judging import moved, wall_shift
from app.domain.time import ZERO

Outcome = Literal["performed", "declined", "no_answer"]

Refusal = Literal[
    "malformed", "id_conflict", "unknown_intervention", "unknown_recipient", "not_own_presence", "too_many_refused"
]
"""Why a report is refused."""
NOT_OWN: Refusal = "not_own_presence"
"""Why a report is refused, or set aside when the tap it waited for shows it: somebody else was there."""


@dataclass(frozen=True, slots=True)
class ReportedIntervention:
    """One intervention of a report; without a recipient it is for whoever has it ordered."""

    intervention: str
    recipient: str | None
    minutes: int | None
    outcome: Literal["done", "declined", "not_done"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report names any tap of the presence it tells of; of several the one told last counts.

    `reported_at` is what the phone's clock said, `sent_at` what it said when it sent the report, where it told that.
    """

    id: UUID
    staff: str
    tap: UUID
    reported_at: dt.datetime
    received_at: dt.datetime
    outcome: Outcome
    interventions: tuple[ReportedIntervention, ...] = ()
    note: str | None = None
    sent_at: dt.datetime | None = None

    @property
    def told_at(self) -> dt.datetime:
        """When it was told, by the clock it was sent by, and not after it was received."""
        shift = wall_shift(self.received_at, self.sent_at) if self.sent_at else ZERO
        return min(moved(self.reported_at, 1, shift) or self.reported_at, self.received_at)

    def order(self, began_at: dt.datetime | None) -> tuple[dt.datetime, dt.datetime, UUID]:
        """What reports of a presence that began then are sorted by: when each was told, then when it was received.

        Nothing is told after it was received. What was told before there was anything to tell of is a wrong clock's
        word: it counts as told when it was received.
        """
        told_at = self.told_at
        if began_at is not None and told_at < began_at:
            told_at = self.received_at
        return told_at, self.received_at, self.id

    @property
    def done(self) -> tuple[ReportedIntervention, ...]:
        """What was done; the rest is told but takes no time."""
        if self.outcome != "performed":
            return ()
        return tuple(told for told in self.interventions if told.outcome == "done")

    @property
    def undone(self) -> frozenset[tuple[str | None, str]]:
        """What was not done, for whom; None stands for everybody."""
        return frozenset((told.recipient, told.intervention) for told in self.interventions if told.outcome != "done")
