"""A recipient's consent to have case officers of the municipality read the recipient's visits."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent from the day on which it was given until the day on which it was withdrawn, None if it was not."""

    ref: str
    given_on: dt.date
    withdrawn_on: dt.date | None = None

    def holds_on(self, day: dt.date) -> bool:
        """True from the day on which it was given. On the day of the withdrawal it holds no longer."""
        return self.given_on <= day and (self.withdrawn_on is None or day < self.withdrawn_on)
