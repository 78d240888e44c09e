"""End sessions, and all that opens a membership once it stands for another person or another right."""

import datetime as dt
from uuid import UUID

from app.actions.access.passkeys import close_to
from app.actions.access.revoke import revoke
from app.actions.versions import Json, keep
from app.domain.author import Author
from app.domain.time import written
from app.store.access import login_links, sessions
from app.store.access.members import tokens_of
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

SESSIONS = "sessions"
STANDS_FOR = ("role", "provider", "staff", "issuer", "subject", "hsa_id", "email")


async def note_session(writing: Writing, session: UUID, by: str, changes: Json) -> None:
    """Store a new version of a session's record."""
    latest = await records.latest(writing, SESSIONS, str(session))
    body, version = (latest.body, latest.version + 1) if latest else ({}, 1)
    await keep(writing, SESSIONS, by, [Stored(str(session), version, removed=False, body=body | changes)])


async def end_session(writing: Writing, session: UUID, author: Author) -> None:
    """End a session, as a fact."""
    await sessions.drop(writing, session)
    await note_session(writing, session, author.subject, {"ended_at": written(writing.now)})


async def end_logins(writing: Writing, member: str, before: Json, after: Json, author: Author) -> None:
    """End the sessions, links, passkeys and personal tokens of a membership that stands for somebody or something else.

    They opened what it was: whoever has them need not be whom it now means, nor have been given what it now opens.
    """
    if all(before[name] == after[name] for name in STANDS_FOR):
        return
    for session in await sessions.opening(writing, member):
        await end_session(writing, session, author)
    await login_links.drop_of(writing, member)
    await close_to(writing, member, author)
    for token, body in await tokens_of(writing, member):
        if not body["revoked_at"] and dt.datetime.fromisoformat(body["expires_at"]) > writing.now:
            await revoke(writing, "tokens", token, writing.now, "the membership has become another", author)
