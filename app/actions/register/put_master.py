"""Put a record of master data: check its refs, store a new version, and derive anew the visits that it affects."""

import datetime as dt
from collections.abc import Awaitable, Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

from app.actions.versions import UNCONDITIONAL, Condition, Flaw, Json, PutOutcome, keep, refused, unmet
from app.actions.visibility import recipients_within
from app.actions.visits import affected_windows
from app.actions.visits.project import Affected, derive
from app.domain.author import Author
from app.domain.register.master import MasterData, Timeline
from app.domain.time import FIRST_DAY, local_date
from app.store.connection import Writing
from app.store.register import orders, records, register
from app.store.register.master import is_visible, refusals
from app.store.register.records import Stored
from app.store.taps import tags


@dataclass(frozen=True, slots=True)
class _Kind:
    """The particulars of a kind: flaws of its bodies, its typed table, and the visits that a change affects.

    `affects` is called before the change and returns the function to call after it.
    """

    flaws: Callable[[MasterData, Container[str], Json], Iterator[Flaw]]
    write: Callable[[Writing, str, Json, bool], Awaitable[None]]
    affects: Callable[[Writing, str], Callable[[], Awaitable[Affected]]]


async def put(
    writing: Writing,
    kind: str,
    ref: str,
    body: Json,
    author: Author,
    condition: Condition = UNCONDITIONAL,
) -> PutOutcome:
    """Create or replace a provider, payer, recipient, staff ref, intervention, contract, tag or decline.

    `body` holds every field, defaults filled in; a version that gives no first day has today. An author bound
    to a provider puts its records alone. Refused: `unknown_ref` (without flaws: the record itself is not visible; with
    flaws: refs in the body), `version_conflict`, `key_version_used`. Raises RefusedError if a constraint forbids it.
    """
    latest = await records.latest(writing, kind, ref)
    if latest and latest.removed:
        return refused("purged")
    today = local_date(writing.now)
    against = await _against(writing, kind, ref, body, latest, condition, author.provider)
    if against:
        return against
    body = _completed(writing.master, kind, ref, body, latest, author.provider, today)
    if kind == "tags" and any(epoch in body["epochs"][:at] for at, epoch in enumerate(body["epochs"])):
        # Its old messages could not be distinguished from new ones.
        return refused("key_version_used", Flaw("/key_version", "key_version_used"))
    if latest and _says_the_same(_timeline(writing.master, kind, ref), latest.body, body, today):
        return PutOutcome("unchanged", latest.version, latest.body)
    if latest and "valid_from" in body and kind in DATED:
        body["valid_from"] = body["valid_from"] or today.isoformat()
    new = Stored(ref, latest.version + 1 if latest else 1, removed=False, body=body)
    affected = KINDS[kind].affects(writing, ref)
    await keep(writing, kind, author.subject, [new])
    with refusals():
        await KINDS[kind].write(writing, ref, body, latest is None)
    await derive(writing, await affected())
    return PutOutcome("replaced" if latest else "created", new.version, body)


async def _against(
    writing: Writing, kind: str, ref: str, body: Json, latest: Stored | None, condition: Condition, provider: str | None
) -> PutOutcome | None:
    """The refusal of a put by its version, its provider or the refs it names, in this order; None without one."""
    within = provider is None or await _within(writing, kind, ref, body, latest, provider)
    current = latest.version if latest and within else None
    if not condition.met(current):
        return unmet(current)
    if not within:
        own = kind != "tags" and (latest is None or latest.body["provider"] == provider)
        named = own and body["provider"] != provider
        return refused("unknown_ref", *([Flaw("/provider", "unknown_ref")] if named else []))
    flaws = tuple(KINDS[kind].flaws(writing.master, await _recipients(writing, body, latest, provider), body))
    return refused("unknown_ref", *flaws) if flaws else None


async def _within(writing: Writing, kind: str, ref: str, body: Json, latest: Stored | None, provider: str) -> bool:
    """True when a provider's planner may put this ref: its own record, or a tag that is new or hung at its recipients'.

    A new staff ref that is the person of another provider's staff is not visible.
    """
    if kind == "staff" and latest is None and not writing.master.employers_of(ref) <= {provider}:
        return False
    if kind != "tags":
        return {body["provider"], latest.body["provider"] if latest else provider} == {provider}
    visible = await is_visible(writing, kind, ref, "hung_at", provider)  # of a new one too: the time would be a hint
    return provider in writing.master.providers if latest is None else visible


