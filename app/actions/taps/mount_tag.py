"""Mount a tag at a household, or set its state: a new version of its record, from an instant on."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app.actions.versions import Condition, Flaw, Json, PutOutcome, keep, refused, unmet
from app.actions.visits.affected_windows import for_mount
from app.actions.visits.project import derive
from app.domain.author import Author
from app.domain.taps.judging import STATE_DISPUTES
from app.domain.time import UTC, whole_second
from app.store.connection import Writing
from app.store.register import records
from app.store.register.master import is_visible
from app.store.register.records import Stored, tag_of
from app.store.taps import tags

KIND = "tags"
MOUNTED = "mounted"
CONFIRMED = "first tap"


async def mount_tag(
    writing: Writing,
    ref: str,
    household: str,
    at: dt.datetime,
    author: Author,
    condition: Condition,
) -> PutOutcome:
    """Mount a tag at a household from an instant on, until its next mount.

    Another mount at the same instant replaces the first. A tag with keys is then `mounted`, and `active` from its first
    message on. Refused: `unknown_ref` (with a flaw: the household), `version_conflict`, `tag_retired` for a tag that
    was retired at that instant. Refs that a planner may not see are unknown to it.
    """
    at = whole_second(at)
    latest = await _standing(writing, ref, at, condition, author.provider)
    if isinstance(latest, PutOutcome):
        return latest
    if not writing.master.has_household(household) or not (
        author.provider is None or await _serves(writing, author.provider, household)
    ):
        return refused("unknown_ref", Flaw("/household", "unknown_ref"))
    tag = tag_of(ref, latest.body)
    if tag.state_at(at) == "retired":
        return refused("tag_retired")
    hung: Json = {"household": household, "at": _written(at)}
    same = (one for one in latest.body["mounts"] if hung.items() <= one.items())
    events = {"mounts": next(same, hung | ({"by": author.provider} if author.provider else {}))}
    # A tag with keys shows by its first message that it hangs there; another that was lost is found again.
    if tag.kind == "ntag424" or tag.state_at(at) in STATE_DISPUTES:
        events["states"] = {"state": "mounted", "at": _written(at), "reason": MOUNTED}
    outcome = await _append(writing, latest, events, author.subject)
    if outcome.status == "unchanged":
        return outcome
    await tags.put_mounts(writing, {ref: outcome.body})
    following = next((later for later, _ in tag_of(ref, outcome.body).mounts if later > at), None)
    await derive(writing, await for_mount(writing, ref, at, following))
    return outcome


async def set_tag_state(
    writing: Writing,
    ref: str,
    state: str,
    at: dt.datetime,
    reason: str,
    author: Author,
    condition: Condition,
) -> PutOutcome:
    """Set the state of a tag from an instant on. It applies to taps that arrive from now on, not to those judged.

    Another state at the same instant replaces the first. Refused: `unknown_ref`, `version_conflict`.
    """
    at = whole_second(at)
    latest = await _standing(writing, ref, at, condition, author.provider)
    if isinstance(latest, PutOutcome):
        return latest
    event = {"state": state, "at": _written(at), "reason": reason}
    return await _append(writing, latest, {"states": event}, author.subject)


async def _standing(
    writing: Writing, ref: str, at: dt.datetime, condition: Condition, provider: str | None
) -> Stored | PutOutcome:
    """The tag's last version, or the refusal: `unknown_ref`, `version_conflict`."""
    latest = await records.latest(writing, KIND, ref)
    # Asked of a tag that is missing too: the time would be a hint.
    visible = provider is None or await is_visible(writing, KIND, ref, "hung_at", provider)
    if latest is None or not visible or not await _served_then(writing, provider, latest, at):
        return refused("unknown_ref")
    return latest if condition.met(latest.version) else unmet(latest.version)


async def _served_then(writing: Writing, provider: str | None, tag: Stored, at: dt.datetime) -> bool:
    """True when the provider served the tag's household then, whose visits the change affects."""
    household = tag_of(tag.ref, tag.body).household_at(at)
    return provider is None or household is None or await _serves(writing, provider, household)


async def _serves(writing: Writing, provider: str, household: str) -> bool:
    return bool(await tags.households_served(writing, provider, [household]))


async def confirm_mounts(writing: Writing, tapped: Mapping[str, tuple[dt.datetime, str]]) -> None:
    """Make mounted tags active, each from a tap on; by ref, the instant and the staff of the tap."""
    stored = await records.latest_of_many(writing, KIND, list(tapped))
    new = []
    for ref, (at, _) in tapped.items():
        event = {"states": {"state": "active", "at": _written(at), "reason": CONFIRMED}}
        new.append(Stored(ref, stored[ref].version + 1, removed=False, body=_with(stored[ref].body, event)))
    await keep(writing, KIND, "first tap", new)


def _with(body: Json, added: Mapping[str, Json]) -> Json:
    """The body with an event added to each of the named lists, replacing another of that instant."""
    for events, new in added.items():
        others: list[dict[str, Any]] = [one for one in body[events] if one["at"] != new["at"]]
        body = body | {events: sorted([*others, new], key=lambda one: str(one["at"]))}
    return body


async def _append(writing: Writing, latest: Stored, events: Mapping[str, Json], by: str) -> PutOutcome:
    body = _with(latest.body, events)
    if body == latest.body:
        return PutOutcome("unchanged", latest.version, latest.body)
    new = Stored(latest.ref, latest.version + 1, removed=False, body=body)
    await keep(writing, KIND, by, [new])
    return PutOutcome("replaced", new.version, body)


def _written(at: dt.datetime) -> str:
    """The instant in a form in which the texts sort and compare like the instants."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
