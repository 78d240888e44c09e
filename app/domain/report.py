"""What the carer told after a visit."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Outcome = Literal["performed", "declined", "no_answer"]


@dataclass(frozen=True, slots=True)
class ReportedIntervention:
    """One intervention of a report; without a recipient it is for whoever has it ordered."""

    intervention: str
    recipient: str | None
    minutes: int | None
    outcome: Literal["done", "declined", "not_done"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report names any tap of the presence it tells of. The latest `reported_at` wins."""

    id: UUID
    staff: str
    tap: UUID
    reported_at: dt.datetime
    outcome: Outcome
    interventions: tuple[ReportedIntervention, ...] = ()

    @property
    def done(self) -> tuple[ReportedIntervention, ...]:
        """What was done; the rest is told but takes no time."""
        if self.outcome != "performed":
            return ()
        return tuple(told for told in self.interventions if told.outcome == "done")
