"""A kind of help in the catalogue."""

import datetime as dt
from dataclasses import dataclass

from app.domain.closed_sets import Category, Licensed


@dataclass(frozen=True, slots=True)
class Intervention:
    """A kind of help with its category and catalogue minutes from a day on; `licensed` is for LICENSED_HSL alone."""

    ref: str
    valid_from: dt.date
    category: Category
    standard_minutes: int
    licensed: Licensed | None = None
