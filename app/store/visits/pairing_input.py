"""The input of pairing, in one statement: persons' taps, their stored presences and the corrections near them.

Each statement is a round trip, which for a single tap costs more than reading the rows. So the rows come as records
of four kinds, each in a column of its own. Within a record the driver decodes only types that it knows. It knows the
types of arrays that are parameters or columns: texts and instants by the windows, UUIDs by a column.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from app.domain.register.master import MasterData
from app.domain.time import Window
from app.domain.visits.presence import Presence, Tap
from app.store.connection import Reading
from app.store.fragments import arrays, windows
from app.store.visits.corrections import NEAR_COLUMNS, CorrectionsNear, corrections_near, near_from
from app.store.visits.presence_row import presence_of
from app.store.visits.presences import flagged_from, of_persons_from, of_staff, tap_of, taps_from

CORRECTION_COLUMNS = [name for name in NEAR_COLUMNS if name != "seen"]
PAIRING_INPUT = f"""
SELECT ROW(t.*) AS tap, NULL::record AS presence, NULL::record AS correction, NULL::uuid[] AS seen,
    NULL::record AS flagged
FROM ({taps_from(2)}) AS t
UNION ALL
SELECT NULL, ROW(p.*), NULL, NULL, NULL FROM ({of_persons_from(windows(5, "person"))}) AS p
UNION ALL
SELECT NULL, NULL, ROW({", ".join(CORRECTION_COLUMNS)}), seen, NULL FROM ({near_from(windows(8, "staff"))}) AS c
UNION ALL
SELECT NULL, NULL, NULL, NULL, ROW(f.*) FROM ({flagged_from(2)}) AS f
"""


class PairingInput(NamedTuple):
    """Taps, presences and corrections by person; `corrections` lacks persons without corrections near their taps.

    `flagged` are the flagged taps of all of them, also from so long before a window that a presence could reach into
    it: if the clock of one was wrong, the visit's anomaly may depend on a tap within the window.
    """

    taps: dict[str, list[Tap]]
    presences: dict[str, list[Presence]]
    corrections: dict[str, CorrectionsNear]
    flagged: list[Tap]


async def around(
    reading: Reading, master: MasterData, windows: Sequence[Window], wide: Sequence[Window]
) -> PairingInput:
    """Taps and presences within windows of persons, as by `taps_of` and `of_persons`; corrections within wider ones."""
    asked = (*arrays(of_staff(master, windows)), *arrays(windows), *arrays(of_staff(master, wide)))
    rows = await reading.fetch(PAIRING_INPUT, *asked)
    return pairing_input_of(
        master,
        [person for person, _, _ in windows],
        taps=(row["tap"] for row in rows if row["tap"] is not None),
        presences=(presence_of(row["presence"]) for row in rows if row["presence"] is not None),
        corrections=((row["correction"], row["seen"]) for row in rows if row["correction"] is not None),
        flagged=(row["flagged"] for row in rows if row["flagged"] is not None),
    )


def pairing_input_of(
    master: MasterData,
    persons: Iterable[str],
    *,
    taps: Iterable[Any],
    presences: Iterable[Presence],
    corrections: Iterable[tuple[Any, Any]],
    flagged: Iterable[Any],
) -> PairingInput:
    """The input of at least these persons, of records of `PAIRING_INPUT`; a correction's comes with its `seen`."""
    tapped: dict[str, list[Tap]] = {person: [] for person in persons}
    present: dict[str, list[Presence]] = {person: [] for person in tapped}
    for tap in _taps_of(taps, master):
        tapped.setdefault(master.person_of(tap.staff), []).append(tap)
    for presence in presences:
        present.setdefault(presence.person, []).append(presence)
    said = [dict(zip(CORRECTION_COLUMNS, record, strict=True)) | {"seen": seen} for record, seen in corrections]
    return PairingInput(tapped, present, corrections_near(master, said), list(_taps_of(flagged, master)))


def _taps_of(records: Iterable[Any], master: MasterData) -> Iterator[Tap]:
    return (tap for record in records if (tap := tap_of(record, master)) is not None)
