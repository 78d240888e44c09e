"""Purge the files of recipients that have been kept long enough: one person asks for it, and another approves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.actions.versions import Json, PutOutcome, keep, refused
from app.actions.visits.affected_windows import NEVER_LATER, window
from app.actions.visits.project import Affected, Projected, project
from app.domain.register.retention import CLASSES, File, ReasonToKeep, last_day_to_erase
from app.domain.time import FIRST_DAY, local_date
from app.store.connection import Reading, Writing
from app.store.database import Database
from app.store.ledger.erasure import NotAsSealedError, erase
from app.store.register import records, retention
from app.store.register.records import Stored
from app.store.register.retention import Erasable

KIND = "purges"
MOST_CLASSES = 100


class StaysError(Exception):
    """The files stay, for this reason. `entangled`: without their facts, visits of others would be others."""

    def __init__(self, reason: ReasonToKeep) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Due:
    """The recipients to be purged, and those that would be but for a reason. Each is a row to show."""

    recipients: list[Json] = field(default_factory=list)
    kept: list[Json] = field(default_factory=list)


async def years_of(reading: Reading) -> dict[str, int]:
    """The years of each class: the law's, unless the municipality keeps it longer."""
    own = {one.ref: one.body["years"] for one in await records.page(reading, "retention", "", MOST_CLASSES)}
    return {name: max(known.years, own.get(name, 0)) for name, known in CLASSES.items()}


async def due(reading: Reading) -> Due:
    """The files that a purge would erase today and why, and those that it leaves though their time is over."""
    years, today = await years_of(reading), local_date(reading.now)
    files = {one.ref: one for one in await retention.files(reading)}
    found = Due()
    for file in files.values():
        reason = file.reason_to_keep(years, today)
        if reason is None:
            found.recipients.append(_row(file, years))
        elif reason == "not_archived":
            found.kept.append(_row(file, years) | {"reason": reason})
    return await _without_shared(reading, found)


def _row(file: File, years: Mapping[str, int]) -> Json:
    due_on = file.due_on(years)
    return {
        "recipient": file.ref,
        "class": file.retention,
        "last_on": file.last_on.isoformat(),
        "due_on": due_on.isoformat(),
        "erase_by": last_day_to_erase(due_on).isoformat(),
    }


def in_words(row: Json) -> str:
    """A row of `Due` as a line."""
    why = f"{row['class']}: last noted {row['last_on']}, due {row['due_on']}, to be erased by {row['erase_by']}"
    return f"{row['recipient']} {'stays (' + row['reason'] + ')' if 'reason' in row else 'goes'}, {why}"


async def _without_shared(reading: Reading, found: Due) -> Due:
    """The same without those who were served together with somebody whose file must stay."""
    names = {row["recipient"] for row in found.recipients}
    pairs = await retention.together(reading, sorted(names))
    staying: set[str] = set()
    while more := {one for one, other in pairs if one not in staying and (other not in names or other in staying)}:
        staying |= more
    for row in found.recipients:
        found.kept += [row | {"reason": "shared"}] if row["recipient"] in staying else []
    found.recipients = [row for row in found.recipients if row["recipient"] not in staying]
    return found


async def request_purge(writing: Writing, ref: str, found: Due, *, by: str) -> PutOutcome:
    """Store the request to purge what was found due; where nothing was, that nothing was. Refused: `id_conflict`."""
    if await records.latest(writing, KIND, ref) is not None:
        return refused("id_conflict")
    body: Json = {"state": "requested", "requested_by": by, "approved_by": None, "erased": 0}
    body |= {"recipients": found.recipients, "kept": found.kept}
    await keep(writing, KIND, by, [Stored(ref, 1, removed=False, body=body)])
    return PutOutcome("created", 1, body)


