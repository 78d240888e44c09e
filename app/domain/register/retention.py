"""The time that personal data is kept, and the recipients' files that are to be erased.

The classes are data with the law's words as defaults. A municipality may keep a class longer than the law demands, and
never shorter. A file is kept as a whole: as long as the longest class of anything in it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SOCIAL, PATIENT = "social_service_files", "patient_records"

SAMPLED_DAYS = frozenset({5, 15, 25})
"""The days of birth of those whose files are archived for ever, so that research has a sample of everybody."""

PurgeState = Literal["requested", "approved", "done"]

ReasonToKeep = Literal["order_in_force", "not_due", "not_archived", "shared", "entangled", "not_as_sealed"]


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A class of data: the whole years that it is kept, the event they count from, and the rule in words."""

    years: int
    since: str
    rule: str


CLASSES: Mapping[str, RetentionClass] = {
    SOCIAL: RetentionClass(
        5,
        "last_note",
        "Socialtjänstlagen: gallras fem år efter den sista anteckningen, senast kalenderåret därefter.",
    ),
    PATIENT: RetentionClass(
        10,
        "last_note",
        "Patientdatalagen (2008:355) 3 kap. 17 §: bevaras minst tio år efter den sista uppgiften i handlingen.",
    ),
    "accounting": RetentionClass(
        7,
        "end_of_year",
        "Bokföringslagen (1999:1078) 7 kap. 2 §: bevaras till sjunde året efter räkenskapsårets utgång.",
    ),
    "access_log": RetentionClass(
        5,
        "entry",
        "HSLF-FS 2016:40 4 kap. 9 §: åtkomstloggen sparas minst fem år.",
    ),
}
"""The classes by name, with the law's number of years."""


@dataclass(frozen=True, slots=True)
class File:
    """All that is kept of one recipient, as far as it matters for how long. `last_on` is the day of the last note."""

    ref: str
    last_on: dt.date
    health_care: bool
    order_in_force: bool
    born_on: dt.date | None = None
    archived_on: dt.date | None = None

    @property
    def retention(self) -> str:
        """The name of its class: that of patients where anything in it is health care."""
        return PATIENT if self.health_care else SOCIAL

    def due_on(self, years: Mapping[str, int]) -> dt.date:
        """The first day on which it may be erased. `years` are the years of each class."""
        return _years_after(self.last_on, years[self.retention])

    @property
    def sampled(self) -> bool:
        """True for a file that is archived before it is erased."""
        return self.born_on is not None and self.born_on.day in SAMPLED_DAYS

    def reason_to_keep(self, years: Mapping[str, int], today: dt.date) -> ReasonToKeep | None:
        """The reason why it is not erased today; None if it is to be."""
        if self.order_in_force:
            return "order_in_force"
        if today < self.due_on(years):
            return "not_due"
        # An archive from before the last note lacks something.
        if self.sampled and (self.archived_on is None or self.archived_on < self.last_on):
            return "not_archived"
        return None


def last_day_to_erase(due_on: dt.date) -> dt.date:
    """The last day of the calendar year after a file became due."""
    return dt.date(due_on.year + 1, 12, 31)


def _years_after(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return dt.date(day.year + years, 3, 1)
