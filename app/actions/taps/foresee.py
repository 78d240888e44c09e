"""Foresee what batches of taps will ask the store for, by the master data of the last write.

Where the phones' stored clocks move a tap, they move it by less than `UNSURE`, unless something is odd about the phone;
what was not foreseen is read when it is asked for.
"""

import datetime as dt
from collections.abc import Sequence

from app.actions.taps.submission import Submission, asked_of, claims_of
from app.actions.visits.apply_corrections import widened
from app.actions.visits.neighbourhoods import BESIDE_AFTER, BESIDE_BEFORE
from app.actions.visits.pair_persons import read_at_first
from app.domain.register.master import MasterData
from app.domain.taps.judging import leads_of, shift_of, time_of
from app.domain.time import CLOCK_TOLERANCE, LONGEST_PRESENCE, Window
from app.domain.visits.crowd import Crowd, crowds_of
from app.store.visits.foreseen import Foreseen, Foresight

UNSURE = CLOCK_TOLERANCE + dt.timedelta(seconds=1)


def foresee(submissions: Sequence[Submission], master: MasterData) -> Foreseen:
    """The rows to read ahead for batches."""
    crowds: set[Crowd] = set()
    persons: list[Window] = []
    households: list[Window] = []
    for submission in submissions:
        shift = shift_of(submission.envelope, None)
        leads = leads_of(claims_of(submission.whole or submission.items), submission.envelope, shift)
        for claim in claims_of(submission.items):
            at = time_of(claim, submission.envelope, shift, leads)[0]
            for crowd in crowds_of(claim, submission.staff, at, master):
                crowds.add(crowd)
                if crowd.whose == "person":
                    persons.append((crowd.name, at - UNSURE, at + UNSURE))
                else:
                    until = at + LONGEST_PRESENCE + BESIDE_AFTER + UNSURE
                    households.append((crowd.name, at - BESIDE_BEFORE - UNSURE, until))
    loaded = read_at_first(persons)
    asked = asked_of(submissions, master)
    beside = (BESIDE_BEFORE, BESIDE_AFTER)
    return Foreseen(Foresight(asked, crowds, loaded, widened(loaded), households, beside), master)