async def approve_purge(database: Database, municipality_id: int, ref: str, *, by: str) -> PutOutcome:
    """Approve a request and purge what is still due of it. A purge that broke off goes on when it is approved again.

    Those who were served together are purged in one transaction. Refused: `unknown_ref`, `approver_is_requester`.
    """
    async with database.write(municipality_id) as writing:
        stored = await records.latest(writing, KIND, ref)
        if stored is None:
            return refused("unknown_ref")
        if stored.body["requested_by"] == by:
            return refused("approver_is_requester")
        if stored.body["state"] == "done":
            return PutOutcome("unchanged", stored.version, stored.body)
        approved = Stored(ref, stored.version + 1, False, stored.body | {"state": "approved", "approved_by": by})
        await keep(writing, KIND, by, [approved])
    asked = {row["recipient"] for row in stored.body["recipients"]}
    async with database.snapshot(municipality_id) as reading:
        found = await due(reading)
        still = [row["recipient"] for row in found.recipients if row["recipient"] in asked]
        groups = _groups(still, await retention.together(reading, still))
    reasons = {row["recipient"]: row["reason"] for row in found.kept}
    erased = stored.body["erased"]
    for group in groups:
        try:
            async with database.write(municipality_id) as writing:
                erased += await _purge(writing, ref, group, by)
        except StaysError as error:
            reasons |= dict.fromkeys(group, error.reason)
        except NotAsSealedError:
            reasons |= dict.fromkeys(group, "not_as_sealed")
    async with database.write(municipality_id) as writing:
        latest = await records.latest(writing, KIND, ref) or approved  # another worker may have done the same
        if latest.body["state"] == "done":
            return PutOutcome("unchanged", latest.version, latest.body)
        newest = await records.latest_of_many(writing, "recipients", sorted(asked))
        body = approved.body | {"state": "done", "erased": erased, "recipients": [], "kept": [*stored.body["kept"]]}
        for row in stored.body["recipients"]:
            if newest[row["recipient"]].removed:
                body["recipients"].append(row)
            else:
                body["kept"].append(row | {"reason": reasons.get(row["recipient"], "not_due")})
        await keep(writing, KIND, by, [Stored(ref, latest.version + 1, False, body)])
    return PutOutcome("replaced", latest.version + 1, body)


def _groups(names: Sequence[str], pairs: Collection[tuple[str, str]]) -> list[list[str]]:
    """The names in groups that are connected by pairs."""
    groups: dict[str, set[str]] = {name: {name} for name in names}
    for one, other in pairs:
        joined = groups[one] | groups[other]
        groups |= dict.fromkeys(joined, joined)
    return [sorted(group) for group in {id(group): group for group in groups.values()}.values()]


async def _purge(writing: Writing, ref: str, group: Sequence[str], by: str) -> int:
    """Erase all that is kept of some recipients. Returns the number of facts. Raises StaysError."""
    years, today = await years_of(writing), local_date(writing.now)
    for file in await retention.files(writing, group):  # something may have been noted since
        if reason := file.reason_to_keep(years, today):
            raise StaysError(reason)
    if {other for _, other in await retention.together(writing, group)} - set(group):
        raise StaysError("shared")
    whole = await retention.erasable(writing, group, writing.master.homes_of(group))
    homes = {version.household for one in group for version in writing.master.recipients[one].versions}
    # An order may have been for somebody else before or after; a tombstone names nobody.
    if any(named is not None and named not in group for *_, named in whole.records):
        raise StaysError("entangled")
    newest = {(kind, one): version for kind, one, version, *_ in whole.records}
    by_kind: dict[str, list[Stored]] = {}
    for (kind, one), version in newest.items():
        by_kind.setdefault(kind, []).append(Stored(one, version + 1, True, {}))
    for kind, tombstones in by_kind.items():
        await keep(writing, kind, by, tombstones)
    await retention.clear(writing, group)
    numbers = [UUID(int=seq) for *_, seq, _ in whole.records]
    erased = await erase(writing, ref, {**whole.facts, **({"record": numbers} if numbers else {})})
    always = (FIRST_DAY, NEVER_LATER)
    outcome = await project(writing, Affected(whole.persons, [window(home, always) for home in sorted(homes)]))
    if _changes_others(outcome, whole, frozenset(group)):
        raise StaysError("entangled")
    return erased


def _changes_others(outcome: Projected, whole: Erasable, group: frozenset[str]) -> bool:
    """True when anything but the recipients' own visits and presences comes out differently."""
    own = all(after is None and before and before.recipient in group for before, after in outcome.differences)
    return not own or any(after or not before or before.id not in whole.presences for before, after in outcome.moved)
