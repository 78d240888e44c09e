"""Make a client: a machine that calls on its own behalf, with a name, a role, and a secret or keys of its own."""

from collections.abc import Sequence

from app.actions.versions import Flaw, Json, PutOutcome, keep, refused
from app.store.connection import Writing
from app.store.register import records
from app.store.register.records import Stored

KIND = "clients"


async def make_client(
    writing: Writing,
    ref: str,
    role: str,
    provider: str | None,
    scopes: Sequence[str] | None,
    *,
    proof: Json,
    by: str,
) -> PutOutcome:
    """Store a client with its `proof`: `secret_digest` (hex) or `jwks`, the other None.

    Refused: `client_exists`, `unknown_ref` (flaw: the provider).

    A name is never given twice, so that the acts of a client stay its own.
    """
    if await records.latest(writing, KIND, ref) is not None:
        return refused("client_exists")
    if provider is not None and provider not in writing.master.providers:
        return refused("unknown_ref", Flaw("/provider", "unknown_ref"))
    body: Json = {
        "role": role,
        "provider": provider,
        "scopes": None if scopes is None else list(scopes),
        **proof,
        "revoked_at": None,
        "reason": None,
    }
    await keep(writing, KIND, by, [Stored(ref, 1, removed=False, body=body)])
    return PutOutcome("created", 1, body)
