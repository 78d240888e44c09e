"""Put a keyset: its keys once, encrypted; its state from now on."""

from dataclasses import dataclass

from app.actions.versions import Condition, Flaw, PutOutcome, keep, refused, unmet
from app.domain.sun import KEY_BYTES, KeysetKeys
from app.domain.time import UTC, whole_second
from app.store.access.field_encryption import FieldEncryption
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored
from app.store.taps import keysets

KIND = "keysets"
FACTORY_KEY = bytes(KEY_BYTES)
"""The key with which every chip is delivered."""


@dataclass(frozen=True, slots=True)
class GivenKeyset:
    """A keyset as it is put: its state, and its keys, which can be left out once they are stored."""

    state: str
    meta_key: bytes | None
    file_master: bytes | None


async def put_keyset(
    writing: Writing,
    ref: str,
    put: GivenKeyset,
    *,
    by: str,
    condition: Condition,
    encryption: FieldEncryption,
    factory_keys: bool = False,
) -> PutOutcome:
    """Create a keyset with its keys, or set the state of one from now on; the same keys may be sent again.

    Keys never change, because chips hold them. Refused: `version_conflict`, `missing_field` (no keys for a new one),
    `factory_key` unless `factory_keys` are allowed, `keyset_keys_fixed`, `keyset_compromised` for a compromised one
    that is to be trusted again.
    """
    latest = await records.latest(writing, KIND, ref)
    current = latest.version if latest else None
    if not condition.met(current):
        return unmet(current)
    given = {"/meta_key": put.meta_key, "/file_master": put.file_master}
    code, wrong = ("factory_key", FACTORY_KEY) if latest or None not in given.values() else ("missing_field", None)
    flaws = [Flaw(pointer, code) for pointer, key in given.items() if key == wrong]
    if flaws and not (code == "factory_key" and factory_keys):
        return refused(code, *flaws)
    if latest is not None:
        against = _against(latest.body["state"], put, writing.master.keys[ref])
        if against:
            return refused(against)
        if put.state == latest.body["state"]:
            return PutOutcome("unchanged", latest.version, latest.body)
    elif put.meta_key and put.file_master:
        writing.master.keys[ref] = KeysetKeys(put.meta_key, put.file_master)
        await keysets.put(writing, ref, encryption, writing.master.keys[ref])
    at = whole_second(writing.now).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    states = [*(latest.body["states"] if latest else ()), {"state": put.state, "at": at}]
    new = Stored(ref, latest.version + 1 if latest else 1, removed=False, body={"state": put.state, "states": states})
    await keep(writing, KIND, by, [new])
    return PutOutcome("replaced" if latest else "created", new.version, new.body)


def _against(was: str, put: GivenKeyset, keys: KeysetKeys) -> str | None:
    """The code that refuses a change of the keyset; None without one."""
    if (put.meta_key or keys.meta_key, put.file_master or keys.file_master) != (keys.meta_key, keys.file_master):
        return "keyset_keys_fixed"
    return "keyset_compromised" if was == "compromised" != put.state else None
