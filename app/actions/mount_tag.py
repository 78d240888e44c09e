"""A tag is hung at a door, or its state is told: a new version of its record, from an instant on."""

import datetime as dt
from typing import Any

from app.actions.put_master import Condition, Flaw, Json, Outcome, derive, keep, refused
from app.actions.retell import for_mount
from app.domain.time import UTC, whole_second
from app.store import records, tags
from app.store.database import Writing
from app.store.records import Stored, tag_of

KIND = "tags"


async def mount_tag(
    writing: Writing, ref: str, household: str, at: dt.datetime, *, by: str, condition: Condition
) -> Outcome:
    """Hang a tag at a household from an instant on, until it is told to hang elsewhere.

    Another household told for the same instant takes the first one's place. Refused: `unknown_ref` (with a flaw: the
    household), `version_conflict`, `tag_retired` for a tag that was so at that instant.
    """
    latest = await records.latest(writing.sql, writing.municipality_id, KIND, ref)
    if latest is None:
        return refused("unknown_ref")
    if not condition.met(latest.version):
        return refused("version_conflict")
    if not writing.master.has_household(household):
        return refused("unknown_ref", Flaw("/household", "unknown_ref"))
    at = whole_second(at)
    if tag_of(ref, latest.body).state_at(at) == "retired":
        return refused("tag_retired")
    outcome = await _told(writing, latest, "mounts", {"household": household, "at": _written(at)}, by)
    if outcome.status == "unchanged":
        return outcome
    mounts = tag_of(ref, outcome.body).mounts
    await tags.put_mounts(writing.sql, writing.municipality_id, ref, mounts)
    following = next((later for later, _ in mounts if later > at), None)
    await derive(writing, await for_mount(writing, ref, at, following))
    return outcome


async def tell_state(
    writing: Writing, ref: str, state: str, at: dt.datetime, reason: str, *, by: str, condition: Condition
) -> Outcome:
    """Say what state a tag is in from an instant on. It judges taps that arrive from now on, not those judged.

    Another state told for the same instant takes the first one's place. Refused: `unknown_ref`, `version_conflict`.
    """
    latest = await records.latest(writing.sql, writing.municipality_id, KIND, ref)
    if latest is None:
        return refused("unknown_ref")
    if not condition.met(latest.version):
        return refused("version_conflict")
    told = {"state": state, "at": _written(whole_second(at)), "reason": reason}
    return await _told(writing, latest, "states", told, by)


async def _told(writing: Writing, latest: Stored, events: str, told: Json, by: str) -> Outcome:
    others: list[dict[str, Any]] = [one for one in latest.body[events] if one["at"] != told["at"]]
    body = latest.body | {events: sorted([*others, told], key=lambda one: str(one["at"]))}
    if body == latest.body:
        return Outcome("unchanged", latest.version, latest.body)
    new = Stored(latest.ref, latest.version + 1, removed=False, body=body)
    await keep(writing, KIND, by, [new])
    return Outcome("replaced", new.version, body)


def _written(at: dt.datetime) -> str:
    """One way to write each instant, so that they sort and compare as they are."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
