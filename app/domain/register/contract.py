"""A provider's contract, as far as visits depend on it."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contract:
    """A provider's contract (inclusive days) with the rules for its visits.

    A visit with an end entered by hand that lasts longer than `manual_attest_minutes` waits for a second person; None
    if the contract agrees nothing about it.
    """

    ref: str
    provider: str
    valid_from: dt.date
    valid_to: dt.date | None
    split_policy: str = "proportional"
    report_required: bool = False
    manual_attest_minutes: int | None = None
