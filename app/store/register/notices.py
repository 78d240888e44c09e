"""Notices of what was declined in advance, as they were put."""

import datetime as dt
from typing import Any

from pydantic_core import from_json

from app.domain.register.notices import Notice
from app.domain.time import Days, local_date

NOTICES = """
SELECT body FROM (
    SELECT DISTINCT ON (ref) body FROM record
    WHERE municipality_id = $1 AND kind = 'declines' ORDER BY ref, version DESC
) AS newest WHERE $2::text IS NULL OR body->>'provider' = $2
"""


async def notices_of(sql: Any, municipality_id: int, provider: str | None, days: Days) -> list[Notice]:
    """What was declined in advance for these days, of one provider or of all."""
    bodies = [from_json(row["body"]) for row in await sql.fetch(NOTICES, municipality_id, provider)]
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
