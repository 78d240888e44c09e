"""The input of the checks of corrections, in sets: corrections stored already, and the visits they name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.domain.visits.presence import Presence
from app.domain.visits.visit import Visit
from app.store.connection import Reading
from app.store.visits import presences as store_presences
from app.store.visits.visit_row import StoredVisit, visit_of

# One statement, as each is a round trip: rows whole, each kind in a column of its own.
NAMED = """
SELECT v AS visit, NULL::correction AS correction FROM visit AS v WHERE municipality_id = $1
  AND presence = ANY (ARRAY(SELECT presence FROM visit WHERE municipality_id = $1 AND id = ANY($2::uuid[])))
UNION ALL
SELECT NULL, c FROM correction AS c WHERE municipality_id = $1 AND id = ANY($3::uuid[])
"""


@dataclass(frozen=True, slots=True)
class CorrectionTargets:
    """The visits that corrections name, by id, with their presences and all visits of each presence.

    `known` are the corrections that are stored already.
    """

    known: Mapping[UUID, Any]
    visits: Mapping[UUID, StoredVisit]
    presences: Mapping[UUID, Presence]
    siblings: Mapping[UUID, Sequence[Visit]]


async def standing(reading: Reading, visits: Sequence[UUID], corrections: Sequence[UUID]) -> CorrectionTargets:
    """The stored visits with these ids, and the corrections with these ids that are stored already."""
    known: dict[UUID, Any] = {}
    visits_of: dict[UUID, StoredVisit] = {}
    siblings: defaultdict[UUID, list[Visit]] = defaultdict(list)
    for visit, correction in await reading.fetch(NAMED, visits, corrections):
        if visit is not None:
            stored = visit_of(visit)
            visits_of[stored.visit.id] = stored
            siblings[stored.visit.presence].append(stored.visit)
        else:
            known[correction["id"]] = correction
    presences = await store_presences.of_ids(reading, list(siblings))
    return CorrectionTargets(known, visits_of, presences, siblings)