async def _recipients(writing: Writing, body: Json, latest: Stored | None, provider: str | None) -> Container[str]:
    """The recipients that the body may name: those that the provider may see, and those that its last version named."""
    named = [body[name] for name in ("recipient", "relative_of") if body.get(name) is not None]
    if latest and all(latest.body.get(name) == body.get(name) for name in ("recipient", "relative_of")):
        return writing.master.recipients
    return await recipients_within(writing, provider, named)


def _completed(
    master: MasterData, kind: str, ref: str, body: Json, latest: Stored | None, provider: str | None, today: dt.date
) -> Json:
    """The body, completed from its ref and its last version."""
    if kind == "recipients":
        return body | {"household": body["household"] or ref}
    if kind == "staff":
        # `registered_on` stays, whoever puts the ref later.
        made_on = latest.body.get("registered_on") if latest else provider and today.isoformat()
        body = body | _who(master, ref, body["person"] or ref, provider)
        return body | ({"registered_on": made_on} if made_on else {})
    if kind == "interventions":
        # Left out if not given, as in catalogues from before the field existed.
        return {key: value for key, value in body.items() if key != "licensed" or value}
    if kind == "tags":
        kept = latest.body if latest else {"mounts": [], "states": []}
        body = body | {"mounts": kept["mounts"], "states": kept["states"], "epochs": _epochs(body, kept)}
        registered_by = kept.get("registered_by") if latest else provider
        body |= {"registered_by": registered_by} if registered_by else {}
        same_chip = kept.get("uid") == body["uid"]
        # It was shown once that NXP made the chip, and that stays true.
        return body | {"original": True} if same_chip and kept.get("original") else body
    return dict(body)


def _who(master: MasterData, ref: str, named: str, provider: str | None) -> Json:
    """The person of a staff ref: a planner alone decides it only within its own provider.

    A person whom others employ, or nobody yet, waits for the municipality: else a provider could take the seconds of
    another's person, or keep its own from being taken. The answer is the same for both, so that it reveals no ref.
    """
    known = master.person_of(ref)
    if provider is None or named == known:
        return {"person": named}
    own = named == ref or master.employers_of(named)
    alone = (master.employers_of(named) | master.employers_of(known)) <= {provider}
    return {"person": named} if own and alone else {"person": known, "person_unconfirmed": named}


def _epochs(body: Json, kept: Json) -> list[Json]:
    """The keys that the tag has had, also of other chips under its ref: with each its counter began anew."""
    epochs: list[Json] = kept.get("epochs", [])
    keys = {name: body[name] for name in ("uid", "keyset", "key_version")}
    return epochs if body["keyset"] is None or epochs[-1:] == [keys] else [*epochs, keys]


DATED = frozenset({"recipients", "staff", "interventions"})


def _timeline(master: MasterData, kind: str, ref: str) -> Timeline[Any] | None:
    timelines: dict[str, Any] = {
        "recipients": master.recipients,
        "staff": master.staff,
        "interventions": master.interventions,
    }
    timeline: Timeline[Any] | None = timelines[kind].get(ref) if kind in timelines else None
    return timeline


def _says_the_same(timeline: Timeline[Any] | None, old: Json, new: Json, today: dt.date) -> bool:
    """True when a put would change nothing.

    A body without a first day holds from today on: it changes nothing if it equals the last version and that version is
    in force today.
    """
    if timeline is None or new["valid_from"] is not None:
        return old == new
    in_force = timeline.on(today)
    first_on = dt.date.fromisoformat(old["valid_from"]) if old["valid_from"] else FIRST_DAY
    return old | {"valid_from": None} == new and in_force is not None and in_force.valid_from == first_on


def unknown(known: Any, ref: str | None, pointer: str) -> Iterator[Flaw]:
    """A flaw when the ref is given and not among the known."""
    if ref is not None and ref not in known:
        yield Flaw(pointer, "unknown_ref")


def _no_flaws(_: MasterData, __: Container[str], ___: Json) -> Iterator[Flaw]:
    return iter(())


