"""The service as its callers meet it: served on a loopback port, asked over HTTP with each role's token.

`Service` has a verb for what stories do again and again, and raises when an answer is not the one that was expected.
Times of a story lie in the days before today (`day`), because that is when phones tell of what happened.
"""

import asyncio
import base64
import datetime as dt
import gc
import hashlib
import re
import ssl
import uuid
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from described import description_of
from joserfc.jwk import ECKey
from starlette.routing import Mount, Route
from untold import told_of_a_person

from app import main
from app.actions.ledger.seal import seal_all
from app.server import listen, server_options
from app.settings import Settings
from app.store.clock import Clock
from app.store.ledger import ledger, tree


def _secret(purpose):
    return base64.b64encode(hashlib.sha256(purpose.encode()).digest()).decode()


STOCKHOLM = ZoneInfo("Europe/Stockholm")
SECRETS = {  # as the environment has them
    "token_key": _secret("tokens"),
    "field_keys": f"first:{_secret('fields')}",
    "lookup_key": _secret("look-ups"),
    "ledger_key": _secret("ledger"),
}
UNLIMITED = {"caller_requests": 10**8, "municipality_requests": 10**8}
"""One token of a test asks for a whole municipality, and faster."""
LEDGER_KEY = base64.b64decode(SECRETS["ledger_key"])
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What clients on loopback need of it: without, each would read all the world's certificates."""
UID = re.compile(r"(?:[0-9A-F]{2}){4}|(?:[0-9A-F]{2}){7}|(?:[0-9A-F]{2}){10}")


def day(offset, time="00:00"):
    """An instant on a Swedish clock, `offset` days from today: `day(-1, "08:00")` is yesterday at eight."""
    if offset > 0:
        raise ValueError("stories are told afterwards: yesterday is -1")
    on = dt.datetime.now(STOCKHOLM).date() + dt.timedelta(days=offset)
    return dt.datetime.combine(on, dt.time.fromisoformat(time), STOCKHOLM)


def written(value):
    """A value as JSON and query strings take it: instants and days in ISO form, everything else as it is."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return {name: written(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [written(one) for one in value]
    return value


class SetClock(Clock):
    """A clock that shows what a test sets, and goes on from there only by its hand. It is never taken for wrong."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def now(self):
        return self.at

    def received(self):
        return self.at

    def required(self, _):
        return self.at


