"""Revoke a device, a client or a token: a new version of its record has the instant from which it is not trusted."""

import datetime as dt
from typing import Literal

from app.actions.access.enrol_device import is_visible_owner
from app.actions.versions import PutOutcome, keep, refused
from app.domain.author import Author
from app.domain.time import whole_second, written
from app.store.access.credentials import CodeOwner
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored


async def revoke(
    writing: Writing,
    kind: Literal["devices", "clients", "tokens"],
    ref: str,
    at: dt.datetime,
    reason: str,
    author: Author,
) -> PutOutcome:
    """Revoke from an instant on, which must not lie in the future. Of several revocations the earliest counts.

    Taps that are judged already stay as they are. Refused: `unknown_ref`.
    """
    latest = await records.latest(writing, kind, ref)
    if kind == "devices":
        # Asked of a device that is missing too: the time would be a hint.
        owner = CodeOwner(latest.body["staff"], latest.body.get("provider")) if latest else CodeOwner(ref, None)
        if not await is_visible_owner(writing, owner, author.provider):
            return refused("unknown_ref")
    if latest is None:
        return refused("unknown_ref")
    at = whole_second(at)
    earlier = latest.body["revoked_at"]
    if earlier is not None and dt.datetime.fromisoformat(earlier) <= at:
        return PutOutcome("unchanged", latest.version, latest.body)
    body = latest.body | {"revoked_at": written(at), "reason": reason}
    await keep(writing, kind, author.subject, [Stored(ref, latest.version + 1, removed=False, body=body)])
    return PutOutcome("replaced", latest.version + 1, body)
