"""Put the public keys of a client, with which it proves who it is instead of by a secret."""

from app.actions.versions import Condition, Json, PutOutcome, keep, refused, unmet
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored


async def put_client_keys(writing: Writing, ref: str, jwks: Json, condition: Condition, *, by: str) -> PutOutcome:
    """Replace the key set of a client. Its secret, if it had one, is no longer valid.

    Refused: `unknown_ref`, `version_conflict`.
    """
    latest = await records.latest(writing, "clients", ref)
    if latest is None:
        return refused("unknown_ref")
    if not condition.met(latest.version):
        return unmet(latest.version)
    body = latest.body | {"jwks": jwks, "secret_digest": None}
    if body == latest.body:
        return PutOutcome("unchanged", latest.version, body)
    await keep(writing, "clients", by, [Stored(ref, latest.version + 1, removed=False, body=body)])
    return PutOutcome("replaced", latest.version + 1, body)
