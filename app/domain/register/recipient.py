"""A recipient of help, with the household from a day on."""

import datetime as dt
from dataclasses import dataclass

from app.domain.closed_sets import Area


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient with its household from a day on."""

    ref: str
    valid_from: dt.date
    household: str
    area: Area
    birth_date: dt.date | None = None
    died_on: dt.date | None = None
