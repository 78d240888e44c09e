"""Reports: the carer's account of what was done in a visit."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.domain.closed_sets import Outcome, PartOutcome
from app.domain.taps.judging import moved, wall_shift
from app.domain.time import ZERO

ReportRefusal = Literal[
    "malformed", "id_conflict", "unknown_intervention", "unknown_recipient", "not_own_presence", "too_many_refused"
]
"""Codes of refused reports."""
NOT_OWN: ReportRefusal = "not_own_presence"
"""Somebody else was there: the report is refused, or set aside if the tap it names comes later."""


@dataclass(frozen=True, slots=True)
class ReportedIntervention:
    """One intervention of a report; without a recipient it is for every resident who has it ordered."""

    intervention: str
    recipient: str | None
    minutes: int | None
    outcome: PartOutcome


@dataclass(frozen=True, slots=True)
class Report:
    """A report on a presence, by any of its taps; of several the latest counts.

    `reported_at` is by the phone's clock; `sent_at`, if given, by the same clock when the report was sent.
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
    def listed(self) -> list[list[str | int | None]]:
        """Its interventions as they are hashed and stored: ref, recipient, minutes and outcome of each."""
        return [[one.intervention, one.recipient, one.minutes, one.outcome] for one in self.interventions]

    @property
    def made_at(self) -> dt.datetime:
        """The instant it was made, by the phone's corrected clock, and not after its receipt."""
        shift = wall_shift(self.received_at, self.sent_at) if self.sent_at else ZERO
        return min(moved(self.reported_at, 1, shift) or self.reported_at, self.received_at)

    def order(self, began_at: dt.datetime | None) -> tuple[dt.datetime, dt.datetime, UUID]:
        """Sort key of reports on a presence that began at `began_at`: made, then received, then id.

        A report made before the presence began comes from a wrong clock: it counts as made at its receipt.
        """
        made_at = self.made_at
        if began_at is not None and made_at < began_at:
            made_at = self.received_at
        return made_at, self.received_at, self.id

    @property
    def done(self) -> tuple[ReportedIntervention, ...]:
        """The interventions done; the others take no time."""
        if self.outcome != "performed":
            return ()
        return tuple(one for one in self.interventions if one.outcome == "done")

    @property
    def undone(self) -> frozenset[tuple[str | None, str]]:
        """(recipient, intervention) that were not done; None stands for everybody."""
        return frozenset((one.recipient, one.intervention) for one in self.interventions if one.outcome != "done")
