"""The affected presences of each household with all that overlap them, directly or through others."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from app.actions.visits.apply_corrections import Changes
from app.actions.visits.pair_persons import AHEAD
from app.domain.time import Window, merged_windows
from app.domain.visits.pairing import presence_order
from app.domain.visits.presence import Presence
from app.store.connection import Writing
from app.store.visits.foreseen import Unforeseen

BESIDE_BEFORE = dt.timedelta(hours=1)
BESIDE_AFTER = dt.timedelta(hours=4)


async def neighbourhoods_of(
    writing: Writing, changes: Changes, derive_anew: Sequence[Window], foreseen: Unforeseen
) -> list[list[Presence]]:
    """For each household the affected presences with all that overlap them, directly or through others."""
    neighbourhoods: list[list[Presence]] = []
    asked: list[Window] = [
        (household, first - BESIDE_BEFORE, last + BESIDE_AFTER) for household, first, last in derive_anew
    ]
    core = list(derive_anew)
    # The stored versions of these are outdated; a tag's new mount even moves them to another household.
    known = {*changes.current, *changes.removed}
    taken: set[UUID] = set()
    while core:
        loaded: defaultdict[str, dict[UUID, Presence]] = defaultdict(dict)
        once = merged_windows(asked)
        for presence in await foreseen.at_households(writing, once, known):
            loaded[presence.household][presence.id] = presence
        for presence in changes.current.values():
            loaded[presence.household][presence.id] = presence
        together = {household: _together(presences.values()) for household, presences in loaded.items()}
        wider: list[Window] = []
        for (household, first, last), (_, load_first, load_last) in zip(core, asked, strict=True):
            reached = _reaching(together.get(household, []), first, last)
            low = min([first, *(one.low for one in reached)])
            high = max([last, *(one.high for one in reached)])
            if low < load_first or high > load_last:
                wider.append((household, low, high))
                continue
            # Two windows of one household may reach the same presences; their visits are derived once.
            members = [one for cluster in reached for one in cluster.members if one.id not in taken]
            taken.update(one.id for one in members)
            neighbourhoods.append(members)
        core = merged_windows(wider)
        asked = [(household, low - AHEAD, high + AHEAD) for household, low, high in core]
    return neighbourhoods


class _Cluster(NamedTuple):
    """Presences connected by overlap, with the first and last instant."""

    low: dt.datetime
    high: dt.datetime
    members: list[Presence]


def _together(presences: Iterable[Presence]) -> list[_Cluster]:
    """Presences of one household in clusters that do not overlap each other, by time."""
    clusters: list[_Cluster] = []
    for presence in sorted(presences, key=presence_order):
        reach_at = presence.reach_at
        if clusters and presence.anchor_at <= clusters[-1].high:
            last = clusters[-1]
            last.members.append(presence)
            if reach_at > last.high:
                clusters[-1] = last._replace(high=reach_at)
        else:
            clusters.append(_Cluster(presence.anchor_at, reach_at, [presence]))
    return clusters


def _reaching(clusters: Sequence[_Cluster], first: dt.datetime, last: dt.datetime) -> Sequence[_Cluster]:
    """The clusters that meet the window; they are consecutive."""
    start = bisect_left(clusters, first, key=lambda cluster: cluster.high)
    return clusters[start : bisect_right(clusters, last, lo=start, key=lambda cluster: cluster.low)]
