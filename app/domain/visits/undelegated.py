"""Delegated care given without a delegation in force, with the reason why there was none."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from app.domain.closed_sets import DELEGATED
from app.domain.register.delegation import Given, Put, history
from app.domain.register.master import Timeline
from app.domain.register.order import LAST_DAY
from app.domain.register.staff import Staff
from app.domain.visits.visit import Visit

Lack = Literal["never_given", "not_yet", "expired", "revoked"]


class Undelegated(NamedTuple):
    """A delegated intervention in a performed visit by staff without a delegation for it that day, and the reason.

    `state` is that of the visit's anomaly: resolving it makes the visit payable, but is no delegation.
    """

    visit: Visit
    intervention: str
    seconds: int
    state: str
    lack: Lack


def done_without(visit: Visit, puts: Sequence[Put]) -> Iterator[Undelegated]:
    """Interventions done in a performed visit without a delegation. `puts` are all of the visit's staff, in order."""
    seconds: dict[str, int] = {}
    if visit.status == "complete" and "delegation_missing" in visit.anomalies and puts:
        for share in visit.shares:
            if share.category == DELEGATED and share.intervention:
                seconds[share.intervention] = seconds.get(share.intervention, 0) + share.seconds
    employment: Timeline[Staff] = Timeline()
    for put in puts:
        employment.put(put.staff)
    for intervention, done in seconds.items():
        staff = employment.on(visit.local_date) or employment.versions[0]
        if not staff.is_delegated(intervention, visit.local_date):
            given = [one for one in history(puts) if one.intervention == intervention]
            state = visit.anomaly_states.get("delegation_missing", "open")
            yield Undelegated(visit, intervention, done, state, _lack(given, visit.local_date))


def _lack(given: Sequence[Given], on: dt.date) -> Lack:
    """The reason why no delegation was in force that day, by the one that had begun last."""
    begun = [one for one in given if one.valid_from <= on]
    if not begun:
        return "not_yet" if given else "never_given"
    last = max(begun, key=lambda one: one.valid_from)
    return "expired" if (last.valid_to or LAST_DAY) < on and not last.revoked_at else "revoked"
