"""A device is enrolled: its staff is given a code that is good once and for a short time, and the phone answers it."""

import datetime as dt
import secrets

from app.actions.versions import Json, PutOutcome, keep, refused
from app.domain.time import written
from app.store.access import credentials
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

KIND = "devices"
CODE_MINUTES = 15
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that looks like a figure, and none to spell a word with by chance."""
CODE_LETTERS = 12
REF_LETTERS = 16


def new_code() -> str:
    """Sixty bits that nobody guesses in a quarter of an hour, short enough to type."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))


async def staff_in_reach(writing: Writing, staff: str, provider: str | None) -> bool:
    """Whether the staff ref exists and, where `provider` limits the caller, works there."""
    found = await records.latest(writing, "staff", staff)
    return found is not None and (provider is None or found.body["provider"] == provider)


async def offer_code(
    writing: Writing, staff: str, digest: bytes, *, provider: str | None, now: dt.datetime
) -> dt.datetime | None:
    """Keep a code for a staff ref by its digest; when it ends. None for a staff ref that is not within reach."""
    if not await staff_in_reach(writing, staff, provider):
        return None
    expires_at = now + dt.timedelta(minutes=CODE_MINUTES)
    await credentials.put_code(writing, digest, staff, now, expires_at)
    return expires_at


async def enrol_device(writing: Writing, digest: bytes, public_key: Json, now: dt.datetime) -> PutOutcome:
    """Bind a device with this public key (a JWK) to the staff whose code it has. Refused: `enrolment_code_invalid`."""
    staff = await credentials.take_code(writing, digest, now)
    if staff is None:
        return refused("enrolment_code_invalid")
    # Drawn, not chosen: a device names itself before anybody knows which municipality it belongs to.
    ref = "D-" + "".join(secrets.choice(ALPHABET) for _ in range(REF_LETTERS))
    body: Json = {
        "staff": staff,
        "public_key": public_key,
        "enrolled_at": written(now),
        "revoked_at": None,
        "reason": None,
    }
    await keep(writing, KIND, f"{writing.municipality_id}:device:{ref}", [Stored(ref, 1, removed=False, body=body)])
    return PutOutcome("created", 1, {"ref": ref, **body})
