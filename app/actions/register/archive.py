"""Export a recipient's file for the archive: everything that a purge would erase of it, and that it was exported."""

from hashlib import sha256
from typing import Any

from pydantic_core import from_json, to_json

from app.actions.versions import Json, keep
from app.store.access import sealed_fields
from app.store.access.field_encryption import FieldEncryption
from app.store.connection import Writing
from app.store.ledger import ledger
from app.store.register import records, retention
from app.store.register.records import Stored

KIND = "archives"
FIELDS = (sealed_fields.NAME, "contacts", sealed_fields.NUMBER)


async def archive(writing: Writing, encryption: FieldEncryption, ref: str, *, by: str) -> Json | None:
    """The whole file of a recipient, with the SHA-256 of its content, and the fact that it was exported.

    `records` are the versions of all records about the recipient, `facts` the taps, reports, corrections, visits by
    hand and refused items of its visits. None for a ref that is not there.
    """
    latest = await records.latest(writing, "recipients", ref)
    if latest is None or latest.removed:
        return None
    whole = await retention.erasable(writing, [ref], writing.master.homes_of([ref]))
    facts = await ledger.facts(writing, [(kind, one) for kind, ids in whole.facts.items() for one in ids])
    personal = (await sealed_fields.opened(writing, encryption, "recipients", [ref], FIELDS)).get(ref, {})
    content: dict[str, Any] = {
        "recipient": ref,
        "exported_at": writing.now,
        "personal": personal,
        "records": [row | {"body": from_json(row["body"])} for row in await retention.records_about(writing, ref)],
        "facts": [{"fact": kind, **_readable(fields)} for (kind, _), fields in sorted(facts.items())],
    }
    digest = sha256(to_json(content)).hexdigest()
    before = await records.latest(writing, KIND, ref)
    body: Json = {"sha256": digest, "facts": len(facts)}
    await keep(writing, KIND, by, [Stored(ref, before.version + 1 if before else 1, removed=False, body=body)])
    return content | {"sha256": digest}


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    """The columns without the hash by which a repeat was recognised."""
    return {name: value for name, value in fields.items() if name != "body_hash" and value is not None}