class Service:
    """The running service at `url`."""

    def __init__(self, url, app):
        self.url = url
        self.app = app
        self._clients = {}

    def token(self, role, *, provider=None, staff=None, device=None, municipality=188, scopes=()):
        """A bearer token as `taggad token` prints it."""
        tokens = self.app.state.tokens
        return tokens.mint(municipality, role, provider=provider, staff=staff, device=device, scopes=scopes)

    async def enrol(self, staff, *, role="admin", **who):
        """Enrol a phone for a staff ref; gives the device's ref and its key."""
        offer = (await self.ask("POST", "/v1/devices", {"staff": staff}, role=role, expect=201, **who)).json()
        key = ECKey.generate_key("P-256")
        body = {"code": offer["code"], "public_key": key.as_dict(private=False)}
        enrolled = (await self.ask("POST", "/v1/devices/enrol", body, role=None, expect=201)).json()
        return enrolled["device"], key

    def client(self, role=None, **who):
        """A client with the role's token (no role: without one), open for as long as the service is."""
        key = (role, *sorted(who.items()))
        if key not in self._clients:
            headers = {"Authorization": f"Bearer {self.token(role, **who)}"} if role else {}
            self._clients[key] = httpx.AsyncClient(
                base_url=self.url,
                headers=headers,
                timeout=60,
                trust_env=False,
                verify=NO_TLS,
                event_hooks={"response": [self._as_described]},
            )
        return self._clients[key]

    async def _as_described(self, answer):
        """Raises AssertionError for an answer that the API's description does not have, or has otherwise."""
        await answer.aread()
        wrong = description_of(self.app).unlike(answer)
        if answer.status_code >= 400 and told_of_a_person(answer.text):
            wrong = "a personal number"
        if wrong:
            asked = answer.request
            raise AssertionError(f"{asked.method} {asked.url.path}: {answer.status_code} is not as described: {wrong}")

    async def close(self):
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def ask(self, method, path, body=None, *, role="admin", expect=(200, 201), headers=None, params=None, **who):
        """The answer to one request. Raises AssertionError when its status is none of `expect`."""
        wanted = (expect,) if isinstance(expect, int) else expect
        given = {} if body is None else {"json": written(body)}
        query = None if params is None else written(params)
        answer = await self.client(role, **who).request(method, path, headers=headers, params=query, **given)
        if answer.status_code not in wanted:
            raise AssertionError(f"{method} {path}: {answer.status_code}, not {wanted}\n{answer.text}")
        return answer

    # Master data, as the municipality's systems put it

    async def put(self, kind, ref, body, *, role="system", **who):
        """Create or replace a record; gives it as stored."""
        return (await self.ask("PUT", f"/v1/{kind}/{ref}", body, role=role, **who)).json()

    async def mount(self, tag, household, at):
        """Hang a tag at a household's door from an instant on."""
        await self.ask("POST", f"/v1/tags/{tag}/mount", {"household": household, "at": at}, role="system")

    async def tag_state(self, tag, state, at, reason="other"):
        """Give a tag a state from an instant on."""
        body = {"state": state, "at": at, "reason": reason}
        await self.ask("POST", f"/v1/tags/{tag}/state", body, role="system")

    async def withdraw(self, order):
        """Withdraw an order."""
        await self.ask("DELETE", f"/v1/orders/{order}", role="system", expect=204)

    # Phones

    async def taps(self, staff, items, *, sent_at=None, device=None, **envelope):
        """Send one batch of `tap_item`s; gives the results in their order."""
        body = {"sent_at": sent_at or dt.datetime.now(dt.UTC), "taps": items, **envelope}
        answer = await self.ask("POST", "/v1/taps", body, role="staff", expect=200, staff=staff, device=device)
        return answer.json()["results"]

    async def tap(self, staff, place, direction, at, *, verdict="accepted", device=None, sent_at=None, **more):
        """One tap at a UID or, by hand, at a household; gives its result. Raises when the verdict is another."""
        item = tap_item(place, direction, at, **more)
        [result] = await self.taps(staff, [item], sent_at=sent_at, device=device)
        if result["verdict"] != verdict:
            raise AssertionError(f"not {verdict}: {result}")
        return result

    async def visit_by(self, staff, place, start, end, **report):
        """A whole visit: a tap in, a tap out and, with `interventions` or `outcome`, a report. Gives the tap in."""
        tap_in = await self.tap(staff, place, "in", start)
        await self.tap(staff, place, "out", end)
        if report:
            await self.report(staff, tap_in["id"], reported_at=end, **report)
        return tap_in

    async def correct(self, visit, kind, reason="equipment", *, expect=201, version=None, role="planner", **said):
        """Correct a visit as it was read, as its provider's planner; gives the visit as all read it then."""
        who = {"provider": said.pop("provider", "P-norr")} if role == "planner" else {}
        body = {"id": uuid.uuid4(), "kind": kind, "reason": reason} | said
        headers = {"If-Match": f'"{version or visit["version"]}"'}
        path = f"/v1/visits/{visit['id']}/corrections"
        answer = await self.ask("POST", path, body, role=role, expect=expect, headers=headers, **who)
        return {name: value for name, value in answer.json().items() if name != "note"}

    async def report(
        self, staff, tap, interventions=(), *, outcome="performed", reported_at=None, verdict="accepted", **more
    ):
        """One report of a presence named by a tap; an intervention is a ref or a whole item. Gives its result."""
        items = [{"intervention": one} if isinstance(one, str) else one for one in interventions]
        item = {
            "id": uuid.uuid4(),
            "tap": tap,
            "reported_at": reported_at or dt.datetime.now(dt.UTC),
            "outcome": outcome,
            "interventions": [{"outcome": "done", **one} for one in items],
        }
        body = {"reports": [item | more]}
        answer = await self.ask("POST", "/v1/reports", body, role="staff", expect=200, staff=staff)
        [result] = answer.json()["results"]
        if result["verdict"] != verdict:
            raise AssertionError(f"not {verdict}: {result}")
        return result

    async def seal(self, municipality=188):
        """Return when everything stored is in the ledger's tree, whoever sealed it."""
        database, waiting = self.app.state.database, True
        while waiting:
            await seal_all(database, municipality)
            async with database.read(municipality) as reading:
                head = await tree.head(reading)
                waiting = await ledger.waiting(reading, head.size, 1)

    # Pulling

    async def pages(self, path, *, role="controller", who=None, **filters):
        """Every item of a list, page after page."""
        items, cursor = [], None
        while True:
            params = {**filters, **({"cursor": cursor} if cursor else {})}
            page = (await self.ask("GET", path, role=role, expect=200, params=params, **(who or {}))).json()
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    async def visits(self, *, role="controller", who=None, **filters):
        """Every visit that fits the filters, in the list's order; `from_` stands for `from`."""
        return await self.pages("/v1/visits", role=role, who=who, **_filters(filters))

    async def visit(self, visit_id, *, role="controller", **who):
        """One visit."""
        return (await self.ask("GET", f"/v1/visits/{visit_id}", role=role, expect=200, **who)).json()

    async def executed(self, by="recipient", *, role="controller", who=None, **filters):
        """The rows of executed time; the month of yesterday unless `month`, or `from_` and `to`, say otherwise."""
        if not filters.keys() & {"month", "from_", "to"}:
            filters["month"] = f"{day(-1):%Y-%m}"
        params = {"by": by, **_filters(filters)}
        answer = await self.ask("GET", "/v1/executed-time", role=role, expect=200, params=params, **(who or {}))
        return answer.json()["rows"]


