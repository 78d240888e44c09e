"""The state of the database for its operator: version, rights, clock."""

import datetime as dt
from dataclasses import dataclass

from app.store.connection import Reading

STATE = """
SELECT current_setting('server_version') AS version, clock_timestamp() AS now,
    (SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles
        WHERE rolname LIKE 'taggad%' AND pg_has_role('taggad_app', oid, 'USAGE') AND (rolsuper OR rolbypassrls)
        OR rolname = 'taggad_app' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)) AS too_mighty,
    (SELECT count(*) FROM pg_class WHERE relowner = 'taggad_app'::regrole AND relkind = 'r') AS owned,
    (SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
        WHERE relkind = 'r' AND relowner = 'taggad_owner'::regrole AND NOT (relrowsecurity AND relforcerowsecurity)
    ) AS open_tables
"""
LATEST = """
SELECT as_of, (SELECT count(*) FROM tap WHERE municipality_id = $1 AND received_at > $2) AS taps
FROM municipality WHERE municipality_id = $1
"""


@dataclass(frozen=True, slots=True)
class ServerState:
    """`too_mighty` are our roles that bypass row-level security, `open_tables` the tables without it."""

    version: str
    now: dt.datetime
    too_mighty: list[str]
    owned: int
    open_tables: list[str]


async def server_state(reading: Reading) -> ServerState:
    """The state of the server and of the application's role."""
    row = await reading.about_server(STATE)
    return ServerState(row["version"], row["now"], row["too_mighty"] or [], row["owned"], row["open_tables"] or [])


async def latest(reading: Reading, now: dt.datetime) -> tuple[dt.datetime, int]:
    """The instant up to which the municipality's visits are derived, and the number of taps received after `now`."""
    row = await reading.one(LATEST, now)
    return row["as_of"], row["taps"]
