"""Put an identity provider or a membership: check the refs that it names, and store a new version."""

from collections.abc import AsyncIterator

from app.actions.access.end_logins import end_logins
from app.actions.versions import Condition, Flaw, Json, PutOutcome, keep, refused, unmet
from app.domain.access.member import BOUND_ROLES
from app.domain.author import Author
from app.store.access import issuer_secrets
from app.store.access.field_encryption import FieldEncryption
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

ISSUERS = "issuers"
MEMBERS = "members"


async def put_issuer(
    writing: Writing,
    ref: str,
    body: Json,
    secret: str | None,
    *,
    by: str,
    condition: Condition,
    encryption: FieldEncryption,
) -> PutOutcome:
    """Put an identity provider. A `body` with `has_secret` None keeps the stored secret, whatever it is.

    Refused: `version_conflict`, `unknown_ref` (flaw: the provider).
    """
    latest = await records.latest(writing, ISSUERS, ref)
    if not condition.met(latest.version if latest else None):
        return unmet(latest.version if latest else None)
    if body["provider"] is not None and body["provider"] not in writing.master.providers:
        return refused("unknown_ref", Flaw("/provider", "unknown_ref"))
    kept = await issuer_secrets.get(writing, ref, encryption)
    if body["has_secret"] is None and not body["private_key_jwt"]:
        secret = kept
    body = body | {"has_secret": secret is not None}
    if latest and latest.body == body and secret == kept:
        return PutOutcome("unchanged", latest.version, latest.body)
    if secret is None:
        await issuer_secrets.drop(writing, ref)
    elif secret != kept:
        await issuer_secrets.put(writing, ref, secret, encryption)
    return await _kept(writing, ISSUERS, ref, body, latest, by)


async def put_member(writing: Writing, ref: str, body: Json, *, author: Author, condition: Condition) -> PutOutcome:
    """Put a membership. An author bound to a provider puts memberships of its own provider alone.

    Of one that then stands for somebody or something else, the sessions, links, passkeys and tokens end.

    Refused: `version_conflict`, `unknown_ref` (without flaws: the record itself is not visible; with flaws: refs in
    the body), `forbidden_role` when the author is bound to a provider and the role is not.
    """
    latest = await records.latest(writing, MEMBERS, ref)
    visible = latest is not None and author.provider in {None, latest.body["provider"]}
    current = latest.version if latest and visible else None
    if not condition.met(current):
        return unmet(current)
    if latest and not visible:
        return refused("unknown_ref")
    if author.provider is not None and body["role"] not in BOUND_ROLES:
        return refused("forbidden_role")
    flaws = [one async for one in _flaws(writing, body, author.provider)]
    if flaws:
        return refused("unknown_ref", *flaws)
    if latest and latest.body == body:
        return PutOutcome("unchanged", latest.version, latest.body)
    if latest:
        await end_logins(writing, ref, latest.body, body, author)
    return await _kept(writing, MEMBERS, ref, body, latest, author.subject)


async def _flaws(writing: Writing, body: Json, within: str | None) -> AsyncIterator[Flaw]:
    issuer = body["issuer"]
    stored = None if issuer is None else await records.latest(writing, ISSUERS, issuer)
    if issuer is not None and (stored is None or stored.body["provider"] not in {None, body["provider"]}):
        yield Flaw("/issuer", "unknown_ref")
    provider = body["provider"]
    if provider is not None and (provider not in writing.master.providers or within not in {None, provider}):
        yield Flaw("/provider", "unknown_ref")
    if body["staff"] is not None:
        timeline = writing.master.staff.get(body["staff"])
        if timeline is None or provider not in {None, timeline.versions[-1].provider}:
            yield Flaw("/staff", "unknown_ref")


async def _kept(writing: Writing, kind: str, ref: str, body: Json, latest: Stored | None, by: str) -> PutOutcome:
    version = latest.version + 1 if latest else 1
    await keep(writing, kind, by, [Stored(ref, version, removed=False, body=body)])
    return PutOutcome("replaced" if latest else "created", version, body)
