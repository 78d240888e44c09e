"""The consents of a recipient, in their newest versions."""

import datetime as dt
from typing import Any

from pydantic_core import from_json

from app.domain.register.consent import Consent
from app.store.connection import Reading

OF_RECIPIENT = """
SELECT c.ref, c.body FROM record AS c
WHERE c.municipality_id = $1 AND c.kind = 'consents' AND c.body->>'recipient' = $2
  AND NOT EXISTS (SELECT FROM record AS newer WHERE newer.municipality_id = $1 AND newer.kind = 'consents'
    AND newer.ref = c.ref AND newer.version > c.version)
ORDER BY c.ref
"""


async def of_recipient(reading: Reading, recipient: str) -> list[Consent]:
    """The recipient's consents, withdrawn ones among them, by ref."""
    return [_consent(row["ref"], from_json(row["body"])) for row in await reading.fetch(OF_RECIPIENT, recipient)]


def _consent(ref: str, body: dict[str, Any]) -> Consent:
    withdrawn_on = body["withdrawn_on"]
    return Consent(
        ref, dt.date.fromisoformat(body["given_on"]), dt.date.fromisoformat(withdrawn_on) if withdrawn_on else None
    )
