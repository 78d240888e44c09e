"""What persons are paired from: their taps, their stored presences and what has been said beside, in one statement.

Each statement is a round trip, which for a single tap costs more than what it reads. So the rows come as records of
four kinds, each in a column of its own. The driver reads in a record only what it knows, and of arrays it knows those
that are parameters or columns of a statement: of texts and of instants by the windows, of UUIDs by a column.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.domain.register.master import MasterData
from app.domain.time import Window
from app.domain.visits.presence import Presence, Tap
from app.store.connection import Reading
from app.store.fragments import windows
from app.store.visits.corrections import NEAR_COLUMNS, CorrectionsNear, corrections_near, near_from
from app.store.visits.presence_row import presence_of
from app.store.visits.presences import FLAGGED, TAPS, arrays, of_persons_from, of_staff, tap_of

SAID = [name for name in NEAR_COLUMNS if name != "seen"]
PAIRING_INPUT = f"""
SELECT ROW(t.*) AS tap, NULL::record AS presence, NULL::record AS said, NULL::uuid[] AS seen, NULL::record AS flagged
FROM ({TAPS}) AS t
UNION ALL
SELECT NULL, ROW(p.*), NULL, NULL, NULL FROM ({of_persons_from(windows(5, "person"))}) AS p
UNION ALL
SELECT NULL, NULL, ROW({", ".join(SAID)}), seen, NULL FROM ({near_from(windows(8, "staff"))}) AS c
UNION ALL
SELECT NULL, NULL, NULL, NULL, ROW(f.*) FROM ({FLAGGED}) AS f
"""


class PairingInput(NamedTuple):
    """Taps and presences of each person that was asked for; what people said, by person where there is something.

    `flagged` are the taps of all of them that are flagged, also such as came so long before a window that a presence
    could reach into it: where the clock of one was wrong, its visit may tell of a tap within.
    """

    taps: dict[str, list[Tap]]
    presences: dict[str, list[Presence]]
    said: dict[str, CorrectionsNear]
    flagged: list[Tap]


async def around(
    reading: Reading, master: MasterData, windows: Sequence[Window], wide: Sequence[Window]
) -> PairingInput:
    """What lies within windows of persons, as `taps_of` and `of_persons` read it; what is said, within wider ones."""
    taps: dict[str, list[Tap]] = {person: [] for person, _, _ in windows}
    presences: dict[str, list[Presence]] = {person: [] for person, _, _ in windows}
    said: list[dict[str, Any]] = []
    asked = (*arrays(of_staff(master, windows)), *arrays(windows), *arrays(of_staff(master, wide)))
    flagged: list[Tap] = []
    for tap_row, presence_row, said_row, seen, flagged_row in await reading.fetch(PAIRING_INPUT, *asked):
        if tap_row is not None:
            tap = tap_of(tap_row, master)
            if tap is not None:
                taps[master.person_of(tap.staff)].append(tap)
        elif presence_row is not None:
            presence = presence_of(presence_row)
            presences[presence.person].append(presence)
        elif flagged_row is not None:
            tap = tap_of(flagged_row, master)
            if tap is not None:
                flagged.append(tap)
        else:
            said.append(dict(zip(SAID, said_row, strict=True)) | {"seen": seen})
    return PairingInput(taps, presences, corrections_near(master, said), flagged)
