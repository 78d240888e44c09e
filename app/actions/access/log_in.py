"""Log in and out: links that are good once, sessions that begin, change their membership and end."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from app.actions.access.end_logins import end_session, note_session
from app.actions.access.put_member import MEMBERS, put_member
from app.actions.versions import UNCONDITIONAL, Json, PutOutcome, keep, refused
from app.domain.access.member import Member
from app.domain.access.session import Session, SessionLimits
from app.domain.author import Author
from app.domain.closed_sets import LoginMethod, Role
from app.domain.time import local_date, written
from app.store.access import login_links, sessions
from app.store.access.members import member_of
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

LINK_MINUTES = 15
LINKS = "links"
STRANGERS = "strangers"


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was accepted: the memberships that it opens, how the person was known, and at which level."""

    members: Sequence[Member]
    method: LoginMethod
    issuer: str | None = None
    acr: str | None = None


async def offer_link(writing: Writing, ref: str, digest: bytes, author: Author) -> PutOutcome:
    """Keep a login link by its digest. The outcome's body has `member` and `expires_at`.

    Refused: `unknown_ref`, `membership_over`.
    """
    latest = await records.latest(writing, MEMBERS, ref)
    if latest is None or author.provider not in {None, latest.body["provider"]}:
        return refused("unknown_ref")
    if not member_of(ref, latest.body).holds(local_date(writing.now)):
        return refused("membership_over")
    expires_at = writing.now + dt.timedelta(minutes=LINK_MINUTES)
    await login_links.put(writing, digest, ref, expires_at)
    body = {"member": ref, "expires_at": written(expires_at)}
    await keep(writing, LINKS, author.subject, [Stored(str(uuid4()), 1, removed=False, body=body)])
    return PutOutcome("created", 1, body)


async def offer_link_to(
    writing: Writing, role: Role, digest: bytes, *, provider: str | None, staff: str | None, by: str
) -> PutOutcome:
    """Keep a login link for whoever runs the installation, to act in a role: as a membership made for that.

    Refused: as by `put_member`.
    """
    ref = "-".join(filter(None, ("login", role, provider, staff)))
    latest = await records.latest(writing, MEMBERS, ref)
    if latest is None or not member_of(ref, latest.body).holds(local_date(writing.now)):
        body: Json = {
            **dict.fromkeys(("issuer", "subject", "hsa_id", "email", "valid_to")),
            "role": role,
            "provider": provider,
            "staff": staff,
            "valid_from": local_date(writing.now).isoformat(),
        }
        outcome = await put_member(writing, ref, body, author=Author(by), condition=UNCONDITIONAL)
        if outcome.status == "refused":
            return outcome
    return await offer_link(writing, ref, digest, Author(by))


async def take_link(writing: Writing, digest: bytes) -> Member | None:
    """The membership that a link opens, once. None for one that opens nothing, or whose membership is over."""
    ref = await login_links.take(writing, digest)
    latest = await records.latest(writing, MEMBERS, ref) if ref else None
    member = member_of(latest.ref, latest.body) if latest else None
    return member if member and member.holds(local_date(writing.now)) else None


async def note_stranger(writing: Writing, issuer: str, digest: bytes, *, too_weak: bool) -> None:
    """Note as a fact that somebody logged in who is nobody's member, once a day for each.

    The person is told from others by a keyed digest: a name that an identity provider gives may be a personal number.
    `too_weak`: the person is a member, and the level of authentication too low for it.
    """
    ref, today = digest.hex(), local_date(writing.now).isoformat()
    body = {"issuer": issuer, "on": today, "too_weak": too_weak}
    latest = await records.latest(writing, STRANGERS, ref)
    if latest is None or latest.body != body:
        version = latest.version + 1 if latest else 1
        by = f"{writing.municipality_id}:login:{issuer}"
        await keep(writing, STRANGERS, by, [Stored(ref, version, removed=False, body=body)])


async def begin(
    writing: Writing, login: Login, digest: bytes, limits: SessionLimits, before: Session | None
) -> Session:
    """Begin a session under the digest of its secret, as a fact. The session `before` in the same browser ends.

    A single membership is chosen at once.
    """
    await sessions.drop_ended(writing, limits.idle)
    if before is not None:
        await end_session(writing, before.id, Author(subject_of(writing.municipality_id, before)))
    choices = tuple(one.ref for one in login.members)
    session = Session(
        uuid4(),
        choices[0] if len(choices) == 1 else None,
        choices,
        login.method,
        writing.now,
        writing.now,
        writing.now + limits.whole,
    )
    await sessions.put(writing, session, digest)
    body = {
        "member": session.member,
        "choices": list(choices),
        "method": login.method,
        "issuer": login.issuer,
        "acr": login.acr,
        "started_at": written(session.started_at),
        "ends_at": written(session.ends_at),
        "ended_at": None,
    }
    await note_session(writing, session.id, subject_of(writing.municipality_id, session), body)
    return session


async def choose(writing: Writing, session: Session, member: str, digest: bytes) -> Session | None:
    """Go on as another membership of the login, under the digest of a new secret. None if it opened no such one."""
    latest = await records.latest(writing, MEMBERS, member)
    if member not in session.choices or latest is None:
        return None
    if not member_of(member, latest.body).holds(local_date(writing.now)):
        return None
    chosen = replace(session, member=member, seen_at=writing.now)
    await sessions.put(writing, chosen, digest)
    await note_session(writing, session.id, subject_of(writing.municipality_id, chosen), {"member": member})
    return chosen


def subject_of(municipality_id: int, session: Session) -> str:
    """The author of the login itself, as a subject."""
    return f"{municipality_id}:login:{session.member or '/'.join(session.choices)}"
