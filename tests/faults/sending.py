"""The network of an experiment: requests to two servers, hedged or not, and what is no proper answer."""

import asyncio
import io
import json
from collections import Counter
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlencode

from product import token
from service import written

PATIENCE_SECONDS = 20
PROPER = {200, 201, 202, 301, 404, 409, 410, 412, 422, 428, 503}
HEDGE_SECONDS = 0.25


class Answer:
    """An answer that was read to its end. Raises HTTPException where it breaks off."""

    def __init__(self, raw):
        told = HTTPResponse(_Socket(raw))
        told.begin()
        self.status_code, self.headers, self.text = told.status, told.headers, told.read().decode()

    def json(self):
        return json.loads(self.text)


class _Socket:
    """What HTTPResponse reads from."""

    def __init__(self, raw):
        self._raw = raw

    def makefile(self, _):
        return io.BytesIO(self._raw)


async def _exchange(port, line, headers, content):
    """One request on a connection of its own: who gives up breaks it off, wherever it is."""
    said = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    said += [f"{name}: {value}" for name, value in headers.items()] + [f"Content-Length: {len(content.encode())}"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write("\r\n".join([*said, "", content]).encode())
        return Answer(await reader.read(-1))
    finally:
        writer.transport.abort()


class Network:
    """The way to both servers. `odd` holds every answer that no caller should ever get."""

    def __init__(self, servers, chance):
        self.servers = servers
        self.chance = chance
        self.odd = []
        self.counts = Counter()
        self._late = set()
        self._tokens = {}

    async def close(self):
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def any_server(self):
        return self.chance.choice(self.servers)

    async def ask(
        self, method, path, *, town, role, server=None, body=None, headers=None, params=None, proper=PROPER, **who
    ):
        """The answer, and None where there is none to go by: no connection, 503, or another that is not `proper`."""
        key = (town, role, *sorted(who.items()))
        if key not in self._tokens:
            self._tokens[key] = token(town, role, **who)
        server = server or self.any_server()
        given = {"Authorization": f"Bearer {self._tokens[key]}", "Content-Type": "application/json"} | (headers or {})
        content = None if body is None else json.dumps(written(body))
        query = f"?{urlencode(params)}" if params else ""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await _exchange(server.port, f"{method} {path}{query}", given, content or "")
        except (OSError, HTTPException):  # among them TimeoutError, and an answer that broke off
            self.counts["no answer"] += 1
            return None
        self.counts[str(answer.status_code)] += 1
        if answer.status_code not in proper:
            self.odd.append(f"{method} {path.split('?')[0]}: {answer.status_code} {answer.text[:300]}")
            return None
        if answer.status_code < 500:
            return answer
        if answer.status_code == 503 and not answer.headers.get("Retry-After", "").isdigit():
            self.odd.append(f"{method} {path}: 503 that does not say when to come back")
        return None

    async def hedged(self, attempt, *, at_once):
        """Whether either server has said yes: `attempt(server)` asks one, and notes what it says whenever it comes."""
        first, second = self.chance.sample(self.servers, 2)
        tasks = {asyncio.create_task(attempt(first))}
        if not at_once:
            done, _ = await asyncio.wait(tasks, timeout=HEDGE_SECONDS)
            if done and tasks.pop().result():
                return True
        tasks.add(asyncio.create_task(attempt(second)))
        self.counts["hedged"] += 1
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result() for task in done):
                for task in tasks:
                    self._late.add(task)
                    task.add_done_callback(self._late.discard)
                return True
        return False

    async def hang_up(self, attempt):
        """Ask, and be gone before or after the answer: what was asked for may have been done."""
        self.counts["hung up"] += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(self.chance.random() * 0.03):
                await attempt(self.any_server())

    async def settle(self):
        """Wait for the answers that nobody waits for any more."""
        while self._late:
            await asyncio.wait(self._late)
