"""The state of a municipality that a writer reads first: its numbers, and if rows still wait for leaves or hashes."""

import datetime as dt
from typing import NamedTuple

from app.store.connection import Reading

STATE = """
SELECT clock_timestamp() AS now, as_of, master_seq, change_no, leafless, mac IS NULL AS unmarked, greatest(
    (SELECT leaf_index + 1 FROM ledger_leaf WHERE municipality_id = $1 ORDER BY leaf_index DESC LIMIT 1),
    (SELECT size FROM ledger_head WHERE municipality_id = $1), 0
) AS next_leaf
FROM municipality WHERE municipality_id = $1
"""


class MunicipalityState(NamedTuple):
    """A row of `STATE`."""

    now: dt.datetime
    as_of: dt.datetime
    master_seq: int
    change_no: int
    leafless: bool
    unmarked: bool
    next_leaf: int


async def state_of(reading: Reading) -> MunicipalityState:
    """The state as it is now."""
    return MunicipalityState(*await reading.one(STATE))
