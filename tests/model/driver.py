"""The service as the reference model meets it: over HTTP, in a thread of its own, one municipality an example.

Municipalities are copied from one that was settled over HTTP: that is what makes hundreds of examples affordable.
"""

import datetime as dt
import http.client
import json
from contextlib import ExitStack, asynccontextmanager
from unittest.mock import patch
from urllib.parse import urlsplit

from anyio.from_thread import start_blocking_portal
from judging import MOST_KEPT
from postgres import connect
from service import serving, written

from app import main
from app.actions.check import check
from app.actions.ledger.seal import seal_all
from app.actions.visits.move_clock import let_pass
from app.actions.visits.rebuild import rebuild
from app.domain.taps import sender

FIRST = 1000
AT_ONCE = 100
# What is sealed is signed in its municipality's own name: each copy is sealed anew.
TABLES = """
SELECT table_name, array_agg(quote_ident(column_name) ORDER BY ordinal_position) AS columns
FROM information_schema.columns
WHERE table_schema = 'public' AND is_generated = 'NEVER' AND table_name NOT LIKE 'ledger%'
AND table_name IN (
    SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE column_name = 'municipality_id' AND table_schema = 'public' AND table_type = 'BASE TABLE')
GROUP BY table_name
"""


async def _stand_still(*_):
    """Time passes here when an example says so, and its ledger is sealed at its end: of a hundred it is one."""


@asynccontextmanager
async def _owner(url):
    connection = await connect(url)
    try:
        yield connection
    finally:
        await connection.close()


class Town:
    """The running service and the municipalities of the examples."""

    def __init__(self, url, late_days):
        self.url = url
        self.late_days = late_days
        self._stack = ExitStack()
        self._portal = None
        self._serving = None
        self._service = None
        self._wire = None
        self._tokens = {}
        self.days = 0
        self.lengths = []  # the steps of each example

    def __enter__(self):
        for loop in ("_keep_time", "_keep_sealing"):
            self._stack.enter_context(patch.object(main, loop, _stand_still))
        self._stack.enter_context(patch.object(sender, "MOST_REFUSED", MOST_KEPT))
        self._portal = self._stack.enter_context(start_blocking_portal(backend_options={"use_uvloop": True}))
        self._start()
        return self

    def __exit__(self, *_):
        self._stop()
        self._stack.close()

    def _run(self, function, *given):
        return self._portal.call(function, *given)

    def _start(self):
        self._serving = self._portal.wrap_async_context_manager(serving(self.url, late_tap_days=self.late_days))
        self._service = self._serving.__enter__()

    def _stop(self):
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._serving.__exit__(None, None, None)

    def restart(self):
        """End the service and start it anew over the same database."""
        self._stop()
        with patch.object(main, "collect_seldom", lambda: None):  # which would look through all the tests have
            self._start()

    # Municipalities

    def settle(self, now, call):
        """Make the municipality that every example begins with: `call` puts its master data."""
        self._run(self._insert, now)
        call(FIRST)

    def another(self):
        """One more copy of the settled municipality."""
        if self.days % AT_ONCE == 0:
            self._run(self._copy, FIRST + 1 + self.days)
        self.days += 1
        return FIRST + self.days

    async def _insert(self, now):
        async with _owner(self.url) as owner:
            await owner.execute("INSERT INTO municipality VALUES ($1, 'Norrtälje', $2)", FIRST, now)

    async def _copy(self, first):
        async with _owner(self.url) as owner, owner.transaction():
            rows = await owner.fetch(TABLES)
            await owner.execute("SET session_replication_role = replica")  # they are copied in no order
            for table, columns in rows:
                names = ", ".join(column for column in columns if column != "municipality_id")
                await owner.execute(
                    f"INSERT INTO {table} (municipality_id, {names}) SELECT copies.town, {names} FROM {table},"
                    f" generate_series({first}, {first + AT_ONCE - 1}) AS copies (town) WHERE municipality_id = {FIRST}"
                )
            # A leaf is of one municipality: the copies' facts get theirs with their first write.
            await owner.execute(
                "UPDATE municipality SET leafless = true, mac = NULL WHERE municipality_id >= $1", first
            )

    # What the machine does

    def ask(self, code, method, path, body=None, *, role="system", expect=(200, 201), version=None, **who):
        """The answer to one request as JSON. Raises AssertionError when its status is none of `expect`."""
        key = (code, role, *sorted(who.items()))
        token = self._tokens.get(key)
        if token is None:
            token = self._tokens[key] = self._service.token(role, municipality=code, **who)
        if self._wire is None:
            address = urlsplit(self._service.url)
            self._wire = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        sent = None if body is None else json.dumps(written(body))
        self._wire.request(method, path, sent, headers)
        answer = self._wire.getresponse()
        text = answer.read()
        if answer.status not in expect:
            raise AssertionError(f"{method} {path}: {answer.status}, not {expect}\n{sent}\n{text.decode()}")
        return json.loads(text) if text else None

    def let_pass(self, code, now):
        """Move the municipality's clock, as the service's own job does."""
        self._run(let_pass, self._service.app.state.database, code, now)

    def faults(self, code):
        """What `check` and `rebuild` find."""
        return self._run(self._faults, code)

    async def _faults(self, code):
        database = self._service.app.state.database
        await seal_all(database, code)
        found = await check(database, code)
        return found + [line async for line in rebuild(database, code)]

    def attempts(self, code):
        """What was refused and is kept: (id of the tap, code)."""
        return self._run(self._attempts, code)

    async def _attempts(self, code):
        async with _owner(self.url) as owner:
            kept = await owner.fetch("SELECT item_id, code FROM attempt WHERE municipality_id = $1", code)
        return sorted((row["item_id"], row["code"]) for row in kept)


def utc(text):
    """An instant of an answer; None stays None."""
    return None if text is None else dt.datetime.fromisoformat(text).astimezone(dt.UTC)
