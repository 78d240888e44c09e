"""Everything that the records keep of one recipient: each version of whatever names it."""

import datetime as dt
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.store.connection import Reading

# Whatever names the recipient in any of its versions, in all of them.
VERSIONS = """
SELECT kind, ref, version, recorded_at, recorded_by, removed, body FROM record AS r
WHERE municipality_id = $1 AND (kind, ref) IN (
    SELECT kind, ref FROM record WHERE municipality_id = $1
      AND ((kind = 'recipients' AND ref = $2) OR $2 IN (body->>'recipient', body->>'relative_of')))
ORDER BY kind, ref, version
"""
PROVIDERS = """
SELECT DISTINCT ON (ref) ref, body->>'name' AS name FROM record WHERE municipality_id = $1 AND kind = 'providers'
ORDER BY ref, version DESC
"""
TITLES = """
SELECT DISTINCT ON (ref) ref, body->>'title' AS title FROM record WHERE municipality_id = $1 AND kind = 'interventions'
ORDER BY ref, version DESC
"""
MUNICIPALITY = "SELECT name FROM municipality WHERE municipality_id = $1"


class RecordVersion(NamedTuple):
    """One version of a record."""

    record: str
    ref: str
    version: int
    recorded_at: dt.datetime
    recorded_by: str
    removed: bool
    body: dict[str, Any]


class Names(NamedTuple):
    """The municipality's name, and the names of providers and interventions by ref."""

    municipality: str
    providers: dict[str, str]
    interventions: dict[str, str]


async def versions(reading: Reading, recipient: str) -> list[RecordVersion]:
    """The versions by kind, ref and number, without the marks of what is encrypted."""
    rows = await reading.fetch(VERSIONS, recipient)
    return [_version(*row) for row in rows]


def _version(*row: Any) -> RecordVersion:
    *said, body = row
    return RecordVersion._make((*said, {name: value for name, value in from_json(body).items() if name != "sealed"}))


async def names(reading: Reading) -> Names:
    """The names that a person knows the refs by."""
    providers = {row["ref"]: row["name"] for row in await reading.fetch(PROVIDERS)}
    titles = {row["ref"]: row["title"] for row in await reading.fetch(TITLES)}
    return Names(str(await reading.fetchval(MUNICIPALITY)), providers, titles)
