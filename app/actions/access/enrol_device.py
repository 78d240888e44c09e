"""Enrol a device: its staff or provider gets a code, valid once and for a short time, and the phone sends it back."""

import datetime as dt
import secrets

from app.actions.versions import Json, PutOutcome, keep, refused
from app.domain.time import written
from app.store.access import credentials
from app.store.access.credentials import CodeOwner
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

KIND = "devices"
CODE_MINUTES = 15
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that looks like a digit, and no U, against words by chance."""
CODE_LETTERS = 12
REF_LETTERS = 16


def new_code() -> str:
    """A random code of 60 bits: not to be guessed in a quarter of an hour, and short enough to type."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))


async def is_visible_staff(writing: Writing, staff: str, provider: str | None) -> bool:
    """True when the staff ref exists and, if `provider` limits the caller, works there."""
    latest = await records.latest(writing, "staff", staff)
    return latest is not None and (provider is None or latest.body["provider"] == provider)


async def is_visible_owner(writing: Writing, owner: CodeOwner, provider: str | None) -> bool:
    """True when the owner exists and, if `provider` limits the caller, belongs to it."""
    if owner.staff is not None:
        return await is_visible_staff(writing, owner.staff, provider)
    return owner.provider in writing.master.providers and provider in {None, owner.provider}


async def offer_code(writing: Writing, owner: CodeOwner, digest: bytes, *, provider: str | None) -> dt.datetime | None:
    """Store a code for its owner by its digest, and return its expiry. None for an owner that is not visible."""
    if not await is_visible_owner(writing, owner, provider):
        return None
    expires_at = writing.now + dt.timedelta(minutes=CODE_MINUTES)
    await credentials.put_code(writing, digest, owner, expires_at)
    return expires_at


async def enrol_device(writing: Writing, digest: bytes, public_key: Json) -> PutOutcome:
    """Bind a device with this public key (a JWK) to the staff or the provider whose code it has.

    Refused: `enrolment_code_invalid`.
    """
    owner = await credentials.take_code(writing, digest)
    if owner is None:
        return refused("enrolment_code_invalid")
    # Random, not chosen: a device sends its ref before its municipality is known, so refs must not collide.
    ref = "D-" + "".join(secrets.choice(ALPHABET) for _ in range(REF_LETTERS))
    body: Json = {
        "staff": owner.staff,
        "provider": owner.provider,
        "public_key": public_key,
        "enrolled_at": written(writing.now),
        "revoked_at": None,
        "reason": None,
    }
    await keep(writing, KIND, f"{writing.municipality_id}:device:{ref}", [Stored(ref, 1, removed=False, body=body)])
    return PutOutcome("created", 1, {"ref": ref, **body})
