"""A tag, with its households, states and keys."""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with its households and its states, each from an instant on."""

    ref: str
    kind: str
    uid: str
    mounts: tuple[tuple[dt.datetime, str], ...] = ()
    states: tuple[tuple[dt.datetime, str], ...] = ()
    epochs: tuple[tuple[str, int], ...] = ()
    """Keyset and version of its keys, in order: with new keys its counter begins anew."""

    def versions_of(self, keyset: str) -> tuple[int, ...]:
        """The versions of its keys of that keyset, the newest first."""
        return tuple(dict.fromkeys(version for of, version in reversed(self.epochs) if of == keyset))

    def household_at(self, at: dt.datetime) -> str | None:
        """The household where it hangs at an instant; None before its first mount."""
        return _latest(self.mounts, at)

    def state_at(self, at: dt.datetime) -> str | None:
        """Its state at an instant; None before the first."""
        return _latest(self.states, at)


def _latest(events: tuple[tuple[dt.datetime, str], ...], at: dt.datetime) -> str | None:
    index = bisect_right(events, at, key=lambda event: event[0])
    return events[index - 1][1] if index else None
