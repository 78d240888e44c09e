"""Codes, used assertions and revocations: the facts that say who a caller is and whether it is trusted."""

import datetime as dt
from typing import NamedTuple

from app.store.connection import BeforeTenant, Changing, Reading, Writing

PUT_CODE = """
INSERT INTO enrolment (municipality_id, code_digest, staff, provider, expires_at, mac) VALUES ($1, $2, $3, $4, $5, $6)
"""
DROP_EXPIRED_CODES = "DELETE FROM enrolment WHERE municipality_id = $1 AND expires_at <= $2"
TAKE_CODE = """
DELETE FROM enrolment WHERE municipality_id = $1 AND code_digest = $2 AND expires_at > $3
RETURNING municipality_id, code_digest, staff, provider, expires_at, mac
"""
DROP_EXPIRED_ASSERTIONS = """
DELETE FROM spent_assertion WHERE municipality_id = $1 AND device = $2 AND expires_at <= $3
"""
SPEND = """
INSERT INTO spent_assertion (municipality_id, device, jti_digest, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING true
"""
REVOKED = """
SELECT kind, ref FROM record
WHERE municipality_id = $1 AND seq > $2 AND seq <= $3 AND kind IN ('devices', 'clients', 'tokens')
    AND body->>'revoked_at' <> ''
"""


class CodeOwner(NamedTuple):
    """Whom a code is for: a staff ref, or for a shared device the provider."""

    staff: str | None = None
    provider: str | None = None


async def put_code(writing: Writing, digest: bytes, owner: CodeOwner, expires_at: dt.datetime) -> None:
    """Keep a code by its digest, which is bound to its purpose, and forget those that nobody used in time."""
    await writing.execute(DROP_EXPIRED_CODES, writing.now)
    _, *row = writing.macs.add("enrolment", (writing.municipality_id, digest, *owner, expires_at))
    await writing.execute(PUT_CODE, *row)


async def take_code(writing: Writing, digest: bytes) -> CodeOwner | None:
    """The owner of a code, which is deleted. None if it is unknown, has expired or has a wrong hash."""
    row = await writing.fetchrow(TAKE_CODE, digest, writing.now)
    ours = row is not None and writing.macs.is_ours("enrolment", tuple(row))
    return CodeOwner(row["staff"], row["provider"]) if row is not None and ours else None


async def spend(changing: Changing, signer: str, jti_digest: bytes, expires_at: dt.datetime) -> bool:
    """Mark an assertion of a device or a client as used; False when it was used before.

    It is remembered until it is refused for its age.
    """
    await changing.execute(DROP_EXPIRED_ASSERTIONS, signer, changing.now)
    return bool(await changing.fetchval(SPEND, signer, jti_digest, expires_at))


async def municipality_of_code(database: BeforeTenant, digest: bytes) -> int | None:
    """The code of the municipality that issued a code that is still valid, else None."""
    municipality_id: int | None = await database.before_tenant("SELECT municipality_of_code($1)", digest)
    return municipality_id


async def municipality_of_device(database: BeforeTenant, ref: str) -> int | None:
    """The code of the municipality in which a device was enrolled, else None."""
    municipality_id: int | None = await database.before_tenant("SELECT municipality_of_device($1)", ref)
    return municipality_id


async def revoked_since(reading: Reading, seq: int) -> tuple[set[tuple[str, str]], int]:
    """Revoked devices, clients and tokens as (kind, ref), of records after `seq`, and the number read up to."""
    last: int = await reading.fetchval("SELECT master_seq FROM municipality WHERE municipality_id = $1") or 0
    if last <= seq:
        return set(), last
    return {(row["kind"], row["ref"]) for row in await reading.fetch(REVOKED, seq, last)}, last