def _provider_flaws(master: MasterData, _: Container[str], body: Json) -> Iterator[Flaw]:
    invoicing = body.get("invoicing")
    yield from unknown(master.payers, invoicing["payer"] if invoicing else None, "/invoicing/payer")


def _staff_flaws(master: MasterData, recipients: Container[str], body: Json) -> Iterator[Flaw]:
    yield from unknown(master.providers, body["provider"], "/provider")
    yield from unknown(recipients, body["relative_of"], "/relative_of")
    for place, one in enumerate(body["delegations"]):
        yield from unknown(master.interventions, one["intervention"], f"/delegations/{place}/intervention")


def _contract_flaws(master: MasterData, _: Container[str], body: Json) -> Iterator[Flaw]:
    yield from unknown(master.providers, body["provider"], "/provider")


def _consent_flaws(_: MasterData, recipients: Container[str], body: Json) -> Iterator[Flaw]:
    yield from unknown(recipients, body["recipient"], "/recipient")


def _decline_flaws(master: MasterData, recipients: Container[str], body: Json) -> Iterator[Flaw]:
    yield from unknown(recipients, body["recipient"], "/recipient")
    yield from unknown(master.providers, body["provider"], "/provider")
    yield from unknown(master.interventions, body["intervention"], "/intervention")


async def _write_nothing(_: Writing, __: str, ___: Json, ____: bool) -> None:
    """There is no typed table for the kind: the record is everything."""


async def _write_provider(writing: Writing, ref: str, body: Json, _: bool) -> None:
    await register.put_provider(writing, ref, body)


def _write_versions(kind: str) -> Callable[[Writing, str, Json, bool], Awaitable[None]]:
    async def write(writing: Writing, ref: str, _: Json, first: bool) -> None:
        await register.put_versions(writing, kind, [ref], first=first)

    return write


async def _write_contract(writing: Writing, ref: str, body: Json, _: bool) -> None:
    await orders.put_contract(writing, ref, body)


async def _write_tag(writing: Writing, ref: str, body: Json, _: bool) -> None:
    await tags.put(writing, {ref: body})


def _affects_nothing(_: Writing, __: str) -> Callable[[], Awaitable[Affected]]:
    async def nothing() -> Affected:
        return Affected()

    return nothing


def _versions(timeline: Timeline[Any] | None) -> list[Any]:
    return list(timeline.versions) if timeline else []


def _affected_by_recipient(writing: Writing, ref: str) -> Callable[[], Awaitable[Affected]]:
    before = _versions(writing.master.recipients.get(ref))
    return lambda: affected_windows.for_recipient(writing, ref, before)


def _affected_by_staff(writing: Writing, ref: str) -> Callable[[], Awaitable[Affected]]:
    before, person = _versions(writing.master.staff.get(ref)), writing.master.person_of(ref)
    return lambda: affected_windows.for_staff(writing, ref, before, person)


def _affected_by_intervention(writing: Writing, ref: str) -> Callable[[], Awaitable[Affected]]:
    before = _versions(writing.master.interventions.get(ref))
    return lambda: affected_windows.for_intervention(writing, ref, before)


def _affected_by_contract(writing: Writing, ref: str) -> Callable[[], Awaitable[Affected]]:
    before = writing.master.contracts.get(ref)
    return lambda: affected_windows.for_contract(writing, before, writing.master.contracts[ref])


KINDS = {
    "providers": _Kind(_provider_flaws, _write_provider, _affects_nothing),
    "recipients": _Kind(_no_flaws, _write_versions("recipients"), _affected_by_recipient),
    "staff": _Kind(_staff_flaws, _write_versions("staff"), _affected_by_staff),
    "interventions": _Kind(_no_flaws, _write_versions("interventions"), _affected_by_intervention),
    "contracts": _Kind(_contract_flaws, _write_contract, _affected_by_contract),
    "tags": _Kind(_no_flaws, _write_tag, _affects_nothing),
    "payers": _Kind(_no_flaws, _write_nothing, _affects_nothing),
    "declines": _Kind(_decline_flaws, _write_nothing, _affects_nothing),
    "consents": _Kind(_consent_flaws, _write_nothing, _affects_nothing),
}