def tap_item(place, direction, at, *, reason="tag_missing", note=None, **more):
    """A tap as a phone sends it.

    `place` is what a tag said, a UID (upper-case hex) or a household, which is then given by hand.
    """
    if isinstance(place, dict):
        tag = place
    elif UID.fullmatch(place):
        tag = {"uid": place}
    else:
        tag = {"household": place, "reason": reason, "note": note}
    return {"id": uuid.uuid4(), "direction": direction, "tapped_at": at, "tag": tag} | more


def _filters(given):
    return {name.rstrip("_"): value for name, value in given.items()}


class _Server(uvicorn.Server):
    """uvicorn in the test's own loop."""

    def __init__(self, config):
        super().__init__(config)
        self.leave = asyncio.Event()

    @contextmanager
    def capture_signals(self):
        yield  # Ctrl-C is pytest's

    async def main_loop(self):
        await self.on_tick(0)  # which writes the headers every answer has
        await self.leave.wait()  # the real loop looks up every 100 ms, and a test would wait for that

    async def shutdown(self, sockets=None):
        """As uvicorn's, which waits 100 ms whether somebody is there or not."""
        for door in (*self.servers, *(sockets or ())):
            door.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - sets without an event
            await asyncio.sleep(0.001)
        await self.lifespan.shutdown()


INCLUDED = []
"""The routes of the first application of this process."""


def application(settings, clock):
    """The application as it is served, but for two things that a process does once and the tests thousands of times.

    FastAPI makes the routes of each application anew: here all have those of the first. And the service begins with a
    search for garbage, which would look through all that the tests have.
    """
    app = main.create_app(settings, clock=clock)
    routes = app.router.routes
    INCLUDED.extend(() if INCLUDED else routes)
    routes[:] = [own if isinstance(own, Route | Mount) else first for own, first in zip(routes, INCLUDED, strict=True)]
    return app


@asynccontextmanager
async def serving(database_url, *, at="127.0.0.1", clock=None, **settings):
    """The service on a free port over this database, listening `at`; `settings` are those of `Settings`.

    `clock` says what time it is in the whole service; without one it is the machine's.
    """
    data_dir = TemporaryDirectory(prefix="taggad-")
    given = {"database_url": database_url, "data_dir": Path(data_dir.name)} | SECRETS | UNLIMITED | settings
    chosen = Settings.model_validate(given)
    app = application(chosen, clock)
    options = server_options(chosen.trusted_proxies)
    server = _Server(uvicorn.Config(app, **options))
    running = asyncio.create_task(server.serve([listen(at, 0)]))
    with patch.object(main, "collect_seldom", lambda: gc.set_threshold(*main.COLLECT_AFTER)):
        while not server.started:
            if running.done():
                await running
                raise AssertionError("the service did not start; its log says why")
            await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    service = Service(f"http://127.0.0.1:{port}", app)
    service.connections = server.server_state.connections  # a set of the server's own
    try:
        yield service
    finally:
        await service.close()
        server.leave.set()
        await running
        data_dir.cleanup()
