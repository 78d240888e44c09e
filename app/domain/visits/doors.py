"""Doors at which a person is logged in, for the answer to a tap at another door than the open visit's."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from app.domain.visits.presence import Presence
from app.domain.visits.visit import Visit


class Doors(NamedTuple):
    """The household whose door was tapped, and all at which the person is logged in, the tapped one perhaps too."""

    tapped: str
    logged_in: Sequence[str]


class Whereabouts:
    """Some persons' presences, by tap and by provider. No provider learns of work for another."""

    def __init__(self, presences: Iterable[Presence], provider_of: Callable[[str, dt.datetime], str | None]) -> None:
        self._provider_of = provider_of
        self._of_tap: dict[UUID, Presence] = {}
        self._open: defaultdict[tuple[str, str | None], list[tuple[dt.datetime, str]]] = defaultdict(list)
        for one in presences:
            self._of_tap |= dict.fromkeys(one.taps, one)
            if one.state == "open" and one.started_at is not None:
                self._open[one.person, provider_of(one.staff, one.started_at)].append((one.started_at, one.household))

    def within(self, visits: Iterable[Visit], staff: str, at: dt.datetime) -> list[Visit]:
        """The visits that are the staff's own, or for the same provider."""
        provider = self._provider_of(staff, at)
        return [one for one in visits if one.staff == staff or one.provider == provider]

    def doors(self, tap: UUID, staff: str, at: dt.datetime) -> Doors | None:
        """The doors of a tap; None unless its person has been logged in at another one since `at` or before."""
        presence = self._of_tap.get(tap)
        if presence is None:
            return None
        tapped = next((side.household for side in presence.side_taps if side.tap == tap), presence.household)
        known = self._open.get((presence.person, self._provider_of(staff, at)), ())
        logged_in = sorted({household for since, household in known if since <= at})
        return Doors(tapped, logged_in) if set(logged_in) - {tapped} else None
