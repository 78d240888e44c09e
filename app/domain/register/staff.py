"""An employment with its delegations."""

import datetime as dt
from dataclasses import dataclass

from app.domain.closed_sets import Profession


@dataclass(frozen=True, slots=True)
class Delegation:
    """Permission for one person to do one delegated intervention, on inclusive days."""

    intervention: str
    valid_from: dt.date
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Staff:
    """An employment from a day on; `person` identifies the human across employments."""

    ref: str
    valid_from: dt.date
    valid_to: dt.date | None
    person: str
    provider: str
    role: Profession
    delegations: tuple[Delegation, ...] = ()
    registered_on: dt.date | None = None
    """The day on which its provider's own planner registered the ref; None if the municipality did."""

    def holds(self, on: dt.date) -> bool:
        """True when the employment has begun and is not over that day."""
        return self.valid_from <= on <= (self.valid_to or on)

    def is_delegated(self, intervention: str, on: dt.date) -> bool:
        """True when a delegation for the intervention is valid that day."""
        return any(
            one.intervention == intervention and one.valid_from <= on <= (one.valid_to or on)
            for one in self.delegations
        )
