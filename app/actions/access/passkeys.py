"""Make, use and remove passkeys: keys in a person's device that open what the login opened in which they were made."""

from collections.abc import Sequence

from app.actions.versions import Json, keep
from app.domain.access.member import Member
from app.domain.author import Author
from app.domain.time import local_date, written
from app.store.access.members import members, passkeys_of
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

PASSKEYS = "passkeys"


async def make(
    writing: Writing, ref: str, public_key: str, sign_count: int, choices: Sequence[str], by: Author
) -> None:
    """Store a passkey as a fact. `ref` is its credential id, `public_key` in COSE, both in base64url."""
    body: Json = {
        "public_key": public_key,
        "sign_count": sign_count,
        "members": list(choices),
        "made_at": written(writing.now),
        "revoked_at": None,
    }
    await keep(writing, PASSKEYS, by.subject, [Stored(ref, 1, removed=False, body=body)])


async def use(writing: Writing, passkey: Stored, sign_count: int) -> list[Member]:
    """The memberships that the passkey opens today. What its device counts is kept, so that a copy is found out."""
    if sign_count != passkey.body["sign_count"]:
        body = passkey.body | {"sign_count": sign_count}
        by = f"{writing.municipality_id}:login:{passkey.ref}"
        await keep(writing, PASSKEYS, by, [Stored(passkey.ref, passkey.version + 1, removed=False, body=body)])
    today = local_date(writing.now)
    return [one for one in await members(writing) if one.ref in passkey.body["members"] and one.holds(today)]


async def close_to(writing: Writing, member: str, by: Author) -> None:
    """Let no passkey open a membership any more. One that opened nothing else is trusted no longer."""
    for ref in await passkeys_of(writing, member):
        latest = await records.latest(writing, PASSKEYS, ref)
        assert latest is not None  # noqa: S101 - it was just found
        others = [one for one in latest.body["members"] if one != member]
        body = latest.body | {"members": others, "revoked_at": None if others else written(writing.now)}
        await keep(writing, PASSKEYS, by.subject, [Stored(ref, latest.version + 1, removed=False, body=body)])


async def remove(writing: Writing, ref: str, member: str, by: Author) -> None:
    """Trust a passkey of a member no longer. Nothing is done if it is another's or is removed already."""
    latest = await records.latest(writing, PASSKEYS, ref)
    if latest is None or latest.body["revoked_at"] is not None or member not in latest.body["members"]:
        return
    body = latest.body | {"revoked_at": written(writing.now)}
    await keep(writing, PASSKEYS, by.subject, [Stored(ref, latest.version + 1, removed=False, body=body)])
