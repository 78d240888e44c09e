"""The stored notices of visits declined in advance."""

import datetime as dt

from pydantic_core import from_json

from app.domain.register.notices import Notice
from app.domain.time import Days, local_date
from app.store.connection import Reading

NOTICES = """
SELECT body FROM (
    SELECT DISTINCT ON (ref) body FROM record
    WHERE municipality_id = $1 AND kind = 'declines' ORDER BY ref, version DESC
) AS newest WHERE $2::text IS NULL OR body->>'provider' = $2
"""


async def notices_of(reading: Reading, provider: str | None, days: Days) -> list[Notice]:
    """The notices for these days, of one provider or of all."""
    bodies = [from_json(row["body"]) for row in await reading.fetch(NOTICES, provider)]
    notices = [
        Notice(
            body["recipient"],
            body["provider"],
            body["intervention"],
            dt.datetime.fromisoformat(body["at"]),
            dt.datetime.fromisoformat(body["notified_at"]),
        )
        for body in bodies
        if not body["withdrawn"]
    ]
    return [notice for notice in notices if days[0] <= local_date(notice.at) <= days[1]]
