"""Set and try PINs, by which staff say who uses a shared device. A planner gives the code that sets one."""

import asyncio
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from app.actions.versions import PutOutcome, keep, refused
from app.domain.time import written
from app.store.access import credentials, pins
from app.store.access.pins import Pin
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

KIND = "pins"
MOST_TRIES = 5

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with 19 MiB, the least that OWASP asks for: it is hashed with a key as well, which no database holds."""


async def hashed(secret: bytes) -> str:
    """The slow hash of the keyed digest of a PIN. Runs beside the event loop."""
    return await asyncio.to_thread(HASHER.hash, secret)


async def is_right(pin_hash: str | None, secret: bytes) -> bool:
    """True if the keyed digest of a PIN is the one that was hashed. Without a hash it takes as long, and is False."""
    return await asyncio.to_thread(_verify, pin_hash or _nobodys(), secret) and pin_hash is not None


async def set_pin(writing: Writing, code_digest: bytes, pin_hash: str) -> PutOutcome:
    """Store the PIN of the staff whose code it is; an earlier one and its tries are gone. Refused: `pin_code_invalid`.

    The record has when it was set and nothing of the PIN.
    """
    owner = await credentials.take_code(writing, code_digest)
    if owner is None or owner.staff is None:
        return refused("pin_code_invalid")
    await pins.put(writing, owner.staff, Pin(pin_hash, 0))
    latest = await records.latest(writing, KIND, owner.staff)
    version = latest.version + 1 if latest else 1
    body = {"set_at": written(writing.now)}
    by = f"{writing.municipality_id}:staff:{owner.staff}"
    await keep(writing, KIND, by, [Stored(owner.staff, version, removed=False, body=body)])
    return PutOutcome("created", version, {"staff": owner.staff})


async def begin_try(writing: Writing, staff: str) -> Pin | None:
    """Count a try at the PIN of a staff ref, and return it as it was; None if it has none.

    It is counted before it is compared, so that tries at the same time are no more than those one after the other. A
    PIN with MOST_TRIES tries is locked: it must not be compared.
    """
    pin = await pins.of_staff(writing, staff)
    if pin is not None and pin.tries < MOST_TRIES:
        await pins.put(writing, staff, pin._replace(tries=pin.tries + 1))
    return pin


async def forgive_tries(writing: Writing, staff: str) -> None:
    """Begin the count of tries anew, after one that was right."""
    pin = await pins.of_staff(writing, staff)
    if pin is not None:
        await pins.put(writing, staff, pin._replace(tries=0))


def _verify(pin_hash: str, secret: bytes) -> bool:
    try:
        return HASHER.verify(pin_hash, secret)
    except VerifyMismatchError:
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_bytes(32))
