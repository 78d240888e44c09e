"""The history of delegations: given, prolonged, expired and revoked.

A version of an employment lists the delegations of its staff from a day on; a version put later may change them. So
the difference between expired and revoked follows from all versions ever put, in their order.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

from app.domain.closed_sets import DelegationState
from app.domain.register.order import LAST_DAY, ONE_DAY
from app.domain.register.staff import Staff
from app.domain.time import FIRST_DAY, local_date


class Put(NamedTuple):
    """A version of an employment, with the instant and the author of its put."""

    staff: Staff
    at: dt.datetime
    by: str


@dataclass(frozen=True, slots=True)
class Given:
    """One delegation of a staff ref. `valid_to` is its current last day, inclusive; None for no end.

    `revoked_at` is the instant at which its last day was moved to an earlier one, or it was removed (`gone`).
    """

    staff: str
    provider: str
    intervention: str
    valid_from: dt.date
    valid_to: dt.date | None
    given_at: dt.datetime
    given_by: str
    revoked_at: dt.datetime | None = None
    revoked_by: str | None = None
    gone: bool = False

    def state(self, on: dt.date, soon: dt.timedelta) -> DelegationState:
        """Its state that day; `expiring` when its last day is less than `soon` away."""
        if self.gone:
            return "revoked"
        last_on = self.valid_to or LAST_DAY
        if last_on < on:
            return "revoked" if self.revoked_at else "expired"
        if on < self.valid_from:
            return "coming"
        return "expiring" if last_on - on < soon else "valid"


def history(puts: Sequence[Put]) -> list[Given]:
    """Every delegation ever given to one staff ref, sorted by intervention and first day. `puts` are in their order."""
    versions: dict[dt.date, Put] = {}
    given_of: dict[tuple[str, dt.date], Given] = {}
    for put in puts:
        versions[put.staff.valid_from] = put
        standing = _standing([one.staff for _, one in sorted(versions.items())])
        for key in standing.keys() - given_of.keys():
            given_of[key] = Given(put.staff.ref, put.staff.provider, *key, standing[key], put.at, put.by)
        for key, given in given_of.items():
            given_of[key] = _moved(given, put, standing)
    return [given for _, given in sorted(given_of.items())]


def _standing(versions: Sequence[Staff]) -> dict[tuple[str, dt.date], dt.date | None]:
    """The last day of each (intervention, first day) by consecutive versions; None for no end."""
    last: dict[tuple[str, dt.date], dt.date] = {}
    for version, following in zip_longest(versions, versions[1:]):
        # Before its first day an employment counts as on its first day.
        since = FIRST_DAY if version is versions[0] else version.valid_from
        until = following.valid_from - ONE_DAY if following else LAST_DAY
        for one in version.delegations:
            end = min(one.valid_to or LAST_DAY, until)
            key = (one.intervention, one.valid_from)
            if max(one.valid_from, since) <= end:
                last[key] = max(end, last.get(key, end))
    return {key: None if end == LAST_DAY else end for key, end in last.items()}


def _moved(given: Given, put: Put, standing: dict[tuple[str, dt.date], dt.date | None]) -> Given:
    """The delegation after one more put."""
    key = (given.intervention, given.valid_from)
    before = given.valid_to or LAST_DAY
    if key not in standing:
        over = given.gone or before < local_date(put.at)  # a later version may leave out what has ended
        return given if over else replace(given, revoked_at=put.at, revoked_by=put.by, gone=True)
    now = standing[key] or LAST_DAY
    if now < before and not given.gone:
        return replace(given, valid_to=standing[key], revoked_at=put.at, revoked_by=put.by)
    if now > before or given.gone:
        return replace(given, valid_to=standing[key], revoked_at=None, revoked_by=None, gone=False)
    return given
