"""Put a record with the personal data that is encrypted beside it: names, contacts and personal numbers."""

import datetime as dt
from collections.abc import Mapping

from pydantic_core import from_json, to_json

from app.actions.register.put_master import put
from app.actions.versions import Condition, Flaw, Json, PutOutcome, refused
from app.domain.author import Author
from app.domain.register.personal_number import number_of
from app.domain.time import local_date
from app.store.access import sealed_fields
from app.store.access.field_encryption import FieldEncryption
from app.store.access.sealed_fields import NAME, NUMBER
from app.store.connection import Writing
from app.store.register import records
from app.store.register.master import refusals

CONTACTS = "contacts"


async def put_personal(  # noqa: PLR0913, PLR0917 - a put, with what is encrypted of it
    writing: Writing,
    kind: str,
    ref: str,
    body: Json,
    author: Author,
    condition: Condition,
    encryption: FieldEncryption,
    given: Mapping[str, str | None],
) -> PutOutcome:
    """Put a record with the `given` values by field; None deletes one, and a field that is not given stays.

    Nobody has to read a value to put the rest. The record holds a mark of each value, so that another value is another
    version. Of a recipient with protected data no address is kept. Refused: `birth_date_differs` from the number that
    stays, and the refusals of `put`.
    """
    latest = await records.latest(writing, kind, ref)
    kept = (await sealed_fields.opened(writing, encryption, kind, [ref], [NAME, CONTACTS, NUMBER])).get(ref, {})
    plain = latest.body.get(NAME) if latest and kind != "providers" else None  # put before names were encrypted
    kept = {NAME: plain} | kept if plain else kept
    values = {field: text for field, text in {**kept, **given}.items() if text is not None}
    if body.get("protected") and CONTACTS in values:
        values[CONTACTS] = to_json(from_json(values[CONTACTS]) | {"address": None}).decode()
    if NUMBER in values and not _is_of(values[NUMBER], body.get("birth_date"), local_date(writing.now)):
        return refused("birth_date_differs", Flaw("/birth_date", "birth_date_differs"))
    marks = {
        field: sealed_fields.digest_of(encryption, writing.municipality_id, kind, ref, field, text).hex()
        for field, text in values.items()
    }
    outcome = await put(writing, kind, ref, body | ({"sealed": marks} if marks else {}), author, condition)
    if outcome.status in {"created", "replaced"}:
        changed = {field: values.get(field) for field in {**kept, **values} if values.get(field) != kept.get(field)}
        changed |= {NAME: values.get(NAME)} if plain else {}
        with refusals():
            await sealed_fields.put(writing, encryption, kind, ref, changed)
    return outcome


def _is_of(number: str, birth_date: str | None, today: dt.date) -> bool:
    found = number_of(number)
    # A number may have been stored before this was checked.
    return birth_date is None or found is None or bool(found.in_full(today, dt.date.fromisoformat(birth_date)))
