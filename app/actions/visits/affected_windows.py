"""The visits that a change of master data may alter, as windows for the projection.

A visit left out here would stay wrong until a rebuild, so the windows are wide and then narrowed to actual presences: a
municipality that puts its master data before its first tap derives nothing.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from app.actions.visits.project import Affected
from app.domain.register.contract import Contract
from app.domain.register.intervention import Intervention
from app.domain.register.master import MasterData
from app.domain.register.order import ONE_DAY
from app.domain.register.recipient import Recipient
from app.domain.register.staff import Staff
from app.domain.time import FIRST_DAY, Days, Window, day_start
from app.store.connection import Writing
from app.store.taps import tags as store_tags
from app.store.visits import affected_windows

NEVER_LATER = dt.date(2200, 1, 1)
"""Later than any day that can be stored."""


def window(name: str, days: Days) -> Window:
    """Inclusive local days as a window of instants."""
    return name, day_start(days[0]), day_start(min(days[1], NEVER_LATER) + ONE_DAY)


def segments(days: Iterable[dt.date]) -> Iterator[Days]:
    """All time, cut where a version begins."""
    edges = sorted({FIRST_DAY, *days})
    for first, following in zip(edges, [*edges[1:], NEVER_LATER + ONE_DAY], strict=True):
        yield first, following - ONE_DAY


def hull(days: Iterable[dt.date], differs: Callable[[dt.date], bool]) -> Days | None:
    """The days from the first to the last segment that differs; None if none does."""
    changed = [segment for segment in segments(days) if differs(segment[0])]
    return (changed[0][0], changed[-1][1]) if changed else None


async def for_recipient(writing: Writing, ref: str, before: Sequence[Recipient]) -> Affected:
    """The households where a recipient lived before or after the change; for a change of its death, from that day on.

    The residents of a household on a day may depend on versions of other days, so a move affects its households for all
    time. A death counts from its own day, whatever version reports it.
    """
    after = writing.master.recipients[ref].versions
    homes = {version.household for version in (*before, *after)}
    if [(one.valid_from, one.household) for one in before] != [(one.valid_from, one.household) for one in after]:
        always = (FIRST_DAY, NEVER_LATER)
        return await _at_households(writing, [window(home, always) for home in homes], [window(ref, always)])
    died = {versions[-1].died_on for versions in (before, after)}
    if len(died) == 1:
        return Affected()
    days = (min(day for day in died if day) + ONE_DAY, NEVER_LATER)
    return await _at_households(writing, [window(home, days) for home in homes], [window(ref, days)])


async def for_staff(writing: Writing, ref: str, before: Sequence[Staff], person: str) -> Affected:
    """The persons behind a staff ref before and after the change, if the ref has taps or corrections in those days."""
    after = writing.master.staff[ref].versions
    now = writing.master.person_of(ref)
    if person == now:
        days = hull(
            (version.valid_from for version in (*before, *after)),
            lambda on: _employed(before, on) != _employed(after, on),
        )
    else:
        days = FIRST_DAY, NEVER_LATER  # the newest version alone decides whose taps these are
    if days is None:
        return Affected()
    _, first_at, last_at = window(ref, days)
    tapped = await affected_windows.taps_of_staff(writing, ref, first_at, last_at)
    persons = [(name, *tapped) for name in sorted({person, now})] if tapped else []
    persons += await affected_windows.persons_corrected_to(writing, ref, first_at, last_at)
    return Affected(persons=persons)


def _employed(versions: Sequence[Staff], on: dt.date) -> tuple[object, ...] | None:
    """The data that visits of the day depend on; before the first version those of the first, as not employed."""
    if not versions:
        return None
    version = next((version for version in reversed(versions) if version.valid_from <= on), versions[0])
    return version.valid_from <= on, version.valid_to, version.provider, version.role, version.delegations


async def for_intervention(writing: Writing, ref: str, before: Sequence[Intervention]) -> Affected:
    """All households, in the days whose category or minutes changed. A new intervention affects nothing."""
    if not before:
        return Affected()
    after = writing.master.interventions[ref].versions

    def entry(versions: Sequence[Intervention], on: dt.date) -> tuple[str, int]:
        version = next((one for one in reversed(versions) if one.valid_from <= on), versions[0])
        return version.category, version.standard_minutes

    days = hull((one.valid_from for one in (*before, *after)), lambda on: entry(before, on) != entry(after, on))
    if days is None:
        return Affected()
    _, first_at, last_at = window(ref, days)
    return Affected(households=await affected_windows.households_between(writing, first_at, last_at))


async def for_contract(writing: Writing, old: Contract | None, new: Contract) -> Affected:
    """The households where the providers were, on days with another rule of splitting or holding than before."""
    edges = [edge for one in (old, new) if one for edge in _edges(one)]
    households: list[Window] = []
    for provider in sorted({one.provider for one in (old, new) if one}):
        days = hull(edges, partial(_other_rule, old, new, provider))
        if days is not None:
            households += await affected_windows.households_of_provider(writing, *window(provider, days))
    return Affected(households=households)


def _edges(contract: Contract) -> list[dt.date]:
    return [contract.valid_from, *([contract.valid_to + ONE_DAY] if contract.valid_to else [])]


def _other_rule(old: Contract | None, new: Contract, provider: str, on: dt.date) -> bool:
    return _rule(old, provider, on) != _rule(new, provider, on)


def _rule(contract: Contract | None, provider: str, on: dt.date) -> tuple[str, bool, int | None]:
    """The provider's rule by this contract that day: split policy, report required, minutes without attestation.

    Without a contract the defaults.
    """
    if contract is None or contract.provider != provider or on < contract.valid_from:
        return "proportional", False, None
    if contract.valid_to is not None and on > contract.valid_to:
        return "proportional", False, None
    return contract.split_policy, contract.report_required, contract.manual_attest_minutes


async def for_orders(writing: Writing, changes: Sequence[tuple[str, Days]]) -> Affected:
    """The households where recipients lived, or had visits, on the days on which their orders changed."""
    households: list[Window] = []
    own: list[Window] = []
    for recipient, days in changes:
        own.append(window(recipient, days))
        households += _residences(writing.master, recipient, days)
    return await _at_households(writing, households, own)


def _residences(master: MasterData, recipient: str, days: Days) -> Iterator[Window]:
    """The days at every household where the recipient ever lived.

    If nobody lives there that day, the visit belongs to whoever moved out last, otherwise to whoever moves in first.
    """
    versions = master.recipients[recipient].versions if recipient in master.recipients else []
    for household in sorted({version.household for version in versions}):
        yield window(household, days)


async def _at_households(writing: Writing, households: Sequence[Window], recipients: Sequence[Window]) -> Affected:
    """The households, and those with visits of the recipients: a report can name somebody who lives elsewhere."""
    if not households and not recipients:
        return Affected()
    return Affected(
        households=await affected_windows.households_reached(writing, sorted(set(households)), sorted(set(recipients)))
    )


async def for_mount(writing: Writing, tag: str, first_at: dt.datetime, before_at: dt.datetime | None) -> Affected:
    """The persons who tapped a tag from `first_at` to `before_at` (None: no end), while it hung at a new household."""
    until = before_at or day_start(NEVER_LATER)
    tapped = await store_tags.staff_at(writing, tag, first_at, until)
    return Affected(persons=[(writing.master.person_of(staff), first, last) for staff, first, last in tapped])
